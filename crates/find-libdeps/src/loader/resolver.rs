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

use crate::demand::{Caller, Demand, Evidence, LibraryName, Site};
use crate::elf::object_file::Kind;
use crate::loader::context::{Context, Inputs};
use crate::loader::follow::{Followed, Pass};
use crate::loader::located::FileId;
use crate::loader::outcome::{NeededName, Resolution};
use crate::loader::remarks::{Lacking, Remarks};
use crate::loader::tree::{Tree, is_extension_module};
use crate::warning::Warning;
use std::collections::{BTreeMap, HashMap, HashSet};
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
    /// One for each demand and outcome, in no order. A needed name has several outcomes if several
    /// processes load the object.
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
        foreign.report(self.context.inputs.tree, &pass.remarks);
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
            needs.extend(self.context.inputs.tree, followed.needs);
        }
        let mut covered = loaded.clone();
        let mut alone: Vec<(FileId, Followed)> = Vec::new();
        for first in &others {
            // Of objects that load one another in a circle the first stands for all.
            if !loaded.contains(&first.file) {
                let mut followed = pass.follow(first);
                loaded.extend(&followed.loaded);
                followed.needs.shrink_to_fit();
                followed.loaded.shrink_to_fit();
                alone.push((first.file, followed));
            }
        }
        // A later one may have loaded it.
        alone.retain(|(file, _)| !loaded.contains(file));
        for (file, followed) in alone {
            covered.insert(file);
            covered.extend(followed.loaded);
            needs.extend(self.context.inputs.tree, followed.needs);
        }
        // An object that was left out because a later process loads it may load less in that process:
        // what it alone loaded is followed by itself.
        for first in others {
            if covered.insert(first.file) {
                let followed = pass.follow(first);
                covered.extend(followed.loaded);
                needs.extend(self.context.inputs.tree, followed.needs);
            }
        }
        let mut resolutions = Vec::new();
        for demand in self.context.inputs.demands {
            if let Some((resolution, brought)) = pass.follow_demand(demand) {
                resolutions.push(resolution);
                needs.extend(self.context.inputs.tree, brought);
            }
        }
        resolutions.extend(needs.by_file.into_values().flatten());
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
    by_file: BTreeMap<FileId, Vec<Resolution>>,
    /// What the demands of each file share.
    files: HashMap<FileId, (Site, Caller)>,
    /// What the demands for each name share.
    names: HashMap<Arc<OsStr>, Rc<[LibraryName]>>,
}

impl Needs {
    fn extend(&mut self, tree: &Tree, needs: Vec<NeededName>) {
        for need in needs {
            let resolutions = self.by_file.entry(need.by.file).or_default();
            let is_known = resolutions
                .iter()
                .any(|known| known.soname == need.soname && known.outcome == need.outcome);
            if is_known {
                continue;
            }
            let (site, caller) = self.files.entry(need.by.file).or_insert_with(|| {
                let path = Rc::from(&*tree.reported_path(&need.by));
                let caller = Caller::Object(need.by.real.as_path().into());
                (Site { path, line: None }, caller)
            });
            let name = Arc::clone(&need.soname);
            let names = self
                .names
                .entry(name)
                .or_insert_with_key(|name| Rc::new([LibraryName::Soname(name.into())]));
            let demand = Demand {
                site: site.clone(),
                evidence: Evidence::Header,
                caller: caller.clone(),
                names: Rc::clone(names),
                is_required: true,
                is_listed: true,
            };
            resolutions.push(Resolution {
                demand: Rc::new(demand),
                soname: need.soname,
                outcome: need.outcome,
                absence: need.absence,
            });
        }
    }
}
