//! Demands to outcomes, by following each process through its loading.
//!
//! The result of a search depends on more than the object that needs a name: on the RPATHs of what
//! loaded it, and on what is loaded already, since a name is satisfied by any loaded object that has
//! it as its SONAME (`_dl_map_object` in glibc's `elf/dl-load.c`). So each program and each
//! extension module is followed in the loader's own order (`_dl_map_object_deps` in
//! `elf/dl-deps.c`), as far as it stays below the given paths: what a packaged library needs, its
//! package depends on.
//!
//! A library that code loads by name at run time is searched for in the same way, on behalf of the
//! object or the interpreter that loads it.

use crate::demand::{
    Caller, Demand, Evidence, Item, Kind as ItemKind, LibraryName, Site, Variants,
};
use crate::elf::object_file::Kind;
use crate::loader::context::{Context, Inputs};
use crate::loader::follow::{Followed, Pass};
use crate::loader::located::{FileId, Located};
use crate::loader::outcome::{Absence, NeededName, Outcome, Resolution};
use crate::loader::remarks::{Lacking, Remarks};
use crate::loader::tree::{Tree, is_extension_module};
use crate::warning::Warning;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// Resolves the demands of one tree.
pub struct Resolver<'a> {
    context: Context<'a>,
}

/// The demands of a tree, resolved.
#[derive(Debug)]
pub struct Resolved {
    /// One for each demand and outcome, in no order; of needed names with equal outcomes one for all
    /// files. A needed name has several outcomes if several processes load the object.
    pub resolutions: Vec<Resolution>,
    pub warnings: Vec<Warning>,
    /// Sorted.
    pub lacking: Vec<Lacking>,
}

impl<'a> Resolver<'a> {
    pub fn new(inputs: Inputs<'a>) -> Self {
        Self {
            context: Context::new(inputs),
        }
    }

    /// Resolves the needs of every object of the tree, and the demands of its code. System
    /// libraries for whose real path `is_followed` returns true have no package that depends on
    /// what they need, so their needs are resolved too.
    ///
    /// A program, and a file that Python imports by its name, is loaded by itself. Any other object
    /// is loaded by itself only if nothing else in the tree loads it.
    pub fn resolve(&self, is_followed: &dyn Fn(&Path) -> bool) -> Resolved {
        let pass = Pass {
            context: &self.context,
            is_followed,
            is_complete: false,
            remarks: Remarks::default(),
        };
        self.run(pass, &[])
    }

    /// Resolves the same as it is loaded in the final image, where no package adds anything: also the
    /// needs of every library that is found, and those of `programs`, real paths.
    pub fn resolve_completely(&self, programs: &[&Path]) -> Resolved {
        let pass = Pass {
            context: &self.context,
            is_followed: &|_| true,
            is_complete: true,
            remarks: Remarks::default(),
        };
        self.run(pass, programs)
    }

    fn run(&self, pass: Pass, programs: &[&Path]) -> Resolved {
        let foreign = &self.context.foreign;
        let interpreter = |by: &Located| pass.interpreter(by.real.parent()).last().cloned();
        let inputs = &self.context.inputs;
        foreign.report(inputs.root, inputs.tree, interpreter, &pass.remarks);
        let mut needs = Needs::default();
        let mut loaded: HashSet<FileId> = HashSet::new();
        let (certain, others): (Vec<_>, Vec<_>) = self
            .context
            .inputs
            .tree
            .objects()
            .iter()
            .filter(|located| foreign.is_loadable(located))
            .partition(|located| {
                located.object.kind == Kind::Program || is_extension_module(&located.path)
            });
        let candidates = self.context.inputs.candidates;
        let programs = programs.iter().filter_map(|path| candidates.program(path));
        for first in certain.into_iter().chain(&programs.collect::<Vec<_>>()) {
            let followed = pass.follow(first);
            loaded.extend(&followed.loaded);
            needs.extend(followed.needs);
        }
        let mut covered = loaded.clone();
        let mut alone: Vec<(FileId, Followed)> = Vec::new();
        for first in &others {
            // Of objects that load one another in a circle the first stands for all.
            if !loaded.contains(&first.file) {
                let mut followed = pass.follow(first);
                loaded.extend(&followed.loaded);
                // Most of both is known from the libraries that others load too.
                followed.needs.retain(|need| !needs.contains(need));
                followed.needs.shrink_to_fit();
                followed.loaded.retain(|file| !covered.contains(file));
                followed.loaded.shrink_to_fit();
                alone.push((first.file, followed));
            }
        }
        // A later one may have loaded it.
        alone.retain(|(file, _)| !loaded.contains(file));
        for (file, followed) in alone {
            covered.insert(file);
            covered.extend(followed.loaded);
            needs.extend(followed.needs);
        }
        // An object that was left out because a later process loads it may load less in that process:
        // what it alone loaded is followed by itself.
        for first in others {
            if covered.insert(first.file) {
                let followed = pass.follow(first);
                covered.extend(followed.loaded);
                needs.extend(followed.needs);
            }
        }
        for variants in self.context.inputs.variants {
            needs.drop_other(variants);
        }
        let mut resolutions = Vec::new();
        for demand in self.context.inputs.demands {
            if let Some((resolution, brought)) = pass.follow_demand(demand) {
                resolutions.push(resolution);
                needs.extend(brought);
            }
        }
        resolutions.extend(needs.resolutions(self.context.inputs.tree));
        let (warnings, lacking) = pass.remarks.into_parts();
        Resolved {
            resolutions,
            warnings,
            lacking,
        }
    }
}

