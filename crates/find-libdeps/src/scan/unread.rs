//! Distributions of which nothing is read, because they are links to elsewhere.
//!
//! Links are not followed, since what they lead to is not copied with a PATH. uv can install each
//! file as a link into its cache; Nix links whole directories, and PDM those of packages only.

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
        let links = names.filter(|name| leads_elsewhere(root, starts, &site.join(name)));
        let (descriptions, packages): (Vec<_>, Vec<_>) = links.partition(|name| describes(name));
        let links = if descriptions.is_empty() {
            packages
        } else {
            descriptions
        };
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
    }
    warnings
}

/// The directories of distributions at `start` or, if it is a virtualenv or prefix, in it.
pub fn sites(root: &Root, start: &Path) -> Vec<PathBuf> {
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

/// Whether a file or directory of this name describes a distribution.
fn describes(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".dist-info") || name.ends_with(b".egg-info")
}

/// Whether `path` is a link that leads out of the PATHs, or describes a distribution by one.
fn leads_elsewhere(root: &Root, starts: &Starts, path: &Path) -> bool {
    let metadata = path.join("METADATA");
    let link = match path.extension() {
        Some(extension) if extension == "dist-info" => metadata.as_path(),
        _ => path,
    };
    let leads_elsewhere = |link: &Path| {
        let real = root.canonicalize(link);
        real.is_ok_and(|real| starts.reported(&real).is_none())
    };
    (link != path || root.is_link(path)) && leads_elsewhere(link)
}
