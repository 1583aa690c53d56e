//! One process after the other, as the loader would load it.
//!
//! What satisfies a single name is decided in [`super::satisfy`].

use crate::demand::{Caller, Demand};
use crate::loader::context::{Context, Inputs};
use crate::loader::diagnose;
use crate::loader::interpreter::Chain;
use crate::loader::located::{FileId, Located};
use crate::loader::never_packaged;
use crate::loader::outcome::{Absence, Outcome, Resolution, Step};
use crate::loader::process::Process;
use crate::loader::remarks::Remarks;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// A needed name of an object, resolved in one process.
pub struct NeededName {
    pub by: Rc<Located>,
    pub soname: Arc<OsStr>,
    pub outcome: Outcome,
    pub absence: Option<Box<Absence>>,
}

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
    pub remarks: Remarks,
}

impl Pass<'_, '_> {
    fn process(&self, first: Rc<Located>, base: &[Rc<Located>]) -> Process {
        let environment = &self.context.inputs.config.ld_library_path;
        Process::new(first, base, environment, &self.remarks)
    }

    fn interpreter(&self, dir: Option<&Path>) -> Chain {
        self.context.interpreters.of(dir, &self.remarks)
    }

    /// Loads `first` as the loader would, breadth first.
    pub fn follow(&self, first: &Rc<Located>) -> Followed {
        let interpreter = self.interpreter(first.real.parent());
        let mut process = self.process(Rc::clone(first), &interpreter);
        let needs = self.follow_links(&mut process, &interpreter, 0);
        process.loaded.remove(&first.file);
        Followed {
            needs,
            loaded: process.loaded,
        }
    }

    /// Loads what the objects of `process` need, starting with the object `next`.
    fn follow_links(
        &self,
        process: &mut Process,
        interpreter: &[Rc<Located>],
        mut next: usize,
    ) -> Vec<NeededName> {
        let tree = self.context.inputs.tree;
        let mut needs = Vec::new();
        while next < process.links.len() {
            let located = Rc::clone(&process.links[next].located);
            let path = tree.reported_path(&located);
            diagnose::object(&located, &path, &self.remarks);
            let searched = OnceCell::new();
            let needed = if located.object.is_musl() {
                &[]
            } else {
                located.object.needed.as_slice()
            };
            for name in needed {
                if never_packaged::by_kernel(name) || self.context.inputs.config.ignores(name) {
                    continue;
                }
                let satisfied = self.satisfy(process, interpreter, next, name);
                if let Some(by) = &satisfied.by {
                    diagnose::versions(&located, &path, name, by, &self.remarks);
                }
                needs.push(NeededName {
                    by: Rc::clone(&located),
                    soname: Arc::clone(name),
                    absence: self.absence(process, next, name, &satisfied.outcome, &searched),
                    outcome: satisfied.outcome,
                });
            }
            next += 1;
        }
        needs
    }

    fn absence(
        &self,
        process: &Process,
        index: usize,
        name: &OsStr,
        outcome: &Outcome,
        searched: &OnceCell<Rc<[Step]>>,
    ) -> Option<Box<Absence>> {
        let Context { inputs, search, .. } = self.context;
        let located = &process.links[index].located;
        matches!(outcome, Outcome::Missing { .. }).then(|| {
            let path = inputs.tree.reported_path(located);
            Box::new(Absence {
                steps: search.steps(process, index, name, searched),
                cause: diagnose::cause(*search, inputs.tree, located, &path, name),
            })
        })
    }

    /// Loads what `demand` names, on behalf of its caller, and returns the needs of what is loaded
    /// along with it and has no package. `None` if a name of the demand is ignored.
    pub fn follow_demand(&self, demand: &Rc<Demand>) -> Option<(Resolution, Vec<NeededName>)> {
        if !demand.is_listed {
            // It is only reported: its own needs and their problems are ignored.
            let pass = Pass {
                context: self.context,
                is_followed: &|_| false,
                remarks: Remarks::default(),
            };
            let (mut process, interpreter) = pass.caller(demand);
            let (soname, outcome) = pass.satisfy_demand(&mut process, &interpreter, demand)?;
            let resolution = Resolution {
                demand: Rc::clone(demand),
                soname,
                outcome,
                absence: None,
            };
            return Some((resolution, Vec::new()));
        }
        let (mut process, interpreter) = self.caller(demand);
        let (soname, outcome) = self.satisfy_demand(&mut process, &interpreter, demand)?;
        let resolution = Resolution {
            demand: Rc::clone(demand),
            absence: self.absence(&process, 0, &soname, &outcome, &OnceCell::new()),
            soname,
            outcome,
        };
        let needs = self.follow_links(&mut process, &interpreter, 1);
        Some((resolution, needs))
    }

    /// The process that makes `demand`, with its caller alone, and the interpreter.
    fn caller(&self, demand: &Demand) -> (Process, Chain) {
        let Inputs {
            tree,
            candidates,
            native,
            ..
        } = self.context.inputs;
        let absent = || candidates.absent_program(native);
        match &demand.caller {
            Caller::Object(real) => {
                let interpreter = self.interpreter(real.parent());
                let first = tree.with_real_path(real).map_or_else(absent, Rc::clone);
                (self.process(first, &interpreter), interpreter)
            }
            Caller::Interpreter(dir) => {
                let interpreter = self.interpreter(Some(dir));
                let first = interpreter.last().map_or_else(absent, Rc::clone);
                (self.process(first, &[]), interpreter)
            }
        }
    }
}
