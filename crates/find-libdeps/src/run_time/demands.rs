//! Notes, table rows and calls to the demands that the loader resolves.
//!
//! Nothing is resolved here.

use crate::config::{Config, Dlopen};
use crate::demand::{Caller, Demand, Evidence, Item, LibraryName, Site, Variants};
use crate::elf::dlopen_note::{Notes, Priority};
use crate::python::distributions::{Distribution, Distributions};
use crate::python::source::Call;
use crate::run_time::table;
use crate::scan::{LoadsByName, Obstacle, Script, Starts, is_in_every_image};
use crate::system::root::Root;
use crate::warning::Warning;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What code loads by name at run time.
#[derive(Debug)]
pub struct RunTimeDemands<'a> {
    /// The distributions below the given paths.
    pub distributions: Distributions<'a>,
    /// Sorted.
    pub demands: Vec<Rc<Demand>>,
    /// Modules that replace one another.
    pub variants: Vec<Variants>,
    /// The scripts that are started although nothing can start them.
    pub refused: Vec<Warning>,
}

/// The demands of what was `scanned` in `root`, except those that a distribution meets itself. With
/// [`Dlopen::All`] every demand is listed; otherwise only required ones. Of the scripts in `started`, real
/// directories, what every image is taken to have is demanded, too.
pub fn demands<'a>(
    config: &Config,
    root: &'a Root,
    starts: &Starts,
    scanned: LoadsByName,
    started: &[PathBuf],
) -> RunTimeDemands<'a> {
    let distributions = Distributions::read(root, scanned.metadata);
    let sources = Sources {
        notes: &scanned.notes,
        calls: &scanned.calls,
        scripts: &scanned.scripts,
        started,
        distributions: &distributions,
    };
    let demands = match config.dlopen {
        Dlopen::Off => Vec::new(),
        Dlopen::Known | Dlopen::All => sources.demands(starts, config.dlopen == Dlopen::All),
    };
    let refused = scanned.scripts.iter();
    let refused = refused.filter(|(real, _)| is_in(started, real));
    let refused = refused.filter_map(|(real, script)| {
        let obstacle = obstacle(root, script)?;
        let path = starts.reported_or_real(real);
        Some(Warning::objection(path, obstacle.text()))
    });
    RunTimeDemands {
        refused: refused.collect(),
        demands: demands.into_iter().map(Rc::new).collect(),
        variants: variants(&distributions),
        distributions,
    }
}

fn variants(distributions: &Distributions) -> Vec<Variants> {
    let rows = distributions
        .iter()
        .filter_map(|it| Some((it, table::row(it.name())?)));
    let rows = rows.filter(|(_, row)| !row.variants.is_empty());
    let variants = rows.map(|(distribution, row)| Variants {
        modules: distributions.shared_objects(distribution),
        sonames: &row.variants,
    });
    variants.collect()
}

/// What keeps `script` from being started in `root`.
fn obstacle(root: &Root, script: &Script) -> Option<Obstacle> {
    let obstacle = script.obstacle?;
    let file = |path: &Path| root.metadata(path).map(|it| (it.dev(), it.ino())).ok();
    let program = script.programs.first().and_then(|it| file(Path::new(it)));
    // It has all names of its programs, as links.
    let is_busybox = program.is_some() && program == file(Path::new("/bin/busybox"));
    (obstacle != Obstacle::Splits || is_busybox).then_some(obstacle)
}

/// Whether the file `real` lies in one of `dirs`.
fn is_in(dirs: &[PathBuf], real: &Path) -> bool {
    dirs.iter().any(|dir| real.parent() == Some(dir))
}

impl RunTimeDemands<'_> {
    /// Warnings of the metadata that was found malformed so far; `reported` returns how a path is
    /// reported.
    pub fn warnings(&self, reported: impl Fn(&Path) -> Option<PathBuf>) -> Vec<Warning> {
        let malformed = self.distributions.malformed();
        let warnings = malformed.map(|(path, error)| {
            let path = reported(path).unwrap_or_else(|| path.to_owned());
            Warning::new(path, error.to_string())
        });
        warnings.collect()
    }
}

