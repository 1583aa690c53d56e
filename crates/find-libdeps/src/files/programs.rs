//! The search for a program by its name.

use crate::system::root::Root;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

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

/// Those of the directories `own` that exist, those of `environment`, the value of `PATH`, and those of
/// an image. In a builder it is not the final image's, and empty.
pub fn path(root: &Root, own: impl Iterator<Item = PathBuf>, environment: &OsStr) -> Vec<PathBuf> {
    let own = own.filter(|dir| root.metadata(dir).is_ok_and(|found| found.is_dir()));
    let all = own.chain(std::env::split_paths(environment).filter(|dir| dir.is_absolute()));
    let all = all.chain(DEFAULT.map(PathBuf::from));
    let mut path = Vec::new();
    for dir in all {
        if !path.contains(&dir) {
            path.push(dir);
        }
    }
    path
}

/// The first executable file `name` in the directories of `path`; with a slash it is a path itself
/// (execvp(3)), and `None` if that is relative: the directory in which it will be run is not known.
pub fn find(root: &Root, path: &[PathBuf], name: &OsStr) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(name))
            .filter(|path| path.is_absolute() && root.is_executable(path));
    }
    let mut all = path.iter().map(|dir| dir.join(name));
    all.find(|path| root.is_executable(path))
}
