//! `find-libdeps`: from a virtualenv, or any other tree of binaries, to the Debian packages that it needs at
//! run time.
//!
//! Data passes once through the phases; no phase imports from a later one:
//!
//! 1. [`cli`]: arguments to a [`config`]
//! 2. [`scan`]: the given paths to what their files hold, with [`elf`] and [`python`] for the formats
//! 3. [`run_time`]: what code asks for at run time, as demands ([`demand`])
//! 4. [`files`]: programs, files and modules of the standard library to paths
//! 5. [`loader`]: needed names and demands to outcomes, by the rules of the root's loader
//! 6. [`packages`]: outcomes to providers, with the database of the root's package system
//! 7. [`trace`]: what the user's command loaded; its demands are resolved with the others
//! 8. [`check`]: the same tree in the final image, and what fails there
//! 9. [`report`]: providers to the list, JSON or text
//!
//! [`analysis`] runs them. [`system`] holds what all phases use: the file system below a root,
//! processes, architectures; [`warning`] and [`error`] are what any phase may find.
//!
//! Nothing that is inspected is executed or loaded, except the command that the user gives; nothing
//! is written except to temporary directories and the directory of `--lookup`.

pub mod analysis;
pub mod check;
pub mod cli;
pub mod config;
pub mod demand;
mod elf;
mod error;
pub(crate) mod files;
/// What fuzzing checks of each format.
#[cfg(fuzzing)]
#[path = "../fuzz/formats/mod.rs"]
pub mod fuzzing;
pub mod loader;
pub mod packages;
pub mod python;
pub mod report;
pub mod run_time;
mod scan;
pub mod system;
pub mod trace;
mod warning;