struct Sources<'a> {
    notes: &'a [(PathBuf, Notes)],
    calls: &'a [(PathBuf, Vec<Call>)],
    scripts: &'a [(PathBuf, Script)],
    started: &'a [PathBuf],
    distributions: &'a Distributions<'a>,
}

impl Sources<'_> {
    /// The table replaces the calls in a distribution's sources: a reviewer has read them.
    fn demands(&self, starts: &Starts, lists_all: bool) -> Vec<Demand> {
        let site = |real: &Path, line| Site {
            path: starts.reported_or_real(real).into(),
            line,
        };
        let mut demands = Vec::new();
        for (real, notes) in self.notes {
            demands.extend(notes.notes.iter().map(|note| {
                let is_required = note.priority == Priority::Required;
                let names = note.sonames.iter().cloned();
                Demand {
                    site: site(real, None),
                    evidence: Evidence::Note,
                    caller: Caller::Object(real.as_path().into()),
                    items: names
                        .map(|name| Item::Library(LibraryName::Soname(name)))
                        .collect(),
                    is_required,
                    is_listed: lists_all || is_required,
                    reason: None,
                }
            }));
        }
        for distribution in self.distributions.iter() {
            let Some(row) = table::row(distribution.name()) else {
                continue;
            };
            let open = row
                .needs
                .iter()
                .filter(|need| !self.bundles(distribution, &need.items, &row.companions));
            demands.extend(open.map(|need| Demand {
                site: site(distribution.info(), None),
                evidence: Evidence::Table,
                caller: Caller::Interpreter(distribution.site().into()),
                items: need.items.as_slice().into(),
                is_required: need.is_required,
                is_listed: lists_all || need.is_required,
                reason: need.reason,
            }));
        }
        for (real, script) in self.scripts {
            let is_started = is_in(self.started, real);
            let programs = script.programs.iter();
            let programs = programs.filter(|it| is_started || !is_in_every_image(it));
            demands.extend(programs.map(|program| Demand {
                site: site(real, None),
                evidence: Evidence::Script,
                caller: Caller::Interpreter(real.parent().unwrap_or(real).into()),
                items: Rc::new([Item::Program(program.clone())]),
                is_required: true,
                is_listed: true,
                reason: None,
            }));
        }
        let owners = self
            .distributions
            .owners(self.calls.iter().map(|(real, _)| real.as_path()));
        for (real, calls) in self.calls {
            let owner = owners.get(real.as_path());
            if owner.is_some_and(|owner| table::row(owner.name()).is_some()) {
                continue;
            }
            let open = calls
                .iter()
                .filter(|call| !owner.is_some_and(|owner| self.reaches(owner, &call.names)));
            demands.extend(open.map(|call| Demand {
                site: site(real, Some(call.line)),
                evidence: Evidence::Source,
                caller: Caller::Interpreter(real.parent().unwrap_or(real).into()),
                items: call.names.iter().cloned().map(Item::Library).collect(),
                is_required: false,
                is_listed: lists_all,
                reason: None,
            }));
        }
        demands.sort_unstable();
        demands
    }

    /// Whether a call for one of `names` can reach a library that `distribution` ships. That is not
    /// where `find_library` searches.
    fn reaches(&self, distribution: &Distribution, names: &[LibraryName]) -> bool {
        let mut opened = names
            .iter()
            .filter(|name| matches!(name, LibraryName::Soname(_)));
        opened.any(|name| self.distributions.ships(distribution, name.stem()))
    }

    /// Whether `distribution`, or one of `companions` beside it, ships one of `items`: a library with
    /// its stem, or a program with its name.
    fn bundles(&self, distribution: &Distribution, items: &[Item], companions: &[&str]) -> bool {
        let companions = companions
            .iter()
            .filter_map(|name| self.distributions.beside(distribution, name));
        std::iter::once(distribution).chain(companions).any(|each| {
            items.iter().any(|item| match item {
                Item::Library(name) => self.distributions.ships(each, name.stem()),
                Item::Program(name) => self.distributions.ships_program(each, name),
                Item::File(_) | Item::Module(_) => false,
            })
        })
    }
}
