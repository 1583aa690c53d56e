//! The string table of an ELF file, read in pieces as strings are asked for.

use crate::elf::bytes::{Result, malformed};
use crate::elf::mapping::Mapped;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;

/// How long all strings of a file may be together: real files have some kilobytes. They may overlap,
/// so the size of the table is no limit.
const MAX_STRINGS: usize = 1 << 18;
/// How much of a string table is read at once.
const WINDOW: usize = 4096;

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
