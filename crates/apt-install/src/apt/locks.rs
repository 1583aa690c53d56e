//! The locks of apt and dpkg: POSIX record locks, as in `GetLock` in apt-pkg/contrib/fileutl.cc.
//! They are tested before apt runs and held while purging. Waiting polls instead of blocking in the
//! kernel, so that signals are handled. No lock file is created.
//!
//! A whole run holds another lock: two runs at once would purge the lists that the other has just
//! downloaded. It is on directories that exist (flock(2)), so that nothing of it stays in the layer.

use super::signals::Signals;
use crate::error::Error;
use crate::message::say;
use crate::state::dpkg_status;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// Held while package lists change. apt fails at once if another process holds it.
pub(crate) const LISTS: &str = "/var/lib/apt/lists/lock";
/// Held while packages are downloaded. apt fails at once if another process holds it.
pub(crate) const ARCHIVES: &str = "/var/cache/apt/archives/lock";
/// Held while dpkg is used. apt waits for it (`DPkg::Lock::Timeout`), dpkg does not.
pub(crate) const DPKG: &str = "/var/lib/dpkg/lock-frontend";

/// Holds a lock until dropped; holds nothing if the lock file does not exist.
#[derive(Debug)]
pub(crate) struct Guard {
    _file: Option<OwnedFd>,
}

/// Takes the lock of `file`; returns `None` if another process holds it.
pub(crate) fn take(file: &Path) -> io::Result<Option<Guard>> {
    // Read-only: opening a file of a lower layer for writing copies it up. A shared lock conflicts
    // with the exclusive ones of apt.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = match rustix::fs::open(file, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(Some(Guard { _file: None })),
        Err(error) => return Err(error.into()),
    };
    match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Some(Guard { _file: Some(file) })),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether another process holds the lock of `file`. A lock that cannot be tested counts as free,
/// because the error message of apt is the better one.
pub(crate) fn is_held(file: &Path) -> bool {
    matches!(take(file), Ok(None))
}

/// The directories that a run locks: one for the root, and the package lists, which several roots may
/// share by a mount.
const RUN: [&str; 2] = [dpkg_status::DIRECTORY, "/var/lib/apt/lists"];

/// Excludes other runs of this program until dropped.
#[derive(Debug)]
pub(crate) struct Run {
    _directories: Vec<OwnedFd>,
}

impl Run {
    /// Waits for other runs to end, for at most `timeout` each, and excludes new ones.
    pub(crate) fn lock(timeout: Duration, signals: &Signals) -> Result<Self, Error> {
        let mut directories = Vec::new();
        for directory in RUN {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            // Without the directory there is nothing to protect.
            let Ok(file) = rustix::fs::open(directory, flags, Mode::empty()) else {
                continue;
            };
            // Some file systems have no such locks. A run does not fail for this.
            let is_free =
                || flock(&file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK);
            match wait_until(is_free, directory, timeout, signals) {
                Waited::Free => directories.push(file),
                Waited::Signal => signals.stop_if_received()?,
                Waited::Held => {
                    return Err(Error::Locked {
                        lock: directory,
                        seconds: timeout.as_secs(),
                    });
                }
            }
        }
        Ok(Self {
            _directories: directories,
        })
    }
}

/// How waiting for a lock ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// No process held the lock when it was last tested.
    Free,
    /// The lock is still held after the timeout.
    Held,
    /// A signal arrived.
    Signal,
}

/// Waits until `lock` is free, for at most `timeout`.
pub(crate) fn wait(lock: &str, timeout: Duration, signals: &Signals) -> Waited {
    wait_until(|| !is_held(Path::new(lock)), lock, timeout, signals)
}

fn wait_until(
    is_free: impl Fn() -> bool,
    lock: &str,
    timeout: Duration,
    signals: &Signals,
) -> Waited {
    let start = Instant::now();
    let mut said = false;
    loop {
        if signals.received().is_some() {
            return Waited::Signal;
        }
        if is_free() {
            return Waited::Free;
        }
        let left = timeout.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Waited::Held;
        }
        if !said {
            said = true;
            say(&format!(
                "`{lock}` is held by another process; waiting for up to {} s",
                timeout.as_millis().div_ceil(1000)
            ));
        }
        // The kernel does not notify when such a lock is released.
        signals.pause(left.min(Duration::from_millis(100)));
    }
}
