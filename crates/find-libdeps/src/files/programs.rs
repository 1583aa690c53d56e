//! The search for a program by its name.

use crate::scan::Starts;
use crate::system::root::Root;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// `PATH` in an image that does not set it (`DefaultPathEnv` in moby's `pkg/system/path.go`), except
/// that the directories in which no package ships a file (Debian Policy 9.1.2) come last: a package
/// meets the demand too.
const DEFAULT: [&str; 6] = [
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
];

/// The directories of the programs below `starts`, those of an image, and those of `environment`, the
/// value of `PATH`. In a builder it is not the final image's, and empty.
pub fn path(root: &Root, starts: &Starts, environment: &OsStr) -> Vec<PathBuf> {
    let own = starts.program_directories();
    let own = own.filter(|dir| root.metadata(dir).is_ok_and(|found| found.is_dir()));
    let mut path: Vec<PathBuf> = own.chain(DEFAULT.map(PathBuf::from)).collect();
    for dir in std::env::split_paths(environment) {
        if dir.is_absolute() && !path.contains(&dir) {
            path.push(dir);
        }
    }
    path
}

/// The first executable file `name` in the directories of `path`; with a slash it is a path itself
/// (execvp(3)).
pub fn find(root: &Root, path: &[PathBuf], name: &str) -> Option<PathBuf> {
    let is_executable = |path: &Path| {
        let metadata = root.metadata(path);
        metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| is_executable(path));
    }
    let mut all = path.iter().map(|dir| dir.join(name));
    all.find(|path| is_executable(path))
}
