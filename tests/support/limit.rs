//! A limit for each test: after it the test fails, and the processes that it started are killed.

use libtest_mimic::Failed;
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::panic::resume_unwind;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a test whose processes were killed may take to clean up.
const GRACE: Duration = Duration::from_secs(30);

thread_local! {
    /// The number of the test that runs in this thread.
    static TEST: Cell<usize> = const { Cell::new(0) };
}

/// The processes that tests wait for.
struct Started {
    /// Each with the number of its test and its command line.
    processes: Vec<(usize, Pid, String)>,
    /// The tests that may start no more.
    over: BTreeSet<usize>,
}

fn started() -> MutexGuard<'static, Started> {
    static STARTED: Mutex<Started> = Mutex::new(Started {
        processes: Vec::new(),
        over: BTreeSet::new(),
    });
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test in a new thread called `name`, and fails it where it takes longer than `limit`.
pub fn run<T: Send + 'static>(
    name: String,
    limit: Duration,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failed> {
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    let test = NUMBER.fetch_add(1, Ordering::Relaxed);
    let (alive, ended) = channel::<()>();
    let thread = thread::Builder::new().name(name).spawn(move || {
        // Dropped when the body returns and when it panics.
        let _alive = alive;
        TEST.set(test);
        body()
    })?;
    if ended.recv_timeout(limit) == Err(RecvTimeoutError::Disconnected) {
        return thread.join().map_err(|panic| resume_unwind(panic));
    }
    let killed = kill(test);
    // A thread cannot be killed: one that does not wait for a process is left behind.
    let _ = ended.recv_timeout(GRACE);
    let seconds = limit.as_secs();
    Err(Failed::from(format!(
        "the test ran longer than its limit of {seconds} s; killed: {}",
        if killed.is_empty() {
            "nothing".to_owned()
        } else {
            killed.join(", ")
        }
    )))
}

/// A process of the test that runs in this thread, as the leader of a process group.
pub struct Process {
    test: usize,
    pid: Pid,
}

impl Process {
    pub fn start(command: &mut Command) -> io::Result<(Self, Child)> {
        let shown = format!("{command:?}");
        // Locked until the process is registered, so that `kill` misses none.
        let mut started = started();
        let test = TEST.get();
        assert!(!started.over.contains(&test), "the test is over its limit");
        let child = command.process_group(0).spawn()?;
        let pid = Pid::from_child(&child);
        started.processes.push((test, pid, shown));
        Ok((Self { test, pid }, child))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let ours = (self.test, self.pid);
        let mut started = started();
        started
            .processes
            .retain(|(test, pid, _)| (*test, *pid) != ours);
    }
}

/// Kills what the test has started, with all its children, and returns the command lines.
fn kill(test: usize) -> Vec<String> {
    let mut started = started();
    started.over.insert(test);
    let of_test = started.processes.iter().filter(|process| process.0 == test);
    of_test
        .map(|(_, pid, shown)| {
            // It may just have ended.
            let _ = kill_process_group(*pid, Signal::KILL);
            shown.clone()
        })
        .collect()
}

/// Kills what the tests have started where the run is interrupted: the terminal sends its signal to
/// the group of this process only.
pub fn stop_children_on_signals() {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).expect("signals");
    thread::spawn(move || {
        for signal in signals.forever() {
            for (_, pid, _) in &started().processes {
                let _ = kill_process_group(*pid, Signal::KILL);
            }
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
}
