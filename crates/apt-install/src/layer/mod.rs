//! The files of the image layer: what existed before the run, what to delete after it, and times.
//!
//! Takes a root directory, its mounts and what to keep; gives a snapshot, counts of what was
//! purged, and failures as data for the caller to report.
//!
//! Never happens here: no program is started, no symbolic link is followed, no directory is
//! deleted, nothing is printed, and no file below a mount point is changed, except that unfinished
//! downloads of package lists are deleted on a mount too.

mod files;
mod walk;

pub(crate) mod mounts;
pub(crate) mod places;
pub(crate) mod purge;
pub(crate) mod snapshot;
pub(crate) mod timestamps;

pub(crate) use walk::PathError;
