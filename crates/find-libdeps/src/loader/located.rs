//! An ELF object at the path by which it was found.

use crate::elf::object_file::{Kind, Object};
use crate::loader::search_path::{self, Element, TokenValues};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file, whichever path leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub(super) usize);

/// An object at the path by which it was found.
#[derive(Debug)]
pub struct Located {
    /// The file that the path leads to.
    pub file: FileId,
    /// The path by which it was found; its directory is `$ORIGIN`, links not resolved.
    pub path: PathBuf,
    /// The same path without `.` and `..`.
    pub clean_path: PathBuf,
    /// The file that the path leads to, all links resolved.
    pub real: PathBuf,
    pub object: Arc<Object>,
    /// The directories of its RPATH.
    pub rpath: Vec<PathBuf>,
    /// The directories of its RUNPATH.
    pub runpath: Vec<PathBuf>,
    /// Elements of either that are relative to the working directory.
    pub relative: Vec<OsString>,
}

impl Located {
    /// An object with its search paths expanded.
    pub fn new(
        file: FileId,
        path: PathBuf,
        clean_path: PathBuf,
        real: PathBuf,
        object: Arc<Object>,
    ) -> Self {
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
            file,
            path,
            clean_path,
            real,
            object,
            rpath,
            runpath,
            relative,
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
