//! Each needed name to an [`Outcome`], by glibc's rules.
//!
//! The loader's answer depends on more than the object that asks: on the RPATHs of what loaded it,
//! and on what is loaded already, since a name is satisfied by any loaded object that has it for
//! its SONAME (`_dl_map_object` in glibc's `elf/dl-load.c`). So each program and each extension
//! module is followed through the loading of its process, in the loader's own order
//! (`_dl_map_object_deps` in `elf/dl-deps.c`), as far as it stays below the given paths: what a
//! packaged library needs in its turn is its package's business.
//!
//! A library that code loads by name at run time is searched for in the same way, on behalf of the
//! object or the interpreter that asks for it.
//!
//! The order of the search is written down once, in `Resolver::places`. Nothing is executed,
//! and packages are unknown here.

use crate::elf::object_file::{Kind, Object};
use crate::loader::candidates::{Candidate, Library, Located};
use crate::loader::never_packaged;
use crate::loader::search_path::{self, Element, TokenValues};
use crate::loader::system_libraries::LdSo;
use crate::loader::tree::{Tree, is_extension_module};
use crate::run_time::library_name::Name;
use crate::run_time::load::{Caller, Load};
use crate::system::architecture::Abi;
use crate::system::escape::shown;
use crate::system::root::Root;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// How a library was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FoundBy {
    /// A `DT_RPATH`, of the object or of one that loaded it.
    Rpath,
    /// The environment's `LD_LIBRARY_PATH`.
    LdLibraryPath,
    /// The object's own `DT_RUNPATH`.
    Runpath,
    /// `/etc/ld.so.cache`, or what ldconfig would write there.
    Cache,
    /// One of the loader's default directories.
    Default,
    /// The needed name is a path, or it is the loader itself, or the object that the process began
    /// with.
    Direct,
    /// The SONAME of another object below the given paths, which something must load first.
    Soname,
    /// It is not here: the index of contents names it.
    Contents,
}

/// A library that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hit {
    /// The path by which the loader opens it, less `.` and `..`.
    pub path: PathBuf,
    /// The file that it is, links resolved.
    pub real: PathBuf,
    /// How it was found.
    pub found_by: FoundBy,
    /// Debian's name of its architecture.
    pub architecture: &'static str,
}

/// What became of a needed name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The system has it: a package's business, or nobody's.
    System(Hit),
    /// It lies below the given paths and is copied with them.
    Bundled(Hit),
    /// The interpreter's own library, found or not.
    Interpreter(Option<Hit>),
    /// The interpreter's library, but the interpreter of this tree does without it: on Debian it is
    /// in a package of its own, `libpython3.11`, which `python3` does not depend on. Where no
    /// package has it, whoever installed the interpreter has.
    Embedded(Hit),
    /// The host's driver provides it at run time.
    Host,
    /// The loader would not find it.
    Missing(Missing),
}

/// A name that was not found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Missing {
    /// Debian's name of the architecture that it is missing for.
    pub architecture: &'static str,
}

/// The search for a missing name on behalf of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absence {
    /// Where it was looked for, in order.
    pub looked_in: Vec<Place>,
    /// What stands in the way, and what can be done about it, where that is known.
    pub hint: Option<String>,
}

/// One step of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which rule led there.
    pub found_by: FoundBy,
    /// The directory, or the cache file.
    pub path: PathBuf,
}

/// One needed name of one file.
#[derive(Clone, Debug)]
pub struct Need {
    /// The file, as an index into [`Resolved::files`].
    pub by: usize,
    /// The name as it stands there, or the one of several that was found.
    pub soname: Arc<OsStr>,
    /// Which of the loads it is, where it is none of a dynamic section.
    pub load: Option<usize>,
    /// What became of it; equal outcomes are one.
    pub outcome: Rc<Outcome>,
    /// How it was looked for, where it is missing.
    pub absence: Option<Absence>,
}

/// What the resolver met on its way that people should know of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// The file that it is about.
    pub path: PathBuf,
    /// What is the matter with it.
    pub message: String,
    /// Whether it keeps the object from being loaded.
    pub is_fatal: bool,
}

/// The needs of a tree, and what was met on the way.
#[derive(Debug)]
pub struct Resolved {
    /// The paths of the files whose needs these are, by which people know them.
    pub files: Vec<PathBuf>,
    /// All needs, in no order and each once; one file's name may have several outcomes.
    pub needs: Vec<Need>,
    /// The outcomes of the needs, each once.
    pub outcomes: Vec<Rc<Outcome>>,
    /// Sorted.
    pub remarks: BTreeSet<Remark>,
}

