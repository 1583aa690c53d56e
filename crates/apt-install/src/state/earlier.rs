//! Keeps the state of the packages from before the run, for apt to read afterwards.

use super::{dpkg_status, extended_states};
use crate::error::Error;
use std::io;
use std::path::Path;

/// The contents of dpkg's status file and of apt's marks.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    pub(crate) status: Vec<u8>,
    pub(crate) marks: Vec<u8>,
}

impl Earlier {
    /// Reads both files. A missing one is empty.
    pub(crate) fn read() -> Result<Self, Error> {
        let status = Path::new(dpkg_status::DIRECTORY).join(dpkg_status::STATUS);
        let marks = Path::new(extended_states::FILE);
        Ok(Self {
            status: read(&status).map_err(Error::unreadable(dpkg_status::DIRECTORY))?,
            marks: read(marks).map_err(Error::unreadable(extended_states::FILE))?,
        })
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}
