//! A path that the loader would try to the library there, or to the reason why it is skipped: what
//! `open_verify` decides in glibc's `elf/dl-load.c`.
//!
//! A file is examined once, however many paths lead to its directory, as long as there are not too
//! many. Only regular files are opened.

use crate::elf::object_file::{ElfError, ElfFile, Kind, Object};
use crate::loader::located::{FileId, Located, PathKey};
use crate::loader::tree::Tree;
use crate::system::architecture::Abi;
use crate::system::root::Root;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// How many names in directories are remembered. Objects that lie together have most in common.
const MAX_NAMES: usize = 1 << 16;
/// How many directories are remembered, and how many paths of libraries.
const MAX_PATHS: usize = 1 << 12;

/// What the loader makes of one path.
#[derive(Clone, Debug)]
pub enum Candidate {
    /// It continues silently: the path does not exist or is not accessible, or the file is for
    /// another class or machine.
    Absent,
    /// It stops with this error. The search here continues, with a warning.
    Refused(Rc<str>),
    /// It loads the file.
    Fits(Rc<Located>),
}

/// A directory in which the loader tries names.
#[derive(Debug)]
pub struct Directory {
    /// As a search path or a name spells it.
    pub path: PathBuf,
    place: Rc<Place>,
}

/// A directory, whatever path leads to it.
#[derive(Debug)]
struct Place {
    /// With its links resolved, if it exists.
    real: Option<PathBuf>,
    known: RefCell<HashMap<(Arc<OsStr>, Abi), Examined>>,
}

/// What the loader makes of a name in a directory.
#[derive(Clone, Debug)]
enum Examined {
    Absent,
    Refused(Rc<str>),
    Fits(Rc<Library>),
}

#[derive(Debug)]
struct Library {
    file: FileId,
    real: Arc<Path>,
    object: Arc<Object>,
}

