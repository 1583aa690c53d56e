//! The locks of apt and dpkg: POSIX record locks, as in `GetLock` in apt-pkg/contrib/fileutl.cc.
//! They are tested before apt runs and held while purging. Waiting polls instead of blocking in the
//! kernel, so that signals are handled. No lock file is created.

use super::signals::Signals;
use crate::message::say;
use rustix::fs::{FlockOperation, Mode, OFlags};
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
    let start = Instant::now();
    let mut said = false;
    loop {
        if signals.received().is_some() {
            return Waited::Signal;
        }
        if !is_held(Path::new(lock)) {
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
                timeout.as_secs()
            ));
        }
        // The kernel does not notify when such a lock is released.
        signals.pause(left.min(Duration::from_millis(100)));
    }
}
