//! Reads from an ELF file what the loader would read, and its `.note.dlopen`.
//!
//! Takes an open file; returns an [`object_file::Object`], or the reason why the loader would refuse the
//! file. The only folder that uses goblin. Files are read in small pieces by `pread`, where the
//! program headers point; nothing is mapped, because a file that shrinks would raise SIGBUS; no
//! section or symbol table is read, because the loader needs none. Every count and size that a file
//! states is capped before it is used. [`shared`] keeps what several files have in common once.

pub(crate) mod built_for;
mod bytes;
pub(crate) mod dlopen_note;
mod mapping;
pub(crate) mod object_file;
pub(crate) mod shared;
mod string_table;
mod symbol_versions;
