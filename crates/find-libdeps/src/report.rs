//! What was found out, sorted, for whoever prints it.
//!
//! Only data: nothing is looked up, asked or printed here. Two runs on one state of the disk give
//! equal reports.

use crate::dpkg::Package;
use crate::elf::ElfError;
use crate::os_release::OsRelease;
use crate::ownership::Ownership;
use crate::resolve::{Absence, FoundBy, Hit, Missing, Need, Outcome, Remark};
use crate::text::{counted, shown};
use crate::tree::Tree;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

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
    /// Its architecture (`all` too) and version, where they were asked for.
    pub version: Option<Version>,
    /// The sonames that it is listed for.
    pub libraries: BTreeSet<OsString>,
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
    pub soname: OsString,
    /// What it is to the list.
    pub fate: Fate,
    /// Where it was found.
    pub path: Option<PathBuf>,
    /// How it was found.
    pub found_by: Option<FoundBy>,
    /// The package that brings it.
    pub package: Option<Package>,
    /// The files that need it, sorted.
    pub needed_by: BTreeSet<PathBuf>,
    /// The architecture that it is missing for, where that is not the native one.
    pub missing_for: Option<&'static str>,
    /// How it was looked for on behalf of the first of `needed_by`, where it is missing.
    pub absence: Option<Absence>,
    /// The packages for compiling that have it, where no other has.
    pub for_compiling: BTreeSet<Package>,
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

/// Who owns the library found at a path.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The package that brings it, if any.
    pub ownership: Ownership,
    /// The package for compiling that alone has the name by which it was found.
    pub name_is_for_compiling: Option<Package>,
}

/// The phases' products, from which a report is made.
pub struct Findings<'a> {
    /// Who the packages are of.
    pub distribution: OsRelease,
    /// Its native architecture.
    pub architecture: &'a str,
    /// The analysed objects.
    pub tree: &'a Tree,
    /// Their needs.
    pub needs: Vec<Need>,
    /// What the resolver met.
    pub remarks: BTreeSet<Remark>,
    /// Whose the system's libraries are, by the path at which they were found.
    pub owners: &'a HashMap<PathBuf, Owned>,
    /// Files with the ELF magic that could not be understood.
    pub malformed: Vec<(PathBuf, ElfError)>,
    /// What dpkg complained about.
    pub complaints: BTreeSet<String>,
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

    /// Sorts what was found out into a report.
    #[must_use]
    pub fn new(findings: Findings) -> Self {
        let mut warnings = BTreeSet::new();
        for (path, error) in findings.malformed {
            warnings.insert(Warning {
                path,
                message: format!("{error}: its needs are not listed"),
                is_objection: true,
            });
        }
        for remark in findings.remarks {
            warnings.insert(Warning {
                path: remark.path,
                message: remark.message,
                is_objection: remark.is_fatal,
            });
        }
        for message in findings.complaints {
            warnings.insert(Warning {
                path: PathBuf::from("/var/lib/dpkg"),
                message,
                is_objection: false,
            });
        }
        let libraries = libraries(
            findings.needs,
            findings.tree,
            findings.owners,
            findings.architecture,
        );
        for library in &libraries {
            warnings.extend(by_name_only(library));
            let owned = library
                .path
                .as_ref()
                .and_then(|path| findings.owners.get(path));
            warnings.extend(owned.and_then(|owned| name_is_for_compiling(library, owned)));
        }
        let mut packages: BTreeMap<&Package, BTreeSet<OsString>> = BTreeMap::new();
        for library in &libraries {
            if let Some(package) = &library.package {
                let sonames = packages.entry(package).or_default();
                sonames.insert(library.soname.clone());
            }
        }
        Self {
            packages: packages
                .into_iter()
                .map(|(package, libraries)| ListedPackage {
                    package: package.clone(),
                    version: None,
                    libraries,
                })
                .collect(),
            libraries,
            distribution: findings.distribution,
            architecture: findings.architecture.to_owned(),
            warnings: warnings.into_iter().collect(),
            counts: findings.counts,
        }
    }
}

