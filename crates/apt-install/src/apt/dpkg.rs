//! Stops a running dpkg between two packages. Without `/proc`, nothing is stopped.
//!
//! apt-get itself runs dpkg to its end after a signal, once it configures packages (`pkgDPkgPM::Go` in
//! apt-pkg/deb/dpkgpm.cc). dpkg has no way to be stopped between packages, but while it configures
//! them, and no maintainer script runs, it may be ended: it keeps its database consistent at all times, and
//! `dpkg --configure -a` continues later. While it unpacks, ending it could leave a package half
//! installed, so nothing is done then.

use crate::state::dpkg_status;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

/// Ends the dpkg that `program` runs, or that it is, if it configures packages and is between two.
pub(super) fn stop(program: Pid) {
    for pid in std::iter::once(program).chain(children(program)) {
        // A descriptor, so that no signal is sent to a process that reuses the id.
        let Ok(dpkg) = pidfd_open(pid, PidfdFlags::empty()) else {
            continue;
        };
        if configures(pid) && is_between(pid) {
            stop_alone(pid, &dpkg);
        }
    }
}

/// Halts dpkg, so that it begins with no other package, and ends it if it has not begun before.
fn stop_alone(pid: Pid, dpkg: &OwnedFd) {
    if pidfd_send_signal(dpkg, Signal::STOP).is_err() {
        return;
    }
    // Halting takes effect when the process next enters the kernel, within microseconds.
    while state(pid).is_some_and(|state| !matches!(state, b'T' | b'Z' | b'X')) {
        std::thread::sleep(Duration::from_micros(50));
    }
    if is_between(pid) {
        let _ = pidfd_send_signal(dpkg, Signal::TERM);
    }
    // SIGTERM takes effect now, too.
    let _ = pidfd_send_signal(dpkg, Signal::CONT);
}

/// Whether dpkg runs no maintainer script, and has noted the result of the last one.
fn is_between(pid: Pid) -> bool {
    let configuring = dpkg_status::is_configuring(Path::new(dpkg_status::DIRECTORY));
    children(pid).next().is_none() && matches!(configuring, Ok(false))
}

/// Whether the process is a dpkg that configures packages.
fn configures(pid: Pid) -> bool {
    let line = read(pid, "cmdline");
    let mut words = line.split(|&byte| byte == 0);
    let program = words.next().unwrap_or_default();
    Path::new(OsStr::from_bytes(program)).file_name() == Some(OsStr::new("dpkg"))
        && words.any(|word| word == b"--configure")
}

/// Returns the children of a process, as proc(5) lists them.
fn children(pid: Pid) -> impl Iterator<Item = Pid> {
    let file = format!("task/{}/children", pid.as_raw_nonzero());
    let text = String::from_utf8(read(pid, &file)).unwrap_or_default();
    let ids: Vec<i32> = text
        .split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect();
    ids.into_iter().filter_map(Pid::from_raw)
}

/// Returns the state of a process: the field after its name, which is in parentheses.
fn state(pid: Pid) -> Option<u8> {
    let stat = read(pid, "stat");
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    stat.get(end + 2).copied()
}

/// Returns the content of a file of a process; empty if there is none.
fn read(pid: Pid, file: &str) -> Vec<u8> {
    std::fs::read(format!("/proc/{}/{file}", pid.as_raw_nonzero())).unwrap_or_default()
}
