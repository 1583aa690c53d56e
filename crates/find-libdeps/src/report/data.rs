//! What was found out, sorted, for whoever prints it.
//!
//! Only data: nothing is looked up, asked or printed here. Two runs on one state of the disk give
//! equal reports.

use crate::elf::object_file::ElfError;
use crate::loader::resolver::{Absence, FoundBy, Hit, Missing, Outcome, Resolved};
use crate::loader::tree::Tree;
use crate::packages::dpkg::Package;
use crate::packages::lookup::{Found, Wanted};
use crate::packages::ownership::{Ownership, Packages};
use crate::run_time::load::{self, Load, ToldBy};
use crate::system::architecture::Abi;
use crate::system::escape::{counted, shown};
use crate::system::os_release::OsRelease;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// The outcome of a run.
#[derive(Debug)]
pub struct Report {
    /// The distribution that the packages are of.
    pub distribution: OsRelease,
    /// Its native architecture.
    pub architecture: String,
    /// The packages that a runtime image needs, sorted by name.
    pub packages: Vec<ListedPackage>,
    /// Every library that is needed, sorted by soname; one with several outcomes several times.
    pub libraries: Vec<NeededLibrary>,
    /// What code may load at run time and no listed package brings, sorted by name.
    pub possible: Vec<NeededLibrary>,
    /// The programs from outside the given paths that a traced command started.
    pub started: Vec<Started>,
    /// What people should know, sorted by path.
    pub warnings: Vec<Warning>,
    /// How much was read.
    pub counts: Counts,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Regular files at or below the given paths.
    pub files: usize,
    /// Those that have the ELF magic.
    pub elf: usize,
}

/// One line of the list.
#[derive(Debug)]
pub struct ListedPackage {
    /// The package.
    pub package: Package,
    /// Whether it is installed here, and was not looked up.
    pub is_installed: bool,
    /// Its architecture (`all` too) and version, where they were asked for.
    pub version: Option<Version>,
    /// The sonames that it is listed for.
    pub libraries: BTreeSet<Arc<OsStr>>,
}

/// What dpkg says of an installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its architecture, `all` too.
    pub architecture: String,
    /// Its version.
    pub version: String,
}

/// What a needed library is to the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A listed package brings it.
    Package,
    /// It is in the system, but no package for a runtime image ships it.
    Unowned,
    /// It lies below the given paths.
    Bundled,
    /// The interpreter's own.
    Interpreter,
    /// The host's driver provides it.
    Host,
    /// It is not there.
    Missing,
}

/// One needed library, and what became of it.
#[derive(Debug)]
pub struct NeededLibrary {
    /// The needed name.
    pub soname: Arc<OsStr>,
    /// Who tells of the need.
    pub told_by: ToldBy,
    /// What it is to the list.
    pub fate: Fate,
    /// Where it was found.
    pub path: Option<PathBuf>,
    /// How it was found, where that is known.
    pub found_by: Option<FoundBy>,
    /// The package that brings it.
    pub package: Option<Package>,
    /// Who needs it, sorted.
    pub needed_by: Vec<Site>,
    /// The architecture that it is missing for, where that is not the native one.
    pub missing_for: Option<&'static str>,
    /// How it was looked for on behalf of the first of `needed_by`, where it is missing.
    pub absence: Option<Absence>,
    /// Other packages that have it, where it was looked up.
    pub passed_over: Vec<Package>,
    /// The packages for compiling that have it, where no other has.
    pub for_compiling: BTreeSet<Package>,
    /// The package for compiling that alone has the name by which it was found, where `package`
    /// has the library under another.
    pub name_is_for_compiling: Option<Package>,
}

/// A file that needs a library, or a line in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// The file.
    pub path: PathBuf,
    /// The line of the call, from 1, where the file is a source.
    pub line: Option<u32>,
}

impl std::fmt::Display for Site {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(&shown(&self.path))?;
        match self.line {
            None => Ok(()),
            Some(line) => write!(formatter, ":{line}"),
        }
    }
}

/// A program from outside the given paths that a traced command started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its path, or its name where it is not known.
    pub path: PathBuf,
    /// Whose it is.
    pub package: Option<Package>,
}

/// Something people should know of one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The file.
    pub path: PathBuf,
    /// What is the matter with it.
    pub message: String,
    /// Whether `--strict` objects.
    pub is_objection: bool,
}

