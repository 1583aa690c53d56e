//! Demands to outcomes, by the rules of the root's loader for libraries.
//!
//! Takes the objects below the given paths and the demands of their code; gives what the loader
//! finds for each ([`outcome::Resolution`]), and warnings where it would refuse an object.
//!
//! In order: [`search_path`] expands RPATH and RUNPATH; [`tree`] holds the objects, each a [`located`]
//! one; [`candidates`] judges one path; [`rules`] is what differs between loaders, one folder for each:
//! [`glibc`] and [`musl`]; [`installed`] chooses one; [`search`] tries candidates in order; [`interpreter`] and [`process`]
//! model what loads what; [`foreign`] sets apart what is for other machines; [`follow`] loads one process after the other, [`satisfy`] decides what
//! satisfies a name, [`family`] what no package can, [`conflicts`] compares versions across packages, [`other_items`] finds what is no library, [`diagnose`] explains, and [`resolver`] resolves all demands of a tree. [`outcome`]
//! holds the results, [`remarks`] the warnings, [`context`] what all of these work on;
//! [`never_packaged`] names what hosts and interpreters provide.
//!
//! Never happens here: executing or loading what is inspected, or asking who owns a file.

pub(crate) mod candidates;
mod conflicts;
pub(crate) mod context;
mod diagnose;
mod family;
mod follow;
mod foreign;
pub mod glibc;
pub(crate) mod installed;
mod interpreter;
pub(crate) mod located;
pub(crate) mod musl;
pub(crate) mod never_packaged;
mod other_items;
pub(crate) mod outcome;
mod process;
pub(crate) mod remarks;
pub(crate) mod resolver;
pub mod rules;
mod satisfy;
mod search;
pub(crate) mod search_path;
pub(crate) mod tree;
