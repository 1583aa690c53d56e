use crate::config::{Config, Dlopen};
use crate::elf::dlopen_note::Notes;
use crate::loader::candidates::Library;
use crate::loader::resolver::{Hit, Inputs, Missing, Need, Outcome, Resolved, Resolver};
use crate::loader::system_libraries::LdSo;
use crate::loader::tree::{Start, Tree};
use crate::packages::dpkg::{Dpkg, DpkgError};
use crate::packages::lookup::look_up::{self, Source, Wanted};
use crate::packages::ownership::{Ownership, Packages};
use crate::report::data::{self, Findings, Report, Version};
use crate::run_time::distributions::Distributions;
use crate::run_time::library_name::Name;
use crate::run_time::load::{self, Load, Told};
use crate::run_time::python::Unsearched;
use crate::scan::read;
use crate::scan::walk::Unread;
use crate::system::architecture::Abi;
use crate::system::escape::{counted, shown};
use crate::system::os_release::OsRelease;
use crate::system::root::Root;
use crate::trace::command::{self, Trace, TraceError};
use crate::trace::loads;
use crate::trace::loads::Traced;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use thiserror::Error;

/// How many unreadable paths a message names.
const MAX_NAMED: usize = 10;

/// Why there is no list.
#[derive(Debug, Error)]
pub enum Error {
    /// A given path cannot be analysed.
    #[error("cannot read {}: {source}{}", shown(path), below(root.as_deref()))]
    Path {
        /// As it was given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
        /// The directory that it was looked for in.
        root: Option<PathBuf>,
    },
    /// The directory for `--root` cannot be used.
    #[error("cannot use {} as the root: {source}", shown(path))]
    Root {
        /// As it was given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something below a given path could not be read, so that the list could lack something.
    #[error("{}", unread(.0))]
    Unread(Vec<Unread>),
    /// dpkg gave no answer.
    #[error(transparent)]
    Dpkg(#[from] DpkgError),
    /// The command that was to be traced could not be.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The traced command failed, so that it may not have come to all that it loads.
    #[error(
        "the command failed with {}: no list, since it could lack something",
        trace.status
    )]
    Command {
        /// What it did.
        trace: Trace,
    },
    /// The threads could not be started.
    #[error("cannot start the threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Error {
    /// The status that a shell would give for the traced command, where there is no list for its
    /// sake.
    #[must_use]
    pub fn command_status(&self) -> Option<u8> {
        match self {
            Self::Trace(error) => error.status(),
            Self::Command { trace } => Some(trace.exit_code()),
            _ => None,
        }
    }
}

fn below(root: Option<&Path>) -> String {
    root.map(|root| format!(" (below {}, where paths are looked for)", shown(root)))
        .unwrap_or_default()
}

fn unread(all: &[Unread]) -> String {
    let mut lines: Vec<String> = all
        .iter()
        .take(MAX_NAMED)
        .map(|unread| {
            format!(
                "cannot read {}: {}; make it readable, or pass `{}`",
                shown(&unread.path),
                unread.error,
                exclusion(&unread.path)
            )
        })
        .collect();
    if let Some(more) = all.len().checked_sub(MAX_NAMED).filter(|&more| more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.push("no list, since it could lack something".to_owned());
    lines.join("\n")
}

/// `--exclude` with a pattern that matches this path and what lies below it, as a shell takes it.
fn exclusion(path: &Path) -> String {
    let mut pattern = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' => pattern.push_str("\\x27"),
                _ if character.is_control() => {
                    pattern.extend(character.escape_unicode());
                }
                _ => pattern.push_str(&regex::escape(character.encode_utf8(&mut [0; 4]))),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(pattern, "(?-u:\\x{byte:02x})");
        }
    }
    format!("--exclude '^{pattern}(/|$)'")
}

/// Runs the command that `config` says, if it does and the given paths are there.
pub fn run_command(config: &Config) -> Result<Option<Trace>, Error> {
    let Some((program, arguments)) = config.command.split_first() else {
        return Ok(None);
    };
    starts(config, &root(config)?)?;
    let trace = command::run(program, arguments)?;
    if trace.status.success() {
        Ok(Some(trace))
    } else {
        Err(Error::Command { trace })
    }
}

fn root(config: &Config) -> Result<Root, Error> {
    match &config.root {
        None => Ok(Root::machine()),
        Some(dir) => Root::below(dir).map_err(|source| Error::Root {
            path: dir.clone(),
            source,
        }),
    }
}

