//! Tests of `apt-install`: the real binary, and all of its output.

#[path = "../support/mod.rs"]
mod support;

/// Without a Debian root: usage, lists, errors before anything is done.
mod usage;

/// A fake `apt-get`, for exact command lines, statuses and signals.
mod fake;

/// Real apt with an archive that the tests make: versions, failures, locks.
mod local;

/// Real apt with such an archive: what is requested is installed, and stays installed.
mod claims;

/// Real apt with such an archive behind a web server: why it fails, and when it is tried again.
mod causes;

/// Real apt with such an archive: what a signal ends, and what the next run does about it.
mod signals;

/// Real apt with such an archive: two runs at once.
mod parallel;

/// Real apt with such an archive: what is purged, and what is not.
mod purge;

/// Real apt with Debian's own archive: sizes, services, the same layer twice.
mod debian;

/// The program for arm64 in a root for arm64.
mod arm64;

/// A real Docker engine: cache mounts, stages, layers.
mod docker;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_apt-install");

fn main() {
    support::harness::main()
}
