//! What a signal that ends this process does first: it ends the programs that this process waits for,
//! and removes its temporary directories.
//!
//! Programs and directories are created here, so that no signal comes between their creation and
//! their registration.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::emulate_default_handler;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

static STATE: Mutex<State> = Mutex::new(State {
    caught: Vec::new(),
    programs: Vec::new(),
    foreground: None,
    directories: Vec::new(),
});

struct State {
    /// The signals that are caught, each with whether it has arrived and not been handled.
    caught: Vec<(i32, Arc<AtomicBool>)>,
    /// Programs that this process waits for, except `foreground`.
    programs: Vec<Pid>,
    /// The program that runs in the foreground.
    foreground: Option<Pid>,
    directories: Vec<PathBuf>,
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Catches SIGHUP, SIGINT, SIGQUIT and SIGTERM from now on; those that are ignored, as under nohup,
/// stay ignored.
pub fn catch() -> io::Result<()> {
    let mut state = state();
    if !state.caught.is_empty() {
        return Ok(());
    }
    // Without /proc it is unknown.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
    let signals = signals
        .into_iter()
        .filter(|&signal| !is_ignored(signal, &status));
    let caught: Vec<(i32, Arc<AtomicBool>)> = signals.map(|it| (it, Arc::default())).collect();
    // In this order: it has arrived before the thread hears of it.
    for (signal, has_arrived) in &caught {
        flag::register(*signal, Arc::clone(has_arrived))?;
    }
    let signals = caught.iter().map(|(signal, _)| signal);
    let mut arriving = signal_hook::iterator::Signals::new(signals)?;
    thread::Builder::new().spawn(move || arriving.forever().for_each(arrive))?;
    state.caught = caught;
    Ok(())
}

/// Whether a signal is ignored, from the text of `/proc/PID/status` (proc(5)).
fn is_ignored(signal: i32, status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

fn arrive(signal: i32) {
    let state = state();
    let is_due = |(caught, has_arrived): &(i32, Arc<AtomicBool>)| {
        *caught == signal && has_arrived.swap(false, Ordering::SeqCst)
    };
    if !state.caught.iter().any(is_due) {
        return;
    }
    if let Some(program) = state.foreground {
        // SIGINT and SIGQUIT reach it from the terminal.
        let passed = match signal {
            SIGHUP => Some(Signal::HUP),
            SIGTERM => Some(Signal::TERM),
            _ => None,
        };
        // Fails if it has ended already.
        let _ = passed.map(|signal| kill_process(program, signal));
        return;
    }
    for &program in &state.programs {
        end(program);
    }
    for directory in &state.directories {
        remove(directory);
    }
    // The lock is held: nothing is created any more.
    let _ = emulate_default_handler(signal);
}

/// Ends a program, and waits until it has ended.
fn end(program: Pid) {
    let _ = kill_process(program, Signal::TERM);
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let start = Instant::now();
    while let Ok(None) = waitid(WaitId::Pid(program), options) {
        if start.elapsed() > GRACE {
            let _ = kill_process(program, Signal::KILL);
            return;
        }
        thread::sleep(PAUSE);
    }
}

/// Removes a directory, into which children of ended programs may still write.
fn remove(directory: &Path) {
    let start = Instant::now();
    while std::fs::remove_dir_all(directory).is_err()
        && directory.exists()
        && start.elapsed() < GRACE
    {
        thread::sleep(PAUSE);
    }
}

/// A program that this process waits for.
#[derive(Debug)]
pub struct Program {
    pid: Pid,
    /// Its output can be taken; it is waited for by [`Program::wait`].
    pub child: Child,
}

impl Program {
    /// Starts `command`; in the foreground, signals are for the program alone until it ends.
    /// Signals are caught from now on.
    pub fn start(command: &mut Command, is_in_foreground: bool) -> io::Result<Self> {
        catch()?;
        let mut state = state();
        let child = command.spawn()?;
        let pid = Pid::from_child(&child);
        if is_in_foreground {
            state.foreground = Some(pid);
        } else {
            state.programs.push(pid);
        }
        Ok(Self { pid, child })
    }

    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until it ends.
    pub fn wait(&mut self) -> io::Result<std::process::ExitStatus> {
        // Without reaping, so that no signal goes to a reused process ID.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(self.pid), ended) {}
        self.forget();
        self.child.wait()
    }

    fn forget(&self) {
        let mut state = state();
        state.programs.retain(|&pid| pid != self.pid);
        if state.foreground == Some(self.pid) {
            state.foreground = None;
            // What has arrived until now was for the program.
            for (_, has_arrived) in &state.caught {
                has_arrived.store(false, Ordering::SeqCst);
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // None of this has an effect after `wait`.
        let _ = self.child.kill();
        let _ = self.wait();
    }
}

/// A temporary directory, removed when it is dropped and when a signal ends this process.
#[derive(Debug)]
pub struct TemporaryDirectory {
    /// `None` once it is closed.
    dir: Option<TempDir>,
    path: PathBuf,
}

impl TemporaryDirectory {
    /// What `create` creates. Signals are caught from now on.
    pub fn new(create: impl FnOnce() -> io::Result<TempDir>) -> io::Result<Self> {
        catch()?;
        let mut state = state();
        let dir = create()?;
        let path = dir.path().to_owned();
        state.directories.push(path.clone());
        let dir = Some(dir);
        Ok(Self { dir, path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, and returns why that failed.
    pub fn close(mut self) -> io::Result<()> {
        self.dir.take().map_or(Ok(()), TempDir::close)
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        drop(self.dir.take());
        state().directories.retain(|path| *path != self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_a_mask() {
        let status = "SigBlk:\t0000000000000001\nSigIgn:\t0000000000001004\n";
        assert!(is_ignored(SIGQUIT, status));
        assert!(!is_ignored(SIGHUP, status));
        assert!(!is_ignored(SIGHUP, ""));
    }
}
