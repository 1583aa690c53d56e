//! The modules that come with an interpreter, and those that Debian has in packages beside it.

use crate::demand::Item;
use crate::system::path_pattern::PathPattern;
use crate::system::root::Root;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The standard library of one interpreter.
#[derive(Debug)]
pub struct StandardLibrary {
    dir: PathBuf,
}

impl StandardLibrary {
    /// The one that code in `dir` uses: the one of `interpreter`, given by its real path, or if that is
    /// not known, of the version that `dir` belongs to. `None` if no version is known.
    pub fn of(root: &Root, interpreter: Option<&Path>, dir: &Path) -> Option<Self> {
        let version = interpreter.and_then(Path::file_name).filter(is_version);
        if let (Some(version), Some(prefix)) = (
            version,
            interpreter.and_then(|path| path.ancestors().nth(2)),
        ) {
            let dir = prefix.join("lib").join(version);
            return Some(Self { dir });
        }
        let mut parents = dir.ancestors().filter_map(Path::file_name);
        let version = parents.find(is_version)?;
        let dirs = ["/usr/local/lib", "/usr/lib"].map(|lib| Path::new(lib).join(version));
        let exists = |dir: &&PathBuf| root.metadata(&dir.join("os.py")).is_ok();
        let dir = dirs.iter().find(exists).unwrap_or(&dirs[1]).clone();
        Some(Self { dir })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The files that may be the module `name`, each enough.
    pub fn files(&self, name: &str) -> impl Iterator<Item = PathPattern> {
        files(&self.dir, name)
    }

    /// The same in Debian's packages.
    pub fn packaged(&self, name: &str) -> Vec<Item> {
        let version = self.dir.file_name().unwrap_or_default();
        let dir = Path::new("/usr/lib").join(version);
        files(&dir, name).map(Item::File).collect()
    }
}

/// `python3.11`.
fn is_version(name: &&OsStr) -> bool {
    let minor = name.to_str().and_then(|name| name.strip_prefix("python3."));
    minor.is_some_and(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()))
}

fn files(dir: &Path, name: &str) -> impl Iterator<Item = PathPattern> {
    let dir = dir.to_str().unwrap_or_default().to_owned();
    let name = name.replace('.', "/");
    let ends = [".py", "/__init__.py"].map(|end| format!("{dir}/{name}{end}"));
    let compiled = format!("{dir}/lib-dynload/{name}.cpython-*.so");
    ends.into_iter()
        .chain([compiled])
        .filter_map(PathPattern::new)
}
