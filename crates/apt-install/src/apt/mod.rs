//! Runs apt's programs.
//!
//! Takes the configuration and a plan; gives command lines as plain data (`command_line`, `hooks`)
//! and runs them one after the other (`session`), with the locks and signals that this involves. A
//! signal also stops dpkg between two packages (`dpkg`).
//!
//! Never happens here: no file is created, changed or deleted except by the programs that run, and
//! except for files that apt is given to read, which are deleted again; the programs' output is
//! passed through, not parsed, except that of programs run to be asked, and apt's errors, for the
//! cause of a failure (`cause`).

mod cause;
mod dpkg;
mod process;
mod relay;

pub(crate) mod command_line;
pub(crate) mod configuration;
pub(crate) mod hooks;
pub(crate) mod locks;
pub(crate) mod session;
pub(crate) mod signals;
