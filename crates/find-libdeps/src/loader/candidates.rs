//! A path that the loader would try to the library there, or to the reason why it is skipped: what
//! `open_verify` decides in glibc's `elf/dl-load.c`.
//!
//! A path is examined once, as long as there are not too many. Only regular files are opened.

use crate::elf::object_file::{ElfError, ElfFile, Kind, Object};
use crate::loader::located::{FileId, Located};
use crate::loader::tree::Tree;
use crate::system::architecture::Abi;
use crate::system::root::Root;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// How many paths are remembered for an ABI; real trees have thousands.
const MAX_KNOWN: usize = 1 << 17;

/// What the loader makes of one path.
#[derive(Clone, Debug)]
pub enum Candidate {
    /// It continues silently: the path does not exist or is not accessible, or the file is for
    /// another class or machine.
    Absent,
    /// It stops with this error. The search here continues, with a warning.
    Refused(String),
    /// It loads the file.
    Fits(Rc<Located>),
}

/// Candidates by path.
pub struct Candidates<'a> {
    root: &'a Root,
    tree: &'a Tree,
    // Keys are strings, which hash faster than paths: at once, not component by component.
    by_path: RefCell<HashMap<Abi, HashMap<OsString, Candidate>>>,
    /// Files outside the tree, by their real paths.
    files: RefCell<HashMap<OsString, FileId>>,
    directories: RefCell<HashMap<OsString, Rc<[PathBuf]>>>,
}

impl<'a> Candidates<'a> {
    /// Candidates in `root`; the objects of `tree` are not read again.
    pub fn new(root: &'a Root, tree: &'a Tree) -> Self {
        Self {
            root,
            tree,
            by_path: RefCell::default(),
            files: RefCell::default(),
            directories: RefCell::default(),
        }
    }

    /// What the loader makes of `path` for an object of `abi`.
    pub fn candidate(&self, path: &Path, abi: Abi) -> Candidate {
        if let Some(candidate) = self.examined(path, abi) {
            return candidate;
        }
        let candidate = match self.examine(path, abi) {
            Ok(candidate) => candidate,
            Err(ElfError::Io(error)) if is_silent(&error) => Candidate::Absent,
            Err(error) => Candidate::Refused(error.to_string()),
        };
        let path = path.as_os_str().to_owned();
        let mut by_path = self.by_path.borrow_mut();
        let by_path = by_path.entry(abi).or_default();
        if by_path.len() == MAX_KNOWN {
            by_path.clear();
        }
        by_path.insert(path, candidate.clone());
        candidate
    }

    fn examined(&self, path: &Path, abi: Abi) -> Option<Candidate> {
        let by_path = self.by_path.borrow();
        by_path.get(&abi)?.get(path.as_os_str()).cloned()
    }

    /// The program `path`, or `None` if it is not there or not an ELF file.
    pub fn program(&self, path: &Path) -> Option<Rc<Located>> {
        let real = self.root.canonicalize(path).ok()?;
        if !self.root.metadata(&real).ok()?.is_file() {
            return None;
        }
        let file = self.root.open(&real).ok()?;
        let object = ElfFile::open(&file).ok()??.object().ok()?;
        Some(self.located(real.clone(), real, Arc::new(object)))
    }

    /// A program without any search path, in place of one that is not there.
    pub fn absent_program(&self, abi: Abi) -> Rc<Located> {
        let object = Object::new(abi, Kind::Program);
        self.located(PathBuf::new(), PathBuf::new(), Arc::new(object))
    }

    fn located(&self, path: PathBuf, real: PathBuf, object: Arc<Object>) -> Rc<Located> {
        let (file, clean_path) = if let Some(known) = self.tree.with_real_path(&real) {
            // Its path in the tree is clean already; resolving would take a system call per directory.
            (
                known.file,
                clean(&path).unwrap_or_else(|| known.path.clone()),
            )
        } else {
            let mut files = self.files.borrow_mut();
            let next = FileId(self.tree.objects().len() + files.len());
            let file = *files.entry(real.clone().into_os_string()).or_insert(next);
            (file, clean(&path).unwrap_or_else(|| self.resolved(&path)))
        };
        Rc::new(Located::new(file, path, clean_path, real, object))
    }

    /// `path` with its directory resolved.
    fn resolved(&self, path: &Path) -> PathBuf {
        let hops = self.root.hops(path);
        hops.into_iter().next().unwrap_or_else(|| path.to_owned())
    }

    /// The directories in which the loader tries a name for the search path element `dir`, empty
    /// if `dir` does not exist; each is examined once.
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
        match self.root.place(path) {
            Some(place) if !self.root.is_link_at(&place) => Ok(place),
            place => self.root.canonicalize(place.as_deref().unwrap_or(path)),
        }
    }

    fn examine(&self, path: &Path, abi: Abi) -> Result<Candidate, ElfError> {
        let refused = |reason: &str| Ok(Candidate::Refused(reason.to_owned()));
        let metadata = self.root.metadata(path)?;
        if metadata.is_dir() {
            return refused("is a directory");
        }
        if !metadata.is_file() {
            return refused("is not a regular file");
        }
        let real = self.real(path)?;
        let object = match self.tree.with_real_path(&real) {
            Some(known) if known.object.abi == abi => Arc::clone(&known.object),
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
        match (&object.refusal, object.kind) {
            (Some(refusal), _) => refused(refusal),
            (None, Kind::Library) => {
                let located = self.located(path.to_owned(), real, object);
                Ok(Candidate::Fits(located))
            }
            (None, Kind::Program) => refused("is a program, not a library"),
            (None, Kind::Other) => refused("is neither a library nor a program"),
        }
    }
}

/// `path` without repeated slashes; `None` if it has `.` or `..`.
fn clean(path: &Path) -> Option<PathBuf> {
    let mut parts = path.as_os_str().as_bytes().split(|&byte| byte == b'/');
    (!parts.any(|part| part == b".." || part == b".")).then(|| path.components().collect())
}

/// The directories in which the loader tries a name for the search path element `dir`, empty if
/// `dir` does not exist.
///
/// All subdirectories of `glibc-hwcaps` come last: the loader tries those for its processor first,
/// but a list of packages must be right for other processors too.
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

/// Whether processors of `abi` use the subdirectory `dir` of `glibc-hwcaps`.
pub fn is_for_processors(dir: &Path, abi: Abi) -> bool {
    let name = dir.file_name().unwrap_or_default();
    abi.architecture()
        .is_some_and(|row| row.hwcaps.iter().any(|known| name == *known))
}

/// `open_path` continues after ENOENT and EACCES, and treats a component that is not a directory as
/// one that does not exist.
fn is_silent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory
    )
}
