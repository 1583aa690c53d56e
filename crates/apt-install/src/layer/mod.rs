pub mod mounts;
pub mod purge;
pub mod timestamps;
mod walk;
