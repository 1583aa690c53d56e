//! The search for a program by its name.

use crate::scan::Starts;
use crate::system::root::Root;
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

/// The directories of the programs below `starts`, then those of an image. The environment's `PATH` is
/// the builder's, and does not count.
pub fn path(root: &Root, starts: &Starts) -> Vec<PathBuf> {
    let own = starts.program_directories();
    let own = own.filter(|dir| root.metadata(dir).is_ok_and(|found| found.is_dir()));
    own.chain(DEFAULT.map(PathBuf::from)).collect()
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
