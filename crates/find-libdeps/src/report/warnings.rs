//! Warnings that show only when all demands for a library are known.

use crate::demand::Evidence;
use crate::loader::outcome::FoundBy;
use crate::packages::provider::Provider;
use crate::python::distributions;
use crate::report::{Needed, Users};
use crate::system::escape::{counted, shown};
use crate::warning::Warning;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The warnings about how `library` is provided.
pub fn of(library: &Needed, users: &Users) -> Option<Warning> {
    match &library.provider {
        Provider::Bundled { place }
            if place.found_by == Some(FoundBy::Soname) && library.evidence == Evidence::Header =>
        {
            // A library needs no search for its own name.
            let mut others = library.needed_by.iter();
            others.any(|site| *site.path != *place.path).then(|| {
                let message = format!(
                    "provides `{}` by its SONAME alone ({}), so it must be loaded first",
                    shown(&library.name),
                    users.needed(library)
                );
                Warning::new(&place.path, message)
            })
        }
        Provider::Package {
            package,
            place,
            name_is_in: Some(link),
        } => {
            let message = format!(
                "only {link}, which is for compiling, ships this name; {package} ships the library \
                 under another name, so the loader will not find `{}` ({})",
                shown(&library.name),
                users.needed(library)
            );
            Some(Warning::objection(&place.path, message))
        }
        _ => None,
    }
}

/// One warning for each distribution that left libraries out.
pub fn left_out(libraries: &[Needed]) -> Vec<Warning> {
    let mut by_distribution: BTreeMap<PathBuf, (BTreeSet<&OsStr>, BTreeSet<&Path>)> =
        BTreeMap::new();
    let is_left_out = |library: &&Needed| matches!(library.provider, Provider::LeftOut);
    for library in libraries.iter().filter(is_left_out) {
        for site in &library.needed_by {
            let entry = by_distribution.entry(distributions::dir(&site.path));
            let (names, files) = entry.or_default();
            names.insert(&library.name);
            files.insert(&site.path);
        }
    }
    let text = |dir: &Path, names: &BTreeSet<&OsStr>, files: &BTreeSet<&Path>| {
        let file = files
            .first()
            .map(|file| file.strip_prefix(dir).unwrap_or(file));
        let more = match names.len() {
            0 | 1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        format!(
            "lacks {}{more}; {} such as {} cannot be loaded, and no package changes that",
            names.first().map(shown).unwrap_or_default(),
            counted(files.len(), "file"),
            file.map(shown).unwrap_or_default()
        )
    };
    by_distribution
        .iter()
        .map(|(dir, (names, files))| Warning::new(dir, text(dir, names, files)))
        .collect()
}
