//! Why the PATHs cannot be read completely.

use crate::config::Lookup;
use crate::scan::walk::Unread;
use crate::system::escape::{is_unseen, shown};
use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf, absolute};
use thiserror::Error;

/// How many unreadable paths a message names.
const MAX_NAMED: usize = 10;

/// Why the PATHs cannot be read completely, so that the list could lack something.
#[derive(Debug, Error)]
pub enum ScanError {
    /// A PATH cannot be analysed.
    #[error("cannot read {}: {source}{}", shown(path), context(path, source, root.as_deref(), lookup))]
    Path {
        /// As it was given.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
        /// The root it was looked up in.
        root: Option<PathBuf>,
        /// Whose directory it may be.
        lookup: Lookup,
    },
    /// Files or directories below a PATH cannot be read.
    #[error("{}", unread(.0))]
    Unread(Vec<Unread>),
    /// The threads cannot be started.
    #[error("cannot start the threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// The root that was searched, or what to do about a path that does not exist.
fn context(path: &Path, source: &io::Error, root: Option<&Path>, lookup: &Lookup) -> String {
    let is_absent = source.kind() == io::ErrorKind::NotFound;
    match root {
        Some(root) => {
            let inner = inner(path, root).filter(|_| is_absent);
            let advice = inner.map(|inner| format!("; PATHs are inside the root, so pass {inner}"));
            format!(
                " (below the root {}){}",
                shown(root),
                advice.unwrap_or_default()
            )
        }
        None if is_absent => format!(
            "; pass a virtualenv, or another tree of binaries, that exists here{}",
            index_advice(path, lookup)
        ),
        None => String::new(),
    }
}

/// `path` as it is in `root`, if it begins with that.
fn inner(path: &Path, root: &Path) -> Option<String> {
    let (path, root) = (absolute(path).ok()?, absolute(root).ok()?);
    let rest = path.strip_prefix(root).ok()?;
    Some(shown(Path::new("/").join(rest)))
}

/// What to do about `path` if it was meant as the directory of `--lookup`; nothing if that has one, or
/// was not given.
pub fn index_advice(path: &Path, lookup: &Lookup) -> String {
    match lookup {
        Lookup::Temporary => format!("; to keep the index there, pass `--lookup={}`", shown(path)),
        Lookup::Machine | Lookup::Directory(_) => String::new(),
    }
}

fn unread(all: &[Unread]) -> String {
    let mut lines: Vec<String> = all
        .iter()
        .take(MAX_NAMED)
        .map(|unread| {
            let path = shown(&unread.path);
            let error = &unread.error;
            let exclusion = exclusion(&unread.path);
            match error.kind() {
                io::ErrorKind::NotFound => format!(
                    "{path} was removed while the files were read; run again when nothing changes \
                     them, or pass `{exclusion}`"
                ),
                io::ErrorKind::PermissionDenied => {
                    format!("cannot read {path}: {error}; make it readable, or pass `{exclusion}`")
                }
                _ => format!("cannot read {path}: {error}; to skip it, pass `{exclusion}`"),
            }
        })
        .collect();
    if let Some(more) = all.len().checked_sub(MAX_NAMED).filter(|&more| more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.push("nothing is printed, because the result could be incomplete".to_owned());
    lines.join("\n")
}

/// `--exclude` with a pattern for this path and everything below it, quoted for a shell.
fn exclusion(path: &Path) -> String {
    let mut pattern = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' => pattern.push_str("\\x27"),
                _ if is_unseen(character) => {
                    pattern.extend(character.escape_unicode());
                }
                _ => pattern.push_str(&regex::escape(character.encode_utf8(&mut [0; 4]))),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(pattern, "(?-u:\\x{byte:02x})");
        }
    }
    format!("--exclude '^{pattern}(/|$)'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unread_path_has_the_next_step() {
        let unread = |path: &str, errno| Unread {
            path: path.into(),
            error: io::Error::from_raw_os_error(errno),
        };
        let all = vec![unread("/a", 2), unread("/b", 5), unread("/c", 13)];
        assert_eq!(
            ScanError::Unread(all).to_string(),
            "/a was removed while the files were read; run again when nothing changes them, or pass \
             `--exclude '^/a(/|$)'`\n\
             cannot read /b: Input/output error (os error 5); to skip it, pass `--exclude '^/b(/|$)'`\n\
             cannot read /c: Permission denied (os error 13); make it readable, or pass `--exclude \
             '^/c(/|$)'`\n\
             nothing is printed, because the result could be incomplete"
        );
    }
}
