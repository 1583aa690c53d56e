//! `install.sh`, driven as its users drive it, with all that it says.

#[path = "../support/mod.rs"]
mod support;

/// The bare Debian of the README, where root and an ordinary user build.
mod debian;

/// What is installed, where, and how.
mod installed;

/// What is refused, before anything is changed.
mod refused;

fn main() {
    support::harness::main()
}