/// The phases' products, from which a report is made.
pub struct Findings<'a> {
    /// Who the packages are of.
    pub distribution: OsRelease,
    /// The analysed objects.
    pub tree: &'a Tree,
    /// What code of the tree loads at run time.
    pub loads: &'a [Load],
    /// The needs of objects, and the loads that are listed; and what the resolver met.
    pub resolved: Resolved,
    /// What meets the other loads, by their index.
    pub unlisted: Vec<(usize, Arc<OsStr>, Rc<Outcome>)>,
    /// What the index of contents says of missing libraries, where it was asked.
    pub looked_up: BTreeMap<Wanted, Found>,
    /// The programs that a traced command started.
    pub started: Vec<Started>,
    /// Whose the system's libraries are.
    pub packages: &'a Packages<'a>,
    /// Files with the ELF magic that could not be understood.
    pub malformed: Vec<(PathBuf, ElfError)>,
    /// What is wrong with other files, which does not touch the list.
    pub faults: Vec<(PathBuf, String)>,
    /// How much was read.
    pub counts: Counts,
}

impl Report {
    /// Whether the list leaves something out that the tree needs, or a file could not be judged:
    /// what `--strict` asks.
    #[must_use]
    pub fn has_objections(&self) -> bool {
        self.libraries
            .iter()
            .any(|library| matches!(library.fate, Fate::Missing | Fate::Unowned))
            || self.warnings.iter().any(|warning| warning.is_objection)
    }

    /// The list: package names, one a line.
    #[must_use]
    pub fn list(&self) -> String {
        let mut lines = String::new();
        for listed in &self.packages {
            // Writing to a String does not fail.
            let _ = writeln!(lines, "{}", listed.package);
        }
        lines
    }

    /// Sorts what was found out into a report.
    #[must_use]
    pub fn new(findings: Findings) -> Self {
        let (listed, unlisted) = told(&findings);
        let libraries = libraries(listed, findings.tree, findings.packages);
        let mut packages: BTreeMap<&Package, ListedPackage> = BTreeMap::new();
        for library in &libraries {
            if let Some(package) = &library.package {
                let listed = packages.entry(package).or_insert_with(|| ListedPackage {
                    package: package.clone(),
                    is_installed: false,
                    version: None,
                    libraries: BTreeSet::new(),
                });
                listed.is_installed |= library.found_by != Some(FoundBy::Contents);
                listed.libraries.insert(library.soname.clone());
            }
        }
        let mut possible = self::libraries(unlisted, findings.tree, findings.packages);
        possible.retain(|library| match &library.package {
            Some(package) => !packages.contains_key(package),
            None => matches!(library.fate, Fate::Missing | Fate::Unowned),
        });
        Self {
            packages: packages.into_values().collect(),
            warnings: warnings(&findings, &libraries),
            libraries,
            possible,
            started: findings.started,
            distribution: findings.distribution,
            architecture: findings.packages.dpkg().architecture().to_owned(),
            counts: findings.counts,
        }
    }
}

fn warnings(findings: &Findings, libraries: &[NeededLibrary]) -> Vec<Warning> {
    let mut warnings = BTreeSet::new();
    for (path, error) in &findings.malformed {
        warnings.insert(Warning {
            path: path.clone(),
            message: format!("{error}: its needs are not listed"),
            is_objection: true,
        });
    }
    for remark in &findings.resolved.remarks {
        warnings.insert(Warning {
            path: remark.path.clone(),
            message: remark.message.clone(),
            is_objection: remark.is_fatal,
        });
    }
    for (path, message) in &findings.faults {
        warnings.insert(Warning {
            path: path.clone(),
            message: message.clone(),
            is_objection: false,
        });
    }
    for message in findings.packages.complaints() {
        warnings.insert(Warning {
            path: PathBuf::from("/var/lib/dpkg"),
            message: message.clone(),
            is_objection: false,
        });
    }
    for library in libraries {
        warnings.extend(by_name_only(library));
        warnings.extend(name_is_for_compiling(library));
    }
    warnings.into_iter().collect()
}

/// All needs as somebody tells of them: those whose packages are listed, then the others.
fn told(findings: &Findings) -> (Vec<Told>, Vec<Told>) {
    let mut listed = Vec::new();
    let mut unlisted = Vec::new();
    for need in &findings.resolved.needs {
        let load = need.load.and_then(|index| findings.loads.get(index));
        let path = findings.resolved.files[need.by].clone();
        let mut told = Told::new(findings, path, load, &need.soname, &need.outcome);
        told.absence.clone_from(&need.absence);
        // Nobody knows that code needs it: it may do as well without.
        let is_there = !matches!(*need.outcome, Outcome::Missing(_))
            || matches!(told.looked_up, Some(Found::Package { .. }));
        if is_there || load.is_none_or(|load| load.is_required) {
            listed.push(told);
        } else {
            unlisted.push(told);
        }
    }
    for (index, soname, outcome) in &findings.unlisted {
        let load = findings.loads.get(*index);
        let path = load.map(|load| load.path.clone()).unwrap_or_default();
        unlisted.push(Told::new(findings, path, load, soname, outcome));
    }
    (listed, unlisted)
}

