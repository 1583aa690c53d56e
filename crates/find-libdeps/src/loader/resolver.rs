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

use crate::config::Config;
use crate::demand::{Caller, Demand, Evidence, LibraryName, Site};
use crate::elf::object_file::Kind;
use crate::loader::candidates::Candidates;
use crate::loader::diagnose::{self, Remarks};
use crate::loader::interpreter::{Chain, Interpreters};
use crate::loader::located::{FileId, Located};
use crate::loader::never_packaged;
use crate::loader::outcome::{Absence, FoundBy, Hit, Outcome, Resolution};
use crate::loader::process::{Link, Process, Satisfied};
use crate::loader::search::Search;
use crate::loader::search_path;
use crate::loader::system_libraries::LdSo;
use crate::loader::tree::{Tree, is_extension_module};
use crate::system::architecture::Abi;
use crate::system::root::Root;
use crate::warning::Warning;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// What a resolver works on.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    pub root: &'a Root,
    pub config: &'a Config,
    pub candidates: &'a Candidates<'a>,
    pub ld_so: &'a LdSo,
    /// The objects whose needs are resolved.
    pub tree: &'a Tree,
    /// What code of the tree loads by name at run time.
    pub demands: &'a [Rc<Demand>],
    /// The ABI of an interpreter that is not there.
    pub native: Abi,
}

/// Resolves the demands of one tree.
pub struct Resolver<'a> {
    inputs: Inputs<'a>,
    search: Search<'a>,
    interpreters: Interpreters<'a>,
}

/// The demands of a tree, resolved.
#[derive(Debug)]
pub struct Resolved {
    /// One for each demand and outcome, in no order. A needed name has several outcomes if several
    /// processes load the object.
    pub resolutions: Vec<Resolution>,
    pub warnings: Vec<Warning>,
}

impl<'a> Resolver<'a> {
    pub fn new(inputs: Inputs<'a>) -> Self {
        let search = Search {
            candidates: inputs.candidates,
            ld_so: inputs.ld_so,
        };
        Self {
            inputs,
            search,
            interpreters: Interpreters::new(inputs.root, inputs.config, search),
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
            resolver: self,
            is_followed,
            remarks: Remarks::default(),
        };
        let mut needs = Needs::default();
        let mut loaded: HashSet<FileId> = HashSet::new();
        let (certain, others): (Vec<_>, Vec<_>) =
            self.inputs.tree.objects().iter().partition(|located| {
                located.object.kind == Kind::Program || is_extension_module(&located.path)
            });
        for first in certain {
            let followed = pass.follow(first);
            loaded.extend(&followed.loaded);
            needs.extend(self.inputs.tree, followed.needs);
        }
        let mut unloaded: Vec<(FileId, Vec<Need>)> = Vec::new();
        for first in others {
            // Of objects that load one another in a circle the first stands for all.
            if !loaded.contains(&first.file) {
                let followed = pass.follow(first);
                loaded.extend(&followed.loaded);
                unloaded.push((first.file, followed.needs));
            }
        }
        for (file, more) in unloaded {
            // A later one may have loaded it.
            if !loaded.contains(&file) {
                needs.extend(self.inputs.tree, more);
            }
        }
        let mut resolutions = Vec::new();
        for demand in self.inputs.demands {
            if let Some((resolution, brought)) = pass.follow_demand(demand) {
                resolutions.push(resolution);
                needs.extend(self.inputs.tree, brought);
            }
        }
        resolutions.extend(needs.by_file.into_values().flatten());
        Resolved {
            resolutions,
            warnings: pass.remarks.into_warnings(),
        }
    }
}

/// A needed name of an object, resolved in one process.
struct Need {
    by: Rc<Located>,
    soname: Arc<OsStr>,
    outcome: Outcome,
    absence: Option<Absence>,
}

/// The result of following one process.
struct Followed {
    needs: Vec<Need>,
    /// What was loaded, except the first object.
    loaded: HashSet<FileId>,
}

/// The needs of all processes, each once.
#[derive(Default)]
struct Needs {
    by_file: BTreeMap<FileId, Vec<Resolution>>,
    paths: HashMap<FileId, Rc<Path>>,
}

