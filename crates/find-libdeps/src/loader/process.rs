//! A process that is being loaded: which objects it holds, and which names they satisfy.

use crate::elf::object_file::Kind;
use crate::loader::candidates::Directory;
use crate::loader::located::{FileId, Located};
use crate::loader::outcome::{FoundBy, Hit, Outcome};
use crate::loader::remarks::{Remarks, relative_element};
use crate::loader::search_path::{Element, TokenValues};
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// A process that is being loaded.
pub struct Process {
    /// The objects whose needs are followed, in the order in which they were loaded.
    pub links: Vec<Link>,
    /// The files of `links`, and those below `--exclude` that were loaded.
    pub loaded: HashSet<FileId>,
    /// What satisfies each name that a loaded object has.
    pub by_name: HashMap<Arc<OsStr>, Satisfied>,
    /// The directories of `LD_LIBRARY_PATH`.
    pub environment: Vec<PathBuf>,
    /// Whether the loader starts a program with it, so that no code can load a library first.
    pub is_starting: bool,
    /// What loaded the first object, the innermost first: the interpreter's own objects.
    base: Vec<Rc<Located>>,
}

/// A loaded object whose needs are followed.
pub struct Link {
    pub located: Rc<Located>,
    /// The index of the object that loaded it.
    pub loader: Option<usize>,
    /// The directories in which its needs are searched for, once they are known.
    pub directories: OnceCell<Vec<(FoundBy, Rc<[Directory]>)>>,
}

impl Link {
    pub fn new(located: Rc<Located>, loader: Option<usize>) -> Self {
        Self {
            located,
            loader,
            directories: OnceCell::new(),
        }
    }
}

/// What satisfies a name in a process.
#[derive(Clone)]
pub struct Satisfied {
    pub outcome: Outcome,
    /// The object, if it was found by a search.
    pub by: Option<Rc<Located>>,
}

impl Process {
    /// A process in which `first` is loaded, by `base` or by the kernel. `environment` gives the
    /// elements of `LD_LIBRARY_PATH`, and `first` satisfies `own_name`.
    pub fn new(
        first: Rc<Located>,
        base: &[Rc<Located>],
        environment: impl FnOnce(TokenValues) -> Vec<Element>,
        own_name: Option<Arc<OsStr>>,
        remarks: &Remarks,
    ) -> Self {
        // The tokens in the environment are those of the main program.
        let (base, main) = match first.object.kind {
            Kind::Program => (&[][..], Some(&first)),
            Kind::Library | Kind::Other => (base, base.last()),
        };
        let tokens = TokenValues {
            origin: main.and_then(|program| program.real.parent()),
            architecture: first.object.abi.architecture(),
        };
        let mut directories = Vec::new();
        for element in environment(tokens) {
            match element {
                Element::Directory(path) => directories.push(path),
                Element::Relative(text) => {
                    remarks.add(Path::new("LD_LIBRARY_PATH"), relative_element("it", &text));
                }
            }
        }
        let itself = own_name.map(|name| {
            let hit = Hit {
                located: Rc::clone(&first),
                found_by: FoundBy::Direct,
            };
            let satisfied = Satisfied {
                outcome: Outcome::Bundled(hit),
                by: Some(Rc::clone(&first)),
            };
            (name, satisfied)
        });
        Self {
            loaded: HashSet::from([first.file]),
            by_name: itself.into_iter().collect(),
            base: base.to_vec(),
            environment: directories,
            is_starting: false,
            links: vec![Link::new(first, None)],
        }
    }

    /// Removes the library `file`, if the object `index` was the one to load it.
    pub fn unload(&mut self, index: usize, file: FileId) {
        // Nothing was loaded by it yet, so no index of a loading object changes.
        let of_index = |link: &Link| link.loader == Some(index) && link.located.file == file;
        if self.links.iter().any(of_index) {
            self.links.retain(|link| !of_index(link));
            self.loaded.remove(&file);
            let is_other = |by: &Option<Rc<Located>>| by.as_ref().is_none_or(|by| by.file != file);
            self.by_name.retain(|_, satisfied| is_other(&satisfied.by));
        }
    }

    /// The program, if it is known.
    pub fn main(&self) -> Option<&Located> {
        let first = &self.links[0].located;
        match first.object.kind {
            Kind::Program => Some(first),
            Kind::Library | Kind::Other => self.base.last().map(Rc::as_ref),
        }
    }

    /// The object `index`, what loaded it, and so on up to the main program.
    pub fn chain(&self, index: usize) -> impl Iterator<Item = &Located> {
        self.links_up(index).chain(self.base.iter().map(Rc::as_ref))
    }

    /// The same up to the first object.
    pub fn links_up(&self, index: usize) -> impl Iterator<Item = &Located> {
        std::iter::successors(Some(index), |&index| self.links[index].loader)
            .map(|index| self.links[index].located.as_ref())
    }

    /// Whether `file` is one of the objects whose needs are followed.
    pub fn has_link(&self, file: FileId) -> bool {
        self.links.iter().any(|link| link.located.file == file)
    }
}
