//! One process after the other, as the loader would load it.
//!
//! What satisfies a single name is decided in [`super::satisfy`].

use crate::demand::{Caller, Demand, Kind as ItemKind};
use crate::elf::object_file::{Kind, Object};
use crate::loader::context::{Context, Inputs};
use crate::loader::diagnose;
use crate::loader::family;
use crate::loader::interpreter::Chain;
use crate::loader::located::{FileId, Located};
use crate::loader::never_packaged;
use crate::loader::outcome::{Absence, NeededName, Outcome, Resolution, Step};
use crate::loader::process::Process;
use crate::loader::remarks::Remarks;
use crate::system::escape::shown;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// The result of following one process.
pub struct Followed {
    pub needs: Vec<NeededName>,
    /// What was loaded, except the first object.
    pub loaded: HashSet<FileId>,
}

/// One pass over the tree.
pub struct Pass<'p, 'a> {
    pub context: &'p Context<'a>,
    pub is_followed: &'p dyn Fn(&Path) -> bool,
    /// Whether processes are complete, as they run in the final image: what the kernel and the
    /// interpreter load counts, too.
    pub is_complete: bool,
    pub remarks: Remarks,
}

impl Pass<'_, '_> {
    pub fn process(&self, first: Rc<Located>, base: &[Rc<Located>]) -> Process {
        let Context { inputs, search, .. } = self.context;
        search.process(first, base, &inputs.config.ld_library_path, &self.remarks)
    }

    pub fn interpreter(&self, dir: Option<&Path>) -> Chain {
        self.context.interpreters.of(dir, &self.remarks)
    }

    /// Loads `first` as the loader would, breadth first.
    pub fn follow(&self, first: &Rc<Located>) -> Followed {
        let interpreter = self.interpreter(first.real.parent());
        let mut process = self.process(Rc::clone(first), &interpreter);
        process.is_starting = first.object.kind == Kind::Program;
        self.add_started(&mut process, &interpreter);
        let needs = self.follow_links(&mut process, &interpreter, 0);
        self.check_conflicts(&process, &interpreter);
        process.loaded.remove(&first.file);
        Followed {
            needs,
            loaded: process.loaded,
        }
    }

    /// Loads what the objects of `process` need, starting with the object `start`, and checks the
    /// versions that they require of what they do not need.
    fn follow_links(
        &self,
        process: &mut Process,
        interpreter: &[Rc<Located>],
        start: usize,
    ) -> Vec<NeededName> {
        let needs = self.load_links(process, interpreter, start);
        if !self.context.inputs.rules.has_sonames_and_versions() {
            return needs;
        }
        let packaged = OnceCell::new();
        for link in &process.links[start..] {
            self.check_unneeded(process, interpreter, &link.located, &packaged);
        }
        needs
    }

    /// Loads what the objects of `process` need, starting with the object `start`.
    pub fn load_links(
        &self,
        process: &mut Process,
        interpreter: &[Rc<Located>],
        start: usize,
    ) -> Vec<NeededName> {
        let rules = self.context.inputs.rules;
        let mut needs = Vec::new();
        let mut next = start;
        while next < process.links.len() {
            let located = Rc::clone(&process.links[next].located);
            let object = &located.object;
            let path = self.context.inputs.tree.reported_path(&located);
            diagnose::object(&located, &path, rules, &self.remarks);
            self.check_stack(process, &located, &path);
            let searched = OnceCell::new();
            let mut of_object = Vec::new();
            for (name, must_exist) in self.names(object, next == 0 && process.is_starting) {
                if never_packaged::by_kernel(name) || self.context.inputs.config.ignores(name) {
                    continue;
                }
                let satisfied = self.satisfy(process, interpreter, next, name);
                if !must_exist && satisfied.by.is_none() {
                    continue;
                }
                of_object.push(NeededName {
                    by: Rc::clone(&located),
                    soname: Arc::clone(name),
                    absence: self.absence(process, next, name, &satisfied.outcome, &searched),
                    outcome: satisfied.outcome,
                    found: satisfied.by,
                });
            }
            family::mark_left_out(process, next, &mut of_object);
            for need in &of_object {
                let found = need.found.as_ref();
                let found = found.filter(|_| need.outcome != Outcome::LeftOut);
                if let Some(by) = found.filter(|_| rules.has_sonames_and_versions()) {
                    diagnose::versions(&located, &path, &need.soname, by, &self.remarks);
                }
            }
            needs.extend(of_object);
            next += 1;
        }
        needs
    }

