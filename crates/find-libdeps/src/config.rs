//! What a run does, decided once from the arguments and the environment.

use regex::bytes::Regex;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What to analyse, and how.
#[derive(Debug)]
pub struct Config {
    /// The files and directories to analyse, as given: relative to the working directory, or to
    /// `root` if there is one.
    pub paths: Vec<PathBuf>,
    /// The directory to use as `/`; `None` for this machine.
    pub root: Option<PathBuf>,
    /// The value of `LD_LIBRARY_PATH`; empty with `root`.
    pub ld_library_path: OsString,
    /// The value of `PATH` if the paths are to run here; otherwise, and with `root`, empty.
    pub path: OsString,
    /// The value of `JAVA_HOME` likewise.
    pub java_home: OsString,
    /// Sonames to treat as not needed.
    pub ignore: Vec<Regex>,
    /// Paths to skip, matched against the path as it is reported.
    pub exclude: Vec<Regex>,
    /// Which libraries that code loads at run time are listed.
    pub dlopen: Dlopen,
    /// Which Contents indexes to search for the packages of missing libraries.
    pub lookup: Lookup,
    /// The program to trace, and its arguments; empty for none.
    pub command: Vec<OsString>,
    /// Whether the report has the files that libraries need in turn, which takes a second resolution.
    pub with_files: bool,
    /// The number of threads that read files; 0 for four per core.
    pub threads: usize,
    /// Whether the report has the versions of packages, which takes one more query to dpkg.
    pub with_versions: bool,
    /// Whether the report has the distributions of all files, which takes reading every RECORD.
    pub with_details: bool,
}

/// Which libraries that code loads by name at run time (dlopen(3)) are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Dlopen {
    /// None, and do not search for them
    Off,
    /// Those that the code is known to require
    Known,
    /// All that are found
    All,
}

/// Which Contents indexes may be searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Only those that apt already has.
    Machine,
    /// Those, or for an architecture without any, indexes that apt fetches for this look-up.
    Temporary,
    /// The same, but fetched indexes are kept in this directory for the next look-up.
    Directory(PathBuf),
}

impl Config {
    pub fn ignores(&self, soname: &OsStr) -> bool {
        any_matches(&self.ignore, soname)
    }

    pub fn excludes(&self, path: &Path) -> bool {
        any_matches(&self.exclude, path.as_os_str())
    }
}

fn any_matches(patterns: &[Regex], text: &OsStr) -> bool {
    patterns
        .iter()
        .any(|pattern| pattern.is_match(text.as_bytes()))
}
