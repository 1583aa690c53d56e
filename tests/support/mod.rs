//! What the test programs share: tests and how they are run (`harness`, `limit`), what a test needs
//! of the machine (`needs`), running a binary and comparing all its output (`run`), real Debian
//! roots (`debian`), roots to change at will (`sandbox`), packages made for a test (`archive`), a web
//! server (`http`), a Docker engine (`docker`), and both programs as they are installed (`programs`).

#![allow(dead_code, unreachable_pub)] // each test program uses its own part

pub mod archive;
pub mod debian;
pub mod docker;
pub mod harness;
pub mod http;
pub mod limit;
pub mod needs;
pub mod programs;
pub mod run;
pub mod sandbox;

use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::PathBuf;

/// The folder of the workspace's build products, where slow fixtures are kept between runs.
pub fn target_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// Locks the kept fixture `name` until the value is dropped: other tests, of this and of other test
/// programs, wait meanwhile.
pub fn lock(name: &str) -> File {
    let file = File::create(target_dir().join(format!("{name}.lock"))).expect("a file");
    flock(&file, FlockOperation::LockExclusive).expect("it can be locked");
    file
}
