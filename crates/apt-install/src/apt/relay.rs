//! Passes the output of a program on to a pipe whose reader may end early.
//!
//! In `apt-install … | head -1` the reader is gone before dpkg runs, and the first line written after
//! that would end dpkg or a maintainer script. So the program writes to a pipe of this process, which
//! discards what cannot be passed on. A terminal or a file as standard output is inherited. Standard
//! error never is, because the cause of a failure is read from what is written there.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, read, write};
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// How often a thread looks whether the program has ended.
const INTERVAL: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};
/// How many of the last bytes are kept, at least.
const KEPT: usize = 1 << 16;
const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// The threads that pass output on.
#[derive(Default)]
pub(super) struct Relays {
    threads: Vec<JoinHandle<Vec<u8>>>,
    ended: Arc<AtomicBool>,
}

impl Relays {
    /// Redirects the standard error of a command that is not started yet, and its standard output if
    /// that of this process is a pipe. If both are the same pipe, their order is kept.
    pub(super) fn attach(command: &mut Command) -> io::Result<Self> {
        let mut relays = Self::default();
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let out = pipe_id(stdout.as_fd());
        let err = pipe_id(stderr.as_fd());
        if out.is_some() {
            let writer = relays.add(stdout.as_fd())?;
            if err == out {
                command.stderr(writer.try_clone()?);
            }
            command.stdout(writer);
        }
        if err.is_none() || err != out {
            command.stderr(relays.add(stderr.as_fd())?);
        }
        Ok(relays)
    }

    fn add(&mut self, to: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        let to = to.try_clone_to_owned()?;
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        let ended = Arc::clone(&self.ended);
        let thread = std::thread::Builder::new().spawn(move || {
            let mut kept = Vec::new();
            // Without a readable pipe there is nothing left to pass on.
            let _ = pass_on(&reader, &to, &ended, &mut kept);
            kept
        })?;
        self.threads.push(thread);
        Ok(writer)
    }

    /// Passes on what the program has written, after its end. Does not wait for other processes that
    /// still have the pipe open, such as a service that a package started. Returns the end of what the
    /// program has written.
    pub(super) fn finish(self) -> String {
        self.ended.store(true, Ordering::Release);
        let threads = self.threads.into_iter();
        let kept = threads.map(|thread| thread.join().unwrap_or_default());
        kept.map(|kept| String::from_utf8_lossy(&kept).into_owned() + "\n")
            .collect()
    }
}

/// Returns what identifies the pipe or socket behind a descriptor; `None` for other files.
fn pipe_id(fd: BorrowedFd<'_>) -> Option<(u64, u64)> {
    let data = fstat(fd).ok()?;
    matches!(
        FileType::from_raw_mode(data.st_mode),
        FileType::Fifo | FileType::Socket
    )
    .then_some((data.st_dev, data.st_ino))
}

fn pass_on(
    from: &OwnedFd,
    to: &OwnedFd,
    ended: &AtomicBool,
    kept: &mut Vec<u8>,
) -> rustix::io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut has_reader = true;
    loop {
        // Loaded first: what the program wrote before its end is in the pipe by then.
        let last = ended.load(Ordering::Acquire);
        let time = if last { AT_ONCE } else { INTERVAL };
        match poll(&mut [PollFd::new(from, PollFlags::IN)], Some(&time)) {
            Ok(0) if last => return Ok(()),
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        match read(from, &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                kept.extend_from_slice(&buffer[..length]);
                if kept.len() > 2 * KEPT {
                    kept.drain(..kept.len() - KEPT);
                }
                has_reader = has_reader && write_all(to, &buffer[..length]).is_ok();
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

fn write_all(to: &OwnedFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match write(to, bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                // The pipe is full and non-blocking.
                let _ = poll(&mut [PollFd::new(to, PollFlags::OUT)], Some(&INTERVAL));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    /// Runs a script whose output is passed on to a pipe, and returns what arrives there.
    fn passed_on(script: &str) -> String {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
        let mut relays = Relays::default();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command.stdout(relays.add(writer.as_fd()).expect("a relay"));
        let mut child = command.spawn().expect("a shell");
        drop((command, writer));
        let text = std::thread::spawn(move || io::read_to_string(std::fs::File::from(reader)));
        assert!(child.wait().expect("an end").success());
        relays.finish();
        text.join().expect("a thread").expect("text")
    }

    #[test]
    fn output_is_passed_on_to_its_last_byte() {
        let text = passed_on("seq 100000");
        assert!(text.ends_with("\n99999\n100000\n"));
        assert_eq!(text.lines().count(), 100_000);
    }

    #[test]
    fn a_process_that_stays_is_not_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let fifo = dir.path().join("fifo");
        let mkfifo = Command::new("mkfifo").arg(&fifo).status();
        assert!(mkfifo.expect("mkfifo").success());
        // It has the pipe open until the test, which has got its output by then, lets it end.
        let script = format!("read line <{} & echo started", fifo.display());
        assert_eq!(passed_on(&script), "started\n");
        std::fs::write(&fifo, "end\n").expect("the process still reads");
    }

    #[test]
    fn the_end_of_the_output_is_kept() {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
        drop(reader);
        let mut relays = Relays::default();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "seq 100000; echo E: last"]);
        command.stdout(relays.add(writer.as_fd()).expect("a relay"));
        assert!(command.status().expect("a shell").success());
        drop(command);
        let kept = relays.finish();
        assert!(kept.ends_with("\n99999\n100000\nE: last\n\n"));
        assert!(
            (KEPT..=2 * KEPT + 1).contains(&kept.len()),
            "{}",
            kept.len()
        );
    }

    #[test]
    fn a_reader_that_is_gone_ends_nothing() {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
        drop(reader);
        let mut relays = Relays::default();
        let mut command = Command::new("/usr/bin/seq");
        command
            .arg("100000")
            .stdout(relays.add(writer.as_fd()).expect("a relay"));
        assert!(command.status().expect("seq").success());
        drop(command);
        relays.finish();
    }
}
