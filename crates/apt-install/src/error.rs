//! The errors that end a run, and their exit statuses. Nothing is printed here.

use crate::request::RequestError;
use signal_hook::low_level::signal_name;
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Exit status if the work was done, but leftovers remain in the layer.
const NOT_PURGED: u8 = 1;
/// Exit status for usage errors and unreadable lists.
pub const USAGE: u8 = 2;
/// The status with which apt-get reports any failure.
const APT: u8 = 100;
/// As in a shell: the program exists but cannot be run.
const CANNOT_RUN: u8 = 126;
/// As in a shell: there is no such program.
const NOT_FOUND: u8 = 127;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With an exit status.
    Status(u8),
    /// By a signal.
    Signal(u8),
}

impl Ended {
    /// The status, or 128+n after signal n, as in a shell.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Status(status) => status,
            Self::Signal(signal) => 128_u8.saturating_add(signal),
        }
    }

    pub(crate) fn is_success(self) -> bool {
        self == Self::Status(0)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match *self {
            Self::Status(status) => write!(formatter, "failed with exit status {status}"),
            Self::Signal(signal) => match signal_name(signal.into()) {
                Some(name) => write!(formatter, "was killed by signal {signal} ({name})"),
                None => write!(formatter, "was killed by signal {signal}"),
            },
        }
    }
}

/// Why a run failed.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The requested packages cannot be read.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Only root may do this.
    #[error("only root can {what}; run this as root (in a Dockerfile, after `USER root`)")]
    NotRoot {
        /// The action, as in "only root can …".
        what: &'static str,
    },
    /// A program is not on PATH.
    #[error("`{program}` not found on PATH; apt-install requires Debian or a derivative{advice}")]
    NotFound {
        program: &'static str,
        /// What to use instead, with its separator. May be empty.
        advice: &'static str,
    },
    /// A program is on PATH but not executable.
    #[error("`{program}` on PATH is not executable; check its permissions")]
    NotExecutable { program: &'static str },
    /// A program could not be started.
    #[error("cannot run `{}`: {source}", program.display())]
    CannotRun { program: PathBuf, source: io::Error },
    /// A program ran and failed; it has reported the reason itself.
    #[error("`{name}` {ended}{hint}")]
    Failed {
        /// The program and its subcommand.
        name: &'static str,
        ended: Ended,
        /// The rest of the message: cause or remedy, with its separator. May be empty.
        hint: Cow<'static, str>,
    },
    /// apt-get would remove packages that are requested. Nothing was changed.
    #[error(
        "`apt-get install` would remove {0}, which this command also requests; request packages \
         that do not conflict"
    )]
    RequestedRemoval(String),
    /// apt-get would remove packages that may have been requested earlier. Nothing was changed.
    #[error(
        "`apt-get install` would remove {removed}, which an earlier command may have requested (not \
         known to be installed automatically); to remove it, request {removals} as well, or pass \
         `--allow-remove-manual`"
    )]
    ManualRemoval {
        removed: String,
        /// The requests that remove them.
        removals: String,
    },
    /// apt-get succeeded, but these requests are not met.
    #[error("`apt-get install` succeeded, but not everything requested is installed: {0}")]
    NotInstalled(String),
    /// A lock was not released in time.
    #[error(
        "`{lock}` is still held by another process after {seconds} s; \
         wait for that process to end, or pass a longer `--timeout`"
    )]
    Locked {
        lock: &'static str,
        /// How long this program waited.
        seconds: u64,
    },
    /// A signal ended the run.
    #[error("stopped by {}", signal_name(*signal).unwrap_or("a signal"))]
    Stopped { signal: i32 },
    /// Leftovers remain in the layer. A warning about each was printed.
    #[error(
        "not everything was purged (see the warnings); to try again in the same layer, run \
         `apt-install --purge-only`"
    )]
    NotPurged,
    /// A file of the system cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        path: &'static str,
        source: io::Error,
    },
    #[error("cannot catch signals: {0}")]
    Signals(io::Error),
}

impl Error {
    /// Converts the error of reading `path`.
    pub(crate) fn unreadable(path: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unreadable { path, source }
    }

    /// The message without the hint, for a failure that is followed by another try.
    pub(crate) fn in_short(&self) -> String {
        match self {
            Self::Failed { name, ended, .. } => format!("`{name}` {ended}"),
            other => other.to_string(),
        }
    }

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::NotPurged => NOT_PURGED,
            Self::Request(_) => USAGE,
            Self::NotRoot { .. }
            | Self::RequestedRemoval(_)
            | Self::ManualRemoval { .. }
            | Self::NotInstalled(_)
            | Self::Locked { .. }
            | Self::Unreadable { .. }
            | Self::Signals(_) => APT,
            Self::NotFound { .. } => NOT_FOUND,
            Self::NotExecutable { .. } | Self::CannotRun { .. } => CANNOT_RUN,
            Self::Failed { ended, .. } => ended.code(),
            Self::Stopped { signal } => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}
