//! `apt-install`, driven as its users drive it: the real binary, and all that it says.

#[path = "../support/mod.rs"]
mod support;

/// What needs no Debian root: usage, lists, what is said where nothing can be done.
mod usage;

/// A fake `apt-get`, for exact command lines, statuses and signals.
mod fake;

/// Real apt with an archive of the tests' own: versions, failures, locks, what is purged.
mod local;

/// Real apt with Debian's own archive: sizes, services, the same layer twice.
mod debian;

/// A real Docker engine: cache mounts, stages, layers.
mod docker;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_apt-install");

fn main() {
    support::harness::main()
}
