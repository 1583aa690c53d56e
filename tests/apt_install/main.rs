//! Tests of `apt-install`: the real binary, and all of its output.

#[path = "../support/mod.rs"]
mod support;

/// Without a Debian root: usage, lists, errors before anything is done.
mod usage;

/// A fake `apt-get`, for exact command lines, statuses and signals.
mod fake;

/// Real apt with an archive that the tests make: versions, failures, locks.
mod local;

/// The same: what is purged, and what is not.
mod purge;

/// Real apt with Debian's own archive: sizes, services, the same layer twice.
mod debian;

/// A real Docker engine: cache mounts, stages, layers.
mod docker;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_apt-install");

fn main() {
    support::harness::main()
}
