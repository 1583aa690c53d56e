//! The given PATHs, checked and made absolute.

use crate::config::Config;
use crate::scan::ScanError;
use crate::system::root::Root;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The given PATHs, none of which lies below another.
#[derive(Clone, Debug)]
pub struct Starts {
    all: Vec<Start>,
}

/// One of the given PATHs.
#[derive(Clone, Debug)]
struct Start {
    /// As it was given, made absolute.
    path: PathBuf,
    /// With its links resolved.
    real: PathBuf,
}

impl Starts {
    /// Checks the PATHs of `config`.
    pub fn new(config: &Config, root: &Root) -> Result<Self, ScanError> {
        let mut all: Vec<Start> = Vec::new();
        for given in &config.paths {
            let at_fault = |source| ScanError::Path {
                path: given.clone(),
                source,
                root: config.root.clone(),
                lookup: config.lookup.clone(),
            };
            let path = if root.is_machine() {
                std::path::absolute(given).map_err(at_fault)?
            } else {
                Path::new("/").join(given)
            };
            let real = root.canonicalize(&path).map_err(at_fault)?;
            let metadata = root.metadata(&real).map_err(at_fault)?;
            if !metadata.is_dir() && !metadata.is_file() {
                return Err(at_fault(io::Error::other(
                    "neither a directory nor a regular file",
                )));
            }
            if !all.iter().any(|start| real.starts_with(&start.real)) {
                all.retain(|start| !start.real.starts_with(&real));
                all.push(Start { path, real });
            }
        }
        Ok(Self { all })
    }

    /// The PATHs with their links resolved.
    pub fn real(&self) -> impl Iterator<Item = &Path> {
        self.all.iter().map(|start| start.real.as_path())
    }

    /// The same, each with the path under which it is reported.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Path)> {
        let all = self.all.iter();
        all.map(|start| (start.real.as_path(), start.path.as_path()))
    }

    /// The real directories of the programs that are copied with the PATHs: their `bin`, or a PATH
    /// that is one.
    pub fn program_directories(&self) -> impl Iterator<Item = PathBuf> {
        self.real().map(|real| match real.file_name() {
            Some(name) if name == "bin" => real.to_owned(),
            _ => real.join("bin"),
        })
    }

    /// The path under which the file `real` is reported, if it lies at or below a PATH: with the
    /// PATH as it was given.
    pub fn reported(&self, real: &Path) -> Option<PathBuf> {
        self.all.iter().find_map(|start| {
            let rest = real.strip_prefix(&start.real).ok()?;
            Some(if rest.as_os_str().is_empty() {
                start.path.clone()
            } else {
                start.path.join(rest)
            })
        })
    }

    /// The same, or `real` itself if it lies elsewhere.
    pub fn reported_or_real(&self, real: &Path) -> PathBuf {
        self.reported(real).unwrap_or_else(|| real.to_owned())
    }

    /// The same, sharing `real` if it is that.
    pub fn reported_or_shared(&self, real: &Arc<Path>) -> Arc<Path> {
        match self.reported(real) {
            Some(path) if path.as_os_str() != real.as_os_str() => path.into(),
            _ => Arc::clone(real),
        }
    }
}
