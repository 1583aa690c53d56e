//! What ends a run, and the exit status that stands for it. Nothing is printed here.

use crate::request::ListError;
use signal_hook::low_level::signal_name;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// The exit status for wrong usage and unreadable lists.
pub const USAGE: u8 = 2;
/// What apt-get itself ends with when anything fails.
const APT: u8 = 100;
/// As a shell has it: found, and cannot be run.
const CANNOT_RUN: u8 = 126;
/// As a shell has it: not found.
const NOT_FOUND: u8 = 127;

/// Why a run failed.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// What is asked for cannot be read.
    #[error(transparent)]
    List(#[from] ListError),
    /// Packages can be installed by root alone.
    #[error("only root can {what}; nothing was done (in a Dockerfile: `USER root` before it)")]
    NotRoot {
        /// What is to be done.
        what: &'static str,
    },
    /// A program is not there.
    #[error("there is no `{program}` on PATH; this works on Debian and its derivatives only")]
    NotFound {
        /// Its name.
        program: &'static str,
    },
    /// A program is there, and is not executable.
    #[error("`{program}` is on PATH, but is not executable")]
    NotExecutable {
        /// Its name.
        program: &'static str,
    },
    /// A program could not be started.
    #[error("cannot run `{}`: {source}", program.display())]
    CannotRun {
        /// Its path.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program ran and failed, and has said why.
    #[error("`{name}` ended with status {status}{hint}")]
    Failed {
        /// What was run.
        name: &'static str,
        /// How it ended, as a shell says it: its status, or 128+n.
        status: u8,
        /// What to do about it, as the rest of a sentence; may be empty.
        hint: &'static str,
    },
    /// A lock was not free in time.
    #[error(
        "another process has held `{lock}` for {seconds} s; \
         wait for it to end, or for longer with `--timeout`"
    )]
    Locked {
        /// The lock file.
        lock: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A signal arrived.
    #[error("stopped by {}", signal_name(*signal).unwrap_or("a signal"))]
    Stopped {
        /// Its number.
        signal: i32,
    },
    /// Something that has to be read cannot be.
    #[error("cannot read `{path}`: {source}; nothing was done")]
    Unreadable {
        /// Its path.
        path: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Signals cannot be caught.
    #[error("cannot catch signals: {0}; nothing was done")]
    Signals(io::Error),
}

impl Error {
    /// Makes an error of what reading `path` gave.
    pub(crate) fn unreadable(path: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unreadable { path, source }
    }

    /// What happened, without what to do about it: for an error that is not the last word.
    pub(crate) fn in_short(&self) -> String {
        match self {
            Self::Failed { name, status, .. } => format!("`{name}` ended with status {status}"),
            other => other.to_string(),
        }
    }

    /// The exit status that stands for it.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::List(_) => USAGE,
            Self::NotRoot { .. }
            | Self::Locked { .. }
            | Self::Unreadable { .. }
            | Self::Signals(_) => APT,
            Self::NotFound { .. } => NOT_FOUND,
            Self::NotExecutable { .. } | Self::CannotRun { .. } => CANNOT_RUN,
            Self::Failed { status, .. } => *status,
            Self::Stopped { signal } => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}
