//! The format of `/etc/ld.so.conf`, as glibc's `elf/ldconfig.c` reads it (`parse_conf`,
//! `parse_conf_include`, `add_dir_1`).
//!
//! A line that ldconfig would complain about is passed over; what is not there is silent.

use crate::system::root::Root;
use glob::{MatchOptions, Pattern};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The file that the loader's configuration begins with.
pub const PATH: &str = "/etc/ld.so.conf";
/// Real configurations have a dozen of each.
const MAX_FILES: usize = 1024;
const MAX_DIRECTORIES: usize = 1024;
const MAX_BYTES: u64 = 1 << 20;

/// The directories that the configuration of `root` names, in its order, each once.
#[must_use]
pub fn directories(root: &Root) -> Vec<PathBuf> {
    let mut read = Reading::default();
    read.file(root, Path::new(PATH));
    read.directories
}

#[derive(Default)]
struct Reading {
    directories: Vec<PathBuf>,
    known: HashSet<PathBuf>,
    /// Reading a file again adds nothing, and files may include one another in a circle.
    files: HashSet<PathBuf>,
}

impl Reading {
    fn file(&mut self, root: &Root, file: &Path) {
        let is_new = self.files.len() < MAX_FILES
            && root
                .canonicalize(file)
                .is_ok_and(|real| self.files.insert(real));
        let Ok(text) = root.read(file, MAX_BYTES) else {
            return;
        };
        if !is_new {
            return;
        }
        for line in text.split(|&byte| byte == b'\n') {
            // There is no quoting: a number sign begins a comment wherever it stands.
            let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            let line = line.trim_ascii();
            let mut words = line
                .split(|byte| b" \t".contains(byte))
                .filter(|word| !word.is_empty());
            match words.next() {
                Some(b"include") => {
                    for pattern in words {
                        let pattern = directory_of(file).join(OsStr::from_bytes(pattern));
                        for included in matches(root, &pattern) {
                            self.file(root, &included);
                        }
                    }
                }
                // Ignored since glibc 2.37, and before it without a meaning for this list.
                Some(b"hwcap") | None => {}
                Some(_) => self.add(line),
            }
        }
    }

    /// A line that is a directory. `DIRECTORY=TYPE` dates from the change of C libraries; what it says
    /// of the type counts no more, and glibc 2.36 still reads the directory.
    fn add(&mut self, line: &[u8]) {
        let line = line.split(|&byte| byte == b'=').next().unwrap_or_default();
        let mut path = line.trim_ascii_end();
        while let [rest @ .., b'/'] = path {
            path = rest;
        }
        let path = PathBuf::from(OsStr::from_bytes(path));
        // ldconfig refuses a relative directory.
        let is_room = self.directories.len() < MAX_DIRECTORIES;
        if path.is_absolute() && is_room && self.known.insert(path.clone()) {
            self.directories.push(path);
        }
    }
}

fn directory_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}

/// What `pattern` matches in `root`, sorted, as glob(3) does: a wildcard stands within one
/// component and for no leading dot.
fn matches(root: &Root, pattern: &Path) -> Vec<PathBuf> {
    let options = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
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
        found = found
            .into_iter()
            .flat_map(|dir| match &wildcard {
                None => vec![dir.join(name)],
                Some(wildcard) => root
                    .list(&dir)
                    .unwrap_or_default()
                    .iter()
                    .filter(|name| is_match(wildcard, name, options))
                    .map(|name| dir.join(name))
                    .collect(),
            })
            .collect();
    }
    found
}

fn is_match(pattern: &Pattern, name: &OsString, options: MatchOptions) -> bool {
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
             hwcap 1 nosegneg\nrelative\n/typed=libc6\n/first\n/with space  \n",
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
            ["/first", "/a", "/b", "/extra", "/typed", "/with space"].map(PathBuf::from)
        );
    }

    #[test]
    fn no_configuration_is_no_directory() {
        let dir = tempfile::tempdir().unwrap();
        assert!(directories(&Root::below(dir.path()).unwrap()).is_empty());
    }
}
