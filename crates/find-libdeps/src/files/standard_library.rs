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
    /// The one that code in `dir` uses: the one of `interpreter`, given by its real path; if that is
    /// not known, of the version that `dir` belongs to; and if it belongs to none, of the image's
    /// `python3`. `None` if there is none.
    pub fn of(root: &Root, interpreter: Option<&Path>, dir: &Path) -> Option<Self> {
        let own = interpreter.and_then(beside);
        own.or_else(|| of_version(root, dir)).or_else(|| {
            let programs = ["/usr/local/bin/python3", "/usr/bin/python3"].map(Path::new);
            let mut programs = programs
                .iter()
                .filter_map(|path| root.canonicalize(path).ok());
            programs.find_map(|program| beside(&program))
        })
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

/// Whether `path` is in the directory of the interpreter's modules (`DESTSHARED` in Python's
/// `Makefile.pre.in`).
pub fn is_stdlib(path: &Path) -> bool {
    let dir = path.parent().and_then(Path::file_name);
    dir.is_some_and(|dir| dir == "lib-dynload")
}

/// The one of the interpreter with this real path.
fn beside(interpreter: &Path) -> Option<StandardLibrary> {
    let version = interpreter.file_name().filter(is_version)?;
    let prefix = interpreter.ancestors().nth(2)?;
    let dir = prefix.join("lib").join(version);
    Some(StandardLibrary { dir })
}

/// The one of the version in whose `lib/python3.11` the directory `dir` lies.
fn of_version(root: &Root, dir: &Path) -> Option<StandardLibrary> {
    let mut parents = dir.ancestors().filter_map(Path::file_name);
    let version = parents.find(is_version)?;
    let dirs = ["/usr/local/lib", "/usr/lib"].map(|lib| Path::new(lib).join(version));
    let exists = |dir: &&PathBuf| root.metadata(&dir.join("os.py")).is_ok();
    let dir = dirs.iter().find(exists).unwrap_or(&dirs[1]).clone();
    Some(StandardLibrary { dir })
}

/// `python3.11`.
fn is_version(name: &&OsStr) -> bool {
    let minor = name.to_str().and_then(|name| name.strip_prefix("python3."));
    let minor = minor.map(|minor| minor.strip_suffix('t').unwrap_or(minor));
    minor.is_some_and(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()))
}

fn files(dir: &Path, name: &str) -> impl Iterator<Item = PathPattern> {
    let dir = dir.to_str().unwrap_or_default().to_owned();
    let name = name.replace('.', "/");
    // `tkinter` is of no use without `_tkinter`, which needs libraries; a Python may have that built in.
    let compiled = ["_", ""].map(|start| format!("{dir}/lib-dynload/{start}{name}.cpython-*.so"));
    let sources = [".py", "/__init__.py"].map(|end| format!("{dir}/{name}{end}"));
    let all = compiled.into_iter().chain(sources);
    all.filter_map(PathPattern::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_interpreter_decides_then_the_directory_then_the_image() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::below(dir.path()).unwrap();
        let found = |interpreter: Option<&str>, code: &str| {
            let library = StandardLibrary::of(&root, interpreter.map(Path::new), Path::new(code));
            library.map(|library| library.dir.display().to_string())
        };
        let site = "/venv/lib/python3.12/site-packages";
        let own = found(Some("/opt/bin/python3.13"), site);
        assert_eq!(own.as_deref(), Some("/opt/lib/python3.13"));
        assert_eq!(found(None, site).as_deref(), Some("/usr/lib/python3.12"));
        let local = dir.path().join("usr/local/lib/python3.12");
        fs::create_dir_all(&local).unwrap();
        fs::write(local.join("os.py"), "").unwrap();
        let local = found(Some("/opt/pypy/bin/pypy3.10"), site);
        assert_eq!(local.as_deref(), Some("/usr/local/lib/python3.12"));
        assert_eq!(found(None, "/site"), None);
        fs::create_dir_all(dir.path().join("usr/bin")).unwrap();
        fs::write(dir.path().join("usr/bin/python3.11"), "").unwrap();
        symlink("python3.11", dir.path().join("usr/bin/python3")).unwrap();
        let image = found(None, "/site");
        assert_eq!(image.as_deref(), Some("/usr/lib/python3.11"));
    }

    #[test]
    fn a_module_is_a_source_a_package_or_compiled() {
        let library = StandardLibrary {
            dir: "/opt/lib/python3.11".into(),
        };
        let files: Vec<String> = library.files("dbm.gnu").map(|it| it.to_string()).collect();
        let dir = "/opt/lib/python3.11";
        assert_eq!(
            files,
            [
                format!("{dir}/lib-dynload/_dbm/gnu.cpython-*.so"),
                format!("{dir}/lib-dynload/dbm/gnu.cpython-*.so"),
                format!("{dir}/dbm/gnu.py"),
                format!("{dir}/dbm/gnu/__init__.py"),
            ]
        );
        let packaged = library.packaged("tkinter");
        let first = packaged.first().map(Item::name);
        let expected = "/usr/lib/python3.11/lib-dynload/_tkinter.cpython-*.so";
        assert_eq!(first.as_deref(), Some(OsStr::new(expected)));
    }
}
