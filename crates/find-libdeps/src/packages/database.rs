//! The database of a root's package system.

use crate::config::Lookup;
use crate::loader::rules::Rules;
use crate::packages::apk::{Apk, ApkError};
use crate::packages::dpkg::{self, Dpkg, DpkgError};
use crate::packages::lookup::{self, Found, LookupError, Wanted};
use crate::packages::package::{Owners, Package, PackageVersion};
use crate::system::escape::shown;
use crate::system::root::Root;
use crate::warning::Warning;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why the packages are not known.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// There is no database of dpkg, or dpkg failed.
    #[error(transparent)]
    Dpkg(#[from] DpkgError),
    /// apk's database cannot be used.
    #[error(transparent)]
    Apk(#[from] ApkError),
    /// It is not clear whose names the list should have.
    #[error(
        "there are two package databases, dpkg's {} and apk's {}; move away the one of the package \
         manager that the image does not use",
        shown(dpkg),
        shown(apk)
    )]
    Both { dpkg: PathBuf, apk: PathBuf },
}

/// A package database.
#[derive(Clone, Debug)]
pub enum Database {
    Dpkg(Dpkg),
    Apk(Apk),
}

impl Database {
    /// The one of `root`.
    pub fn of(root: &Root) -> Result<Self, DatabaseError> {
        match (Apk::database(root), Dpkg::status(root)) {
            (Some((apk, false)), Some(dpkg)) => Err(DatabaseError::Both {
                dpkg,
                apk: root.outer(apk),
            }),
            (Some((apk, _)), None) => Ok(Self::Apk(Apk::read(root, apk)?)),
            (Some((_, true)), Some(_)) | (None, _) => Ok(Self::Dpkg(Dpkg::new(root)?)),
        }
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        match self {
            Self::Dpkg(_) => Path::new(dpkg::ADMINDIR),
            Self::Apk(apk) => apk.path(),
        }
    }

    /// Debian's name of the native architecture.
    pub fn architecture(&self) -> &str {
        match self {
            Self::Dpkg(dpkg) => dpkg.architecture(),
            Self::Apk(apk) => apk.architecture(),
        }
    }

    /// The package system's own name of it.
    pub fn own_architecture(&self) -> &str {
        match self {
            Self::Dpkg(dpkg) => dpkg.architecture(),
            Self::Apk(apk) => apk.own_architecture(),
        }
    }

    /// A warning if `source` asks for a look-up that it does not need.
    pub fn warning(&self, source: &Lookup) -> Option<Warning> {
        match self {
            Self::Apk(apk) if *source != Lookup::Machine => {
                let message = "`--lookup` is not needed here: what is not installed is listed by a \
                               name that `apk add` resolves, such as so:libpq.so.5";
                Some(Warning::new(apk.path(), message))
            }
            Self::Apk(_) | Self::Dpkg(_) => None,
        }
    }

    /// What had to be assumed of it.
    pub fn assumption(&self) -> Option<String> {
        match self {
            Self::Dpkg(dpkg) => dpkg.assumption(),
            Self::Apk(_) => None,
        }
    }

    /// The other architectures whose packages may be installed, by Debian's names.
    pub fn foreign_architectures(&self) -> Result<BTreeSet<String>, DatabaseError> {
        match self {
            Self::Dpkg(dpkg) => Ok(dpkg.foreign_architectures()?),
            Self::Apk(_) => Ok(BTreeSet::new()),
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
            Self::Apk(apk) => Ok(apk.owners(paths, owners)?),
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
            Self::Apk(apk) => Ok(apk.versions(installed)?),
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
            Self::Apk(apk) => Ok(apk.look_up(wanted)),
        }
    }
}
