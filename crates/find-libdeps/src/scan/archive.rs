//! The directory of a zip file (sections 4.3.12 and 4.3.16 of PKWARE's APPNOTE.TXT), as far as it
//! names libraries.
//!
//! Nothing is unpacked. What is no zip file has no libraries.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// The end of the file: a record of this size, and a comment.
const END: usize = 22;
const MAX_COMMENT: usize = 0xffff;
/// An entry of the directory, before its name.
const ENTRY: usize = 46;
/// Real archives have some hundred kilobytes; the rest of a larger directory is not read.
const MAX_DIRECTORY: usize = 1 << 22;

/// The libraries in an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Packed {
    /// How many there are, not 0.
    pub count: usize,
    /// The path of the first one in the archive.
    pub first: OsString,
}

/// Whether a file of this name may be an archive from which Python code is run or installed.
pub fn is_archive(name: &OsStr) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| {
        ["egg", "pyz", "whl", "zip"]
            .iter()
            .any(|it| extension == *it)
    })
}

/// The libraries in the archive `file`, if it has any.
pub fn libraries(file: &File) -> io::Result<Option<Packed>> {
    match directory(file) {
        Ok(directory) => Ok(directory.and_then(|directory| named(&directory))),
        // It is shorter than it states, or than it was.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// The bytes of the directory. It ends where the end record begins; what precedes the archive, such as
/// a `#!` line, is not in the offset that the record states.
fn directory(file: &File) -> io::Result<Option<Vec<u8>>> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub((END + MAX_COMMENT) as u64);
    let mut tail = vec![0; usize::try_from(length - start).unwrap_or(0)];
    file.read_exact_at(&mut tail, start)?;
    let Some(at) = tail.windows(4).rposition(|four| four == b"PK\x05\x06") else {
        return Ok(None);
    };
    let Some(size) = tail.get(at + 12..at + 16) else {
        return Ok(None);
    };
    let size = u32::from_le_bytes([size[0], size[1], size[2], size[3]]);
    let Some(start) = (start + at as u64).checked_sub(u64::from(size)) else {
        return Ok(None);
    };
    let size = usize::try_from(size).unwrap_or(MAX_DIRECTORY);
    let mut bytes = vec![0; size.min(MAX_DIRECTORY)];
    file.read_exact_at(&mut bytes, start)?;
    Ok(Some(bytes))
}

/// The libraries in a directory.
fn named(directory: &[u8]) -> Option<Packed> {
    let mut found: Option<Packed> = None;
    let mut rest = directory;
    while rest.starts_with(b"PK\x01\x02") && rest.len() >= ENTRY {
        let length = |at: usize| usize::from(u16::from_le_bytes([rest[at], rest[at + 1]]));
        let end = ENTRY + length(28);
        let Some(name) = rest.get(ENTRY..end) else {
            break;
        };
        if is_library(name) {
            let packed = found.get_or_insert_with(|| Packed {
                count: 0,
                first: OsStr::from_bytes(name).to_owned(),
            });
            packed.count += 1;
        }
        rest = rest
            .get(end + length(30) + length(32)..)
            .unwrap_or_default();
    }
    found
}

/// Whether the file name is `*.so`, or `*.so.` and a version.
fn is_library(name: &[u8]) -> bool {
    let has_version = |five: &[u8]| five.starts_with(b".so.") && five[4].is_ascii_digit();
    name.ends_with(b".so") || !name.ends_with(b"/") && name.windows(5).any(has_version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// An archive of empty files, whose directory states `excess` bytes too many.
    fn archive(names: &[&str], excess: usize) -> Vec<u8> {
        let mut directory = Vec::new();
        for name in names {
            let mut entry = b"PK\x01\x02".to_vec();
            entry.resize(ENTRY, 0);
            entry[28] = u8::try_from(name.len()).unwrap();
            entry[30] = 2;
            directory.extend([&entry[..], name.as_bytes(), b"xx"].concat());
        }
        let size = u32::try_from(directory.len() + excess).unwrap();
        let mut file = [&b"#!/usr/bin/python3\n"[..], &directory, b"PK\x05\x06"].concat();
        file.extend([0; 8]);
        file.extend(size.to_le_bytes());
        file.extend([&[0; 4][..], &[7, 0], b"comment"].concat());
        file
    }

    fn read(bytes: &[u8]) -> Option<Packed> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        libraries(&file).unwrap()
    }

    #[test]
    fn libraries_are_found_by_name() {
        let names = [
            "a.py",
            "a/b.so",
            "lib/x.so.1.2",
            "d.so.d/",
            "e.so.txt",
            "f.sound",
        ];
        let packed = Packed {
            count: 2,
            first: "a/b.so".into(),
        };
        assert_eq!(read(&archive(&names, 0)), Some(packed));
        assert_eq!(read(&archive(&names[3..], 0)), None);
    }

    #[test]
    fn a_damaged_archive_has_no_libraries() {
        let whole = archive(&["a.so"], 0);
        for length in 0..whole.len() - 14 {
            assert_eq!(read(&whole[..length]), None);
        }
        for excess in [1, 19, 20, 1 << 30] {
            assert_eq!(read(&archive(&["a.so"], excess)), None);
        }
        assert_eq!(read(b""), None);
    }
}
