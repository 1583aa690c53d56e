//! SIGINT and SIGTERM: remembered, and handed to the apt that runs as the one signal that it
//! handles well.
//!
//! SIGTERM ends apt-get at once, and leaves dpkg running without it. SIGINT ends it at once too
//! while no dpkg runs; while one does, apt-get lets it finish first (`pkgDPkgPM::Go` in
//! apt-pkg/deb/dpkgpm.cc). So whatever arrives here, apt gets SIGINT, and dpkg gets nothing:
//! apt runs in a process group of its own, so that a terminal's Ctrl-C does not reach both.

use crate::message::say;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::signal_name;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The signals of this run.
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
    /// Catches the signals from now on, for as long as the process lives.
    ///
    /// # Errors
    /// What the system said when the handlers could not be set.
    pub(crate) fn catch() -> io::Result<Self> {
        let mut arriving = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        std::thread::Builder::new().spawn(move || {
            for signal in arriving.forever() {
                for_thread.arrive(signal);
            }
        })?;
        Ok(Self { shared })
    }

    /// The first signal that arrived.
    pub(crate) fn received(&self) -> Option<i32> {
        self.shared.state().first
    }

    /// From now on signals are handed to `child`; one that has arrived already is handed over at
    /// once.
    pub(crate) fn hand_to(&self, child: Pid) {
        let mut state = self.shared.state();
        state.child = Some(child);
        if state.first.is_some() {
            interrupt(child);
        }
    }

    /// From now on signals are handed to nobody. To be called before the child is reaped, as its
    /// number may be another's afterwards.
    pub(crate) fn hand_to_nobody(&self) {
        self.shared.state().child = None;
    }

    /// Waits for `time`, or until a signal arrives.
    pub(crate) fn pause(&self, time: Duration) {
        let state = self.shared.state();
        // A wait cut short by poisoning is no harm: whoever waits looks again.
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

    fn arrive(&self, signal: i32) {
        let mut state = self.state();
        state.first.get_or_insert(signal);
        if let Some(child) = state.child {
            say(&format!(
                "{}: apt may finish the step that it is in",
                signal_name(signal).unwrap_or("a signal")
            ));
            interrupt(child);
        }
        self.arrived.notify_all();
    }
}

fn interrupt(child: Pid) {
    // One that has ended already needs no signal.
    let _ = kill_process(child, Signal::INT);
}
