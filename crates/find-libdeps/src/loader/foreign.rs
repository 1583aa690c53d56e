//! Objects that are never loaded here: for other architectures or systems, or refused.
//!
//! Wheels ship programs for several machines, firmware, and code for graphics processors. Their needs
//! are not missing.

use crate::elf::built_for;
use crate::elf::object_file::Object;
use crate::loader::context::Inputs;
use crate::loader::located::Located;
use crate::loader::remarks::Remarks;
use crate::loader::tree::Tree;
use crate::python::distributions;
use crate::system::architecture::{ARCHITECTURES, Abi, Architecture};
use crate::system::escape::shown;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Which objects can be loaded.
pub struct Foreign {
    usable: Vec<Abi>,
    c_library: &'static str,
}

impl Foreign {
    /// The architectures of the root are its native one, those whose packages may be installed, and
    /// those whose loader is.
    pub fn new(inputs: &Inputs) -> Self {
        let Inputs {
            root,
            rules,
            native,
            accepted,
            ..
        } = *inputs;
        let is_installed = |path: &Path| root.metadata(path).is_ok();
        let is_usable = |row: &&Architecture| {
            accepted.contains(row.debian) || rules.interpreter(row.abi).is_some_and(is_installed)
        };
        let rows = ARCHITECTURES.iter().filter(|row| row.abi != native);
        let others = rows.filter(is_usable).map(|row| row.abi);
        Self {
            usable: others.chain([native]).collect(),
            c_library: rules.c_library(),
        }
    }

    /// The system that `object` is built for, if it is not this one.
    pub fn system(&self, object: &Object) -> Option<&'static str> {
        if self.usable.contains(&object.abi) {
            let system = object.system;
            system.filter(|system| !built_for::runs_with(system, self.c_library))
        } else {
            Some(object.abi.name())
        }
    }

    /// Whether `located` can be loaded. If not, it may be reported in [`Foreign::report`].
    pub fn is_loadable(&self, located: &Located) -> bool {
        self.system(&located.object).is_none() && located.object.refusal.is_none()
    }

    /// Warns about the objects of `tree` that cannot be loaded: those for other systems once a
    /// distribution, and only if they need something. `interpreter` returns that of an object.
    pub fn report(
        &self,
        tree: &Tree,
        interpreter: impl Fn(&Located) -> Option<Rc<Located>>,
        remarks: &Remarks,
    ) {
        let mut groups: BTreeMap<PathBuf, Vec<(&Path, &'static str)>> = BTreeMap::new();
        let mut has_own = false;
        for located in tree.objects() {
            let object = &located.object;
            match (self.system(object), &object.refusal) {
                (Some(system), _) => {
                    if !object.needed.is_empty() || object.interpreter.is_some() {
                        let group = groups.entry(distributions::dir(&located.path)).or_default();
                        group.push((&located.path, system));
                        // The tree of an interpreter that runs here may have no other objects.
                        let interpreter = interpreter(located);
                        has_own |= interpreter.is_some_and(|it| self.is_loadable(&it));
                    }
                }
                (None, Some(refusal)) => {
                    let message = format!("{refusal}; its needs are not listed");
                    remarks.add_objection(&located.path, message);
                    has_own = true;
                }
                (None, None) => has_own = true,
            }
        }
        for (dir, files) in groups {
            let (path, message) = text(dir, &files);
            // A tree for another machine is not what was meant.
            if has_own {
                remarks.add(&path, message);
            } else {
                remarks.add_objection(&path, message);
            }
        }
    }
}

/// What a warning about `files` of the distribution in `dir` is about, and its text.
fn text(dir: PathBuf, files: &[(&Path, &'static str)]) -> (PathBuf, String) {
    let end = "not for this system";
    if let [(path, system)] = files {
        let text = format!("is built for {system}, {end}; its needs are not listed");
        return ((*path).to_owned(), text);
    }
    let systems: BTreeSet<&str> = files.iter().map(|(_, system)| *system).collect();
    let systems: Vec<&str> = systems.into_iter().collect();
    let first = files.first().map_or(&*dir, |(path, _)| *path);
    let text = format!(
        "{} files such as {} are built for {}, {end}; their needs are not listed",
        files.len(),
        shown(first.strip_prefix(&dir).unwrap_or(first)),
        systems.join(", "),
    );
    (dir, text)
}