/// What a resolver works on.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The file system.
    pub root: &'a Root,
    /// What is found there.
    pub library: &'a Library<'a>,
    /// What is found there for any object.
    pub ld_so: &'a LdSo,
    /// The objects whose needs are resolved.
    pub tree: &'a Tree,
    /// What code of the tree loads by name at run time.
    pub loads: &'a [Load],
    /// The ABI of programs of which nothing else is known.
    pub native: Abi,
    /// The value of `LD_LIBRARY_PATH`.
    pub environment: &'a OsStr,
    /// Whether a name is to be taken for not needed.
    pub is_ignored: &'a dyn Fn(&OsStr) -> bool,
    /// Whether a path is not to be read, so that its needs do not count.
    pub is_excluded: &'a dyn Fn(&Path) -> bool,
}

/// Resolves the needs of one tree.
pub struct Resolver<'a> {
    inputs: Inputs<'a>,
    /// By directory: the interpreter that objects there belong to, and what loads extensions for
    /// it, the innermost first.
    interpreters: RefCell<HashMap<OsString, Chain>>,
    /// The objects of the tree, then libraries beside it, in the order of [`Resolved::files`].
    files: RefCell<Files>,
    outcomes: RefCell<Outcomes>,
    remarks: RefCell<BTreeSet<Remark>>,
}

/// Objects that had loaded another, the innermost first.
type Chain = Rc<[Rc<Located>]>;

/// Outcomes, each once, so that they can be compared by their address.
#[derive(Default)]
struct Outcomes {
    all: HashSet<Rc<Outcome>>,
    /// By the library, how it was found, whether the interpreter has it, and the name it was found
    /// for. The library table keeps every object that it has found, so that an address stands for
    /// one object.
    found: HashMap<(*const Located, FoundBy, bool, Arc<OsStr>), Rc<Outcome>>,
    not_found: HashMap<(Abi, Arc<OsStr>), Rc<Outcome>>,
}

impl Outcomes {
    fn one(&mut self, outcome: Outcome) -> Rc<Outcome> {
        if let Some(known) = self.all.get(&outcome) {
            return Rc::clone(known);
        }
        let outcome = Rc::new(outcome);
        self.all.insert(Rc::clone(&outcome));
        outcome
    }
}

/// Files by number, so that they can be compared without their paths.
#[derive(Default)]
struct Files {
    known: Vec<PathBuf>,
    numbers: HashMap<OsString, usize>,
}

impl Files {
    /// The number of the file `real`, which is `known` to people.
    fn number(&mut self, real: &Path, known: impl FnOnce() -> PathBuf) -> usize {
        if let Some(number) = self.numbers.get(real.as_os_str()) {
            return *number;
        }
        let number = self.known.len();
        self.known.push(known());
        self.numbers
            .insert(real.to_owned().into_os_string(), number);
        number
    }
}

/// A process that is being loaded.
struct Process {
    links: Vec<Link>,
    /// The numbers of the files that are loaded.
    loaded: HashSet<usize>,
    /// The loaded objects by each name that they answer to.
    by_name: HashMap<Arc<OsStr>, Satisfied>,
    /// What had loaded the first object: the interpreter's own objects.
    base: Vec<Rc<Located>>,
    environment: Vec<PathBuf>,
}

/// A loaded object whose needs are followed.
struct Link {
    located: Rc<Located>,
    /// Its number among all files.
    file: usize,
    loader: Option<usize>,
}

#[derive(Clone)]
struct Satisfied {
    outcome: Rc<Outcome>,
    by: Option<Rc<Located>>,
}

/// The outcome of following one process.
struct Followed {
    needs: Vec<Need>,
    /// The objects of the tree that were loaded, but for the first.
    loaded: HashSet<usize>,
}

impl<'a> Resolver<'a> {
    /// A resolver that knows nothing yet but its inputs.
    #[must_use]
    pub fn new(inputs: Inputs<'a>) -> Self {
        let resolver = Self {
            inputs,
            interpreters: RefCell::default(),
            files: RefCell::default(),
            outcomes: RefCell::default(),
            remarks: RefCell::default(),
        };
        for located in inputs.tree.objects() {
            resolver.number(located);
        }
        resolver
    }

