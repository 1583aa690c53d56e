//! What is installed, according to dpkg's and apt's own files.
//!
//! Takes the text of these files or the directory that holds them; gives the installed packages,
//! the difference between two states, and the packages marked as automatically installed.
//!
//! Never happens here: nothing is written, no program is run, nothing is printed.

mod deb822;

pub(crate) mod dpkg_status;
pub(crate) mod earlier;
pub(crate) mod extended_states;
