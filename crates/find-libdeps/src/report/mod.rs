//! The result of a run, sorted, and the forms in which it is printed.
//!
//! Takes the provided demands and the warnings of all phases; gives a [`Report`], as a list, as
//! [`json`], as [`explain`] shows it, or as [`messages`] on standard error. Two runs on the same
//! state of the disk give equal reports.
//!
//! Never happens here: resolving a name, or asking dpkg or the file system.

mod build;
pub mod explain;
pub mod failures;
pub mod json;
pub mod messages;
pub mod progress;
mod warnings;

pub use build::Findings;

use crate::demand::{Evidence, Site};
use crate::loader::outcome::Absence;
use crate::packages::dpkg::{Package, PackageVersion};
use crate::packages::provider::Provider;
use crate::scan::Counts;
use crate::system::escape::counted;
use crate::system::os_release::OsRelease;
use crate::trace::demands::Started;
use crate::warning::Warning;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::sync::Arc;

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// The distribution that the packages belong to.
    pub distribution: OsRelease,
    /// Its native architecture.
    pub architecture: String,
    /// The packages that a runtime image needs, sorted by name.
    pub packages: Vec<ListedPackage>,
    /// Every library that is needed, sorted by soname; one entry for each provider.
    pub libraries: Vec<NeededLibrary>,
    /// What code may load at run time and no listed package provides, sorted by name.
    pub possible: Vec<NeededLibrary>,
    /// The programs from outside the given paths that a traced command started.
    pub started: Vec<Started>,
    /// Sorted by path.
    pub warnings: Vec<Warning>,
    pub counts: Counts,
}

/// One line of the list.
#[derive(Debug)]
pub struct ListedPackage {
    pub package: Package,
    /// Whether it is installed here, and was not looked up.
    pub is_installed: bool,
    /// Its version, if versions were asked for and it is installed.
    pub version: Option<PackageVersion>,
    /// The sonames that it is listed for.
    pub libraries: BTreeSet<Arc<OsStr>>,
}

/// A needed library with one provider.
#[derive(Debug)]
pub struct NeededLibrary {
    pub soname: Arc<OsStr>,
    pub evidence: Evidence,
    pub provider: Provider,
    /// What needs it, sorted.
    pub needed_by: Vec<Site>,
    /// How it was searched for on behalf of the first of `needed_by`, if it is missing.
    pub absence: Option<Box<Absence>>,
}

impl Report {
    /// Whether `--strict` fails: the list lacks something that the tree needs, or the loader would
    /// refuse a file.
    pub fn has_objections(&self) -> bool {
        let is_unmet = |library: &NeededLibrary| {
            matches!(
                library.provider,
                Provider::Missing { .. } | Provider::Unowned { .. }
            )
        };
        self.libraries.iter().any(is_unmet)
            || self.warnings.iter().any(|warning| warning.is_objection)
    }

    /// The list: package names, one per line.
    pub fn list(&self) -> String {
        let mut lines = String::new();
        for listed in &self.packages {
            // Writing to a String does not fail.
            let _ = writeln!(lines, "{}", listed.package);
        }
        lines
    }
}

impl NeededLibrary {
    /// What needs it, in few words: `needed by 3 files such as /venv/x.so`.
    fn needed(&self) -> String {
        let first = self
            .needed_by
            .first()
            .map(Site::to_string)
            .unwrap_or_default();
        let verb = match self.evidence {
            Evidence::Header => "needed",
            Evidence::Note | Evidence::Table | Evidence::Source | Evidence::Trace => "loaded",
        };
        match self.needed_by.len() {
            1 => format!("{verb} by {first}"),
            count => format!("{verb} by {} such as {first}", counted(count, "file")),
        }
    }
}
