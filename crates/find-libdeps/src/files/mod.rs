//! Programs, files and modules of Python's standard library: where each lies.
//!
//! Takes an item of a demand that is no library, and the interpreter that asks for it; gives the
//! path at which it exists, or where a package would have it.
//!
//! Never happens here: running a program, reading a file, or asking who owns it.

mod programs;
mod standard_library;

pub use standard_library::{StandardLibrary, is_stdlib};

use crate::config::Config;
use crate::demand::Item;
use crate::system::path_pattern::PathPattern;
use crate::system::root::Root;
use std::path::PathBuf;

/// The files of a root, as the code below the given paths finds them.
#[derive(Debug)]
pub struct Files<'a> {
    root: &'a Root,
    /// Where a program is searched for, in order.
    path: Vec<PathBuf>,
    /// Empty if it is not known.
    java_home: PathBuf,
}

impl<'a> Files<'a> {
    /// The files of `root`, for code that has programs in the directories `own`.
    pub fn new(root: &'a Root, own: impl Iterator<Item = PathBuf>, config: &Config) -> Self {
        Self {
            root,
            path: programs::path(root, own, &config.path),
            java_home: PathBuf::from(&config.java_home),
        }
    }

    /// The path of `item`; `None` for a library. A module is searched for in `library`.
    pub fn find(&self, item: &Item, library: Option<&StandardLibrary>) -> Option<PathBuf> {
        match item {
            Item::Library(_) => None,
            Item::Program(name) => programs::find(self.root, &self.path, name),
            Item::File(pattern) => self.of_java(pattern).or_else(|| pattern.find(self.root)),
            Item::Module(name) => {
                let mut patterns = library?.files(name);
                patterns.find_map(|pattern| pattern.find(self.root))
            }
        }
    }

    /// The file of the Java that `JAVA_HOME` names, before one in Debian's directories.
    fn of_java(&self, pattern: &PathPattern) -> Option<PathBuf> {
        let name = pattern.as_str().strip_prefix("/usr/lib/jvm/*/")?;
        let path = self.java_home.join(name);
        // Java 8 has a directory for each architecture, in a JDK below `jre`.
        let older = name.strip_prefix("lib/").into_iter().flat_map(|name| {
            let libs = ["jre/lib", "lib"].map(|lib| self.java_home.join(lib));
            libs.into_iter().flat_map(move |lib| {
                let names = self.root.list(&lib).unwrap_or_default();
                let dirs = names.into_iter().map(move |dir| lib.join(dir));
                dirs.map(move |dir| dir.join(name))
            })
        });
        let mut paths = std::iter::once(path).chain(older);
        paths.find(|path| path.is_absolute() && self.root.metadata(path).is_ok())
    }

    /// The directories in which a program is searched for, in order.
    pub fn path(&self) -> &[PathBuf] {
        &self.path
    }
}
