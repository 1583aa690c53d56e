//! The given PATHs to what their files hold.
//!
//! Takes the PATHs; gives the ELF objects, the notes and calls that load libraries by name, the
//! programs that start scripts, the virtualenvs, and what could not be read. Each file is opened at most
//! once, on all threads.
//!
//! Never happens here: following a symbolic link, or combining information from several files.

pub(crate) mod archive;
pub(crate) mod copied;
pub(crate) mod empty;
mod error;
mod names;
mod read;
mod script;
mod starts;
pub(crate) mod unread;
mod walk;

pub use error::ScanError;
pub use read::{Counts, LoadsByName, Scanned, read};
pub use script::{Obstacle, Script, fault, is_in_every_image};
pub use starts::Starts;
