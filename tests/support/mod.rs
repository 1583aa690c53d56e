//! What the test programs share: running a binary and comparing all that it said (`run`),
//! what a test needs of the machine (`needs`), real Debian roots (`debian`), roots to change at
//! will (`sandbox`), packages made for a test (`archive`), a Docker engine (`docker`), and both
//! programs as they are installed (`programs`).
//!
//! A test program is its own `main` (libtest-mimic), so that a test whose needs the machine does
//! not meet is counted as ignored, with the reason in its name, and never as passed.

#![allow(dead_code, unreachable_pub)] // each test program uses its own part

pub mod archive;
pub mod debian;
pub mod docker;
pub mod needs;
pub mod programs;
pub mod run;
pub mod sandbox;

use needs::Need;
use std::path::PathBuf;

/// The folder of the workspace's build products, where slow fixtures are kept between runs.
pub fn target_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// One test: counted as ignored, with the unmet needs named, where the machine cannot run it.
pub fn test(name: &str, needs: &[Need], body: fn()) -> libtest_mimic::Trial {
    let unmet: Vec<&str> = needs
        .iter()
        .filter(|need| !need.is_met())
        .map(|need| need.name())
        .collect();
    let trial = libtest_mimic::Trial::test(name, move || {
        body();
        Ok(())
    });
    if unmet.is_empty() {
        trial
    } else {
        trial
            .with_kind(format!("needs {}", unmet.join(", ")))
            .with_ignored_flag(true)
    }
}

/// Runs the tests as `cargo test` expects it, and ends the process with their status.
pub fn main(tests: Vec<libtest_mimic::Trial>) -> ! {
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, tests).exit()
}
