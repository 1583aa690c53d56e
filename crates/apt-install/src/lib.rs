//! Installs Debian packages into an image layer, and leaves nothing else in it.
//!
//! The phases, in their order:
//!
//! 1. `cli`: the arguments, turned into a [`cli::Config`];
//! 2. `packages`: what is asked for, from the arguments and the lists;
//! 3. `dpkg`, `marks`, `plan`: what of it is there already, and what apt is to be told;
//! 4. `mountinfo`, `hooks`, `apt`: the command lines of apt's programs, as plain data;
//! 5. `run`, `process`, `signals`, `locks`: running them, one after the other;
//! 6. `purge`, `clamp`: what the run brought beside the packages goes, and times are set;
//! 7. `report`: one closing line.
//!
//! Promises: dpkg's database is changed by dpkg alone; nothing is deleted that was there before;
//! where everything is there already, nothing at all is written.

mod apt;
pub mod cli;
mod error;
mod escape;
mod layer;
pub mod message;
mod plan;
mod request;
mod run;
mod state;
mod summary;

pub use error::USAGE;
pub use run::run;