    /// Resolves the direct needs of every object of the tree, and of those of the system's
    /// libraries of whose real path `is_followed` says so, since no package sees to their needs.
    ///
    /// A program, and a file that Python imports by its name, is loaded by itself. Any other
    /// object is if nothing else in the tree loads it.
    pub fn resolve(&self, is_followed: &dyn Fn(&Path) -> bool) -> Resolved {
        self.remarks.borrow_mut().clear();
        let objects = self.inputs.tree.objects();
        let (certain, others): (Vec<usize>, Vec<usize>) = (0..objects.len()).partition(|&index| {
            objects[index].object.kind == Kind::Program || is_extension_module(&objects[index].path)
        });
        let mut needs = Needs::default();
        let mut loaded: HashSet<usize> = HashSet::new();
        for index in certain {
            let process = self.follow(index, is_followed);
            loaded.extend(&process.loaded);
            needs.add(process.needs);
        }
        let mut rest: Vec<(usize, Followed)> = Vec::new();
        for index in others {
            // Of objects that load one another in a circle the first stands for all.
            if !loaded.contains(&index) {
                let process = self.follow(index, is_followed);
                loaded.extend(&process.loaded);
                rest.push((index, process));
            }
        }
        for (index, process) in rest {
            // A later one may have loaded it.
            if !loaded.contains(&index) {
                needs.add(process.needs);
            }
        }
        for (index, load) in self.inputs.loads.iter().enumerate() {
            if load.is_listed {
                needs.add(self.follow_load(index, load, is_followed));
            }
        }
        Resolved {
            files: self.files.borrow().known.clone(),
            outcomes: needs.outcomes.into_values().collect(),
            needs: needs.all,
            remarks: self.remarks.take(),
        }
    }

    /// The number of the file `located`: its index in the tree, where it lies there.
    fn number(&self, located: &Located) -> usize {
        let known = || {
            let known = self.inputs.tree.known(&located.real);
            known.unwrap_or_else(|| self.tidy(&located.path))
        };
        self.files.borrow_mut().number(&located.real, known)
    }

    fn number_of(&self, load: &Load) -> usize {
        let real = match &load.caller {
            Caller::Object(real) => real,
            Caller::Interpreter(_) => &load.path,
        };
        self.files.borrow_mut().number(real, || load.path.clone())
    }

    fn known(&self, link: &Link) -> PathBuf {
        self.files.borrow().known[link.file].clone()
    }

    /// The interpreter that objects in `dir` belong to, and before it the `libpython` that calls
    /// `dlopen` for it, where it has one: that of the nearest virtualenv (PEP 405), or of the prefix
    /// in whose `lib/python3*` the directory lies.
    fn interpreter(&self, dir: Option<&Path>) -> Chain {
        let Some(dir) = dir else {
            return Rc::new([]);
        };
        if let Some(known) = self.interpreters.borrow().get(dir.as_os_str()) {
            return Rc::clone(known);
        }
        let prefix = match dir.parent().and_then(Path::parent) {
            _ if self.inputs.root.metadata(&dir.join("pyvenv.cfg")).is_ok() => Some(dir),
            Some(prefix) if is_library_of(prefix, dir) => Some(prefix),
            _ => None,
        };
        let program = prefix.and_then(|prefix| {
            ["bin/python3", "bin/python"]
                .iter()
                .find_map(|name| self.inputs.library.program(&prefix.join(name)))
        });
        let chain = match program {
            Some(program) => self.chain_of(program),
            None => self.interpreter(dir.parent()),
        };
        self.interpreters
            .borrow_mut()
            .insert(dir.as_os_str().to_owned(), Rc::clone(&chain));
        chain
    }

    fn chain_of(&self, program: Rc<Located>) -> Chain {
        let process = self.process(Rc::clone(&program), &[]);
        let libpython = program
            .object
            .needed
            .iter()
            .filter(|name| never_packaged::by_interpreter(name))
            .find_map(|name| self.search(&process, 0, name))
            .map(|(located, _)| located);
        libpython.into_iter().chain([program]).collect()
    }