/// One need, as somebody tells of it.
struct Told {
    site: Site,
    by: ToldBy,
    soname: Arc<OsStr>,
    outcome: Rc<Outcome>,
    absence: Option<Absence>,
    looked_up: Option<Found>,
}

impl Told {
    fn new(
        findings: &Findings,
        path: PathBuf,
        load: Option<&Load>,
        soname: &Arc<OsStr>,
        outcome: &Rc<Outcome>,
    ) -> Self {
        let by = load.map_or(ToldBy::Header, |load| load.told_by);
        let looked_up = match **outcome {
            Outcome::Missing(Missing { architecture }) => {
                let abi = Abi::of(architecture);
                let names = load::names(load, soname).into_iter();
                let wanted: Vec<Wanted> = names.map(|name| Wanted { name, abi }).collect();
                best(
                    wanted
                        .iter()
                        .filter_map(|wanted| findings.looked_up.get(wanted)),
                )
            }
            _ => None,
        };
        Self {
            site: Site {
                path,
                line: load.and_then(|load| load.line),
            },
            by,
            soname: match (by, Path::new(soname).file_name()) {
                // It is the path that it was loaded from.
                (ToldBy::Trace, Some(name)) => Arc::from(name),
                _ => Arc::clone(soname),
            },
            outcome: Rc::clone(outcome),
            absence: None,
            looked_up: looked_up.cloned(),
        }
    }
}

/// Of what was found for alternatives the first package, or else what says most.
fn best<'a>(mut all: impl Iterator<Item = &'a Found> + Clone) -> Option<&'a Found> {
    let first = |is_meant: fn(&&Found) -> bool| all.clone().find(is_meant);
    first(|found| matches!(found, Found::Package { .. }))
        .or_else(|| first(|found| matches!(found, Found::Undecided(_))))
        .or_else(|| all.next())
}

/// The needs by what became of them, sorted.
fn libraries(needs: Vec<Told>, tree: &Tree, packages: &Packages) -> Vec<NeededLibrary> {
    // Equal outcomes are one: their address is enough to tell them apart.
    let mut groups: HashMap<(Arc<OsStr>, ToldBy, *const Outcome), Vec<Told>> = HashMap::new();
    for need in needs {
        let key = (Arc::clone(&need.soname), need.by, Rc::as_ptr(&need.outcome));
        groups.entry(key).or_default().push(need);
    }
    let mut libraries: Vec<NeededLibrary> = groups
        .into_iter()
        .map(|((soname, told_by, _), mut needs)| {
            needs.sort_by(|a, b| a.site.cmp(&b.site));
            // A file may name a need twice.
            let mut needed_by: Vec<Site> = needs.iter().map(|need| need.site.clone()).collect();
            needed_by.dedup();
            let is_traced = told_by == ToldBy::Trace;
            let mut library = NeededLibrary {
                soname,
                told_by,
                fate: Fate::Missing,
                path: None,
                found_by: None,
                package: None,
                needed_by,
                missing_for: None,
                absence: None,
                passed_over: Vec::new(),
                for_compiling: BTreeSet::new(),
                name_is_for_compiling: None,
            };
            if let Some(first) = needs.into_iter().next() {
                library.set_outcome(&first.outcome, tree, packages);
                library.absence = first.absence;
                if let Some(found) = first.looked_up {
                    library.set_looked_up(found);
                }
            }
            if is_traced {
                // It was given by the path that the trace tells: that is not how the command found
                // it.
                library.found_by = None;
            }
            library
        })
        .collect();
    libraries.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    libraries
}

