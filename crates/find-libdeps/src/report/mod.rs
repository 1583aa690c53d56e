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
mod users;
mod warnings;

pub use build::Findings;
pub use users::Users;

use crate::demand::{Evidence, Kind, Site};
use crate::loader::outcome::Absence;
use crate::packages::package::{Package, PackageVersion};
use crate::packages::provider::Provider;
use crate::packages::settle::SystemFile;
use crate::scan::Counts;
use crate::system::os_release::OsRelease;
use crate::trace::demands::Started;
use crate::warning::Warning;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::sync::Arc;
use thiserror::Error;

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// The distribution that the packages belong to.
    pub distribution: OsRelease,
    /// Its native architecture.
    pub architecture: String,
    /// The packages that a runtime image needs, sorted by name.
    pub packages: Vec<ListedPackage>,
    /// All that is needed, sorted by name; one entry for each provider.
    pub needed: Vec<Needed>,
    /// What code may load at run time, no listed package provides and `needed` does not report, sorted by
    /// name.
    pub possible: Vec<Needed>,
    /// The distributions that need `needed` and `possible`.
    pub users: Users,
    /// The libraries from outside the given paths, with those that they need in turn; empty unless
    /// asked for.
    pub system_files: Vec<SystemFile>,
    /// The programs from outside the given paths that a traced command started.
    pub started: Vec<Started>,
    /// Sorted by path.
    pub warnings: Vec<Warning>,
    pub counts: Counts,
}

/// The version of a package that is not installed is not known.
#[derive(Debug, Error)]
#[error(
    "the version of {0} is not known, because it is not installed{advice}, or leave out `--versions`",
    advice = if .0.is_resolved_by_apk() {
        "; no list is printed; install it first"
    } else {
        " and not in apt's package lists; no list is printed; run `apt-get update` first"
    }
)]
pub struct UnknownVersion(Package);

/// One line of the list.
#[derive(Debug)]
pub struct ListedPackage {
    pub package: Package,
    /// Whether it is installed here, and was not looked up.
    pub is_installed: bool,
    /// Its version, or the one that apt would install, if versions were asked for and it is known.
    pub version: Option<PackageVersion>,
    /// The names that it is listed for.
    pub listed_for: BTreeSet<Arc<OsStr>>,
}

/// A needed library, program, file or module with one provider.
#[derive(Debug)]
pub struct Needed {
    pub name: Arc<OsStr>,
    /// What `name` is the name of.
    pub kind: Kind,
    pub evidence: Evidence,
    pub provider: Provider,
    /// What needs it, sorted.
    pub needed_by: Vec<Site>,
    /// How it was searched for on behalf of the first of `needed_by`, if it is missing.
    pub absence: Option<Box<Absence>>,
    /// What the code cannot do without it.
    pub reason: Option<&'static str>,
}

impl Report {
    /// Whether `--strict` fails: the list lacks something that the tree needs, or the loader would
    /// refuse a file.
    pub fn has_objections(&self) -> bool {
        self.needed.iter().any(Needed::is_unmet)
            || self.warnings.iter().any(|warning| warning.is_objection)
    }

    /// Whether a package is not known of something that is needed or possible.
    pub fn lacks_packages(&self) -> bool {
        let mut all = self.needed.iter().chain(&self.possible);
        all.any(|it| matches!(it.provider, Provider::Missing { .. }))
    }

    /// The list: `name=version`, one per line, which apt accepts.
    pub fn list_with_versions(&self) -> Result<String, UnknownVersion> {
        let mut lines = String::new();
        for listed in &self.packages {
            let Some(version) = &listed.version else {
                return Err(UnknownVersion(listed.package.clone()));
            };
            // Writing to a String does not fail.
            let _ = writeln!(lines, "{}={}", listed.package, version.number);
        }
        Ok(lines)
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

impl Needed {
    /// Whether nothing provides it in the image.
    fn is_unmet(&self) -> bool {
        matches!(
            self.provider,
            Provider::Missing { .. } | Provider::Unowned { .. }
        )
    }

    /// Its name, with its kind unless it is a library.
    fn title(&self) -> String {
        self.kind.title(&self.name)
    }

    fn participle(&self) -> &'static str {
        self.kind.participle(self.evidence)
    }

    /// What its users do with it: `needed by`, `loaded at run time by`.
    fn verb(&self) -> &'static str {
        match (self.kind, self.evidence) {
            (Kind::Library, Evidence::Header) => "needed by",
            (Kind::Library, _) => "loaded at run time by",
            (Kind::Program, _) => "run by",
            (Kind::File, _) => "read by",
            (Kind::Module, _) => "imported by",
        }
    }
}
