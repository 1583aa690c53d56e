//! Finds programs on PATH and starts them. The only module that does either.
//!
//! Command lines and the meaning of outputs belong to the callers.

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

/// Where execvp(3) searches without PATH (`CS_PATH` in glibc's `confstr.h`).
const DEFAULT_PATH: &str = "/bin:/usr/bin";
/// How many bytes of standard error are kept.
const MAX_COMPLAINT: u64 = 1 << 16;

/// Why a program did not run.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// The program is not on PATH.
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
        /// The system's error.
        source: io::Error,
    },
}

/// A command that runs `program` from PATH, in the C locale and without input. Starts nothing.
pub fn command(program: &'static str) -> Result<Command, ProcessError> {
    let path = find(OsStr::new(program)).ok_or(ProcessError::NotFound { program })?;
    let mut command = Command::new(path);
    command.env("LC_ALL", "C").stdin(Stdio::null());
    Ok(command)
}

/// Runs `command` to its end; returns its status and everything that it wrote.
pub fn output(command: &mut Command) -> Result<Output, ProcessError> {
    command
        .output()
        .map_err(|source| not_started(command, source))
}

fn not_started(command: &Command, source: io::Error) -> ProcessError {
    ProcessError::NotStarted {
        program: command.get_program().into(),
        source,
    }
}

/// The program on PATH with this name; a name with a slash is a path.
pub fn find(name: &OsStr) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    let dir = std::env::current_dir().unwrap_or_default();
    which::which_in(name, Some(path), dir).ok()
}

/// Runs `command` to its end, as a shell runs one in the foreground. Call it once per process.
///
/// SIGINT and SIGQUIT from a terminal reach the command directly, and this process survives them;
/// SIGTERM is passed on. Afterwards, the signals have their default effect again.
///
/// # Errors
/// If the command cannot be started.
pub fn foreground(command: &mut Command) -> io::Result<ExitStatus> {
    let is_over = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGQUIT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&is_over))?;
    }
    let running: Arc<Mutex<Option<Pid>>> = Arc::default();
    let mut terminated = Signals::new([SIGTERM])?;
    let handle = terminated.handle();
    // Held until the command has been started, so that no signal is lost in between.
    let mut starting = running.lock().unwrap_or_else(PoisonError::into_inner);
    let for_thread = Arc::clone(&running);
    std::thread::Builder::new().spawn(move || {
        for _ in terminated.forever() {
            if let Some(pid) = *for_thread.lock().unwrap_or_else(PoisonError::into_inner) {
                // Fails if the process has ended already.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
    })?;
    let status = command.spawn().and_then(|mut child| {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        *starting = pid;
        drop(starting);
        if let Some(pid) = pid {
            // Waits without reaping, so that no signal goes to a reused process ID.
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

/// A program whose standard output is read while it runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: ChildStdout,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// Starts `command`, with pipes for its standard output and standard error.
pub fn spawn(command: &mut Command) -> Result<Running, ProcessError> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|source| not_started(command, source))?;
    let no_pipe = || not_started(command, io::Error::other("no pipe"));
    let stdout = child.stdout.take().ok_or_else(no_pipe)?;
    let mut stderr = child.stderr.take().ok_or_else(no_pipe)?;
    // Drained in a thread, so that the program never blocks on it.
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
    /// Waits for the program, whose standard output must have been read to its end; returns its
    /// status and the beginning of its standard error.
    pub fn finish(mut self) -> io::Result<(ExitStatus, Vec<u8>)> {
        let status = self.child.wait()?;
        let stderr = self.stderr.take().map(JoinHandle::join);
        Ok((status, stderr.and_then(Result::ok).unwrap_or_default()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Neither has an effect after `finish`.
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
    fn a_program_that_writes_much_to_standard_error_does_not_block() {
        let mut running = sh("head -c 1000000 /dev/zero >&2; echo said; exit 3");
        let mut said = String::new();
        running.read_to_string(&mut said).unwrap();
        let (status, complaint) = running.finish().unwrap();
        assert_eq!((said.as_str(), status.code()), ("said\n", Some(3)));
        assert_eq!(complaint.len() as u64, MAX_COMPLAINT);
    }

    #[test]
    fn a_dropped_program_is_killed() {
        drop(sh("exec sleep 1000"));
    }
}
