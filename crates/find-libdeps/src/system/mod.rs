//! The system that is analysed, and the one that this process runs on.
//!
//! Takes paths, names and command lines; returns files, outputs of programs, and facts about
//! Debian's architectures. Below another root, nothing outside it is opened. Only `process` runs
//! programs. Nothing here knows about packages or the loader's search.

pub mod architecture;
pub(crate) mod escape;
pub(crate) mod mounts;
pub(crate) mod ordered;
pub mod os_release;
pub mod path_pattern;
pub(crate) mod process;
pub mod root;
pub(crate) mod signals;