/// Candidates by path.
pub struct Candidates<'a> {
    root: &'a Root,
    tree: &'a Tree,
    /// Those that fit, by the paths by which they were found.
    by_path: RefCell<HashMap<PathKey, Rc<Located>>>,
    /// Files outside the tree, by their real paths.
    files: RefCell<HashMap<PathKey, FileId>>,
    /// By the path that leads there.
    directories: RefCell<HashMap<PathKey, Rc<[Directory]>>>,
    places: RefCell<HashMap<PathKey, Rc<Place>>>,
    /// How many names are remembered in all places.
    names: Cell<usize>,
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
            places: RefCell::default(),
            names: Cell::new(0),
        }
    }

    /// What the loader makes of `path` for an object of `abi`.
    pub fn candidate(&self, path: &Path, abi: Abi) -> Candidate {
        if let Some(known) = self.by_path.borrow().get(path.as_os_str().as_bytes()) {
            if known.object.abi == abi {
                return Candidate::Fits(Rc::clone(known));
            }
        }
        let is_plain = |name: &&OsStr| path.as_os_str().as_bytes().ends_with(name.as_bytes());
        if let (Some(dir), Some(name)) = (path.parent(), path.file_name().filter(is_plain)) {
            let place = self.place(dir);
            self.in_place(&place, &Arc::from(name), abi, || path.to_owned())
        } else {
            // The path of a directory, if of anything: `/usr/lib/.`.
            match judged(self.examine_odd(path)) {
                Examined::Refused(reason) => Candidate::Refused(reason),
                _ => Candidate::Absent,
            }
        }
    }

    /// What the loader makes of `name` in `dir` for an object of `abi`.
    pub fn in_directory(&self, dir: &Directory, name: &Arc<OsStr>, abi: Abi) -> Candidate {
        self.in_place(&dir.place, name, abi, || dir.path.join(&**name))
    }

    fn in_place(
        &self,
        place: &Place,
        name: &Arc<OsStr>,
        abi: Abi,
        path: impl Fn() -> PathBuf,
    ) -> Candidate {
        let key = (Arc::clone(name), abi);
        let known = place.known.borrow().get(&key).cloned();
        let examined = known.unwrap_or_else(|| {
            let examined = judged(match &place.real {
                Some(real) => self.examine(&real.join(&**name), abi),
                None => self.examine_odd(&path()),
            });
            self.names.set(self.names.get() + 1);
            place.known.borrow_mut().insert(key, examined.clone());
            examined
        });
        self.located_at(examined, path)
    }

    /// `examined`, found by `path`.
    fn located_at(&self, examined: Examined, path: impl FnOnce() -> PathBuf) -> Candidate {
        let library = match examined {
            Examined::Absent => return Candidate::Absent,
            Examined::Refused(reason) => return Candidate::Refused(reason),
            Examined::Fits(library) => library,
        };
        let path = path();
        if let Some(known) = self.by_path.borrow().get(path.as_os_str().as_bytes()) {
            return Candidate::Fits(Rc::clone(known));
        }
        let object = Arc::clone(&library.object);
        let located = self.located(&path, Arc::clone(&library.real), library.file, object);
        let mut by_path = self.by_path.borrow_mut();
        if by_path.len() == MAX_PATHS {
            by_path.clear();
        }
        by_path.insert(PathKey(Arc::clone(&located.path)), Rc::clone(&located));
        Candidate::Fits(located)
    }

    /// The program `path`, or `None` if it is not there or not an ELF file.
    pub fn program(&self, path: &Path) -> Option<Rc<Located>> {
        let real = self.root.canonicalize(path).ok()?;
        if !self.root.metadata(&real).ok()?.is_file() {
            return None;
        }
        let file = self.root.open(&real).ok()?;
        let object = ElfFile::open(&file).ok()??.object().ok()?;
        Some(self.program_at(real.into(), object))
    }

    /// A program without any search path, in place of one that is not there.
    pub fn absent_program(&self, abi: Abi) -> Rc<Located> {
        self.program_at(Path::new("").into(), Object::new(abi, Kind::Program))
    }

    fn program_at(&self, real: Arc<Path>, object: Object) -> Rc<Located> {
        let file = self.file(&real);
        self.located(&Arc::clone(&real), real, file, Arc::new(object))
    }

    fn located(
        &self,
        path: &Path,
        real: Arc<Path>,
        file: FileId,
        object: Arc<Object>,
    ) -> Rc<Located> {
        let known = self.tree.with_real_path(&real);
        // Equal paths are shared.
        let shared = |path: PathBuf| match known {
            _ if path.as_os_str() == real.as_os_str() => Arc::clone(&real),
            Some(known) if path.as_os_str() == known.path.as_os_str() => Arc::clone(&known.path),
            _ => Arc::from(path),
        };
        let clean_path = clean(path).map_or_else(
            || match known {
                // Resolving would take a system call per directory.
                Some(known) => Arc::clone(&known.path),
                None => shared(self.resolved(path)),
            },
            shared,
        );
        let path = if path.as_os_str() == clean_path.as_os_str() {
            Arc::clone(&clean_path)
        } else {
            Arc::from(path)
        };
        Rc::new(Located::new(file, path, clean_path, real, object))
    }

    /// The file with this real path.
    fn file(&self, real: &Arc<Path>) -> FileId {
        if let Some(known) = self.tree.with_real_path(real) {
            return known.file;
        }
        let mut files = self.files.borrow_mut();
        let next = FileId(self.tree.objects().len() + files.len());
        *files.entry(PathKey(Arc::clone(real))).or_insert(next)
    }

    /// `path` with its directory resolved.
    fn resolved(&self, path: &Path) -> PathBuf {
        let hops = self.root.hops(path);
        hops.into_iter().next().unwrap_or_else(|| path.to_owned())
    }

    /// The directories in which the loader tries a name for the search path element `dir`, empty
    /// if `dir` does not exist; each is examined once.
    pub fn tried(&self, dir: &Path) -> Rc<[Directory]> {
        if let Some(known) = self.directories.borrow().get(dir.as_os_str().as_bytes()) {
            return Rc::clone(known);
        }
        let tried = tried(self.root, dir).into_iter();
        let tried: Rc<[Directory]> = tried
            .map(|path| Directory {
                place: self.place(&path),
                path,
            })
            .collect();
        self.directories
            .borrow_mut()
            .insert(PathKey(dir.into()), Rc::clone(&tried));
        tried
    }

    fn place(&self, dir: &Path) -> Rc<Place> {
        let real = self.root.directory(dir);
        let path = real.as_deref().unwrap_or(dir);
        let mut places = self.places.borrow_mut();
        if places.len() == MAX_PATHS || self.names.get() >= MAX_NAMES {
            places.clear();
            self.directories.borrow_mut().clear();
            self.names.set(0);
        }
        if let Some(known) = places.get(path.as_os_str().as_bytes()) {
            return Rc::clone(known);
        }
        let key = PathKey(path.into());
        let place = Rc::new(Place {
            real,
            known: RefCell::default(),
        });
        places.insert(key, Rc::clone(&place));
        place
    }

    /// Examines `path`, whose directory is resolved.
    fn examine(&self, path: &Path, abi: Abi) -> Result<Examined, ElfError> {
        let refused = |reason: &str| Ok(Examined::Refused(reason.into()));
        // It was a regular file when the tree was read.
        let known = self.tree.with_real_path(path);
        if let Some(known) = known.filter(|known| known.object.abi == abi) {
            let object = Arc::clone(&known.object);
            return Ok(self.fits(Arc::clone(&known.real), object));
        }
        let mut metadata = self.root.symlink_metadata_at(path)?;
        let mut real = path.to_owned();
        if metadata.is_symlink() {
            metadata = self.root.metadata(path)?;
            real = self.root.canonicalize(path)?;
        }
        if metadata.is_dir() {
            return refused("is a directory");
        }
        if !metadata.is_file() {
            return refused("is not a regular file");
        }
        let known = self.tree.with_real_path(&real);
        if let Some(known) = known.filter(|known| known.object.abi == abi) {
            let object = Arc::clone(&known.object);
            return Ok(self.fits(Arc::clone(&known.real), object));
        }
        let file = self.root.open(&real)?;
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
                Ok(Examined::Absent)
            };
        }
        let object = elf.object()?;
        Ok(self.fits(real.into(), Arc::new(object)))
    }

    /// Examines `path`, which is no library: why the loader cannot open it, if it stops there.
    fn examine_odd(&self, path: &Path) -> Result<Examined, ElfError> {
        if self.root.metadata(path)?.is_dir() {
            return Ok(Examined::Refused("is a directory".into()));
        }
        Ok(Examined::Absent)
    }

    /// `object`, unless the loader refuses it.
    fn fits(&self, real: Arc<Path>, object: Arc<Object>) -> Examined {
        let reason = match (&object.refusal, object.kind) {
            (Some(refusal), _) => refusal,
            (None, Kind::Program) => "is a program, not a library",
            (None, Kind::Other) => "is neither a library nor a program",
            (None, Kind::Library) => {
                return Examined::Fits(Rc::new(Library {
                    file: self.file(&real),
                    real,
                    object,
                }));
            }
        };
        Examined::Refused(reason.into())
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

fn judged(examined: Result<Examined, ElfError>) -> Examined {
    match examined {
        Ok(examined) => examined,
        Err(ElfError::Io(error)) if is_silent(&error) => Examined::Absent,
        Err(error) => Examined::Refused(error.to_string().into()),
    }
}

/// `open_path` continues after ENOENT and EACCES, and treats a component that is not a directory as
/// one that does not exist.
fn is_silent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory
    )
}
