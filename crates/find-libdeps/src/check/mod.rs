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

use crate::config::Config;
use crate::loader::candidates::Candidates;
use crate::loader::resolver::Resolved;
use crate::loader::tree::Tree;
use crate::python::interpreter::Virtualenv;
use crate::scan::Counts;
use crate::system::architecture::{ARCHITECTURES, Abi};
use crate::system::root::Root;
use crate::warning::Warning;
use failure::Failures;
use path::Loading;
use std::io;
use std::path::{Path, PathBuf};

const OUTSIDE: &str = "the interpreter's standard library is outside the PATHs; its files are not \
                       printed, nor what they need; pass it as a PATH";

/// The result of a check.
#[derive(Debug)]
pub struct Checked {
    /// Sorted.
    pub failures: Vec<Failure>,
    /// What does not fail, but may be a mistake.
    pub warnings: Vec<Warning>,
    pub counts: Counts,
}

/// A root with the tree in it, and what was found there.
pub struct Image<'a> {
    pub root: &'a Root,
    pub config: &'a Config,
    pub tree: &'a Tree,
    pub virtualenvs: &'a [Virtualenv],
    pub resolved: Resolved,
    /// What the scan found.
    pub warnings: Vec<Warning>,
    /// PATHs in which nothing was found.
    pub empty: Vec<Warning>,
    pub counts: Counts,
}

impl Image<'_> {
    /// What keeps files of the tree from being loaded or started: a required name that is missing, a
    /// version that the library found does not define, an interpreter that is absent or another, and
    /// what else `--strict` objects to.
    pub fn check(&self) -> Checked {
        let mut failures = Failures::new(Loading::new(self.tree, &self.resolved.resolutions));
        for warning in self.warnings.iter().filter(|it| it.is_objection) {
            failures.add_finding(Kind::Unread, warning);
        }
        for warning in self.resolved.warnings.iter().filter(|it| it.is_objection) {
            failures.add_finding(Kind::Refused, warning);
        }
        for lacking in &self.resolved.lacking {
            failures.add_lacking(lacking);
        }
        for resolution in &self.resolved.resolutions {
            failures.add_missing(resolution);
        }
        for warning in self.interpreters() {
            failures.add_finding(Kind::Interpreter, &warning);
        }
        Checked {
            failures: failures.sorted(),
            warnings: self.empty.clone(),
            counts: self.counts,
        }
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

    /// The faults of interpreters, and modules for others.
    fn interpreters(&self) -> Vec<Warning> {
        let faults = self.virtualenvs.iter().filter_map(|virtualenv| {
            let fault = virtualenv.fault(self.root)?;
            let path = self.tree.reported(&fault.path).unwrap_or(fault.path);
            let is_excluded = self.config.excludes(&path);
            (!is_excluded).then(|| Warning::objection(path, fault.text))
        });
        faults
            .chain(modules::for_other_pythons(self.root, self.tree))
            .collect()
    }
}

/// The ABI that processes in `root` have: that of the tree's interpreter, of this program if it can run
/// there, or else of a loader that is installed.
pub fn native(root: &Root, candidates: &Candidates, virtualenvs: &[Virtualenv]) -> Abi {
    let mut programs = virtualenvs.iter().filter_map(Virtualenv::program);
    let interpreter = programs.find_map(|(program, _)| candidates.program(program));
    if let Some(interpreter) = interpreter {
        return interpreter.object.abi;
    }
    let own = Abi::of_this_program();
    let is_installed = |path: &str| root.metadata(Path::new(path)).is_ok();
    let installed = ARCHITECTURES
        .iter()
        .filter(|row| is_installed(row.interpreter));
    let mut abis = installed.map(|row| row.abi);
    if root.is_machine() || abis.clone().any(|abi| abi == own) {
        return own;
    }
    abis.next().unwrap_or(own)
}
