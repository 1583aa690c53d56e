//! Tests of `install.sh` and of the scripts of a release: the real scripts, and all of their output.

#[path = "../support/mod.rs"]
mod support;

/// What is linked into the programs, and under which licences.
mod copyright;

/// The bare Debian of the README, where root and an ordinary user build.
mod debian;

/// What is installed, where, and how.
mod installed;

/// The manuals and the completions: what they contain, and that their readers accept them.
mod manuals;

/// Tarballs, Debian packages, wheels and crates.
mod packages;

/// What is refused, before anything is changed.
mod refused;

/// The scripts of a release, and the workflows.
mod release;

fn main() {
    support::harness::main()
}