impl Needs {
    fn extend(&mut self, tree: &Tree, needs: Vec<Need>) {
        for need in needs {
            let resolutions = self.by_file.entry(need.by.file).or_default();
            let is_known = resolutions
                .iter()
                .any(|known| known.soname == need.soname && known.outcome == need.outcome);
            if is_known {
                continue;
            }
            let path = self
                .paths
                .entry(need.by.file)
                .or_insert_with(|| Rc::from(&*tree.reported_path(&need.by)));
            let demand = Demand {
                site: Site {
                    path: Rc::clone(path),
                    line: None,
                },
                evidence: Evidence::Header,
                caller: Caller::Object(need.by.real.as_path().into()),
                names: vec![LibraryName::Soname((*need.soname).to_owned())],
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

/// One pass over the tree.
struct Pass<'p, 'a> {
    resolver: &'p Resolver<'a>,
    is_followed: &'p dyn Fn(&Path) -> bool,
    remarks: Remarks,
}

impl Pass<'_, '_> {
    fn process(&self, first: Rc<Located>, base: &[Rc<Located>]) -> Process {
        let environment = &self.resolver.inputs.config.ld_library_path;
        Process::new(first, base, environment, &self.remarks)
    }

    fn interpreter(&self, dir: Option<&Path>) -> Chain {
        self.resolver.interpreters.of(dir, &self.remarks)
    }

    /// Loads `first` as the loader would, breadth first.
    fn follow(&self, first: &Rc<Located>) -> Followed {
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
    ) -> Vec<Need> {
        let tree = self.resolver.inputs.tree;
        let mut needs = Vec::new();
        while next < process.links.len() {
            let located = Rc::clone(&process.links[next].located);
            let path = tree.reported_path(&located);
            diagnose::object(&located, &path, &self.remarks);
            let mut needed = located.object.needed.iter();
            for name in needed.by_ref().filter(|_| !located.object.is_musl()) {
                if never_packaged::by_kernel(name) || self.resolver.inputs.config.ignores(name) {
                    continue;
                }
                let satisfied = self.satisfy(process, interpreter, next, name);
                if let Some(by) = &satisfied.by {
                    diagnose::versions(&located, &path, name, by, &self.remarks);
                }
                needs.push(Need {
                    by: Rc::clone(&located),
                    soname: Arc::clone(name),
                    absence: self.absence(process, next, name, &satisfied.outcome),
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
    ) -> Option<Absence> {
        let Resolver { inputs, search, .. } = self.resolver;
        let located = &process.links[index].located;
        matches!(outcome, Outcome::Missing { .. }).then(|| {
            let path = inputs.tree.reported_path(located);
            Absence {
                steps: search.steps(process, index, name),
                hint: diagnose::hint(*search, inputs.tree, located, &path, name),
            }
        })
    }

    /// Loads what `demand` names, on behalf of its caller, and returns the needs of what is loaded
    /// along with it and has no package. `None` if a name of the demand is ignored.
    fn follow_demand(&self, demand: &Rc<Demand>) -> Option<(Resolution, Vec<Need>)> {
        if !demand.is_listed {
            // It is only reported: neither what it would load nor what is wrong with that counts.
            let pass = Pass {
                resolver: self.resolver,
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
            absence: self.absence(&process, 0, &soname, &outcome),
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
        } = self.resolver.inputs;
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

    /// The name of `demand` that is found, and its outcome; `None` if one of the names is ignored.
    fn satisfy_demand(
        &self,
        process: &mut Process,
        interpreter: &[Rc<Located>],
        demand: &Demand,
    ) -> Option<(Arc<OsStr>, Outcome)> {
        let Resolver { inputs, search, .. } = self.resolver;
        let abi = process.links[0].located.object.abi;
        let mut sonames: Vec<Arc<OsStr>> = Vec::new();
        // A stem that is not found is reported, and ignored, as `libNAME.so.*`.
        let mut stems: Vec<OsString> = Vec::new();
        for name in &demand.names {
            match name {
                LibraryName::Soname(soname) => sonames.push(Arc::from(soname.as_os_str())),
                LibraryName::Stem(stem) => match search.ld_so.cached_name(stem, abi) {
                    Some(cached) => sonames.push(Arc::from(cached)),
                    None => stems.push(OsString::from(name.to_string())),
                },
            }
        }
        let mut names = sonames.iter().map(|soname| &**soname);
        if names.any(|name| inputs.config.ignores(name))
            || stems.iter().any(|stem| inputs.config.ignores(stem))
        {
            return None;
        }
        let is_found = |soname: &&Arc<OsStr>| {
            search
                .find(process, 0, soname, &self.remarks)
                .is_some_and(|(located, _)| !is_for_linking(soname, &located))
        };
        if let Some(soname) = sonames.iter().find(is_found) {
            let satisfied = self.satisfy(process, interpreter, 0, soname);
            return Some((Arc::clone(soname), satisfied.outcome));
        }
        let elsewhere = sonames
            .iter()
            .map(|soname| (Arc::clone(soname), self.not_found(soname, abi)))
            .find(|(_, outcome)| !matches!(outcome, Outcome::Missing { .. }));
        elsewhere.or_else(|| {
            let first: Arc<OsStr> = match demand.names.first()? {
                LibraryName::Soname(soname) => Arc::from(soname.as_os_str()),
                stem @ LibraryName::Stem(_) => Arc::from(OsString::from(stem.to_string())),
            };
            let outcome = self.not_found(&first, abi);
            Some((first, outcome))
        })
    }

    /// Satisfies one needed name: by an object that is loaded already, or by a search, which may
    /// load one more; or else by a SONAME from elsewhere in the tree.
    fn satisfy(
        &self,
        process: &mut Process,
        interpreter: &[Rc<Located>],
        index: usize,
        name: &Arc<OsStr>,
    ) -> Satisfied {
        let Resolver { inputs, search, .. } = self.resolver;
        let located = &process.links[index].located;
        let abi = located.object.abi;
        // Names are compared with their tokens replaced.
        let expanded: Vec<Arc<OsStr>> = if name.as_bytes().contains(&b'$') {
            let expanded = search_path::expand(name, located.tokens());
            expanded.into_iter().map(Arc::from).collect()
        } else {
            vec![Arc::clone(name)]
        };
        let loaded = expanded.iter().find_map(|name| process.by_name.get(name));
        if let Some(loaded) = loaded {
            return loaded.clone();
        }
        let Some((located, found_by)) = search.find(process, index, name, &self.remarks) else {
            return Satisfied {
                outcome: self.not_found(name, abi),
                by: None,
            };
        };
        let hit = Hit {
            located: Rc::clone(&located),
            found_by,
        };
        let satisfied = Satisfied {
            outcome: self.found(name, hit, interpreter),
            by: Some(Rc::clone(&located)),
        };
        let is_loaded = match &satisfied.outcome {
            Outcome::Bundled(_) => true,
            Outcome::System(hit) => (self.is_followed)(hit.real()),
            _ => false,
        };
        let soname = located.object.soname.iter();
        for name in expanded.iter().chain(soname) {
            process
                .by_name
                .entry(Arc::clone(name))
                .or_insert_with(|| satisfied.clone());
        }
        if is_loaded
            && process.loaded.insert(located.file)
            && !inputs.config.excludes(&inputs.tree.reported_path(&located))
        {
            process.links.push(Link {
                located,
                loader: Some(index),
            });
        }
        satisfied
    }

    /// The outcome for a library that the search found.
    fn found(&self, name: &OsStr, hit: Hit, interpreter: &[Rc<Located>]) -> Outcome {
        let tree = self.resolver.inputs.tree;
        let file = hit.located.file;
        let is_in_tree = tree.contains(&hit.located);
        if never_packaged::by_interpreter(name) {
            return if interpreter.iter().any(|one| one.file == file) || is_in_tree {
                Outcome::Interpreter(Some(hit))
            } else {
                Outcome::Embedded(hit)
            };
        }
        match hit.found_by {
            FoundBy::Rpath | FoundBy::LdLibraryPath | FoundBy::Runpath | FoundBy::Direct
                if is_in_tree =>
            {
                Outcome::Bundled(hit)
            }
            _ if never_packaged::by_host(name) => Outcome::Host,
            // In the cache or a default directory a library is found whether the tree is copied or
            // not, so its owner decides.
            _ => Outcome::System(hit),
        }
    }

    /// The outcome for a name that the search does not find.
    fn not_found(&self, name: &Arc<OsStr>, abi: Abi) -> Outcome {
        if never_packaged::by_interpreter(name) {
            return Outcome::Interpreter(None);
        }
        if let Some(located) = self.resolver.inputs.tree.with_soname(name, abi) {
            return Outcome::Bundled(Hit {
                located: Rc::clone(located),
                found_by: FoundBy::Soname,
            });
        }
        if never_packaged::by_host(name) {
            return Outcome::Host;
        }
        Outcome::Missing {
            architecture: abi.name(),
        }
    }
}

/// Whether `soname` is the name with which `located` is linked (`libpq.so`): a link in a package for
/// compiling (Debian Policy 8.4), and so in no image.
fn is_for_linking(soname: &OsStr, located: &Located) -> bool {
    let name = Path::new(soname).file_name().unwrap_or_default();
    let own = located.object.soname.as_deref();
    name.as_bytes().ends_with(b".so") && own.is_some_and(|own| own != name)
}