    /// Warns about an object whose executable stack the loader refuses: since glibc 2.41, any that is
    /// loaded after the program has started.
    fn check_stack(&self, process: &Process, located: &Located, path: &Path) {
        let wants = |located: &Located| located.object.has_executable_stack;
        if process.is_starting || !wants(located) || process.main().is_some_and(wants) {
            return;
        }
        if self
            .context
            .search
            .c_library_defines(located.object.abi, "GLIBC_2.41")
        {
            let message = "wants an executable stack, which the loader refuses at run time; clear the \
                           flag with `patchelf --clear-execstack`";
            self.remarks.add_objection(path, message.to_owned());
        }
    }

    /// Checks the versions that `located` requires of libraries that it does not need: another object
    /// must have loaded them (`find_needed` in glibc's `elf/dl-version.c`).
    fn check_unneeded(
        &self,
        process: &Process,
        interpreter: &[Rc<Located>],
        located: &Rc<Located>,
        packaged: &OnceCell<Vec<Process>>,
    ) {
        let config = self.context.inputs.config;
        let names = located.object.unneeded.iter();
        for name in names.filter(|name| !config.ignores(name)) {
            let path = self.context.inputs.tree.reported_path(located);
            let known = process.by_name.get(&**name);
            if let Some(by) = known.and_then(|known| known.by.as_ref()) {
                diagnose::versions(located, &path, name, by, &self.remarks);
            } else if known.is_none()
                && !self.is_loaded_by_packages(process, interpreter, name, packaged)
            {
                let message = format!(
                    "requires versions of `{}`, which it does not need and nothing else loads; the \
                     loader refuses it",
                    shown(name)
                );
                self.remarks.add_objection(&path, message);
            }
        }
    }

    /// Whether the process has a library `name` because a packaged library or the interpreter needs it,
    /// or may have it because code loads it from the tree.
    fn is_loaded_by_packages(
        &self,
        process: &Process,
        interpreter: &[Rc<Located>],
        name: &OsStr,
        packaged: &OnceCell<Vec<Process>>,
    ) -> bool {
        let first = &process.links[0].located;
        let abi = first.object.abi;
        let rules = self.context.inputs.rules;
        if never_packaged::in_every_process(name, abi, process.is_starting, rules) {
            return true;
        }
        let in_tree = self.context.inputs.tree.with_soname(&Arc::from(name), abi);
        if in_tree.is_some() && !process.is_starting {
            return true;
        }
        let packaged = packaged.get_or_init(|| {
            let firsts = interpreter.iter().chain([first]);
            firsts.map(|first| self.whole(first, interpreter)).collect()
        });
        packaged
            .iter()
            .any(|whole| whole.by_name.contains_key(name))
    }

    fn absence(
        &self,
        process: &Process,
        index: usize,
        name: &Arc<OsStr>,
        outcome: &Outcome,
        searched: &OnceCell<Rc<[Step]>>,
    ) -> Option<Box<Absence>> {
        let Context { inputs, search, .. } = self.context;
        matches!(outcome, Outcome::Missing { .. }).then(|| {
            Box::new(Absence {
                steps: search.steps(process, index, name, searched),
                cause: diagnose::cause(*search, inputs.tree, process, index, name),
                packaged: Vec::new(),
            })
        })
    }

