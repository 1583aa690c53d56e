//! `install.sh`, driven as its users drive it, with all that it says.

mod support;

/// The bare Debian of the README, where root and an ordinary user build.
#[path = "install_sh/debian.rs"]
mod debian;

/// What is installed, where, and how.
#[path = "install_sh/installed.rs"]
mod installed;

/// What is refused, before anything is changed.
#[path = "install_sh/refused.rs"]
mod refused;

fn main() {
    let tests = [debian::tests(), installed::tests(), refused::tests()];
    support::main(tests.into_iter().flatten().collect())
}