    /// A process in which `first` is loaded, by `base` or by the kernel.
    fn process(&self, first: Rc<Located>, base: &[Rc<Located>]) -> Process {
        let base = match first.object.kind {
            Kind::Program => &[],
            Kind::Library | Kind::Other => base,
        };
        // The tokens in the environment are those of the main program.
        let main = match first.object.kind {
            Kind::Program => Some(&first),
            Kind::Library | Kind::Other => base.last(),
        };
        let tokens = TokenValues {
            origin: main.and_then(|program| program.real.parent()),
            architecture: first.object.abi.architecture(),
        };
        let mut environment = Vec::new();
        for element in search_path::elements(self.inputs.environment, b":;", tokens) {
            match element {
                Element::Directory(path) => environment.push(path),
                Element::Relative(text) => {
                    self.remark(Path::new("LD_LIBRARY_PATH"), relative_element("it", &text));
                }
            }
        }
        let file = self.number(&first);
        let mut by_name = HashMap::new();
        if let Some(soname) = &first.object.soname {
            let hit = Hit {
                path: first.path.clone(),
                real: first.real.clone(),
                found_by: FoundBy::Direct,
                architecture: first.object.abi.name(),
            };
            by_name.insert(
                soname.clone(),
                Satisfied {
                    outcome: self.outcomes.borrow_mut().one(Outcome::Bundled(hit)),
                    by: Some(Rc::clone(&first)),
                },
            );
        }
        Process {
            loaded: HashSet::from([file]),
            links: vec![Link {
                located: first,
                file,
                loader: None,
            }],
            by_name,
            base: base.to_vec(),
            environment,
        }
    }

    /// Loads the object `index` of the tree as the loader would, breadth first.
    fn follow(&self, index: usize, is_followed: &dyn Fn(&Path) -> bool) -> Followed {
        let first = Rc::clone(&self.inputs.tree.objects()[index]);
        let interpreter = self.interpreter(first.real.parent());
        let mut process = self.process(first, &interpreter);
        let needs = self.follow_links(&mut process, &interpreter, 0, is_followed);
        process.loaded.remove(&index);
        Followed {
            needs,
            loaded: process.loaded,
        }
    }

    /// Loads what the objects of `process` need, from the object `next` on.
    fn follow_links(
        &self,
        process: &mut Process,
        interpreter: &[Rc<Located>],
        mut next: usize,
        is_followed: &dyn Fn(&Path) -> bool,
    ) -> Vec<Need> {
        let mut needs = Vec::new();
        while next < process.links.len() {
            let located = Rc::clone(&process.links[next].located);
            self.remark_on(&process.links[next]);
            if !located.object.is_musl() {
                for name in &located.object.needed {
                    if never_packaged::by_kernel(name) || (self.inputs.is_ignored)(name) {
                        continue;
                    }
                    let satisfied = self.satisfy(process, interpreter, next, name, is_followed);
                    if let Some(by) = &satisfied.by {
                        self.check_versions(&process.links[next], name, by);
                    }
                    let is_missing = matches!(*satisfied.outcome, Outcome::Missing(_));
                    needs.push(Need {
                        by: process.links[next].file,
                        soname: Arc::clone(name),
                        load: None,
                        outcome: satisfied.outcome,
                        absence: is_missing.then(|| self.absence(process, next, name)),
                    });
                }
            }
            next += 1;
        }
        needs
    }

    fn absence(&self, process: &Process, index: usize, name: &OsStr) -> Absence {
        Absence {
            looked_in: self.trail(process, index, name),
            hint: self.hint(&process.links[index], name),
        }
    }

    /// Loads `load` as its caller does, and what nobody but the tree brings along with it; no need
    /// where its name is ignored.
    fn follow_load(
        &self,
        index: usize,
        load: &Load,
        is_followed: &dyn Fn(&Path) -> bool,
    ) -> Vec<Need> {
        let (mut process, interpreter) = self.caller(load);
        let Some((soname, satisfied)) =
            self.satisfy_load(&mut process, &interpreter, load, is_followed)
        else {
            return Vec::new();
        };
        let is_missing = matches!(*satisfied.outcome, Outcome::Missing(_));
        let mut needs = vec![Need {
            by: self.number_of(load),
            absence: is_missing.then(|| self.absence(&process, 0, &soname)),
            soname,
            load: Some(index),
            outcome: satisfied.outcome,
        }];
        needs.extend(self.follow_links(&mut process, &interpreter, 1, is_followed));
        needs
    }

    /// The process in which `load` happens, with its caller alone, and the interpreter.
    fn caller(&self, load: &Load) -> (Process, Chain) {
        match &load.caller {
            Caller::Object(real) => {
                let interpreter = self.interpreter(real.parent());
                let mut objects = self.inputs.tree.objects().iter();
                let first = objects.find(|located| located.real == *real);
                let first = first.map_or_else(|| self.nothing(), Rc::clone);
                (self.process(first, &interpreter), interpreter)
            }
            Caller::Interpreter(dir) => {
                let interpreter = self.interpreter(Some(dir));
                let first = interpreter.last().map_or_else(|| self.nothing(), Rc::clone);
                (self.process(first, &[]), interpreter)
            }
        }
    }

