//! What code loads by name at run time, as demands.
//!
//! Takes the notes, calls and metadata that [`crate::scan`] found; gives one [`crate::demand::Demand`]
//! for each library, from the notes in ELF files, the reviewed table of distributions, and the calls
//! in all other Python sources.
//!
//! Never happens here: searching for a library, or running code.

pub(crate) mod demands;
pub mod table;
