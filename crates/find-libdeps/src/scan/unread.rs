//! Distributions of which nothing is read, because they are links to elsewhere or archives.
//!
//! Links are not followed, since what they lead to is not copied with a PATH. uv can install each
//! file as a link into its cache; Nix links whole directories.

use crate::config::Config;
use crate::scan::Starts;
use crate::system::escape::{counted, shown};
use crate::system::root::Root;
use crate::warning::Warning;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The warnings about the directories of distributions at or in the virtualenvs `starts`.
pub fn warnings(config: &Config, root: &Root, starts: &Starts) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for site in starts.real().flat_map(|start| sites(root, start)) {
        let reported = starts.reported_or_real(&site);
        let names = root.list(&site).unwrap_or_default();
        let is_excluded = |name: &OsStr| config.excludes(&reported.join(name));
        let names = names.iter().filter(|name| !is_excluded(name));
        let (archives, others): (Vec<_>, Vec<_>) =
            names.partition(|name| is_archive(root, &site.join(name)));
        let links: Vec<_> = others
            .into_iter()
            .filter(|name| leads_elsewhere(root, starts, &site.join(name)))
            .collect();
        if let Some(first) = links.first() {
            let message = format!(
                "links lead out of the PATHs for {} such as {}; they are not followed, so the needs \
                 behind them are not listed; install copies (`uv --link-mode=copy`), or pass the \
                 targets as PATHs",
                counted(links.len(), "distribution"),
                shown(first)
            );
            warnings.push(Warning::objection(&reported, message));
        }
        warnings.extend(archives.iter().map(|name| {
            let message = "is an archive, and libraries in it are not examined; install the \
                           distribution unpacked";
            Warning::new(reported.join(name), message)
        }));
    }
    warnings
}

/// The directories of distributions at `start` or, if it is a virtualenv or prefix, in it.
fn sites(root: &Root, start: &Path) -> Vec<PathBuf> {
    const NAMES: [&str; 2] = ["site-packages", "dist-packages"];
    let is_site = start
        .file_name()
        .is_some_and(|name| NAMES.iter().any(|it| name == *it));
    if is_site {
        return vec![start.to_owned()];
    }
    let lib = start.join("lib");
    let mut pythons = root.list(&lib).unwrap_or_default();
    pythons.retain(|name| name.as_bytes().starts_with(b"python3"));
    let dirs = pythons.iter().map(|python| lib.join(python));
    dirs.flat_map(|dir| NAMES.map(|name| dir.join(name)))
        .collect()
}

/// Whether `path` describes a distribution that lies outside the PATHs.
fn leads_elsewhere(root: &Root, starts: &Starts, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let description = if name.ends_with(b".dist-info") {
        path.join("METADATA")
    } else if name.ends_with(b".egg-info") {
        path.to_owned()
    } else {
        return false;
    };
    let Some(place) = root.place(&description) else {
        return false;
    };
    let real = match root.symlink_metadata_at(&place) {
        Ok(metadata) if metadata.is_symlink() => root.canonicalize(&place),
        Ok(_) => Ok(place),
        Err(error) => Err(error),
    };
    real.is_ok_and(|real| starts.reported(&real).is_none())
}

/// Whether `path` is a distribution in the form of setuptools' eggs.
fn is_archive(root: &Root, path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "egg")
        && root.metadata(path).is_ok_and(|found| found.is_file())
}
