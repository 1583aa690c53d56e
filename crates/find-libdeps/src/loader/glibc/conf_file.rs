//! The format of `/etc/ld.so.conf`, as glibc's `elf/ldconfig.c` reads it (`parse_conf`,
//! `parse_conf_include`, `add_dir_1`).
//!
//! Lines that ldconfig would warn about are skipped, and missing files are not an error.

use crate::system::root::Root;
use glob::{MatchOptions, Pattern};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The main file of the configuration.
const PATH: &str = "/etc/ld.so.conf";
/// Real configurations have a dozen files and directories.
const MAX_FILES: usize = 1024;
const MAX_DIRECTORIES: usize = 1024;
const MAX_BYTES: u64 = 1 << 20;
/// How many names in directories are compared with patterns.
const MAX_NAMES: usize = 1 << 16;

/// The directories in the configuration of `root`, in its order, each once.
pub fn directories(root: &Root) -> Vec<PathBuf> {
    let mut configuration = Configuration {
        names_left: MAX_NAMES,
        ..Configuration::default()
    };
    configuration.file(root, Path::new(PATH));
    configuration.directories
}

#[derive(Default)]
struct Configuration {
    directories: Vec<PathBuf>,
    /// The elements of `directories`.
    known: HashSet<PathBuf>,
    /// Files that were read. Reading one again adds nothing, and files may include one another.
    files: HashSet<PathBuf>,
    /// How many names may still be compared with patterns.
    names_left: usize,
}

impl Configuration {
    fn file(&mut self, root: &Root, file: &Path) {
        let is_new = self.files.len() < MAX_FILES
            && root
                .canonicalize(file)
                .is_ok_and(|real| self.files.insert(real));
        if !is_new {
            return;
        }
        let Ok(text) = root.read(file, MAX_BYTES) else {
            return;
        };
        for line in text.split(|&byte| byte == b'\n') {
            // There is no quoting: a number sign begins a comment anywhere.
            let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            let line = line.trim_ascii();
            let mut words = line
                .split(|byte| b" \t".contains(byte))
                .filter(|word| !word.is_empty());
            match words.next() {
                Some(b"include") => {
                    for pattern in words {
                        let pattern = directory_of(file).join(OsStr::from_bytes(pattern));
                        for included in self.matches(root, &pattern) {
                            self.file(root, &included);
                        }
                    }
                }
                // Ignored since glibc 2.37, and irrelevant here before.
                Some(b"hwcap") | None => {}
                Some(_) => self.add(line),
            }
        }
    }

    /// Adds a directory. In `DIRECTORY=TYPE`, a form from the time of libc5, glibc 2.36 ignores the
    /// type and still reads the directory.
    fn add(&mut self, line: &[u8]) {
        let line = line.split(|&byte| byte == b'=').next().unwrap_or_default();
        let mut path = line.trim_ascii_end();
        while path.len() > 1 && path.ends_with(b"/") {
            path = &path[..path.len() - 1];
        }
        let path = PathBuf::from(OsStr::from_bytes(path));
        // ldconfig refuses a relative directory.
        let is_room = self.directories.len() < MAX_DIRECTORIES;
        if path.is_absolute() && is_room && self.known.insert(path.clone()) {
            self.directories.push(path);
        }
    }

    /// The paths in `root` that match `pattern`, sorted, as by glob(3): a wildcard matches within one
    /// component, and no leading dot.
    fn matches(&mut self, root: &Root, pattern: &Path) -> Vec<PathBuf> {
        let mut found = vec![PathBuf::from("/")];
        for component in pattern.components() {
            let name = match component {
                Component::Normal(name) => name,
                Component::ParentDir => OsStr::new(".."),
                _ => continue,
            };
            let wildcard = name
                .to_str()
                .filter(|text| text.contains(['*', '?', '[']))
                .and_then(|text| Pattern::new(text).ok());
            found = match &wildcard {
                None => found.into_iter().map(|dir| dir.join(name)).collect(),
                Some(wildcard) => found
                    .into_iter()
                    .flat_map(|dir| self.entries(root, &dir, wildcard))
                    .collect(),
            };
        }
        found
    }

    /// The paths in `dir` whose names match.
    fn entries(&mut self, root: &Root, dir: &Path, wildcard: &Pattern) -> Vec<PathBuf> {
        if self.names_left == 0 {
            return Vec::new();
        }
        let mut names = root.list(dir).unwrap_or_default();
        names.truncate(self.names_left);
        // Listing a directory without names takes time, too.
        self.names_left = self.names_left.saturating_sub(names.len().max(1));
        names.retain(|name| is_match(wildcard, name));
        names.iter().map(|name| dir.join(name)).collect()
    }
}

fn directory_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}

fn is_match(pattern: &Pattern, name: &OsStr) -> bool {
    let options = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    name.to_str()
        .is_some_and(|name| pattern.matches_with(name, options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_configuration_is_read_as_ldconfig_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let etc = dir.path().join("etc");
        fs::create_dir_all(etc.join("ld.so.conf.d")).unwrap();
        fs::write(
            etc.join("ld.so.conf"),
            "  /first/ # a comment\n#/not\ninclude ld.so.conf.d/*.conf /etc/extra\n\
             hwcap 1 nosegneg\n//\nrelative\n/typed=libc6\n/first\n/with space  \n",
        )
        .unwrap();
        fs::write(etc.join("ld.so.conf.d/b.conf"), "/b//\n").unwrap();
        fs::write(etc.join("ld.so.conf.d/a.conf"), "/a\ninclude a.conf\n").unwrap();
        fs::write(etc.join("ld.so.conf.d/.c.conf"), "/hidden\n").unwrap();
        fs::write(etc.join("ld.so.conf.d/c.list"), "/other\n").unwrap();
        fs::write(etc.join("extra"), "/extra").unwrap();

        let root = Root::below(dir.path()).unwrap();
        assert_eq!(
            directories(&root),
            ["/first", "/a", "/b", "/extra", "/", "/typed", "/with space"].map(PathBuf::from)
        );
    }

    #[test]
    fn wildcards_do_not_multiply() {
        let dir = tempfile::tempdir().unwrap();
        for name in 0..16 {
            fs::create_dir_all(dir.path().join(format!("etc/d/{name}"))).unwrap();
        }
        let text = format!("/first\ninclude d/{}*\n/last\n", "*/../".repeat(100));
        fs::write(dir.path().join("etc/ld.so.conf"), text).unwrap();
        let root = Root::below(dir.path()).unwrap();
        assert_eq!(directories(&root), ["/first", "/last"].map(PathBuf::from));
    }

    #[test]
    fn without_a_configuration_there_are_no_directories() {
        let dir = tempfile::tempdir().unwrap();
        assert!(directories(&Root::below(dir.path()).unwrap()).is_empty());
    }
}
