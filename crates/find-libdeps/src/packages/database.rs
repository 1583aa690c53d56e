//! The database of a root's package system.

use crate::config::Lookup;
use crate::loader::rules::Rules;
use crate::packages::dpkg::{self, Dpkg, DpkgError};
use crate::packages::lookup::{self, Found, LookupError, Wanted};
use crate::packages::package::{Owners, Package, PackageVersion};
use crate::system::root::Root;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use thiserror::Error;

/// Why the packages are not known.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// There is no database of dpkg, or dpkg failed.
    #[error(transparent)]
    Dpkg(#[from] DpkgError),
}

/// A database of packages.
#[derive(Clone, Debug)]
pub enum Database {
    Dpkg(Dpkg),
}

impl Database {
    /// The one of `root`.
    pub fn of(root: &Root) -> Result<Self, DatabaseError> {
        Ok(Self::Dpkg(Dpkg::new(root)?))
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        match self {
            Self::Dpkg(_) => Path::new(dpkg::ADMINDIR),
        }
    }

    /// Debian's name of the native architecture.
    pub fn architecture(&self) -> &str {
        match self {
            Self::Dpkg(dpkg) => dpkg.architecture(),
        }
    }

    /// What had to be assumed of it.
    pub fn assumption(&self) -> Option<String> {
        match self {
            Self::Dpkg(dpkg) => dpkg.assumption(),
        }
    }

    /// The other architectures whose packages may be installed, by Debian's names.
    pub fn foreign_architectures(&self) -> Result<BTreeSet<String>, DatabaseError> {
        match self {
            Self::Dpkg(dpkg) => Ok(dpkg.foreign_architectures()?),
        }
    }

    /// Adds the owners of `paths`, which are absolute and without `.` and `..`, to `owners`.
    pub fn owners(
        &self,
        paths: &BTreeSet<OsString>,
        owners: &mut Owners,
    ) -> Result<(), DatabaseError> {
        match self {
            Self::Dpkg(dpkg) => Ok(dpkg.owners(paths, owners)?),
        }
    }

    /// The versions of `installed` packages, and of `others` as far as they are known.
    pub fn versions(
        &self,
        installed: &BTreeSet<Package>,
        others: &BTreeSet<Package>,
    ) -> Result<BTreeMap<Package, PackageVersion>, DatabaseError> {
        match self {
            Self::Dpkg(dpkg) => {
                let mut versions = dpkg.versions(installed)?;
                versions.extend(lookup::versions(dpkg, others));
                Ok(versions)
            }
        }
    }

    /// Looks up what is not installed: sets of alternatives.
    pub fn look_up(
        &self,
        root: &Root,
        rules: &dyn Rules,
        wanted: &BTreeSet<Vec<Wanted>>,
        source: &Lookup,
    ) -> Result<BTreeMap<Wanted, Found>, LookupError> {
        match self {
            Self::Dpkg(dpkg) => lookup::look_up(root, dpkg, rules, wanted, source),
        }
    }
}
