//! Outcomes to providers: which package, if any, provides each library in the final image.
//!
//! Takes what the loader found; gives a [`provider::Provider`] for each demand. [`database`] is that of
//! the root's package system, one room for each: [`dpkg`], with [`lookup`] for packages that are not
//! installed, and [`apk`]. [`ownership`] decides which owner counts, and [`settle`] repeats the resolution until the
//! needs of unowned libraries are known.
//!
//! Never happens here: changing a database, or searching for a library by the loader's rules.

pub(crate) mod apk;
pub(crate) mod database;
pub mod dpkg;
pub mod lookup;
pub(crate) mod ownership;
pub(crate) mod package;
pub(crate) mod provider;
pub(crate) mod settle;
