//! Demands with items that are no libraries: programs, files and modules of the standard library.

use crate::demand::{Caller, Demand, Evidence, Item, Kind};
use crate::files::StandardLibrary;
use crate::loader::follow::Pass;
use crate::loader::outcome::{Absence, Cause, FoundBy, NeededName, Outcome, Resolution, Step};
use crate::scan;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

impl Pass<'_, '_> {
    /// What meets `demand`, and the needs of what is loaded along with it and has no package. `None`
    /// if an item of the demand is ignored, or its caller is never loaded.
    pub fn follow_demand(&self, demand: &Rc<Demand>) -> Option<(Resolution, Vec<NeededName>)> {
        let is_library = |item: &Item| item.kind() == Kind::Library;
        if demand.items.iter().all(is_library) {
            return self.follow_libraries(demand);
        }
        let config = self.context.inputs.config;
        if demand.items.iter().any(|item| config.ignores(&item.name())) {
            return None;
        }
        let standard_library = self.standard_library(demand);
        let found = demand.items.iter().enumerate().find_map(|(at, item)| {
            let path = self
                .context
                .inputs
                .files
                .find(item, standard_library.as_ref())?;
            Some((at, item, path))
        });
        if let Some(library) = demand.items.iter().position(is_library) {
            let is_before = found.as_ref().is_some_and(|(at, ..)| *at < library);
            if !is_before {
                let followed = self.follow_libraries(demand)?;
                let is_missing = matches!(followed.0.outcome, Outcome::Missing { .. });
                if found.is_none() || !is_missing {
                    return Some(followed);
                }
            }
        }
        let Some((_, item, path)) = found else {
            let missing = self.missing(demand, standard_library.as_ref())?;
            return Some((missing, Vec::new()));
        };
        let brought = if demand.is_listed {
            self.brought(&path)
        } else {
            Vec::new()
        };
        let resolution = Resolution {
            demand: Rc::clone(demand),
            kind: item.kind(),
            name: Arc::from(item.name()),
            outcome: Outcome::File {
                path,
                found_by: found_by(item),
            },
            absence: None,
            others: Box::default(),
        };
        Some((resolution, brought))
    }

    /// The needs of the program or extension module at `path` from outside the tree, if no package
    /// depends on them.
    fn brought(&self, path: &Path) -> Vec<NeededName> {
        let inputs = &self.context.inputs;
        if !(self.is_followed)(path) || inputs.tree.reported(path).is_some() {
            return Vec::new();
        }
        let program = inputs.candidates.program(path);
        let program = program.filter(|it| self.context.foreign.is_loadable(it));
        program.map_or_else(Vec::new, |program| self.follow(&program).needs)
    }

    fn missing(
        &self,
        demand: &Rc<Demand>,
        library: Option<&StandardLibrary>,
    ) -> Option<Resolution> {
        let first = demand.items.first()?;
        let step = |item: &Item, path: PathBuf| Step {
            found_by: found_by(item),
            path,
        };
        let steps = demand.items.iter().flat_map(|item| match item {
            Item::Library(_) => Vec::new(),
            Item::Program(name) if name.as_bytes().contains(&b'/') => {
                vec![step(item, PathBuf::from(name))]
            }
            Item::Program(_) => {
                let path = self.context.inputs.files.path().iter();
                path.map(|dir| step(item, dir.clone())).collect()
            }
            Item::File(pattern) => vec![step(item, PathBuf::from(pattern.as_str()))],
            Item::Module(_) => {
                let dir = library.map(|library| step(item, library.dir().to_owned()));
                dir.into_iter().collect()
            }
        });
        let packaged = demand.items.iter().flat_map(|item| match (item, library) {
            (Item::Module(name), Some(library)) => library.packaged(name),
            (Item::Module(_), None) => Vec::new(),
            _ => vec![item.clone()],
        });
        let is_script = demand.evidence == Evidence::Script;
        let fault = is_script.then(|| scan::fault(&first.name())).flatten();
        let cause = fault.map(|fault| Cause {
            text: fault.text.to_owned(),
            advice: Some(fault.advice.to_owned()),
            may_be_packaged: false,
        });
        Some(Resolution {
            demand: Rc::clone(demand),
            kind: first.kind(),
            name: Arc::from(first.name()),
            outcome: Outcome::Missing {
                architecture: self.context.inputs.native.name(),
            },
            absence: Some(Box::new(Absence {
                steps: steps.collect(),
                cause,
                packaged: packaged.collect(),
            })),
            others: Box::default(),
        })
    }

    /// The standard library that the caller of `demand` uses, if a module is demanded.
    fn standard_library(&self, demand: &Demand) -> Option<StandardLibrary> {
        let is_module = |item: &Item| item.kind() == Kind::Module;
        if !demand.items.iter().any(is_module) {
            return None;
        }
        let dir = match &demand.caller {
            Caller::Object(real) => real.parent()?,
            Caller::Interpreter(dir) => dir,
        };
        let interpreter = self.interpreter(Some(dir));
        let program = interpreter.last().map(|program| &*program.real);
        StandardLibrary::of(self.context.inputs.root, program, dir)
    }
}

fn found_by(item: &Item) -> FoundBy {
    match item {
        Item::Library(_) | Item::File(_) => FoundBy::Direct,
        Item::Program(_) => FoundBy::Path,
        Item::Module(_) => FoundBy::StandardLibrary,
    }
}
