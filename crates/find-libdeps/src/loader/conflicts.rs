//! Versions that a bundled library and one of the system with the same SONAME do not share.
//!
//! A process has one library for each name, the one that it loaded first. A packaged library may then
//! get a bundled one that is too old, and a bundled object one of the system, because the interpreter
//! has loaded that. Packaged libraries are followed here too, but only where a bundled library has the
//! name of one in the cache.

use crate::elf::object_file::Kind;
use crate::loader::candidates::Candidate;
use crate::loader::diagnose;
use crate::loader::follow::Pass;
use crate::loader::interpreter::{Loaded, Started};
use crate::loader::located::Located;
use crate::loader::outcome::Outcome;
use crate::loader::process::Process;
use crate::loader::remarks::Remarks;
use crate::system::escape::shown;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

impl Pass<'_, '_> {
    /// Warns about versions that objects of `process`, or of the packages that it loads, do not find in
    /// the library that has the name.
    pub fn check_conflicts(&self, process: &Process, interpreter: &[Rc<Located>]) {
        let may_conflict = process.links.iter().skip(1).any(|link| {
            let object = &link.located.object;
            let cached = |name| self.context.search.rules.cached(name, object.abi);
            !object.defined_versions.is_empty()
                && object.soname.as_deref().and_then(cached).is_some()
                && self.context.inputs.tree.contains(&link.located)
        });
        if !may_conflict {
            return;
        }
        // A complete pass loads packaged libraries as any other.
        if !self.is_complete {
            self.check_packaged(process, interpreter);
        }
        if process.links[0].located.object.kind != Kind::Program {
            self.check_after_interpreter(process, interpreter);
        }
    }

    /// What packaged libraries require of bundled ones.
    fn check_packaged(&self, process: &Process, interpreter: &[Rc<Located>]) {
        let tree = self.context.inputs.tree;
        let first = &process.links[0].located;
        let whole = self.whole(first, interpreter);
        let packaged = whole.links.iter().map(|link| &link.located);
        for located in packaged.filter(|located| !tree.contains(located)) {
            for name in self.checked_names(located) {
                let Some(Outcome::Bundled(hit)) = whole.by_name.get(name).map(|it| &it.outcome)
                else {
                    continue;
                };
                let message = lacking(located, name, &hit.located).map(|versions| {
                    format!(
                        "requires {versions} of `{}`, which {} does not define, and {} loads that; \
                         the loader refuses both",
                        shown(name),
                        shown(&*tree.reported_path(&hit.located)),
                        shown(&*tree.reported_path(first)),
                    )
                });
                if let Some(message) = message {
                    self.remarks.add_objection(&located.clean_path, message);
                }
            }
        }
    }

    /// What objects of the tree require of libraries that the interpreter loads.
    fn check_after_interpreter(&self, process: &Process, interpreter: &[Rc<Located>]) {
        let tree = self.context.inputs.tree;
        let Some(program) = interpreter.last() else {
            return;
        };
        let loaded = self.loaded_by(program, interpreter);
        for link in &process.links {
            let located = &link.located;
            for name in self.checked_names(located) {
                let (Some(Outcome::Bundled(hit)), Some(other)) = (
                    process.by_name.get(name).map(|it| &it.outcome),
                    loaded.get(name),
                ) else {
                    continue;
                };
                if let Some(versions) = lacking(located, name, other) {
                    let message = format!(
                        "requires {versions} of `{}`, which {} does not define; if the interpreter \
                         has loaded that, the loader does not load {}, and refuses this file",
                        shown(name),
                        shown(&*other.clean_path),
                        shown(&*tree.reported_path(&hit.located)),
                    );
                    self.remarks
                        .add_objection(&tree.reported_path(located), message);
                }
            }
        }
    }

    fn checked_names<'o>(&self, located: &'o Located) -> impl Iterator<Item = &'o Arc<OsStr>> {
        let config = self.context.inputs.config;
        let names = located.object.needed.iter();
        names.filter(move |name| !config.ignores(name))
    }

    /// The libraries that `program`, an interpreter, and the modules of its standard library load.
    fn loaded_by(&self, program: &Rc<Located>, interpreter: &[Rc<Located>]) -> Rc<Loaded> {
        let known = &self.context.loaded_by_interpreters.by_program;
        if let Some(loaded) = known.borrow().get(&program.file) {
            return Rc::clone(loaded);
        }
        let mut loaded = Loaded::new();
        let modules = self.standard_modules(program);
        for first in std::iter::once(program).chain(&modules) {
            let whole = self.whole(first, interpreter);
            for (name, satisfied) in whole.by_name {
                if let (Outcome::System(_), Some(by)) = (satisfied.outcome, satisfied.by) {
                    loaded.entry(name).or_insert(by);
                }
            }
        }
        let loaded = Rc::new(loaded);
        known.borrow_mut().insert(program.file, Rc::clone(&loaded));
        loaded
    }

    /// What satisfies each name that `program`, an interpreter, has loaded when it has started.
    pub fn started(&self, program: &Rc<Located>, interpreter: &[Rc<Located>]) -> Rc<Started> {
        let known = &self.context.loaded_by_interpreters.at_start;
        if let Some(started) = known.borrow().get(&program.file) {
            return Rc::clone(started);
        }
        let mut process = self.whole(program, interpreter);
        let started = Rc::new(std::mem::take(&mut process.by_name));
        known.borrow_mut().insert(program.file, Rc::clone(&started));
        started
    }

    /// The extension modules in `lib-dynload` of the prefix of `program`.
    fn standard_modules(&self, program: &Located) -> Vec<Rc<Located>> {
        let root = self.context.inputs.root;
        let prefix = program.real.parent().and_then(Path::parent);
        let lib = prefix.unwrap_or(Path::new("/")).join("lib");
        let mut names = root.list(&lib).unwrap_or_default();
        names.retain(|name| name.as_bytes().starts_with(b"python3"));
        let dirs = names.iter().map(|name| lib.join(name).join("lib-dynload"));
        let files = dirs.flat_map(|dir| {
            let names = root.list(&dir).unwrap_or_default();
            names.into_iter().map(move |name| dir.join(name))
        });
        let candidates = self.context.inputs.candidates;
        let abi = program.object.abi;
        files
            .filter_map(|file| match candidates.candidate(&file, abi) {
                Candidate::Fits(module) => Some(module),
                Candidate::Absent | Candidate::Refused(_) => None,
            })
            .collect()
    }

    /// A process that begins with `first`, with all that packaged libraries need.
    pub fn whole(&self, first: &Rc<Located>, interpreter: &[Rc<Located>]) -> Process {
        let all = Pass {
            context: self.context,
            is_followed: &|_| true,
            is_complete: self.is_complete,
            remarks: Remarks::default(),
        };
        let mut process = all.process(Rc::clone(first), interpreter);
        process.is_starting = first.object.kind == Kind::Program;
        all.load_links(&mut process, interpreter, 0);
        process
    }
}

/// The versions that `located` requires of `name` and `by` lacks, as text.
fn lacking(located: &Located, name: &OsStr, by: &Located) -> Option<String> {
    let versions: Vec<String> = diagnose::lacks(located, name, by)
        .map(|version| format!("`{}`", shown(version)))
        .collect();
    (!versions.is_empty()).then(|| format!("version {}", versions.join(", ")))
}
