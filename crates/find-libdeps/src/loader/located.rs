//! An ELF object at the path by which it was found.

use crate::elf::object_file::{Kind, Object};
use crate::loader::search_path::{self, Element, TokenValues};
use std::borrow::Borrow;
use std::ffi::{OsStr, OsString};
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file, whichever path leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub(super) usize);

/// A path as the key of a table. Its bytes are hashed at once, not component by component.
#[derive(Debug)]
pub struct PathKey(pub Arc<Path>);

impl Borrow<[u8]> for PathKey {
    fn borrow(&self) -> &[u8] {
        self.0.as_os_str().as_bytes()
    }
}

impl Hash for PathKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Borrow::<[u8]>::borrow(self).hash(state);
    }
}

impl PartialEq for PathKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_os_str() == other.0.as_os_str()
    }
}

impl Eq for PathKey {}

/// An object at the path by which it was found.
#[derive(Debug)]
pub struct Located {
    /// The file that the path leads to.
    pub file: FileId,
    /// The path by which it was found; its directory is `$ORIGIN`, links not resolved.
    pub path: Arc<Path>,
    /// The same path without `.` and `..`.
    pub clean_path: Arc<Path>,
    /// The file that the path leads to, all links resolved.
    pub real: Arc<Path>,
    pub object: Arc<Object>,
    /// The directories of its RPATH.
    pub rpath: Box<[PathBuf]>,
    /// The directories of its RUNPATH.
    pub runpath: Box<[PathBuf]>,
    /// Elements of either that are relative to the working directory.
    pub relative: Box<[OsString]>,
}

impl Located {
    /// An object with its search paths expanded.
    pub fn new(
        file: FileId,
        path: Arc<Path>,
        clean_path: Arc<Path>,
        real: Arc<Path>,
        object: Arc<Object>,
    ) -> Self {
        let tokens = TokenValues {
            origin: origin(object.kind, &path, &real),
            architecture: object.abi.architecture(),
        };
        let mut relative = Vec::new();
        let mut directories = |text: &Option<Arc<OsStr>>| -> Box<[PathBuf]> {
            let text = text.as_deref().unwrap_or_default();
            let mut directories = Vec::new();
            for element in search_path::elements(text, b":", tokens) {
                match element {
                    Element::Directory(path) => directories.push(path),
                    Element::Relative(text) => relative.push(text),
                }
            }
            directories.into()
        };
        let rpath = directories(&object.rpath);
        let runpath = directories(&object.runpath);
        Self {
            file,
            path,
            clean_path,
            real,
            object,
            rpath,
            runpath,
            relative: relative.into(),
        }
    }

    /// What the tokens stand for in its search paths and needed names.
    pub fn tokens(&self) -> TokenValues<'_> {
        TokenValues {
            origin: origin(self.object.kind, &self.path, &self.real),
            architecture: self.object.abi.architecture(),
        }
    }
}

/// `$ORIGIN`. For a program it is the directory of the real file, since the kernel reports that
/// (`_dl_get_origin` in glibc's `sysdeps/unix/sysv/linux/dl-origin.c`).
fn origin<'a>(kind: Kind, path: &'a Path, real: &'a Path) -> Option<&'a Path> {
    match kind {
        Kind::Program => real.parent(),
        Kind::Library | Kind::Other => path.parent(),
    }
}
