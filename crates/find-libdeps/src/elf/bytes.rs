//! Bounded reads of a file by `pread`, and the reasons why a file cannot be loaded.
//!
//! Callers cap every length that the file states before they pass it here.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use thiserror::Error;

/// `PATH_MAX`: a longer name could not be opened.
pub const MAX_NAME: usize = 4096;

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
