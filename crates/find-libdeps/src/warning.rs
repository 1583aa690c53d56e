//! A finding about one file, whichever phase makes it.

use std::path::PathBuf;

/// A finding that does not prevent a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The file, as it is reported.
    pub path: PathBuf,
    /// What was found, and what to do about it.
    pub message: String,
    /// Whether `--strict` fails because of it.
    pub is_objection: bool,
}

impl Warning {
    /// A warning that `--strict` accepts.
    pub fn new(path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
            is_objection: false,
        }
    }

    /// A warning that makes `--strict` fail.
    pub fn objection(path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            is_objection: true,
            ..Self::new(path, message)
        }
    }
}