    /// A program that has no search path of its own: an interpreter that is not there.
    fn nothing(&self) -> Rc<Located> {
        let object = Object::new(self.inputs.native, Kind::Program);
        Rc::new(Located::new(
            PathBuf::new(),
            PathBuf::new(),
            Arc::new(object),
        ))
    }

    /// What meets the need for one of the names of `load`, and under which name; `None` where one
    /// of them is ignored.
    fn satisfy_load(
        &self,
        process: &mut Process,
        interpreter: &[Rc<Located>],
        load: &Load,
        is_followed: &dyn Fn(&Path) -> bool,
    ) -> Option<(Arc<OsStr>, Satisfied)> {
        let abi = process.links[0].located.object.abi;
        let mut sonames: Vec<Arc<OsStr>> = Vec::new();
        // What is not here is shown, and ignored, as `libNAME.so.*`.
        let mut stems: Vec<OsString> = Vec::new();
        for name in &load.names {
            match name {
                Name::Soname(soname) => sonames.push(Arc::from(soname.as_os_str())),
                Name::Stem(stem) => {
                    let cached = self.inputs.ld_so.cached_name(stem, abi);
                    if cached.is_none() {
                        stems.push(OsString::from(name.to_string()));
                    }
                    sonames.extend(cached.map(Arc::from));
                }
            }
        }
        let mut names = sonames.iter().map(|soname| &**soname);
        if names.any(self.inputs.is_ignored)
            || stems.iter().any(|stem| (self.inputs.is_ignored)(stem))
        {
            return None;
        }
        let is_there = |soname: &&Arc<OsStr>| {
            self.search(process, 0, soname)
                .is_some_and(|(located, _)| !is_for_linking(soname, &located))
        };
        if let Some(soname) = sonames.iter().find(is_there) {
            let satisfied = self.satisfy(process, interpreter, 0, soname, is_followed);
            return Some((Arc::clone(soname), satisfied));
        }
        let elsewhere = sonames
            .iter()
            .map(|soname| (Arc::clone(soname), self.without_search(soname, abi)))
            .find(|(_, outcome)| !matches!(**outcome, Outcome::Missing(_)));
        let (soname, outcome) = elsewhere.or_else(|| {
            let shown = match load.names.first()? {
                Name::Soname(soname) => Arc::from(soname.as_os_str()),
                stem @ Name::Stem(_) => Arc::from(OsString::from(stem.to_string())),
            };
            let outcome = self.without_search(&shown, abi);
            Some((shown, outcome))
        })?;
        Some((soname, Satisfied { outcome, by: None }))
    }

    /// What meets each load that is not listed, by its index.
    pub fn unlisted(&self) -> Vec<(usize, Arc<OsStr>, Rc<Outcome>)> {
        let loads = self.inputs.loads.iter().enumerate();
        loads
            .filter(|(_, load)| !load.is_listed)
            .filter_map(|(index, load)| {
                let (mut process, interpreter) = self.caller(load);
                let (soname, satisfied) =
                    self.satisfy_load(&mut process, &interpreter, load, &|_| false)?;
                Some((index, soname, satisfied.outcome))
            })
            .collect()
    }

    /// Satisfies one need: by an object that is loaded already, or by the search, which may load
    /// one more; or else by name from elsewhere in the tree.
    fn satisfy(
        &self,
        process: &mut Process,
        interpreter: &[Rc<Located>],
        index: usize,
        name: &Arc<OsStr>,
        is_followed: &dyn Fn(&Path) -> bool,
    ) -> Satisfied {
        // Names are compared with their tokens replaced.
        let expanded: Vec<Arc<OsStr>> = if name.as_bytes().contains(&b'$') {
            let expanded = expanded(&process.links[index].located, name);
            expanded.into_iter().map(Arc::from).collect()
        } else {
            vec![Arc::clone(name)]
        };
        let loaded = expanded.iter().find_map(|name| process.by_name.get(name));
        if let Some(loaded) = loaded {
            return loaded.clone();
        }
        let abi = process.links[index].located.object.abi;
        let Some((located, found_by)) = self.search(process, index, name) else {
            return Satisfied {
                outcome: self.without_search(name, abi),
                by: None,
            };
        };
        let has_it = interpreter.iter().any(|one| one.real == located.real);
        let outcome = self.classify(name, &located, found_by, has_it);
        let is_loaded = match *outcome {
            Outcome::Bundled(_) => true,
            Outcome::System(_) => is_followed(&located.real),
            _ => false,
        };
        let satisfied = Satisfied {
            outcome,
            by: Some(Rc::clone(&located)),
        };
        let soname = located.object.soname.iter();
        for name in expanded.iter().chain(soname) {
            process
                .by_name
                .entry(Arc::clone(name))
                .or_insert_with(|| satisfied.clone());
        }
        if is_loaded {
            let file = self.number(&located);
            let is_excluded = (self.inputs.is_excluded)(&self.files.borrow().known[file]);
            if process.loaded.insert(file) && !is_excluded {
                process.links.push(Link {
                    located,
                    file,
                    loader: Some(index),
                });
            }
        }
        satisfied
    }

