//! What a run is to do, decided once: nothing here is optional that has been decided.

use crate::packages::lookup::Source;
use regex::bytes::Regex;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What to analyse, and how.
#[derive(Debug)]
pub struct Config {
    /// The files and directories to analyse: as they were given, relative to the working
    /// directory, or to `root` where one is given.
    pub paths: Vec<PathBuf>,
    /// The directory taken for `/`; `None` for the machine's own file system and environment.
    pub root: Option<PathBuf>,
    /// The value of `LD_LIBRARY_PATH`; empty where there is none or it does not count.
    pub ld_library_path: OsString,
    /// Sonames to take for not needed.
    pub ignore: Vec<Regex>,
    /// Paths not to read, matched against the path as it is reported.
    pub exclude: Vec<Regex>,
    /// Which libraries that code loads at run time go on the list.
    pub dlopen: Dlopen,
    /// Which indexes of contents are asked for the packages of missing libraries.
    pub lookup: Source,
    /// The program that is run to see what it loads, and its arguments; empty for none.
    pub command: Vec<OsString>,
    /// How many threads read files; 0 for one a core.
    pub threads: usize,
    /// Whether the report names the versions of packages, which takes one more question to dpkg.
    pub with_versions: bool,
}

/// Which libraries that code loads by name at run time (dlopen(3)) go on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Dlopen {
    /// None; nothing is read for them
    Off,
    /// Those that code is known not to work without
    Known,
    /// Every one that is there
    All,
}

impl Config {
    /// Whether `soname` is to be taken for not needed.
    #[must_use]
    pub fn ignores(&self, soname: &OsStr) -> bool {
        any_matches(&self.ignore, soname)
    }

    /// Whether `path` is not to be read.
    #[must_use]
    pub fn excludes(&self, path: &Path) -> bool {
        any_matches(&self.exclude, path.as_os_str())
    }
}

fn any_matches(patterns: &[Regex], text: &OsStr) -> bool {
    patterns
        .iter()
        .any(|pattern| pattern.is_match(text.as_bytes()))
}
