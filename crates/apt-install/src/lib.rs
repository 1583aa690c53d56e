//! Installs Debian packages into an image layer, and leaves nothing else in it.
//!
//! The phases, in order of dependency; a module imports from earlier phases only:
//!
//! 1. `cli`: turns the arguments into a [`cli::Config`].
//! 2. `request`: reads the requested packages from the arguments and the lists.
//! 3. `state`: reads what is installed, and what was installed automatically.
//! 4. `plan`: decides which requests are met and what apt has to do for the others.
//! 5. `check`: decides what apt may remove, and whether the requests are met afterwards.
//! 6. `apt`: builds the command lines of apt's programs and runs them.
//! 7. `layer`: takes a snapshot before apt runs; purges and sets times afterwards.
//! 8. `summary`: formats the closing line.
//! 9. `run`: goes through the phases above; the program's table of contents.
//!
//! `error`, `message` and `escape` are used by several phases.
//!
//! Invariants: only dpkg changes dpkg's database; of the files that existed before the run, this
//! program deletes none, and empties at most the backups and caches that `layer` lists; if everything
//! is installed already, nothing is written, except apt's marks where they change.

mod apt;
mod check;
pub mod cli;
mod error;
mod escape;
mod layer;
mod message;
mod plan;
mod request;
mod run;
mod state;
mod summary;

pub use error::USAGE;
pub use run::run;
