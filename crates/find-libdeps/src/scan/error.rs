//! Why the PATHs cannot be read completely.

use crate::scan::walk::Unread;
use crate::system::escape::shown;
use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// How many unreadable paths a message names.
const MAX_NAMED: usize = 10;

/// Why the PATHs cannot be read completely, so that the list could lack something.
#[derive(Debug, Error)]
pub enum ScanError {
    /// A PATH cannot be analysed.
    #[error("cannot read {}: {source}{}", shown(path), below(root.as_deref()))]
    Path {
        /// As it was given.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
        /// The root it was looked up in.
        root: Option<PathBuf>,
    },
    /// Files or directories below a PATH cannot be read.
    #[error("{}", unread(.0))]
    Unread(Vec<Unread>),
    /// The threads cannot be started.
    #[error("cannot start the threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

fn below(root: Option<&Path>) -> String {
    root.map(|root| format!(" (below the root {})", shown(root)))
        .unwrap_or_default()
}

fn unread(all: &[Unread]) -> String {
    let mut lines: Vec<String> = all
        .iter()
        .take(MAX_NAMED)
        .map(|unread| {
            format!(
                "cannot read {}: {}; make it readable, or pass `{}`",
                shown(&unread.path),
                unread.error,
                exclusion(&unread.path)
            )
        })
        .collect();
    if let Some(more) = all.len().checked_sub(MAX_NAMED).filter(|&more| more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.push("no list is printed, because it could be incomplete".to_owned());
    lines.join("\n")
}

/// `--exclude` with a pattern for this path and everything below it, quoted for a shell.
fn exclusion(path: &Path) -> String {
    let mut pattern = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' => pattern.push_str("\\x27"),
                _ if character.is_control() => {
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
