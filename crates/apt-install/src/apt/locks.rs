//! The locks of apt and dpkg: POSIX record locks, as `GetLock` in apt-pkg/contrib/fileutl.cc
//! takes them. Looked at, and held while purging; never waited for inside the kernel, so that a
//! signal is heard. No lock file is made here.

use super::signals::Signals;
use crate::message::say;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// Held by whoever changes the package lists. apt gives up at once where it is held.
pub(crate) const LISTS: &str = "/var/lib/apt/lists/lock";
/// Held by whoever downloads packages. apt gives up at once where it is held.
pub(crate) const ARCHIVES: &str = "/var/cache/apt/archives/lock";
/// Held by whoever uses dpkg. apt waits for it (`DPkg::Lock::Timeout`), dpkg does not.
pub(crate) const DPKG: &str = "/var/lib/dpkg/lock-frontend";

/// A lock that is ours until this is dropped; of a file that is not there, nobody's.
#[derive(Debug)]
pub(crate) struct Guard {
    _file: Option<OwnedFd>,
}

/// Takes the lock of `file`, or says with `None` that another process holds it.
///
/// # Errors
/// What opening or locking the file gave.
pub(crate) fn take(file: &Path) -> io::Result<Option<Guard>> {
    // For reading: opening a file of a lower layer for writing copies it up. A shared lock is
    // enough to see those of apt, which are exclusive, and to keep them away.
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

/// Whether another process holds the lock of `file`. One that cannot be looked at is left to apt,
/// whose message is the better one.
pub(crate) fn is_held(file: &Path) -> bool {
    matches!(take(file), Ok(None))
}

/// How waiting for a lock ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Nobody holds the lock, or nobody did a moment ago.
    Free,
    /// It is held still, and the time is over.
    Held,
    /// A signal arrived.
    Signal,
}

/// Waits until nobody holds `lock`, for as long as `timeout`.
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
                "another process holds `{lock}`: waiting for at most {} s",
                timeout.as_secs()
            ));
        }
        // The kernel tells nobody when such a lock is free again.
        signals.pause(left.min(Duration::from_millis(100)));
    }
}
