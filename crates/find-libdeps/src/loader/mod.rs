//! Demands to outcomes, by glibc's rules.
//!
//! Takes the objects below the given paths and the demands of their code; gives what the loader
//! finds for each ([`outcome::Resolution`]), and warnings where it would refuse an object.
//!
//! In order: [`cache_file`] and [`conf_file`] are formats that [`system_libraries`] reads, what the
//! system provides to any object; [`tree`] holds the objects, each a [`located`] one; [`search_path`]
//! expands RPATH and its kin; [`candidates`] judges one path; [`search`] tries them in order;
//! [`interpreter`] and [`process`] model who loads what; [`resolver`] resolves the demands of a
//! tree: [`follow`] loads one process after the other, [`satisfy`] decides what satisfies a name, and
//! [`diagnose`] explains; [`never_packaged`] names what hosts and interpreters provide.
//!
//! Never happens here: executing or loading what is inspected, or asking who owns a file.

mod cache_file;
pub(crate) mod candidates;
mod conf_file;
mod diagnose;
mod follow;
mod interpreter;
pub(crate) mod located;
pub(crate) mod never_packaged;
pub(crate) mod outcome;
mod process;
pub(crate) mod resolver;
mod satisfy;
mod search;
mod search_path;
pub mod system_libraries;
pub(crate) mod tree;
