//! The format of `lib/apk/db/installed`, apk's database: for each package lines of a letter, a colon
//! and a value, and an empty line (`apk_db_write_fdb` in apk-tools' `src/database.c`).

use crate::system::ordered::Ordered as _;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// An installed package.
#[derive(Debug, Default)]
pub struct Record<'a> {
    /// `P:`. One that begins with a dot is virtual (`apk add --virtual .build-deps`).
    pub name: &'a str,
    /// `V:`.
    pub version: &'a str,
    /// `A:`, which may be `noarch`.
    pub architecture: &'a str,
    /// The packages of which this one may take files: `r:`.
    pub replaces: BTreeSet<&'a str>,
    /// Which of two that replace each other does: `q:`.
    pub priority: u32,
    /// The directory of each file and its name: `F:` and `R:`.
    files: Vec<(&'a [u8], &'a [u8])>,
}

impl Record<'_> {
    /// Its files, as absolute paths.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let path = |bytes| Path::new(OsStr::from_bytes(bytes));
        let files = self.files.iter();
        files.map(move |(dir, name)| Path::new("/").join(path(dir)).join(path(name)))
    }

    /// Whether it takes the files that `other` ships, too (`apk_pkg_replaces_file` in apk-tools'
    /// `src/package.c`).
    pub fn is_before(&self, other: &Record) -> bool {
        let replaces = |one: &Record, other: &Record| {
            let is_meant = one.replaces.contains(&other.name);
            is_meant.then_some(one.priority)
        };
        replaces(self, other) > replaces(other, self)
    }
}

/// The packages in `text`, in order, or the first line that is no part of one.
pub fn records(text: &[u8]) -> impl Iterator<Item = Result<Record<'_>, &[u8]>> {
    let mut lines = text.split(|&byte| byte == b'\n');
    std::iter::from_fn(move || {
        let first = lines.by_ref().find(|line| !line.is_empty())?;
        let rest = lines.by_ref().take_while(|line| !line.is_empty());
        Some(record(std::iter::once(first).chain(rest)))
    })
}

fn record<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Result<Record<'a>, &'a [u8]> {
    let mut record = Record::default();
    let mut dir = None;
    let mut last: &[u8] = b"";
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        last = line;
        let Some((&letter, [b':', value @ ..])) = line.split_first() else {
            // The rest of the record is read, so that the next begins at its start.
            lines.for_each(drop);
            return Err(line);
        };
        let text = std::str::from_utf8(value).unwrap_or_default();
        match letter {
            b'P' if is_word(text) => record.name = text,
            // A version may name a commit: `1.2~ab12cd-r0` (`apk_version_validate`).
            b'V' if text.split('~').all(is_word) => record.version = text,
            b'A' if is_word(text) => record.architecture = text,
            b'r' => record.replaces = text.split_whitespace().map(dependency).ordered(),
            b'q' => record.priority = text.parse().unwrap_or(0),
            b'F' => dir = Some(value),
            b'R' if dir.is_some() && !value.is_empty() => {
                record.files.push((dir.unwrap_or_default(), value));
            }
            b'P' | b'V' | b'A' | b'R' => {
                lines.for_each(drop);
                return Err(line);
            }
            // What else apk notes of a package or file.
            _ => {}
        }
    }
    if record.name.is_empty() {
        return Err(last);
    }
    Ok(record)
}

/// The name in a dependency such as `busybox>=1.36`.
fn dependency(text: &str) -> &str {
    let end = text.find(|letter| "<>=~@".contains(letter));
    &text[..end.unwrap_or(text.len())]
}

/// Whether `text` can be a name, a version or an architecture; nothing in it can end a line or an
/// argument, or mean anything to apk.
pub fn is_word(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(is_part)
}
