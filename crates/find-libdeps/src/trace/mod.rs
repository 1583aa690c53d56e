//! Runs the user's command, and selects which of the libraries that it loaded an image must have.
//!
//! Takes the command, the given paths and the packages; returns demands for libraries, the programs
//! from elsewhere that were started, and warnings. The command is the only program named by the user
//! that is ever run. What it loads is known from the loader's debug output alone: no process is
//! traced or attached to, and no loaded file is opened.

pub mod command;
pub(crate) mod demands;
pub mod ld_debug;
pub mod select;