/// Analyses what `config` says, and what `trace` tells. `files_read` counts up as the work goes on.
pub fn run(
    config: &Config,
    trace: Option<&Trace>,
    files_read: &AtomicUsize,
) -> Result<Report, Error> {
    let root = root(config)?;
    let starts = starts(config, &root)?;
    let (held, system) = std::thread::scope(|scope| {
        // dpkg takes its time to read its database: it does so while the tree is read.
        let system = scope.spawn(|| System::ask(&root));
        let held = read::read(config, &root, &starts, files_read);
        (held, system.join())
    });
    let System {
        ld_so,
        mut packages,
    } = system.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let held = held?;
    if !held.unread.is_empty() {
        return Err(Error::Unread(held.unread));
    }
    let tree = Tree::new(starts, held.objects);
    let known = |real: &Path| tree.known(real).unwrap_or_else(|| real.to_owned());
    let distributions = Distributions::read(&root, held.metadata);
    let mut loads = Told {
        notes: &held.notes,
        calls: &held.calls,
        distributions: &distributions,
    }
    .loads(&known, config.dlopen == Dlopen::All);
    let traced = match trace {
        Some(trace) => loads::judge(trace, config, &root, &tree, &mut packages)?,
        None => Traced::default(),
    };
    loads.extend(traced.loads);
    let library = Library::new(&root, &tree);
    let is_ignored = |soname: &OsStr| config.ignores(soname);
    let is_excluded = |path: &Path| config.excludes(path);
    let resolver = Resolver::new(Inputs {
        root: &root,
        library: &library,
        ld_so: &ld_so,
        tree: &tree,
        loads: &loads,
        native: Abi::of(packages.dpkg().architecture()),
        environment: &config.ld_library_path,
        is_ignored: &is_ignored,
        is_excluded: &is_excluded,
    });
    let needs = settle(&resolver, &mut packages, &tree)?;
    let unlisted = resolver.unlisted();
    packages.ask(asked(unlisted.iter().map(|(_, _, outcome)| outcome)))?;
    let mut faults = faults(&held.notes, &held.unsearched, &distributions, &known);
    faults.extend(traced.faults);
    let wanted = wanted(&needs, &unlisted, &loads);
    let looked_up = look_up::look_up(&root, packages.dpkg(), &ld_so, &wanted, &config.lookup);
    let looked_up = looked_up.unwrap_or_else(|error| {
        // Where nobody asked for it, what is missing says that one can.
        if config.lookup != Source::Machine {
            faults.push((PathBuf::from("--lookup"), error.to_string()));
        }
        BTreeMap::new()
    });
    let mut report = Report::new(Findings {
        distribution: OsRelease::read(&root),
        tree: &tree,
        loads: &loads,
        resolved: needs,
        unlisted,
        looked_up,
        started: traced.started,
        packages: &packages,
        malformed: held.malformed,
        faults,
        counts: held.counts,
    });
    if config.with_versions {
        add_versions(&mut report, packages.dpkg())?;
    }
    Ok(report)
}

/// What is wrong with files that tell what is loaded at run time.
fn faults(
    notes: &[(PathBuf, Notes)],
    unsearched: &[(PathBuf, Unsearched)],
    distributions: &Distributions,
    known: &dyn Fn(&Path) -> PathBuf,
) -> Vec<(PathBuf, String)> {
    let notes = notes.iter().flat_map(|(path, notes)| {
        let faults = notes.faults.iter();
        faults.map(move |fault| (known(path), format!("a bad `.note.dlopen`: {fault}")))
    });
    let unsearched = unsearched.iter();
    let unsearched = unsearched.map(|(path, error)| (path.clone(), error.to_string()));
    let malformed = distributions.malformed();
    let malformed = malformed.map(|(path, error)| (known(path), error.to_string()));
    notes.chain(unsearched).chain(malformed).collect()
}

/// The given paths, none of which lies below another.
fn starts(config: &Config, root: &Root) -> Result<Vec<Start>, Error> {
    let mut starts: Vec<Start> = Vec::new();
    for given in &config.paths {
        let at_fault = |source| Error::Path {
            path: given.clone(),
            source,
            root: config.root.clone(),
        };
        let path = if root.is_machine() {
            std::path::absolute(given).map_err(at_fault)?
        } else {
            Path::new("/").join(given)
        };
        let real = root.canonicalize(&path).map_err(at_fault)?;
        let metadata = root.metadata(&real).map_err(at_fault)?;
        if !metadata.is_dir() && !metadata.is_file() {
            return Err(at_fault(io::Error::other(
                "it is neither a directory nor a regular file",
            )));
        }
        if !starts.iter().any(|start| real.starts_with(&start.real)) {
            starts.retain(|start| !start.real.starts_with(&real));
            starts.push(Start { path, real });
        }
    }
    Ok(starts)
}

/// What the system says, whatever the tree is.
struct System<'a> {
    ld_so: LdSo,
    packages: Packages<'a>,
}

impl<'a> System<'a> {
    /// Reads the loader's cache, and asks dpkg for all the libraries in it in one call: nearly
    /// every library that a tree needs is one of them.
    fn ask(root: &'a Root) -> Result<Self, DpkgError> {
        let mut packages = Packages::new(root, Dpkg::new(root)?);
        let ld_so = LdSo::read(root);
        packages.ask(ld_so.cached_files())?;
        Ok(Self { ld_so, packages })
    }
}