/// The needs of all processes, each once.
#[derive(Default)]
struct Needs {
    /// The files that need a name with this outcome.
    by_outcome: HashMap<(Arc<OsStr>, Outcome), HashSet<FileId>>,
    /// How missing names are searched for, by the file that needs them.
    absences: HashMap<(FileId, Arc<OsStr>), Box<Absence>>,
    /// What needs something.
    objects: HashMap<FileId, Rc<Located>>,
}

impl Needs {
    fn extend(&mut self, needs: Vec<NeededName>) {
        for need in needs {
            let file = need.by.file;
            if let Some(absence) = need.absence {
                let key = (file, Arc::clone(&need.soname));
                self.absences.entry(key).or_insert(absence);
            }
            let key = (need.soname, need.outcome);
            self.by_outcome.entry(key).or_default().insert(file);
            self.objects.entry(file).or_insert(need.by);
        }
    }

    fn contains(&self, need: &NeededName) -> bool {
        let key = (Arc::clone(&need.soname), need.outcome.clone());
        let files = self.by_outcome.get(&key);
        files.is_some_and(|files| files.contains(&need.by.file))
    }

    /// Drops the missing libraries of `variants` if another one is found, and otherwise all but one.
    fn drop_other(&mut self, variants: &Variants) {
        let is_variant = |file: &FileId| {
            let located = self.objects.get(file);
            located.is_some_and(|located| variants.modules.contains(&*located.real))
        };
        let is_missing = |outcome: &Outcome| matches!(outcome, Outcome::Missing { .. });
        let is_needed = |soname: &str, if_missing: bool| {
            let mut all = self.by_outcome.iter();
            all.any(|((name, outcome), files)| {
                is_named(name, soname)
                    && is_missing(outcome) == if_missing
                    && files.iter().any(is_variant)
            })
        };
        let first = |if_missing| {
            let mut sonames = variants.sonames.iter();
            sonames.find(|it| is_needed(it, if_missing))
        };
        let kept = first(false).or_else(|| first(true));
        let others = variants.sonames.iter().filter(|it| Some(*it) != kept);
        let others: Vec<&&str> = others.collect();
        self.by_outcome.retain(|(name, outcome), files| {
            if is_missing(outcome) && others.iter().any(|it| is_named(name, it)) {
                files.retain(|file| !is_variant(file));
            }
            !files.is_empty()
        });
    }

    /// One resolution for each name and outcome; of a missing name one for each file, because the
    /// searches differ.
    fn resolutions(mut self, tree: &Tree) -> Vec<Resolution> {
        let mut resolutions = Vec::new();
        for ((soname, outcome), files) in self.by_outcome {
            let item = Item::Library(LibraryName::Soname((&*soname).into()));
            let items: Rc<[Item]> = Rc::new([item]);
            let objects = files.iter().filter_map(|file| self.objects.get(file));
            let mut objects: Vec<&Rc<Located>> = objects.collect();
            objects.sort_unstable_by_key(|located| located.file);
            let together = match outcome {
                Outcome::Missing { .. } => 1,
                _ => objects.len().max(1),
            };
            for objects in objects.chunks(together) {
                let mut requests = objects.iter().map(|located| {
                    let path = tree.reported_path(located);
                    let caller = Caller::Object(Arc::clone(&located.real));
                    (Site { path, line: None }, caller)
                });
                let (Some(first), Some((site, caller))) = (objects.first(), requests.next()) else {
                    continue;
                };
                let demand = Demand {
                    site,
                    evidence: Evidence::Header,
                    caller,
                    items: Rc::clone(&items),
                    is_required: true,
                    is_listed: true,
                    reason: None,
                };
                resolutions.push(Resolution {
                    demand: Rc::new(demand),
                    kind: ItemKind::Library,
                    name: Arc::clone(&soname),
                    outcome: outcome.clone(),
                    absence: self.absences.remove(&(first.file, Arc::clone(&soname))),
                    others: requests.collect(),
                });
            }
        }
        resolutions
    }
}

fn is_named(name: &OsStr, soname: &str) -> bool {
    name == soname
}
