//! Programs, files and modules of Python's standard library: where each lies.
//!
//! Takes an item of a demand that is no library, and the interpreter that asks for it; gives the
//! path at which it exists, or where a package would have it.
//!
//! Never happens here: running a program, reading a file, or asking who owns it.

mod programs;
mod standard_library;

pub use standard_library::{StandardLibrary, is_stdlib};

use crate::demand::Item;
use crate::system::root::Root;
use std::ffi::OsStr;
use std::path::PathBuf;

/// The files of a root, as the code below the given paths finds them.
#[derive(Debug)]
pub struct Files<'a> {
    root: &'a Root,
    /// Where a program is searched for, in order.
    path: Vec<PathBuf>,
}

impl<'a> Files<'a> {
    /// The files of `root`, for code that has programs in the directories `own`. `environment` is the
    /// value of `PATH`.
    pub fn new(root: &'a Root, own: impl Iterator<Item = PathBuf>, environment: &OsStr) -> Self {
        let path = programs::path(root, own, environment);
        Self { root, path }
    }

    /// The path of `item`; `None` for a library. A module is searched for in `library`.
    pub fn find(&self, item: &Item, library: Option<&StandardLibrary>) -> Option<PathBuf> {
        match item {
            Item::Library(_) => None,
            Item::Program(name) => programs::find(self.root, &self.path, name),
            Item::File(pattern) => pattern.find(self.root),
            Item::Module(name) => {
                let mut patterns = library?.files(name);
                patterns.find_map(|pattern| pattern.find(self.root))
            }
        }
    }

    /// The directories in which a program is searched for, in order.
    pub fn path(&self) -> &[PathBuf] {
        &self.path
    }
}
