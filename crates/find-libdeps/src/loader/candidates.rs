//! A path that the loader would try, to the library there or the reason why it is passed over:
//! what `open_verify` decides in glibc's `elf/dl-load.c`.
//!
//! Each path is looked at once. Nothing but regular files is opened.

use crate::elf::object_file::{ElfError, ElfFile, Kind, Object};
use crate::loader::search_path::{self, Element, TokenValues};
use crate::loader::tree::Tree;
use crate::system::architecture::Abi;
use crate::system::root::Root;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// An object at the place where it was found.
#[derive(Debug)]
pub struct Located {
    /// The path by which it was found; its directory is `$ORIGIN`, links not resolved.
    pub path: PathBuf,
    /// The file that the path leads to, all links resolved.
    pub real: PathBuf,
    /// What it is.
    pub object: Arc<Object>,
    /// The directories of its RPATH.
    pub rpath: Vec<PathBuf>,
    /// The directories of its RUNPATH.
    pub runpath: Vec<PathBuf>,
    /// Elements of either that mean something relative to the working directory.
    pub relative: Vec<OsString>,
}

impl Located {
    /// An object with its search paths expanded. The `$ORIGIN` of a program is the directory in
    /// which it physically lies, since the kernel reports it so (`_dl_get_origin`).
    #[must_use]
    pub fn new(path: PathBuf, real: PathBuf, object: Arc<Object>) -> Self {
        let tokens = TokenValues {
            origin: origin(object.kind, &path, &real),
            architecture: object.abi.architecture(),
        };
        let mut relative = Vec::new();
        let mut directories = |text: &Option<OsString>| -> Vec<PathBuf> {
            let text = text.as_deref().unwrap_or_default();
            let mut directories = Vec::new();
            for element in search_path::elements(text, b":", tokens) {
                match element {
                    Element::Directory(path) => directories.push(path),
                    Element::Relative(text) => relative.push(text),
                }
            }
            directories
        };
        let rpath = directories(&object.rpath);
        let runpath = directories(&object.runpath);
        Self {
            path,
            real,
            object,
            rpath,
            runpath,
            relative,
        }
    }

    /// What `$ORIGIN` stands for in it.
    #[must_use]
    pub fn origin(&self) -> Option<&Path> {
        origin(self.object.kind, &self.path, &self.real)
    }
}

fn origin<'a>(kind: Kind, path: &'a Path, real: &'a Path) -> Option<&'a Path> {
    match kind {
        Kind::Program => real.parent(),
        Kind::Library | Kind::Other => path.parent(),
    }
}

/// What the loader makes of one path.
#[derive(Clone, Debug)]
pub enum Candidate {
    /// It goes on without a word: nothing is there, or it is not allowed to look, or the file is
    /// for another class or machine.
    Absent,
    /// It gives up with this message. The search here goes on, and says so.
    Refused(String),
    /// It takes it.
    Fits(Rc<Located>),
}

/// Candidates by path, each looked at once.
pub struct Library<'a> {
    root: &'a Root,
    /// Objects that have been read already, by their real path.
    read: HashMap<&'a OsStr, &'a Arc<Object>>,
    // Keys are strings, whose hash is taken at once and not component by component.
    candidates: RefCell<HashMap<Abi, HashMap<OsString, Candidate>>>,
    directories: RefCell<HashMap<OsString, Rc<[PathBuf]>>>,
    /// Directories with their links resolved: many libraries lie in few.
    real_directories: RefCell<HashMap<OsString, PathBuf>>,
}

impl<'a> Library<'a> {
    /// Candidates in `root`, of which the objects of `tree` need not be read again.
    #[must_use]
    pub fn new(root: &'a Root, tree: &'a Tree) -> Self {
        let read = tree.objects().iter();
        Self {
            root,
            read: read
                .map(|located| (located.real.as_os_str(), &located.object))
                .collect(),
            candidates: RefCell::default(),
            directories: RefCell::default(),
            real_directories: RefCell::default(),
        }
    }