/// Resolves the tree and asks for owners until every library that nobody owns has been followed,
/// since no package will bring what it needs.
///
/// A library outside the directories that packages use is followed before dpkg is asked: where the
/// guess is right, as with `/usr/local/lib`, no further round is needed.
fn settle(
    resolver: &Resolver,
    packages: &mut Packages,
    tree: &Tree,
) -> Result<Resolved, DpkgError> {
    let guess = |real: &Path| {
        let is_packages = ["/lib", "/usr"].iter().any(|dir| real.starts_with(dir));
        !is_packages || real.starts_with("/usr/local")
    };
    let mut unowned: HashSet<PathBuf> = HashSet::new();
    let mut needs = resolver.resolve(&guess);
    let mut followed = reals(&needs, guess);
    loop {
        packages.ask(asked(needs.outcomes.iter()))?;
        for hit in system(&needs) {
            let is_packages = matches!(packages.ownership(hit), Ownership::Package(_));
            if !is_packages && tree.known(&hit.real).is_none() {
                unowned.insert(hit.real.clone());
            }
        }
        if reals(&needs, |real| unowned.contains(real)) == followed {
            return Ok(needs);
        }
        // What is known to be nobody's only grows, so this ends.
        let is_unowned = |real: &Path| unowned.contains(real);
        needs = resolver.resolve(&is_unowned);
        followed = reals(&needs, is_unowned);
    }
}

/// What is missing, by all the names that would do, but for what the machine itself tells of.
fn wanted(
    needs: &Resolved,
    unlisted: &[(usize, Arc<OsStr>, Rc<Outcome>)],
    loads: &[Load],
) -> BTreeSet<Wanted> {
    let has_hint = |need: &&Need| need.absence.as_ref().is_some_and(|it| it.hint.is_some());
    let needs = needs.needs.iter().filter(|need| !has_hint(need));
    let needs = needs.map(|need| (need.load, &need.soname, &need.outcome));
    let unlisted = unlisted.iter();
    let unlisted = unlisted.map(|(index, soname, outcome)| (Some(*index), soname, outcome));
    let mut wanted = BTreeSet::new();
    for (load, soname, outcome) in needs.chain(unlisted) {
        let Outcome::Missing(Missing { architecture }) = **outcome else {
            continue;
        };
        let load = load.and_then(|index| loads.get(index));
        let names = load::names(load, soname).into_iter();
        // Of a path no index is asked, as it counts only where the loader looks by itself.
        let is_path =
            |name: &Name| matches!(name, Name::Soname(name) if name.as_bytes().contains(&b'/'));
        wanted.extend(names.filter(|name| !is_path(name)).map(|name| Wanted {
            name,
            abi: Abi::of(architecture),
        }));
    }
    wanted
}

/// The paths of libraries that packages may have.
fn asked<'a>(outcomes: impl Iterator<Item = &'a Rc<Outcome>>) -> impl Iterator<Item = &'a Path> {
    outcomes.filter_map(|outcome| match &**outcome {
        Outcome::System(hit) | Outcome::Embedded(hit) => Some(hit.path.as_path()),
        _ => None,
    })
}

/// The system's libraries, each once.
fn system(needs: &Resolved) -> impl Iterator<Item = &Hit> {
    needs
        .outcomes
        .iter()
        .filter_map(|outcome| match &**outcome {
            Outcome::System(hit) => Some(hit),
            _ => None,
        })
}

/// The real paths of the system's libraries of which `is_meant` says so.
fn reals(resolved: &Resolved, is_meant: impl Fn(&Path) -> bool) -> HashSet<PathBuf> {
    system(resolved)
        .filter(|hit| is_meant(&hit.real))
        .map(|hit| hit.real.clone())
        .collect()
}

fn add_versions(report: &mut Report, dpkg: &Dpkg) -> Result<(), DpkgError> {
    let packages = report
        .packages
        .iter()
        .filter(|listed| listed.is_installed)
        .map(|listed| listed.package.clone())
        .collect();
    let mut versions = dpkg.versions(&packages)?;
    for listed in &mut report.packages {
        let found = versions.remove(&listed.package);
        listed.version = found.map(|(version, architecture)| Version {
            architecture,
            version,
        });
    }
    Ok(())
}

/// The summary that `--verbose` prints, without the time.
#[must_use]
pub fn summary(report: &Report) -> String {
    let missing = report
        .libraries
        .iter()
        .filter(|library| library.fate == data::Fate::Missing)
        .count();
    format!(
        "{}, {} ELF, {}, {missing} missing, {}, {}",
        counted(report.counts.files, "file"),
        report.counts.elf,
        counted(report.libraries.len(), "needed name"),
        counted(report.packages.len(), "package"),
        counted(report.warnings.len(), "warning"),
    )
}