    /// Loads the first library of `demand`, on behalf of its caller, and returns the needs of what is
    /// loaded along with it and has no package. `None` if one of them is ignored, or its caller is
    /// never loaded.
    pub fn follow_libraries(&self, demand: &Rc<Demand>) -> Option<(Resolution, Vec<NeededName>)> {
        if !demand.is_listed {
            // It is only reported: its own needs and their problems are ignored.
            let pass = Pass {
                context: self.context,
                is_followed: &|_| false,
                is_complete: self.is_complete,
                remarks: Remarks::default(),
            };
            let (mut process, interpreter) = pass.caller(demand)?;
            let (soname, outcome) = pass.satisfy_demand(&mut process, &interpreter, demand)?;
            let resolution = Resolution {
                demand: Rc::clone(demand),
                kind: ItemKind::Library,
                name: soname,
                outcome,
                absence: None,
                others: Box::default(),
            };
            return Some((resolution, Vec::new()));
        }
        let (mut process, interpreter) = self.caller(demand)?;
        let (soname, outcome) = self.satisfy_demand(&mut process, &interpreter, demand)?;
        let resolution = Resolution {
            demand: Rc::clone(demand),
            kind: ItemKind::Library,
            absence: self.absence(&process, 0, &soname, &outcome, &OnceCell::new()),
            name: soname,
            outcome,
            others: Box::default(),
        };
        let needs = self.follow_links(&mut process, &interpreter, 1);
        Some((resolution, needs))
    }

    /// The process that makes `demand`, with its caller alone, and the interpreter; `None` if the
    /// caller is never loaded.
    fn caller(&self, demand: &Demand) -> Option<(Process, Chain)> {
        let Inputs {
            tree,
            candidates,
            native,
            rules,
            ..
        } = self.context.inputs;
        let absent = || candidates.absent_program(native);
        let (first, base, interpreter) = match &demand.caller {
            Caller::Object(real) if rules.searches_for_caller() => {
                let interpreter = self.interpreter(real.parent());
                let first = tree.with_real_path(real).map_or_else(absent, Rc::clone);
                (first, Rc::clone(&interpreter), interpreter)
            }
            caller => {
                let dir = match caller {
                    Caller::Object(real) => real.parent(),
                    Caller::Interpreter(dir) => Some(&**dir),
                };
                let interpreter = self.interpreter(dir);
                let first = interpreter.last().map_or_else(absent, Rc::clone);
                (first, Chain::from([]), interpreter)
            }
        };
        let is_loaded = self.context.foreign.system(&first.object).is_none();
        is_loaded.then(|| {
            let mut process = self.process(first, &base);
            self.add_started(&mut process, &interpreter);
            (process, interpreter)
        })
    }

    /// Adds what the interpreter loads when it starts, if processes are complete.
    fn add_started(&self, process: &mut Process, interpreter: &[Rc<Located>]) {
        let program = interpreter.last().filter(|_| self.is_complete);
        if let Some(program) = program.filter(|_| !process.is_starting) {
            for (name, satisfied) in &*self.started(program, interpreter) {
                let entry = process.by_name.entry(Arc::clone(name));
                entry.or_insert_with(|| satisfied.clone());
            }
        }
    }

    /// The names that are searched for to load `object`, and whether loading fails without them.
    ///
    /// The kernel opens the interpreter of a program. A program that needs the C library comes with its
    /// loader, and that is the interpreter of nearly all: it matters only in the final image.
    fn names<'o>(
        &self,
        object: &'o Object,
        is_program: bool,
    ) -> impl Iterator<Item = (&'o Arc<OsStr>, bool)> + use<'o> {
        let rules = self.context.inputs.rules;
        let usual = rules.interpreter(object.abi).map(Path::as_os_str);
        let is_usual = |interpreter: &&Arc<OsStr>| {
            usual == Some(&***interpreter)
                && object.needed.iter().any(|name| rules.is_c_library(name))
        };
        let interpreter = object.interpreter.as_ref().filter(|_| is_program);
        let interpreter = interpreter.filter(|it| self.is_complete || !is_usual(it));
        let needed = object.needed.iter();
        // An empty name is that of the program (`_dl_name_match_p` in glibc's `elf/dl-misc.c`).
        let required = interpreter
            .into_iter()
            .chain(needed.filter(|name| !name.is_empty()));
        let auxiliary = object.auxiliary.iter().map(|name| (name, false));
        required.map(|name| (name, true)).chain(auxiliary)
    }
}
