//! The phases of a run, in order: what a run does is read here first.
//!
//! [`list`] makes the list, where dpkg knows who owns what; [`image`] examines a tree where it is
//! to run. [`prepare`] is what both begin with.
//!
//! Never happens here: a decision that belongs to one phase.

pub(crate) mod image;
pub(crate) mod list;
mod prepare;

pub use image::{check, files};
pub use list::{run, trace};

use crate::config::Config;
use crate::error::Error;
use crate::system::root::Root;

fn root(config: &Config) -> Result<Root, Error> {
    match &config.root {
        None => Ok(Root::machine()),
        Some(dir) => Root::below(dir).map_err(|source| Error::Root {
            path: dir.clone(),
            source,
        }),
    }
}
