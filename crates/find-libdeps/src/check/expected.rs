//! The builder's report (`find-libdeps --json`), for the packages that provide what fails.

use crate::check::{Failure, Kind};
use crate::system::escape::shown;
use serde::Deserialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What is read of a report.
#[derive(Debug, Default, Deserialize)]
pub struct Expected {
    packages: Vec<Package>,
    needed: Vec<Needed>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    listed_for: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Needed {
    name: String,
    provider: String,
    path: Option<String>,
    package: Option<String>,
}

/// Why the report cannot be used.
#[derive(Debug, Error)]
#[error(
    "cannot read {}: {problem}; pass what `find-libdeps --json` printed in the builder",
    shown(path)
)]
pub struct ExpectedError {
    path: PathBuf,
    problem: String,
}

impl Expected {
    /// Reads the report in `path`, a file of this machine.
    pub fn read(path: &Path) -> Result<Self, ExpectedError> {
        let read = fs::read(path).and_then(|bytes| {
            serde_json::from_slice(&bytes).map_err(|error| io::Error::other(error.to_string()))
        });
        read.map_err(|error| ExpectedError {
            path: path.to_owned(),
            problem: error.to_string(),
        })
    }

    /// Whether the builder reported the same: it lacked the item, or a distribution left it out.
    pub fn is_missing(&self, failure: &Failure) -> bool {
        let name = shown(&failure.name);
        let is_lacked = |needed: &Needed| {
            needed.name == name && ["missing", "left_out"].contains(&&*needed.provider)
        };
        failure.kind == Kind::Missing && self.needed.iter().any(is_lacked)
    }

    /// Which package is concerned by `failure`, as the end of its message.
    pub fn package(&self, failure: &Failure) -> Option<String> {
        let name = shown(&failure.name);
        let ships = |package: &&Package| package.listed_for.contains(&name);
        let package = self.packages.iter().find(ships);
        match (failure.kind, package) {
            (Kind::Missing, Some(package)) => Some(format!("install {}", package.name)),
            (Kind::Missing, None) => {
                let site = failure.needed_by.first()?;
                let path = shown(&*site.path);
                let owner = |needed: &&Needed| needed.path.as_ref() == Some(&path);
                let needed = self.needed.iter().find(owner)?;
                let package = needed.package.as_ref()?;
                Some(format!("install {package} with its dependencies"))
            }
            (Kind::Version, Some(Package { name, version, .. })) => {
                let version = version.as_deref().unwrap_or_default();
                Some(
                    format!("the builder has {name} {version}")
                        .trim_end()
                        .to_owned(),
                )
            }
            _ => None,
        }
    }
}
