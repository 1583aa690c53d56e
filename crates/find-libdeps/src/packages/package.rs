//! Packages, their versions, and which of them own what.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// A package as its package system names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package {
    /// Its name (Debian Policy 5.6.1), or a name that apk resolves: `so:libpq.so.5`.
    pub name: String,
    /// Its architecture, if it is not the native one.
    pub foreign: Option<String>,
}

impl Package {
    /// Whether apk finds the package by this name, which is not that of one: `so:libpq.so.5`.
    pub fn is_resolved_by_apk(&self) -> bool {
        self.name.contains(':')
    }
}

impl std::fmt::Display for Package {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match &self.foreign {
            None => formatter.write_str(&self.name),
            Some(architecture) => write!(formatter, "{}:{architecture}", self.name),
        }
    }
}

/// An installed version of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageVersion {
    pub number: String,
    /// Its architecture, which may be `all`.
    pub architecture: String,
}

/// The owners of the paths that a database was asked for.
#[derive(Debug, Default)]
pub struct Owners {
    pub by_path: HashMap<PathBuf, BTreeSet<Package>>,
    /// Diversions (dpkg-divert(1)): for each diverted path the package whose own file is not
    /// diverted; `None` for a local diversion.
    pub diversions: HashMap<PathBuf, Option<String>>,
    /// For each path to which a file is diverted its path in the packages.
    pub diverted: HashMap<PathBuf, PathBuf>,
    /// What the package system complained about.
    pub complaints: BTreeSet<String>,
}

impl Owners {
    /// The packages that ship the file on disk at `path`, with diversions taken into account.
    pub fn of(&self, path: &Path) -> BTreeSet<Package> {
        let listed = |path: &Path| self.by_path.get(path).cloned().unwrap_or_default();
        let is_by = |by: &Option<String>, package: &Package| by.as_ref() == Some(&package.name);
        let mut owners = listed(path);
        if let Some(by) = self.diversions.get(path) {
            owners.retain(|package| is_by(by, package));
        }
        let from = self.diverted.get(path);
        if let Some((from, by)) = from.and_then(|from| self.diversions.get_key_value(from)) {
            let mut others = listed(from);
            others.retain(|package| !is_by(by, package));
            owners.append(&mut others);
        }
        owners
    }
}

/// A package with headers and unversioned links, never one for a runtime image (Debian Policy
/// 8.4): `libpq-dev`, `libc6-dev-i386`.
pub(crate) fn is_for_compiling(package: &str) -> bool {
    package.ends_with("-dev") || package.contains("-dev-")
}
