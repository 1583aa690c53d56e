//! `find-libdeps`: from a virtualenv to the exact Debian packages that its binaries need.
//!
//! Data passes through once; each phase borrows from earlier ones and never reaches back:
//!
//! - [`cli`]: arguments to a [`config::Config`]
//! - [`root`]: the file system that is analysed
//! - [`walk`]: the given paths to files; [`read`]: files to what they hold
//! - [`elf`]: a file to an [`object_file::Object`], with [`arch`] for what differs by architecture
//! - [`tree`]: the objects together
//! - [`dlopen`]: what code loads by name ([`name`]) at run time, as notes in ELF files
//!   ([`dlopen_note`]), a table ([`dlopen_table`]) of distributions ([`distributions`]) and Python
//!   sources ([`python_source`]) tell; and as a run of the user's command shows: [`trace`] with its
//!   format [`ld_debug`], [`selection`] and [`traced`]
//! - [`search_path`], [`library`], [`ld_so`] with its formats [`ld_so_cache`] and [`ld_so_conf`]:
//!   where the loader looks, and what it finds there
//! - [`resolve`]: needed names to outcomes, with [`provided`] for those that others provide
//! - [`ownership`], [`dpkg`]: libraries to packages; [`lookup`], with [`apt`], [`contents`] and
//!   [`release`], for those that are missing
//! - [`report`]: all of it sorted, with [`os_release`] for whose the packages are; [`json`],
//!   [`explain`] and [`messages`] write it, with [`text`] for names
//!
//! Beside them, [`process`] starts other programs, and [`progress`] tells a person that the work goes
//! on.
//!
//! Nothing that is inspected is executed or loaded, but for the command that the user gives; nothing
//! is written but to directories made for it, which are removed, and the one that the user gives.

pub mod analysis;
pub mod cli;
pub mod config;
pub mod elf;
pub mod loader;
pub mod packages;
pub mod report;
pub mod run_time;
pub mod scan;
pub mod system;
pub mod trace;
