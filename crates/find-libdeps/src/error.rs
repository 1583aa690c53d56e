//! Why there is no list: the errors of all phases in one type.

use crate::check::expected::ExpectedError;
use crate::packages::database::DatabaseError;
use crate::packages::lookup::LookupError;
use crate::scan::ScanError;
use crate::system::escape::shown;
use crate::system::process;
use crate::trace::command::{Trace, TraceError};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why there is no list.
#[derive(Debug, Error)]
pub enum Error {
    /// The directory for `--root` cannot be used.
    #[error("cannot use {} as the root: {source}", shown(path))]
    Root {
        /// As it was given.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The PATHs cannot be read completely.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The report for `--expect` cannot be used.
    #[error(transparent)]
    Expected(#[from] ExpectedError),
    /// A file that would be listed cannot be.
    #[error("cannot list {}: {source}", shown(path))]
    Unlistable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The packages are not known.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// `--lookup` was given and failed.
    #[error(
        "{0}\nno list is printed, because it could be incomplete; without `--lookup`, missing \
         libraries are reported instead"
    )]
    Lookup(#[from] LookupError),
    /// The command cannot be traced.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The traced command failed, perhaps before it loaded everything.
    #[error(
        "the command {}; no list is printed, because it could be incomplete{}",
        process::ended(trace.status),
        trace.failures()
    )]
    Command {
        /// What it did.
        trace: Trace,
    },
}

impl Error {
    /// The status that a shell would return for the traced command, if that is why there is no
    /// list.
    pub fn command_status(&self) -> Option<u8> {
        match self {
            Self::Trace(error) => error.status(),
            Self::Command { trace } => Some(trace.exit_code()),
            _ => None,
        }
    }
}