    /// What a library that the search found is to the list.
    fn classify(
        &self,
        name: &Arc<OsStr>,
        located: &Rc<Located>,
        found_by: FoundBy,
        has_it: bool,
    ) -> Rc<Outcome> {
        let key = (Rc::as_ptr(located), found_by, has_it, Arc::clone(name));
        let mut outcomes = self.outcomes.borrow_mut();
        if let Some(known) = outcomes.found.get(&key) {
            return Rc::clone(known);
        }
        let outcome = outcomes.one(self.outcome(name, located, found_by, has_it));
        outcomes.found.insert(key, Rc::clone(&outcome));
        outcome
    }

    fn outcome(&self, name: &OsStr, located: &Located, found_by: FoundBy, has_it: bool) -> Outcome {
        let hit = |path| Hit {
            path,
            real: located.real.clone(),
            found_by,
            architecture: located.object.abi.name(),
        };
        if never_packaged::by_interpreter(name) {
            let hit = hit(self.tidy(&located.path));
            let is_with_it = has_it || self.inputs.tree.known(&located.real).is_some();
            return if is_with_it {
                Outcome::Interpreter(Some(hit))
            } else {
                Outcome::Embedded(hit)
            };
        }
        match (self.inputs.tree.known(&located.real), found_by) {
            // By the cache or a default directory a library is found whoever copies the tree, so
            // its package has the first word.
            (
                Some(path),
                FoundBy::Rpath | FoundBy::LdLibraryPath | FoundBy::Runpath | FoundBy::Direct,
            ) => Outcome::Bundled(hit(path)),
            _ if never_packaged::by_host(name) => Outcome::Host,
            _ => Outcome::System(hit(self.tidy(&located.path))),
        }
    }

    /// What becomes of a name that the search did not find.
    fn without_search(&self, name: &Arc<OsStr>, abi: Abi) -> Rc<Outcome> {
        let key = (abi, Arc::clone(name));
        let mut outcomes = self.outcomes.borrow_mut();
        if let Some(known) = outcomes.not_found.get(&key) {
            return Rc::clone(known);
        }
        let outcome = outcomes.one(self.outcome_without_search(name, abi));
        outcomes.not_found.insert(key, Rc::clone(&outcome));
        outcome
    }

    fn outcome_without_search(&self, name: &Arc<OsStr>, abi: Abi) -> Outcome {
        if never_packaged::by_interpreter(name) {
            return Outcome::Interpreter(None);
        }
        if let Some(located) = self.inputs.tree.with_soname(name, abi) {
            return Outcome::Bundled(Hit {
                path: located.path.clone(),
                real: located.real.clone(),
                found_by: FoundBy::Soname,
                architecture: abi.name(),
            });
        }
        if never_packaged::by_host(name) {
            return Outcome::Host;
        }
        Outcome::Missing(Missing {
            architecture: abi.name(),
        })
    }

    fn hint(&self, link: &Link, name: &OsStr) -> Option<String> {
        let abi = link.located.object.abi;
        if name.as_bytes().contains(&b'/') {
            let is_absolute = name.as_bytes().starts_with(b"/");
            return (!is_absolute).then(|| {
                format!(
                    "the name is relative to the working directory: link {} with a library that \
                     has a SONAME",
                    shown(self.known(link))
                )
            });
        }
        let configured = self.inputs.ld_so.configured_directories().iter();
        let not_cached = configured
            .map(|dir| dir.join(name))
            .find(|path| matches!(self.inputs.library.candidate(path, abi), Candidate::Fits(_)));
        if let Some(path) = not_cached {
            return Some(format!(
                "{} is there, but not in the loader's cache: run `ldconfig`",
                shown(path)
            ));
        }
        self.inputs.tree.with_file_name(name, abi).map(|located| {
            format!(
                "{} is called so, but its SONAME is {}: the loader does not take it",
                shown(&located.path),
                located
                    .object
                    .soname
                    .as_ref()
                    .map_or("not set".to_owned(), |soname| format!(
                        "`{}`",
                        shown(soname)
                    ))
            )
        })
    }

