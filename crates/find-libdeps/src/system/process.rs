//! Other programs: found on PATH and started. The only place that does either.
//!
//! What is asked of a program and what it answers is its caller's business.

use crate::system::escape::shown;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use thiserror::Error;

/// The longest complaint of a program that is kept.
const MAX_COMPLAINT: u64 = 1 << 16;

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

/// Where PATH finds a program of this name; a name with a slash is a path.
#[must_use]
pub fn find(name: &OsStr) -> Option<PathBuf> {
    which::which(name).ok()
}

/// Runs `command` to its end, as a shell runs one in the foreground. To be called once.
///
/// What a terminal sends, SIGINT and SIGQUIT, reaches the command as it reaches this process, which
/// outlives it; SIGTERM is handed on. Afterwards they do again what they do by default.
///
/// # Errors
/// What the system said when the command could not be started.
pub fn foreground(command: &mut Command) -> io::Result<ExitStatus> {
    let is_over = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGQUIT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&is_over))?;
    }
    let running: Arc<Mutex<Option<Pid>>> = Arc::default();
    let mut terminated = Signals::new([SIGTERM])?;
    let handle = terminated.handle();
    // Held until the command is started, so that no signal is lost between the two.
    let mut starting = running.lock().unwrap_or_else(PoisonError::into_inner);
    let for_thread = Arc::clone(&running);
    std::thread::Builder::new().spawn(move || {
        for _ in terminated.forever() {
            if let Some(pid) = *for_thread.lock().unwrap_or_else(PoisonError::into_inner) {
                // One that has ended already needs no signal.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
    })?;
    let status = command.spawn().and_then(|mut child| {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        *starting = pid;
        drop(starting);
        if let Some(pid) = pid {
            // Not reaped yet, so that no signal goes to a number that is another's by now.
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), ended) {}
        }
        *running.lock().unwrap_or_else(PoisonError::into_inner) = None;
        child.wait()
    });
    is_over.store(true, Ordering::SeqCst);
    handle.close();
    status
}

/// A program whose standard output is read while it runs; one that is dropped before its end is
/// ended.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: ChildStdout,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// Starts `command`.
pub fn spawn(command: &mut Command) -> Result<Running, ProcessError> {
    let program = PathBuf::from(command.get_program());
    let not_started = |source| ProcessError::NotStarted {
        program: program.clone(),
        source,
    };
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().map_err(not_started)?;
    let no_pipe = || not_started(io::Error::other("no pipe"));
    let stdout = child.stdout.take().ok_or_else(no_pipe)?;
    let mut stderr = child.stderr.take().ok_or_else(no_pipe)?;
    // Read beside standard output, so that the program never waits for a reader.
    let stderr = std::thread::spawn(move || {
        let mut complaint = Vec::new();
        let _ = stderr
            .by_ref()
            .take(MAX_COMPLAINT)
            .read_to_end(&mut complaint);
        let _ = io::copy(&mut stderr, &mut io::sink());
        complaint
    });
    Ok(Running {
        child,
        stdout,
        stderr: Some(stderr),
    })
}

impl Read for Running {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stdout.read(buffer)
    }
}

impl Running {
    /// Waits for the end of the program, whose output must have been read, and answers its status
    /// and what it wrote to standard error.
    pub fn finish(mut self) -> io::Result<(ExitStatus, Vec<u8>)> {
        let status = self.child.wait()?;
        let stderr = self.stderr.take().map(JoinHandle::join);
        Ok((status, stderr.and_then(Result::ok).unwrap_or_default()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing to a program that was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Running {
        spawn(command("sh").unwrap().args(["-c", script])).unwrap()
    }

    #[test]
    fn output_is_read_while_the_program_complains_at_length() {
        let mut running = sh("head -c 1000000 /dev/zero >&2; echo said; exit 3");
        let mut said = String::new();
        running.read_to_string(&mut said).unwrap();
        let (status, complaint) = running.finish().unwrap();
        assert_eq!((said.as_str(), status.code()), ("said\n", Some(3)));
        assert_eq!(complaint.len() as u64, MAX_COMPLAINT);
    }

    #[test]
    fn a_program_that_nobody_listens_to_is_ended() {
        drop(sh("exec sleep 1000"));
    }
}