impl NeededLibrary {
    fn set_outcome(&mut self, outcome: &Outcome, tree: &Tree, packages: &Packages) {
        let hit = match outcome {
            Outcome::System(hit) => {
                match packages.ownership(hit) {
                    Ownership::Package(package) => {
                        self.fate = Fate::Package;
                        self.package = Some(package);
                        self.name_is_for_compiling = packages.name_is_for_compiling(hit);
                    }
                    // Found by the cache or a default directory, but it is copied with the tree.
                    _ if tree.known(&hit.real).is_some() => self.fate = Fate::Bundled,
                    Ownership::Development(packages) => {
                        self.fate = Fate::Unowned;
                        self.for_compiling = packages;
                    }
                    Ownership::Nobody => self.fate = Fate::Unowned,
                }
                Some(hit)
            }
            Outcome::Bundled(hit) => {
                self.fate = Fate::Bundled;
                Some(hit)
            }
            Outcome::Interpreter(hit) => {
                self.fate = Fate::Interpreter;
                hit.as_ref()
            }
            Outcome::Embedded(hit) => {
                if let Ownership::Package(package) = packages.ownership(hit) {
                    self.fate = Fate::Package;
                    self.package = Some(package);
                } else {
                    self.fate = Fate::Interpreter;
                }
                Some(hit)
            }
            Outcome::Host => {
                self.fate = Fate::Host;
                None
            }
            Outcome::Missing(Missing { architecture }) => {
                let native = packages.dpkg().architecture();
                self.missing_for = Some(*architecture).filter(|&name| name != native);
                None
            }
        };
        if let Some(Hit { path, found_by, .. }) = hit {
            self.path = Some(path.clone());
            self.found_by = Some(*found_by);
        }
    }

    /// What the index of contents says of a missing library.
    fn set_looked_up(&mut self, found: Found) {
        let hint = match found {
            Found::Package {
                chosen,
                passed_over,
            } => {
                self.soname = Arc::from(chosen.soname);
                self.fate = Fate::Package;
                self.path = Some(chosen.path);
                self.found_by = Some(FoundBy::Contents);
                self.package = Some(chosen.package);
                self.passed_over = passed_over
                    .into_iter()
                    .map(|candidate| candidate.package)
                    .collect();
                self.absence = None;
                return;
            }
            Found::Undecided(candidates) => {
                let names: Vec<String> = candidates
                    .iter()
                    .map(|candidate| candidate.package.to_string())
                    .collect();
                format!(
                    "it may be in {}: install the one that you mean and run this again, or pass \
                     `--ignore`",
                    names.join(" or ")
                )
            }
            Found::NotShipped => "no package of apt's sources has it: copy it into the image \
                                  yourself, or pass `--ignore`"
                .to_owned(),
            Found::ForeignArchitecture => "dpkg takes no packages of its architecture (see \
                                           `dpkg --add-architecture`); or pass `--ignore`"
                .to_owned(),
        };
        // What the machine itself tells of it goes first.
        let absence = self.absence.get_or_insert_default();
        absence.hint.get_or_insert(hint);
    }

    fn sort_key(&self) -> impl Ord {
        (
            &self.soname,
            self.fate,
            self.path.as_ref(),
            self.found_by,
            self.missing_for,
            self.told_by,
            // Two names may have turned out to be one when they were looked up.
            &self.needed_by,
        )
    }

    /// Who needs it, in few words: `3 files need it, such as /venv/x.so`.
    #[must_use]
    pub fn needed(&self) -> String {
        let first = self
            .needed_by
            .first()
            .map(Site::to_string)
            .unwrap_or_default();
        let verb = match self.told_by {
            ToldBy::Header => "need",
            ToldBy::Note | ToldBy::Table | ToldBy::Source | ToldBy::Trace => "load",
        };
        match self.needed_by.len() {
            1 => format!("{first} {verb}s it"),
            count => format!("{} {verb} it, such as {first}", counted(count, "file")),
        }
    }
}

/// A library that nothing but its name connects with those that need it.
fn by_name_only(library: &NeededLibrary) -> Option<Warning> {
    let path = library.path.clone()?;
    let is_so = library.fate == Fate::Bundled
        && library.found_by == Some(FoundBy::Soname)
        && library.told_by == ToldBy::Header;
    // A library needs no search for its own name.
    let is_other = library.needed_by.iter().any(|by| by.path != path);
    (is_so && is_other).then(|| Warning {
        message: format!(
            "taken for `{}` by its SONAME alone ({}): it must be loaded first",
            shown(&library.soname),
            library.needed()
        ),
        path,
        is_objection: false,
    })
}

/// A library whose package for a runtime image lacks the name by which it was found.
fn name_is_for_compiling(library: &NeededLibrary) -> Option<Warning> {
    let link = library.name_is_for_compiling.as_ref()?;
    let package = library.package.as_ref()?;
    let path: &Path = library.path.as_ref()?;
    Some(Warning {
        path: path.to_owned(),
        message: format!(
            "this name is in {link}, which is for compiling; {package} has the library under \
             another name, so the loader will not find `{}` ({})",
            shown(&library.soname),
            library.needed()
        ),
        is_objection: true,
    })
}