    /// Where the loader looks for a name without `/` that the object `index` needs, in order.
    fn places<'s>(
        &'s self,
        process: &'s Process,
        index: usize,
    ) -> impl Iterator<Item = (FoundBy, &'s Path)> {
        let link = &process.links[index];
        let object = &link.located.object;
        let by = |found_by| move |path: &'s PathBuf| (found_by, path.as_path());
        // An object with a RUNPATH has no use for any RPATH, its loaders' included; the RPATH of a
        // loader that has a RUNPATH itself is not there (`Object::rpath`).
        let rpaths = object
            .runpath
            .is_none()
            .then(|| process.chain(index))
            .into_iter()
            .flatten()
            .flat_map(|located| &located.rpath);
        let defaults = if object.no_default_libraries {
            &[]
        } else {
            self.inputs.ld_so.default_directories(object.abi)
        };
        rpaths
            .map(by(FoundBy::Rpath))
            .chain(process.environment.iter().map(by(FoundBy::LdLibraryPath)))
            .chain(link.located.runpath.iter().map(by(FoundBy::Runpath)))
            .chain([(
                FoundBy::Cache,
                Path::new(crate::loader::system_libraries::CACHE),
            )])
            .chain(defaults.iter().map(by(FoundBy::Default)))
    }

    /// The library that the loader opens for `name`, and by which rule.
    fn search(
        &self,
        process: &Process,
        index: usize,
        name: &OsStr,
    ) -> Option<(Rc<Located>, FoundBy)> {
        let located = &process.links[index].located;
        // The loader replaces the tokens first, and then asks whether there is a slash.
        expanded(located, name)
            .iter()
            .find_map(|name| self.search_expanded(process, index, name))
    }

    fn search_expanded(
        &self,
        process: &Process,
        index: usize,
        name: &OsStr,
    ) -> Option<(Rc<Located>, FoundBy)> {
        let located = &process.links[index].located;
        let abi = located.object.abi;
        if name.as_bytes().contains(&b'/') {
            // One that is relative to the working directory stands for none that would hold in
            // the image.
            let path = Path::new(name);
            return path
                .is_absolute()
                .then(|| self.open(path, abi))
                .flatten()
                .map(|library| (library, FoundBy::Direct));
        }
        for (found_by, place) in self.places(process, index) {
            let library = if found_by == FoundBy::Cache {
                self.inputs
                    .ld_so
                    .cached(name, abi)
                    .filter(|path| self.may_use(located, path))
                    .and_then(|path| self.open(path, abi))
            } else {
                self.inputs
                    .library
                    .tried(place)
                    .iter()
                    .find_map(|dir| self.open(&dir.join(name), abi))
            };
            if let Some(library) = library {
                return Some((library, found_by));
            }
        }
        // The loader is loaded before everything else and answers to its name.
        let interpreter = Path::new(abi.architecture()?.interpreter);
        (interpreter.file_name() == Some(name))
            .then(|| self.open(interpreter, abi))?
            .map(|library| (library, FoundBy::Direct))
    }

    /// `DF_1_NODEFLIB` forbids what the cache names below a default directory.
    fn may_use(&self, located: &Located, cached: &Path) -> bool {
        !located.object.no_default_libraries
            || !self
                .inputs
                .ld_so
                .default_directories(located.object.abi)
                .iter()
                .any(|dir| cached.starts_with(dir))
    }

    fn open(&self, path: &Path, abi: Abi) -> Option<Rc<Located>> {
        match self.inputs.library.candidate(path, abi) {
            Candidate::Fits(located) => Some(located),
            Candidate::Absent => None,
            Candidate::Refused(reason) => {
                self.remark(
                    path,
                    format!("passed over: {reason}; the loader would stop here"),
                );
                None
            }
        }
    }

    /// The search for a missing name, for people.
    fn trail(&self, process: &Process, index: usize, name: &OsStr) -> Vec<Place> {
        if name.as_bytes().contains(&b'/') {
            return direct(&process.links[index].located, name)
                .into_iter()
                .map(|path| Place {
                    found_by: FoundBy::Direct,
                    path,
                })
                .collect();
        }
        self.places(process, index)
            .map(|(found_by, path)| Place {
                found_by,
                path: path.to_owned(),
            })
            .collect()
    }

    /// The path without `.` and `..`, its directory resolved where it had any.
    fn tidy(&self, path: &Path) -> PathBuf {
        let is_plain = !path
            .as_os_str()
            .as_bytes()
            .split(|&byte| byte == b'/')
            .any(|part| part == b".." || part == b".");
        if is_plain {
            return path.components().collect();
        }
        self.inputs
            .root
            .hops(path)
            .into_iter()
            .next()
            .unwrap_or_else(|| path.to_owned())
    }

    /// A version that the found library does not define keeps the object from being loaded; the
    /// loader does not go on searching. A library without any definitions is taken as it is
    /// (`match_symbol` in glibc's `elf/dl-version.c`).
    fn check_versions(&self, link: &Link, name: &OsStr, by: &Located) {
        let defined = &by.object.defined_versions;
        if defined.is_empty() {
            return;
        }
        let absent: Vec<String> = link
            .located
            .object
            .required_versions
            .iter()
            .filter(|required| required.library == name && !defined.contains(&required.version))
            .map(|required| format!("`{}`", shown(&required.version)))
            .collect();
        if !absent.is_empty() {
            self.remarks.borrow_mut().insert(Remark {
                path: self.known(link),
                message: format!(
                    "needs version {} of `{}`, which {} lacks: the loader refuses it",
                    absent.join(", "),
                    shown(name),
                    shown(&by.path)
                ),
                is_fatal: true,
            });
        }
    }

    fn remark_on(&self, link: &Link) {
        if link.located.object.is_musl() {
            self.remark(
                &self.known(link),
                "built for musl, not for this system's C library: its needs are not listed"
                    .to_owned(),
            );
        }
        let which = match link.located.object.runpath {
            Some(_) => "its RUNPATH",
            None => "its RPATH",
        };
        for text in &link.located.relative {
            self.remark(&self.known(link), relative_element(which, text));
        }
    }

    fn remark(&self, path: &Path, message: String) {
        self.remarks.borrow_mut().insert(Remark {
            path: path.to_owned(),
            message,
            is_fatal: false,
        });
    }
}

