//! Finds programs on PATH and runs them, started by `signals`. The only module that does either.
//!
//! Command lines and the meaning of outputs belong to the callers.

use crate::system::escape::shown;
use crate::system::signals::Program;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, retry_on_intr};
use rustix::process::{PidfdFlags, pidfd_open};
use signal_hook::low_level::signal_name;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Where execvp(3) searches without PATH (`CS_PATH` in glibc's `confstr.h`).
const DEFAULT_PATH: &str = "/bin:/usr/bin";
/// How many bytes a program may write to an output that is read whole: dpkg writes some hundred
/// kilobytes.
const MAX_OUTPUT: usize = 16 << 20;
/// How much is read at once.
const CHUNK: usize = 1 << 16;
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
    /// It did not end in time.
    #[error("{} did not end within {} s, and was killed", shown(program), limit.as_secs())]
    Hung {
        /// The path of the program.
        program: PathBuf,
        limit: Duration,
    },
    /// It wrote more than any real one.
    #[error(
        "{} wrote more than {MAX_OUTPUT} bytes, and was killed",
        shown(program)
    )]
    TooMuch {
        /// The path of the program.
        program: PathBuf,
    },
}

/// A command that runs `program` from PATH, in the C locale and without input. Starts nothing.
pub fn command(program: &'static str) -> Result<Command, ProcessError> {
    let path = find(OsStr::new(program)).ok_or(ProcessError::NotFound { program })?;
    let mut command = Command::new(path);
    command.env("LC_ALL", "C").stdin(Stdio::null());
    Ok(command)
}

/// Runs `command` to its end; returns its status and everything that it wrote. It is killed if it
/// takes longer than `limit`, or writes more than [`MAX_OUTPUT`] bytes.
pub fn output(command: &mut Command, limit: Option<Duration>) -> Result<Output, ProcessError> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program =
        Program::start(command, false).map_err(|source| not_started(command, source))?;
    let deadline = limit.map(|limit| (limit, Instant::now() + limit));
    collect(&mut program, deadline).map_err(|stopped| {
        let program = command.get_program().into();
        match stopped {
            Stopped::Limit(limit) => ProcessError::Hung { program, limit },
            Stopped::TooMuch => ProcessError::TooMuch { program },
            Stopped::Io(source) => ProcessError::NotStarted { program, source },
        }
    })
}

/// Why a program was not waited for.
enum Stopped {
    Limit(Duration),
    TooMuch,
    Io(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Stopped {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// Reads both outputs to their ends, and waits for the end of `program`.
fn collect(
    program: &mut Program,
    deadline: Option<(Duration, Instant)>,
) -> Result<Output, Stopped> {
    let wait = |fds: &mut [PollFd]| -> Result<(), Stopped> {
        let left = deadline.map(|(limit, end)| {
            let left = end.saturating_duration_since(Instant::now());
            (limit, left)
        });
        let time = left.and_then(|(_, left)| Timespec::try_from(left).ok());
        match (retry_on_intr(|| poll(fds, time.as_ref()))?, left) {
            (0, Some((limit, _))) => Err(Stopped::Limit(limit)),
            _ => Ok(()),
        }
    };
    // Ready as soon as the program has ended, which may be long after the end of its outputs. Without
    // it (Linux before 5.3), there is no limit for that.
    let end = pidfd_open(program.pid(), PidfdFlags::empty()).ok();
    let stdout = program.child.stdout.take().map(OwnedFd::from);
    let stderr = program.child.stderr.take().map(OwnedFd::from);
    let mut outputs = [(stdout, Vec::new()), (stderr, Vec::new())];
    let mut chunk = vec![0; CHUNK];
    while outputs.iter().any(|(pipe, _)| pipe.is_some()) {
        let open = outputs.iter().filter_map(|(pipe, _)| pipe.as_ref());
        let mut fds: Vec<PollFd> = open.map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        wait(&mut fds)?;
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let open = outputs.iter_mut().filter(|(pipe, _)| pipe.is_some());
        for ((pipe, bytes), _) in open.zip(ready).filter(|(_, is_ready)| *is_ready) {
            let length = match pipe {
                Some(pipe) => read(pipe, &mut chunk)?,
                None => 0,
            };
            if length == 0 {
                *pipe = None;
            }
            bytes.extend_from_slice(&chunk[..length]);
            if bytes.len() > MAX_OUTPUT {
                return Err(Stopped::TooMuch);
            }
        }
    }
    if let Some(end) = &end {
        wait(&mut [PollFd::new(end, PollFlags::IN)])?;
    }
    let [(_, stdout), (_, stderr)] = outputs;
    Ok(Output {
        status: program.wait()?,
        stdout,
        stderr,
    })
}

/// How a program ended, for messages: `failed with exit status 2`.
pub fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit status {code}"),
        (None, Some(signal)) => {
            let name = signal_name(signal).map(|name| format!(" ({name})"));
            format!("was killed by signal {signal}{}", name.unwrap_or_default())
        }
        (None, None) => format!("failed: {status}"),
    }
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

/// Runs `command` to its end, as a shell runs one in the foreground.
///
/// SIGINT and SIGQUIT from a terminal reach the command directly, and this process survives them;
/// SIGHUP and SIGTERM are passed on. Afterwards, all end this process (`signals`).
///
/// # Errors
/// If the command cannot be started.
pub fn foreground(command: &mut Command) -> io::Result<ExitStatus> {
    Program::start(command, true)?.wait()
}

/// A program whose standard output is read while it runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    program: Program,
    stdout: ChildStdout,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// Starts `command`, with pipes for its standard output and standard error.
pub fn spawn(command: &mut Command) -> Result<Running, ProcessError> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program =
        Program::start(command, false).map_err(|source| not_started(command, source))?;
    let no_pipe = || not_started(command, io::Error::other("no pipe"));
    let stdout = program.child.stdout.take().ok_or_else(no_pipe)?;
    let mut stderr = program.child.stderr.take().ok_or_else(no_pipe)?;
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
        program,
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
        let status = self.program.wait()?;
        let stderr = self.stderr.take().map(JoinHandle::join);
        Ok((status, stderr.and_then(Result::ok).unwrap_or_default()))
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

    fn said(script: &str, limit: Duration) -> Result<Output, ProcessError> {
        output(command("sh").unwrap().args(["-c", script]), Some(limit))
    }

    #[test]
    fn the_output_of_a_program_is_read_to_its_end() {
        let script = "echo a; echo b >&2; exec 2>&-; head -c 200000 /dev/zero; exit 3";
        let output = said(script, Duration::from_secs(60)).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(
            (output.stdout.len(), output.stderr.as_slice()),
            (200_002, &b"b\n"[..])
        );
    }

    #[test]
    fn a_program_that_hangs_or_writes_without_end_is_killed() {
        // The second has a child that keeps the pipe, the third has closed its outputs.
        let scripts = [
            "exec sleep 1000",
            "sleep 1; :",
            "exec >&- 2>&-; exec sleep 1000",
        ];
        for script in scripts {
            let error = said(script, Duration::from_millis(50)).unwrap_err();
            assert!(
                matches!(error, ProcessError::Hung { .. }),
                "{script}: {error}"
            );
        }
        let error = said("exec cat /dev/zero", Duration::from_secs(60)).unwrap_err();
        assert!(matches!(error, ProcessError::TooMuch { .. }), "{error}");
    }

    #[test]
    fn a_dropped_program_is_killed() {
        drop(sh("exec sleep 1000"));
    }
}
