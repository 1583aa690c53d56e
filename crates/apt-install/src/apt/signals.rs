//! Catches SIGHUP, SIGINT, SIGQUIT and SIGTERM, and passes all of them to the running apt as SIGINT.
//!
//! The others end apt-get at once and leave dpkg running without it. SIGINT ends apt-get at once
//! only if no dpkg is running; otherwise apt-get waits for dpkg first (`pkgDPkgPM::Go` in
//! apt-pkg/deb/dpkgpm.cc). apt runs in a separate process group, so that Ctrl-C in a terminal does
//! not reach dpkg.

use super::dpkg;
use crate::error::Error;
use crate::message::say;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::low_level::signal_name;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often dpkg is looked at. It is between two packages for a few milliseconds.
const INTERVAL: Duration = Duration::from_millis(1);

/// The signals received by this process.
#[derive(Debug)]
pub(crate) struct Signals {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    first: Option<i32>,
    child: Option<Pid>,
}

impl Signals {
    /// Catches signals from now on, until the process ends. SIGHUP stays ignored if it is ignored, as
    /// under nohup.
    pub(crate) fn catch() -> Result<Self, Error> {
        Self::start().map_err(Error::Signals)
    }

    fn start() -> io::Result<Self> {
        let mut arriving = signal_hook::iterator::Signals::new([SIGINT, SIGQUIT, SIGTERM])?;
        // Without /proc it is unknown.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        if !is_ignored(SIGHUP, &status) {
            arriving.add_signal(SIGHUP)?;
        }
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        std::thread::Builder::new().spawn(move || {
            loop {
                arriving.wait().for_each(|signal| for_thread.arrive(signal));
                while for_thread.stop_dpkg() {
                    std::thread::sleep(INTERVAL);
                    arriving
                        .pending()
                        .for_each(|signal| for_thread.arrive(signal));
                }
            }
        })?;
        Ok(Self { shared })
    }

    /// Returns the first signal received.
    pub(crate) fn received(&self) -> Option<i32> {
        self.shared.state().first
    }

    /// Returns an error if a signal has been received.
    pub(crate) fn stop_if_received(&self) -> Result<(), Error> {
        match self.received() {
            None => Ok(()),
            Some(signal) => Err(Error::Stopped { signal }),
        }
    }

    /// Passes signals to `child` from now on, and at once if a signal has already been received.
    pub(crate) fn pass_to(&self, child: Pid) {
        let mut state = self.shared.state();
        state.child = Some(child);
        if let Some(signal) = state.first {
            interrupt(child, signal);
        }
    }

    /// Stops passing signals on. Must be called before the child is reaped, because its process id
    /// may be reused afterwards.
    pub(crate) fn release(&self) {
        self.shared.state().child = None;
    }

    /// Waits for `time`, or until a signal is received.
    pub(crate) fn pause(&self, time: Duration) {
        let state = self.shared.state();
        // A poisoned lock only cuts the wait short: callers check again.
        let _ = self
            .shared
            .arrived
            .wait_timeout_while(state, time, |state| state.first.is_none());
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops dpkg after the package that it is configuring. Returns whether to try again: a signal has
    /// been received, and the child still runs.
    fn stop_dpkg(&self) -> bool {
        // Locked, so that the child is not reaped meanwhile.
        let state = self.state();
        match state.child.filter(|_| state.first.is_some()) {
            None => false,
            Some(child) => {
                dpkg::stop(child);
                true
            }
        }
    }

    fn arrive(&self, signal: i32) {
        let mut state = self.state();
        state.first.get_or_insert(signal);
        if let Some(child) = state.child {
            interrupt(child, signal);
        }
        self.arrived.notify_all();
    }
}

/// Whether a signal is ignored, from the text of `/proc/PID/status`; see proc(5).
fn is_ignored(signal: i32, status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

fn interrupt(child: Pid, signal: i32) {
    say(&format!(
        "received {}; waiting for apt and dpkg to finish the current step",
        signal_name(signal).unwrap_or("a signal")
    ));
    // Fails only if the child has already ended.
    let _ = kill_process(child, Signal::INT);
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
