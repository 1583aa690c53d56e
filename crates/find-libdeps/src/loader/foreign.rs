//! Objects that are never loaded here: for other architectures or systems, or refused.
//!
//! Wheels ship programs for several machines, firmware, and code for graphics processors. Their needs
//! are not missing.

use crate::elf::built_for;
use crate::elf::object_file::{Kind, Object};
use crate::loader::located::Located;
use crate::loader::remarks::Remarks;
use crate::loader::rules::Rules;
use crate::loader::tree::{Tree, is_extension_module};
use crate::python::distributions;
use crate::system::architecture::{ARCHITECTURES, Abi, Architecture};
use crate::system::escape::shown;
use crate::system::ordered::Ordered as _;
use crate::system::root::Root;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Which objects can be loaded.
pub struct Foreign {
    usable: Vec<Abi>,
    c_library: &'static str,
}

impl Foreign {
    /// The architectures of the root are its native one, those whose packages may be installed
    /// (`accepted`), and those whose loader is.
    pub fn new(root: &Root, rules: &dyn Rules, native: Abi, accepted: &BTreeSet<String>) -> Self {
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
        root: &Root,
        tree: &Tree,
        interpreter: impl Fn(&Located) -> Option<Rc<Located>>,
        remarks: &Remarks,
    ) {
        let mut groups: BTreeMap<PathBuf, Group> = BTreeMap::new();
        let mut has_own = false;
        for located in tree.objects() {
            let object = &located.object;
            match (self.system(object), &object.refusal) {
                (Some(system), _) => {
                    if !object.needed.is_empty() || object.interpreter.is_some() {
                        let group = groups.entry(distributions::dir(&located.path)).or_default();
                        group.files.push((located, system));
                        group.is_wheel |= self.is_of_other_wheel(located);
                        group.has_program |= self.is_unstartable(root, located);
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
        add_libraries(&mut groups);
        if groups.values().any(|group| group.is_wheel) {
            // What needs no C library shows nothing.
            let is_own = |located: &&Rc<Located>| {
                located.object.system.is_some() && self.is_loadable(located)
            };
            let own = tree.objects().iter().filter(is_own);
            for dir in own.map(|it| distributions::dir(&it.path)) {
                if let Some(group) = groups.get_mut(&dir) {
                    group.is_wheel = false;
                }
            }
        }
        for (dir, group) in groups {
            let (path, message) = self.text(dir, &group);
            // A tree for another machine is not what was meant, nor a wheel for another C library.
            if has_own && !group.is_wheel && !group.has_program {
                remarks.add(&path, message);
            } else {
                remarks.add_objection(&path, message);
            }
        }
    }

    /// Whether `located` is an extension module for this architecture, but another C library.
    fn is_of_other_wheel(&self, located: &Located) -> bool {
        self.usable.contains(&located.object.abi)
            && matches!(
                located.object.system,
                Some(built_for::GLIBC | built_for::MUSL)
            )
            && is_extension_module(&located.path)
    }

    /// Whether `located` is a program in a `bin` that is not part of a distribution, for this architecture,
    /// and `root` lacks its loader. Distributions ship helpers for several systems.
    fn is_unstartable(&self, root: &Root, located: &Located) -> bool {
        let is_missing = |path: &Path| root.metadata(path).is_err();
        let object = &located.object;
        object.kind == Kind::Program
            && self.usable.contains(&object.abi)
            && distributions::dir(&located.path).ends_with("bin")
            && object
                .interpreter
                .as_deref()
                .map(Path::new)
                .is_some_and(is_missing)
    }

    /// What a warning about a group of the distribution in `dir` is about, and its text.
    fn text(&self, dir: PathBuf, group: &Group) -> (PathBuf, String) {
        let end = if group.is_wheel || group.has_program {
            format!(
                ", not for this system with {}; install its wheel with this system's pip",
                self.c_library
            )
        } else {
            ", not for this system".to_owned()
        };
        if let [(located, system)] = group.files[..] {
            let text = format!("is built for {system}{end}; its needs are not listed");
            return (located.path.to_path_buf(), text);
        }
        let systems: BTreeSet<&str> = group.files.iter().map(|(_, system)| *system).ordered();
        let systems: Vec<&str> = systems.into_iter().collect();
        let first = group
            .files
            .first()
            .map_or(&*dir, |(located, _)| &located.path);
        let text = format!(
            "{} files such as {} are built for {}{end}; their needs are not listed",
            group.files.len(),
            shown(first.strip_prefix(&dir).unwrap_or(first)),
            systems.join(", "),
        );
        (dir, text)
    }
}

/// The objects of one distribution that are for other systems.
#[derive(Default)]
struct Group<'a> {
    files: Vec<(&'a Located, &'static str)>,
    /// Whether it is a wheel for another C library, and not one with files for several.
    is_wheel: bool,
    /// Whether a program in `bin` cannot start.
    has_program: bool,
}

/// Adds the libraries that wheels bundle in a directory beside their modules (`numpy.libs`) to the
/// distributions that search there.
fn add_libraries(groups: &mut BTreeMap<PathBuf, Group>) {
    let is_for_libraries = |dir: &&PathBuf| dir.extension().is_some_and(|end| end == "libs");
    let bundles: Vec<PathBuf> = groups.keys().filter(is_for_libraries).cloned().collect();
    for bundle in bundles {
        let searches = |located: &Located| {
            let mut directories = located.rpath.iter().chain(&located.runpath);
            directories.any(|dir| dir.file_name() == bundle.file_name())
        };
        let mut users = groups.iter().filter(|(dir, _)| **dir != bundle);
        let user = users.find(|(_, group)| group.files.iter().any(|(it, _)| searches(it)));
        if let Some(user) = user.map(|(dir, _)| dir.clone()) {
            let libraries = groups.remove(&bundle).unwrap_or_default();
            groups
                .entry(user)
                .or_default()
                .files
                .extend(libraries.files);
        }
    }
}