    /// What the loader makes of `path` for an object of `abi`.
    pub fn candidate(&self, path: &Path, abi: Abi) -> Candidate {
        let known = self.candidates.borrow();
        if let Some(known) = known
            .get(&abi)
            .and_then(|known| known.get(path.as_os_str()))
        {
            return known.clone();
        }
        drop(known);
        let candidate = match self.look(path, abi) {
            Ok(candidate) => candidate,
            Err(ElfError::Io(error)) if is_silent(&error) => Candidate::Absent,
            Err(error) => Candidate::Refused(error.to_string()),
        };
        let path = path.as_os_str().to_owned();
        self.candidates
            .borrow_mut()
            .entry(abi)
            .or_default()
            .insert(path, candidate.clone());
        candidate
    }

    /// The program `path`, or `None` where it is not there or no ELF file.
    #[must_use]
    pub fn program(&self, path: &Path) -> Option<Rc<Located>> {
        let real = self.root.canonicalize(path).ok()?;
        if !self.root.metadata(&real).ok()?.is_file() {
            return None;
        }
        let file = self.root.open(&real).ok()?;
        let object = ElfFile::open(&file).ok()??.object().ok()?;
        Some(Rc::new(Located::new(real.clone(), real, Arc::new(object))))
    }

    /// The directories in which the loader tries a name for the search path element `dir`, none
    /// where `dir` is not there; each is looked at once.
    pub fn tried(&self, dir: &Path) -> Rc<[PathBuf]> {
        if let Some(known) = self.directories.borrow().get(dir.as_os_str()) {
            return Rc::clone(known);
        }
        let tried: Rc<[PathBuf]> = tried(self.root, dir).into();
        self.directories
            .borrow_mut()
            .insert(dir.as_os_str().to_owned(), Rc::clone(&tried));
        tried
    }

    /// `path` with its links resolved.
    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return self.root.canonicalize(path);
        };
        let mut known = self.real_directories.borrow_mut();
        let dir = match known.get(dir.as_os_str()) {
            Some(real) => real,
            None => known
                .entry(dir.as_os_str().to_owned())
                .or_insert(self.root.canonicalize(dir)?),
        };
        let place = dir.join(name);
        if self.root.is_link_at(&place) {
            self.root.canonicalize(&place)
        } else {
            Ok(place)
        }
    }

    fn look(&self, path: &Path, abi: Abi) -> Result<Candidate, ElfError> {
        let refused = |reason: &str| Ok(Candidate::Refused(reason.to_owned()));
        let metadata = self.root.metadata(path)?;
        if metadata.is_dir() {
            return refused("is a directory");
        }
        if !metadata.is_file() {
            return refused("is not a regular file");
        }
        let real = self.real(path)?;
        let object = match self.read.get(real.as_os_str()) {
            Some(object) if object.abi == abi => Arc::clone(object),
            _ => {
                let file = self.root.open(path)?;
                let Some(elf) = ElfFile::open(&file)? else {
                    return refused(if metadata.len() == 0 {
                        "is empty"
                    } else {
                        "is not an ELF file"
                    });
                };
                if elf.abi != abi {
                    return if elf.abi.differs_in_byte_order_only(abi) {
                        refused("has the other byte order")
                    } else {
                        Ok(Candidate::Absent)
                    };
                }
                Arc::new(elf.object()?)
            }
        };
        match object.kind {
            Kind::Library => {
                let located = Located::new(path.to_owned(), real, object);
                Ok(Candidate::Fits(Rc::new(located)))
            }
            Kind::Program => refused("is a program, not a library"),
            Kind::Other => refused("is neither a library nor a program"),
        }
    }
}

/// The directories in which the loader tries a name for the search path element `dir`, none where
/// `dir` is not there.
///
/// Subdirectories of `glibc-hwcaps` come last, and all of them: the loader tries those that suit
/// its processor first, but a list of packages must hold on others too.
#[must_use]
pub fn tried(root: &Root, dir: &Path) -> Vec<PathBuf> {
    let is_dir = |path: &Path| root.metadata(path).is_ok_and(|found| found.is_dir());
    let mut tried = Vec::new();
    if is_dir(dir) {
        tried.push(dir.to_owned());
        let hwcaps = dir.join("glibc-hwcaps");
        if is_dir(&hwcaps) {
            let names = root.list(&hwcaps).unwrap_or_default();
            tried.extend(names.iter().map(|name| hwcaps.join(name)));
        }
    }
    tried
}

/// `open_path` goes on after ENOENT and EACCES, and a component that is no directory is marked
/// as not there.
fn is_silent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory
    )
}
