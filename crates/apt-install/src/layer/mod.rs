//! The files of the image layer: what existed before the run, what to delete after it, and times.
//!
//! Takes a root directory, its mounts, apt's configuration and what to keep; gives a snapshot,
//! counts of what was purged, and failures as data for the caller to report.
//!
//! Never happens here: no program is started, no file that is not in `leftovers` is deleted, no
//! directory is deleted except those that apt made for its lists, no symbolic link that was made
//! during the run is followed, nothing is printed, and no file below a mount point is changed, except
//! that unfinished downloads of package lists are deleted on a mount too.

mod walk;

pub(crate) mod leftovers;
pub(crate) mod mounts;
pub(crate) mod purge;
pub(crate) mod snapshot;
pub(crate) mod timestamps;

pub(crate) use walk::PathError;
