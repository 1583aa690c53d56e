mod files;
pub(crate) mod mounts;
pub(crate) mod places;
pub(crate) mod purge;
pub(crate) mod snapshot;
pub(crate) mod timestamps;
mod walk;

pub(crate) use walk::PathError;
