//! Bounded reads of a file by `pread`, and the reasons why a file cannot be loaded.
//!
//! Callers cap every length that the file states before they pass it here.

use crate::elf::mapping::Mapped;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use thiserror::Error;

/// `PATH_MAX`: a longer name could not be opened.
pub const MAX_NAME: usize = 4096;
/// How long all strings of a file may be together: real files have some kilobytes. They may overlap,
/// so the size of the table is no limit.
const MAX_STRINGS: usize = 1 << 18;
/// How much of a string table is read at once.
const WINDOW: usize = 4096;

/// Why a file could not be read as an ELF object.
#[derive(Debug, Error)]
pub enum ElfError {
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It has the ELF magic, but the loader would refuse it.
    #[error("malformed ELF: {0}")]
    Malformed(String),
}

/// A result of reading an ELF file.
pub type Result<T> = std::result::Result<T, ElfError>;

pub fn malformed<T>(reason: impl Into<String>) -> Result<T> {
    Err(ElfError::Malformed(reason.into()))
}

/// `length` bytes of the file from `offset` on; an error that names `what` if it ends before them.
pub fn read_exactly(file: &File, offset: u64, length: u64, what: &str) -> Result<Vec<u8>> {
    let cut = || malformed(format!("the file ends before {what}"));
    let Ok(length) = usize::try_from(length) else {
        return cut();
    };
    let mut bytes = vec![0; length];
    if read_up_to(file, &mut bytes, offset)? < length {
        return cut();
    }
    Ok(bytes)
}

/// A string table. Keeps the last bytes read, because the strings asked for are close together: this
/// saves two of three reads of a file.
pub struct StringTable<'a> {
    file: &'a File,
    /// The loader does not use its length.
    table: Mapped<'a>,
    window: Vec<u8>,
    /// The offset of the window in the table.
    start: u64,
    /// The length of the strings that were returned.
    returned: usize,
}

impl<'a> StringTable<'a> {
    pub fn new(file: &'a File, table: Mapped<'a>) -> Self {
        Self {
            file,
            table,
            window: Vec::new(),
            start: 0,
            returned: 0,
        }
    }

    /// The string at `offset`, of at most `limit` bytes before its NUL.
    pub fn get(&mut self, offset: u64, limit: usize) -> Result<OsString> {
        let string = self.read(offset, limit)?;
        self.returned += string.len();
        if self.returned > MAX_STRINGS {
            return malformed(format!("names of more than {MAX_STRINGS} bytes"));
        }
        Ok(string)
    }

    fn read(&mut self, offset: u64, limit: usize) -> Result<OsString> {
        if let Some(string) = self.in_window(offset, limit) {
            return Ok(string);
        }
        let Some(from) = self.table.after(offset) else {
            return malformed("a name lies outside the string table");
        };
        self.start = offset;
        // Nearly always the first window holds it.
        for size in [WINDOW, limit.saturating_add(1)] {
            self.window = if size == WINDOW {
                from.read(self.file, size)?
            } else {
                from.read_on(self.file, size)?
            };
            if let Some(string) = self.in_window(offset, limit) {
                return Ok(string);
            }
        }
        malformed("a name without an end")
    }

    fn in_window(&self, offset: u64, limit: usize) -> Option<OsString> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let rest = self.window.get(from..)?;
        let length = rest.iter().take(limit).position(|&byte| byte == 0)?;
        Some(OsStr::from_bytes(&rest[..length]).to_owned())
    }
}

/// Fills `bytes` from `offset` on; returns how many bytes the file has there, at most all.
pub fn read_up_to(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        // The kernel refuses offsets beyond the largest file (EINVAL); this one ends before.
        let place = offset.saturating_add(done as u64);
        let end = place.saturating_add((bytes.len() - done) as u64);
        if i64::try_from(end).is_err() {
            break;
        }
        match file.read_at(&mut bytes[done..], place) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