/// Whether `soname` is the name by which `located` is linked (`libpq.so`), a link that is in a
/// package for compiling (Debian Policy 8.4) and so in no image.
fn is_for_linking(soname: &OsStr, located: &Located) -> bool {
    let name = Path::new(soname).file_name().unwrap_or_default();
    let own = located.object.soname.as_deref();
    name.as_bytes().ends_with(b".so") && own.is_some_and(|own| own != name)
}

/// Whether `dir` is the `lib/python3*` of `prefix`.
fn is_library_of(prefix: &Path, dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default().as_bytes();
    name.starts_with(b"python3") && dir.parent() == Some(&prefix.join("lib"))
}

/// Needs, each once.
#[derive(Default)]
struct Needs {
    all: Vec<Need>,
    seen: HashSet<(usize, *const OsStr, *const Outcome)>,
    outcomes: HashMap<*const Outcome, Rc<Outcome>>,
}

impl Needs {
    fn add(&mut self, needs: Vec<Need>) {
        for need in needs {
            let outcome = Rc::as_ptr(&need.outcome);
            self.outcomes
                .entry(outcome)
                .or_insert_with(|| Rc::clone(&need.outcome));
            let key = (need.by, Arc::as_ptr(&need.soname), outcome);
            if self.seen.insert(key) {
                self.all.push(need);
            }
        }
    }
}

impl Process {
    /// The object `index`, what loaded it, and so on up to the main program.
    fn chain(&self, index: usize) -> impl Iterator<Item = &Located> {
        std::iter::successors(Some(index), |&index| self.links[index].loader)
            .map(|index| self.links[index].located.as_ref())
            .chain(self.base.iter().map(Rc::as_ref))
    }
}

/// The paths that a needed name with a `/` in it stands for. One that is relative to the
/// working directory stands for none that would hold in the image.
fn direct(located: &Located, name: &OsStr) -> Vec<PathBuf> {
    expanded(located, name)
        .into_iter()
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .collect()
}

/// A needed name with its tokens replaced (`expand_dst` in glibc's `elf/dl-deps.c`).
fn expanded(located: &Located, name: &OsStr) -> Vec<OsString> {
    let tokens = TokenValues {
        origin: located.origin(),
        architecture: located.object.abi.architecture(),
    };
    search_path::expand(name, tokens)
}

fn relative_element(which: &str, text: &OsStr) -> String {
    if text.is_empty() {
        format!("{which} has an empty element, which means the working directory: passed over")
    } else {
        format!(
            "{which} names `{}`, which is relative to the working directory: passed over",
            shown(text)
        )
    }
}