/// The needs by what became of them, sorted.
fn libraries(
    needs: Vec<Need>,
    tree: &Tree,
    owners: &HashMap<PathBuf, Owned>,
    native: &str,
) -> Vec<NeededLibrary> {
    type Group = (BTreeSet<PathBuf>, Option<Absence>);
    let mut groups: BTreeMap<(OsString, Outcome), Group> = BTreeMap::new();
    for need in needs {
        let (needed_by, absence) = groups.entry((need.soname, need.outcome)).or_default();
        if needed_by.first().is_none_or(|first| need.by < *first) {
            *absence = need.absence;
        }
        needed_by.insert(need.by);
    }
    let mut libraries: Vec<NeededLibrary> = groups
        .into_iter()
        .map(|((soname, outcome), (needed_by, absence))| {
            let mut library = NeededLibrary {
                soname,
                fate: Fate::Missing,
                path: None,
                found_by: None,
                package: None,
                needed_by,
                missing_for: None,
                absence,
                for_compiling: BTreeSet::new(),
            };
            library.set_outcome(outcome, tree, owners, native);
            library
        })
        .collect();
    libraries.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    libraries
}

impl NeededLibrary {
    fn set_outcome(
        &mut self,
        outcome: Outcome,
        tree: &Tree,
        owners: &HashMap<PathBuf, Owned>,
        native: &str,
    ) {
        let hit = match outcome {
            Outcome::System(hit) => {
                match owners.get(&hit.path).map(|owned| &owned.ownership) {
                    Some(Ownership::Package(package)) => {
                        self.fate = Fate::Package;
                        self.package = Some(package.clone());
                    }
                    // Found by the cache or a default directory, but it is copied with the tree.
                    _ if tree.known(&hit.real).is_some() => self.fate = Fate::Bundled,
                    Some(Ownership::Development(packages)) => {
                        self.fate = Fate::Unowned;
                        self.for_compiling.clone_from(packages);
                    }
                    Some(Ownership::Nobody) | None => self.fate = Fate::Unowned,
                }
                Some(hit)
            }
            Outcome::Bundled(hit) => {
                self.fate = Fate::Bundled;
                Some(hit)
            }
            Outcome::Interpreter(hit) => {
                self.fate = Fate::Interpreter;
                hit
            }
            Outcome::Host => {
                self.fate = Fate::Host;
                None
            }
            Outcome::Missing(Missing { architecture }) => {
                self.missing_for = Some(architecture).filter(|&name| name != native);
                None
            }
        };
        if let Some(Hit { path, found_by, .. }) = hit {
            self.path = Some(path);
            self.found_by = Some(found_by);
        }
    }

    fn sort_key(&self) -> (&OsString, Fate, Option<&PathBuf>, Option<&str>) {
        (
            &self.soname,
            self.fate,
            self.path.as_ref(),
            self.missing_for,
        )
    }

    /// Who needs it, in few words: `3 files need it, such as /venv/x.so`.
    #[must_use]
    pub fn needed(&self) -> String {
        let first = self.needed_by.first().map(shown).unwrap_or_default();
        match self.needed_by.len() {
            1 => format!("{first} needs it"),
            count => format!("{} need it, such as {first}", counted(count, "file")),
        }
    }
}

/// A library that nothing but its name connects with those that need it.
fn by_name_only(library: &NeededLibrary) -> Option<Warning> {
    let path = library.path.clone()?;
    let is_so = library.fate == Fate::Bundled && library.found_by == Some(FoundBy::Soname);
    // A library needs no search for its own name.
    let is_other = library.needed_by.iter().any(|by| *by != path);
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
fn name_is_for_compiling(library: &NeededLibrary, owned: &Owned) -> Option<Warning> {
    let link = owned.name_is_for_compiling.as_ref()?;
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
