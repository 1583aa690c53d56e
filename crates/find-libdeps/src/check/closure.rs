//! The files from outside the tree that it is loaded with.

use crate::check::Image;
use crate::check::path::hit;
use crate::loader::outcome::Outcome;
use crate::python::interpreter::{Python, Virtualenv};
use crate::system::ordered::Ordered as _;
use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The libraries, the loader, the interpreters' programs and what else is known to be needed, with the
/// links on the way to them, and the file of the loader that alone leads to one of them: its cache.
pub fn paths(image: &Image) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut wanted: BTreeSet<&Path> = image.virtualenvs.iter().filter_map(link).ordered();
    for resolution in &image.resolved.resolutions {
        if !resolution.demand.is_listed {
            continue;
        }
        if let Outcome::File { path, .. } = &resolution.outcome {
            wanted.insert(path);
        }
        let Some(hit) = hit(&resolution.outcome) else {
            continue;
        };
        wanted.insert(hit.clean_path());
        wanted.extend(image.rules.configuration(hit));
    }
    let mut paths = BTreeSet::new();
    for path in wanted {
        let way = image.root.way(path);
        paths.extend(way.map_err(|error| (path.to_owned(), error))?);
    }
    paths.retain(|path| image.tree.reported(path).is_none());
    if let Some(path) = paths
        .iter()
        .find(|path| path.as_os_str().as_bytes().contains(&b'\n'))
    {
        let error = io::Error::other("its name has a line break");
        return Err((path.clone(), error));
    }
    Ok(paths.into_iter().collect())
}

fn link(virtualenv: &Virtualenv) -> Option<&Path> {
    match &virtualenv.python {
        Python::Found { link, .. } => Some(link),
        Python::Absent | Python::Dangling { .. } => None,
    }
}
