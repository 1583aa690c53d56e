//! What keeps the files below the given paths from running in this root.
//!
//! Takes the objects, demands and virtualenvs of the tree, resolved completely
//! ([`crate::loader::resolver::Resolver::resolve_completely`]); gives [`Failure`]s, grouped and sorted,
//! and the files from elsewhere that are loaded ([`closure`]). [`modules`] finds extension modules for
//! another Python, [`path`] who loads a library in the end, and [`expected`] reads which packages the
//! builder listed.
//!
//! Never happens here: searching for a library, or asking dpkg or apt; none of these is needed in
//! the root that is checked.

mod closure;
pub mod expected;
mod failure;
mod modules;
mod path;

pub use failure::{Failure, Kind};

use crate::demand::{self, Evidence};
use crate::files::is_stdlib;
use crate::loader::candidates::Candidates;
use crate::loader::outcome::{Outcome, Resolution};
use crate::loader::resolver::Resolved;
use crate::loader::rules::Rules;
use crate::loader::tree::Tree;
use crate::python::interpreter::Virtualenv;
use crate::scan::Counts;
use crate::system::architecture::{ARCHITECTURES, Abi};
use crate::system::ordered::Ordered as _;
use crate::system::root::Root;
use crate::warning::Warning;
use failure::Failures;
use path::Loading;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

const OUTSIDE: &str = "the interpreter's standard library is outside the PATHs; its files are not \
                       printed, nor what they need; pass it as a PATH";

/// The result of a check.
#[derive(Debug)]
pub struct Checked {
    /// Sorted.
    pub failures: Vec<Failure>,
    /// Whether the builder's report was searched for their packages.
    pub has_report: bool,
    /// What does not fail, but may be a mistake.
    pub warnings: Vec<Warning>,
    pub counts: Counts,
}

impl Checked {
    /// Whether packages of the image's release can provide what is missing.
    pub fn is_installable(&self) -> bool {
        !self.failures.iter().any(Failure::is_of_newer_release)
    }
}

/// A root with the tree in it, and what was found there.
pub struct Image<'a> {
    pub root: &'a Root,
    pub rules: &'a dyn Rules,
    pub tree: &'a Tree,
    /// Where programs are searched for, in order.
    pub path: &'a [PathBuf],
    pub virtualenvs: &'a [Virtualenv],
    pub resolved: Resolved,
    /// What the scan found.
    pub warnings: Vec<Warning>,
    /// The faults of interpreters, and without an objection, scripts that are for another one.
    pub interpreters: &'a [Warning],
    /// PATHs in which nothing was found.
    pub empty: &'a [Warning],
    pub counts: Counts,
}

impl Image<'_> {
    /// What keeps files of the tree from being loaded or started: a required name that is missing, a
    /// version that the library found does not define, an interpreter that is absent or another, and
    /// what else `--strict` objects to.
    ///
    /// A module of the standard library that lacks a library is only a warning where that is usual: in
    /// a builder (`is_builder`), where the service does without it, and of tkinter, for which official
    /// images of Python have no libraries.
    pub fn check(&self, is_builder: bool) -> Checked {
        let mut failures = Failures::new(Loading::new(self.tree, &self.resolved.resolutions));
        let found = self.warnings.iter().chain(self.empty);
        for warning in found.filter(|it| it.is_objection) {
            failures.add_finding(Kind::Unread, warning);
        }
        for warning in self.resolved.warnings.iter().filter(|it| it.is_objection) {
            failures.add_finding(Kind::Refused, warning);
        }
        for lacking in &self.resolved.lacking {
            failures.add_lacking(lacking);
        }
        let required = self.required_modules();
        let is_optional = |real: &Path| {
            let is_usual = is_builder || real.file_name().is_some_and(is_tkinter);
            is_usual && is_stdlib(real) && !required.contains(real)
        };
        let all = self.resolved.resolutions.iter();
        for resolution in all.filter(|it| !self.has_faulty_interpreter(it)) {
            failures.add_missing(resolution, &is_optional);
        }
        let modules = modules::for_other_pythons(self);
        let interpreters = self.interpreters.iter().filter(|it| it.is_objection);
        for warning in interpreters.chain(&modules) {
            failures.add_finding(Kind::Interpreter, warning);
        }
        let all = failures.sorted().into_iter();
        let (optional, failures): (Vec<_>, Vec<_>) = all.partition(|it| it.is_optional);
        let optional = optional.iter().map(Failure::as_optional);
        let unobjectionable = self.empty.iter().chain(self.interpreters);
        let unobjectionable = unobjectionable.filter(|it| !it.is_objection);
        Checked {
            failures,
            has_report: false,
            warnings: unobjectionable.cloned().chain(optional).collect(),
            counts: self.counts,
        }
    }

    /// Whether a script is not started because of a virtualenv's interpreter, which fails by itself.
    fn has_faulty_interpreter(&self, resolution: &Resolution) -> bool {
        let is_missing = matches!(resolution.outcome, Outcome::Missing { .. });
        if resolution.demand.evidence != Evidence::Script || !is_missing {
            return false;
        }
        let dir = Path::new(&*resolution.name).parent();
        let dir = dir.and_then(|dir| self.root.directory(dir));
        let mut virtualenvs = self.virtualenvs.iter();
        dir.is_some_and(|dir| {
            virtualenvs.any(|it| dir == it.prefix.join("bin") && it.fault(self.root).is_some())
        })
    }

    /// The real paths of the modules of the standard library that distributions require.
    fn required_modules(&self) -> BTreeSet<PathBuf> {
        let all = self.resolved.resolutions.iter();
        let required = all.filter(|it| it.demand.is_required && it.kind == demand::Kind::Module);
        let paths = required.filter_map(|it| it.outcome.ownable());
        let real = paths.filter_map(|path| self.root.canonicalize(path).ok());
        real.ordered()
    }

    /// The files outside the tree that it is loaded with, and the links on the way to them, sorted.
    ///
    /// The error names the path that cannot be followed or listed.
    pub fn closure(&self) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
        closure::paths(self)
    }

    /// Warnings about standard libraries that a copy of the tree would lack.
    pub fn outside(&self) -> Vec<Warning> {
        let all = self.virtualenvs.iter();
        let libraries = all.filter_map(|virtualenv| virtualenv.standard_library(self.root));
        libraries
            .filter_map(|path| self.root.canonicalize(&path).ok())
            .filter(|real| self.tree.reported(real).is_none())
            .map(|real| Warning::new(real, OUTSIDE))
            .collect()
    }
}

fn is_tkinter(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"_tkinter.")
}

/// The ABI that processes in `root` have: that of the tree's interpreters, of this program if it can run
/// there, or else of a loader that is installed.
pub fn native(
    root: &Root,
    rules: &dyn Rules,
    candidates: &Candidates,
    virtualenvs: &[Virtualenv],
) -> Abi {
    let own = Abi::of_this_program();
    let programs = virtualenvs.iter().filter_map(Virtualenv::program);
    let programs = programs.filter_map(|(program, _)| candidates.program(program));
    let of_programs: Vec<Abi> = programs.map(|program| program.object.abi).collect();
    if let Some(&first) = of_programs.first() {
        return if of_programs.contains(&own) {
            own
        } else {
            first
        };
    }
    let is_installed = |path: &Path| root.metadata(path).is_ok();
    let mut abis = ARCHITECTURES
        .iter()
        .map(|row| row.abi)
        .filter(|abi| rules.interpreter(*abi).is_some_and(is_installed));
    if root.is_machine() || abis.clone().any(|abi| abi == own) {
        return own;
    }
    abis.next().unwrap_or(own)
}
