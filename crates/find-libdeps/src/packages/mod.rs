//! Outcomes to providers: which package, if any, provides each library in the final image.
//!
//! Takes what the loader found; gives a [`provider::Provider`] for each demand. [`dpkg`] queries
//! the database, [`ownership`] decides which owner counts, [`settle`] repeats the resolution until the
//! needs of unowned libraries are known, and [`lookup`] finds packages that are not installed.
//!
//! Never happens here: changing dpkg's database, or searching for a library by the loader's rules.

pub mod dpkg;
pub mod lookup;
pub(crate) mod ownership;
pub(crate) mod provider;
pub(crate) mod settle;
