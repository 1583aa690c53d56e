//! The Python interpreter that loads the objects of a directory.

use crate::config::Config;
use crate::loader::candidates::Candidates;
use crate::loader::located::{FileId, Located};
use crate::loader::never_packaged;
use crate::loader::process::Satisfied;
use crate::loader::remarks::Remarks;
use crate::loader::search::Search;
use crate::python::interpreter::CONFIGURATION;
use crate::system::root::Root;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// Objects that loaded another, the innermost first.
pub type Chain = Rc<[Rc<Located>]>;

/// Libraries by the names that they satisfy.
pub type Loaded = HashMap<Arc<OsStr>, Rc<Located>>;

/// What satisfies the names that an interpreter has loaded when it has started.
pub type Started = HashMap<Arc<OsStr>, Satisfied>;

/// What each interpreter loads, by its program.
#[derive(Default)]
pub struct LoadedByInterpreters {
    pub by_program: RefCell<HashMap<FileId, Rc<Loaded>>>,
    pub at_start: RefCell<HashMap<FileId, Rc<Started>>>,
}

/// Interpreters by the directory of the objects that they load.
pub struct Interpreters<'a> {
    root: &'a Root,
    config: &'a Config,
    search: Search<'a>,
    by_directory: RefCell<HashMap<OsString, Chain>>,
}

impl<'a> Interpreters<'a> {
    pub fn new(root: &'a Root, config: &'a Config, search: Search<'a>) -> Self {
        Self {
            root,
            config,
            search,
            by_directory: RefCell::default(),
        }
    }

    /// The interpreter that objects in `dir` belong to, preceded by the `libpython` that calls
    /// `dlopen` for it, if it has one: that of the nearest virtualenv (PEP 405), or of the prefix
    /// in whose `lib/python3*` the directory lies. Empty if there is none.
    pub fn of(&self, dir: Option<&Path>, remarks: &Remarks) -> Chain {
        let Some(dir) = dir else {
            return Rc::new([]);
        };
        if let Some(chain) = self.by_directory.borrow().get(dir.as_os_str()) {
            return Rc::clone(chain);
        }
        let prefix = match dir.parent().and_then(Path::parent) {
            _ if self.root.metadata(&dir.join(CONFIGURATION)).is_ok() => Some(dir),
            Some(prefix) if is_library_of(prefix, dir) => Some(prefix),
            _ => None,
        };
        let candidates: &Candidates = self.search.candidates;
        let program = prefix.and_then(|prefix| {
            ["bin/python3", "bin/python"]
                .iter()
                .find_map(|name| candidates.program(&prefix.join(name)))
        });
        let chain = match program {
            Some(program) => self.chain(program, remarks),
            None => self.of(dir.parent(), remarks),
        };
        self.by_directory
            .borrow_mut()
            .insert(dir.as_os_str().to_owned(), Rc::clone(&chain));
        chain
    }

    fn chain(&self, program: Rc<Located>, remarks: &Remarks) -> Chain {
        let environment = &self.config.ld_library_path;
        let process = self
            .search
            .process(Rc::clone(&program), &[], environment, remarks);
        let needed = program.object.needed.iter();
        let libpython = needed
            .filter(|name| never_packaged::by_interpreter(name))
            .find_map(|name| self.search.find(&process, 0, name, remarks))
            .map(|(located, _)| located);
        libpython.into_iter().chain([program]).collect()
    }
}

/// Whether `dir` is the `lib/python3*` of `prefix`.
fn is_library_of(prefix: &Path, dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default().as_bytes();
    name.starts_with(b"python3") && dir.parent() == Some(&prefix.join("lib"))
}
