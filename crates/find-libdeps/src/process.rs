//! Other programs: found on PATH and started. The only place that does either.
//!
//! What is asked of a program and what it answers is its caller's business.

use crate::text::shown;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use thiserror::Error;

/// Why a program gave no answer at all.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// The program is not there.
    #[error("no `{program}` on PATH")]
    NotFound {
        /// Its name.
        program: &'static str,
    },
    /// It could not be started.
    #[error("could not start {}: {source}", shown(program))]
    NotStarted {
        /// The path of the program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A command that runs `program` as PATH finds it, in the C locale and without input; nothing is
/// started yet.
pub fn command(program: &'static str) -> Result<Command, ProcessError> {
    let path = which::which(program).map_err(|_| ProcessError::NotFound { program })?;
    let mut command = Command::new(path);
    command.env("LC_ALL", "C").stdin(Stdio::null());
    Ok(command)
}

/// Runs `command` to its end, and answers its status and all that it wrote.
pub fn output(command: &mut Command) -> Result<Output, ProcessError> {
    command.output().map_err(|source| ProcessError::NotStarted {
        program: command.get_program().into(),
        source,
    })
}
