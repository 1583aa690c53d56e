//! The formats of Python: installed distributions, and sources.
//!
//! Takes files; gives the distributions that they describe, with the files that each owns
//! ([`distributions`]), the interpreter of a virtualenv ([`interpreter`]), and the calls in sources
//! that load a library by name ([`source`]).
//!
//! Never happens here: running or importing anything, or deciding whether a library is needed.

pub(crate) mod distributions;
pub mod interpreter;
pub mod source;
