//! Resolution and ownership together: no package installs what an unowned library or program needs, so
//! its needs are resolved too, and may lead to further unowned libraries.

use crate::loader::outcome::{Hit, Outcome};
use crate::loader::resolver::{Resolved, Resolver};
use crate::loader::tree::Tree;
use crate::packages::database::DatabaseError;
use crate::packages::ownership::{Owner, Ownership};
use crate::packages::package::Package;
use crate::system::ordered::Ordered as _;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Resolves the tree and asks for owners until the needs of every unowned library are resolved.
///
/// A library outside the directories that packages use is taken for unowned before any owner is known:
/// if that is right, as for `/usr/local/lib`, no second round is needed.
pub fn settle(
    resolver: &Resolver,
    ownership: &mut Ownership,
    tree: &Tree,
) -> Result<Resolved, DatabaseError> {
    let is_likely_unowned = |real: &Path| {
        let is_for_packages = ["/lib", "/usr"].iter().any(|dir| real.starts_with(dir));
        !is_for_packages || real.starts_with("/usr/local")
    };
    let mut unowned: BTreeSet<PathBuf> = BTreeSet::new();
    let mut settled = resolver.resolve(&is_likely_unowned);
    let mut followed = system_files(&settled, &is_likely_unowned);
    loop {
        let resolutions = settled.resolutions.iter();
        let ownable = resolutions.filter_map(|resolution| resolution.outcome.ownable());
        ownership.ask(ownable)?;
        for hit in system(&settled) {
            let owner = ownership.owner(hit.clean_path(), hit.architecture());
            if !matches!(owner, Owner::Package(_)) && !tree.contains(&hit.located) {
                unowned.insert(hit.real().to_owned());
            }
        }
        for path in files(&settled) {
            let owner = ownership.owner(path, ownership.architecture());
            if matches!(owner, Owner::None) && tree.reported(path).is_none() {
                unowned.insert(path.to_owned());
            }
        }
        if system_files(&settled, &|real| unowned.contains(real)) == followed {
            return Ok(settled);
        }
        // The set of unowned files only grows, so this terminates.
        let is_unowned = |real: &Path| unowned.contains(real);
        settled = resolver.resolve(&is_unowned);
        followed = system_files(&settled, &is_unowned);
    }
}

/// A library from outside the given paths that is loaded with what is below them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SystemFile {
    /// The path by which the loader opens it.
    pub path: PathBuf,
    /// One name by which it is needed.
    pub soname: Arc<OsStr>,
    /// The package that ships it.
    pub package: Option<Package>,
}

/// All libraries that the tree needs from outside, with those that they need in turn, sorted.
pub fn system_closure(
    resolver: &Resolver,
    ownership: &mut Ownership,
) -> Result<Vec<SystemFile>, DatabaseError> {
    let all = resolver.resolve(&|_| true).resolutions;
    let listed = all.iter().filter(|it| it.demand.is_listed);
    let found = listed.filter_map(|it| match &it.outcome {
        Outcome::System(hit) | Outcome::Embedded(hit) => Some((hit, Arc::clone(&it.name))),
        _ => None,
    });
    let found: Vec<(&Hit, Arc<OsStr>)> = found.collect();
    ownership.ask(found.iter().map(|(hit, _)| hit.clean_path()))?;
    let mut files = BTreeMap::new();
    for (hit, soname) in found {
        let package = match ownership.owner(hit.clean_path(), hit.architecture()) {
            Owner::Package(package) => Some(package),
            Owner::Development(_) | Owner::None => None,
        };
        let path = hit.clean_path().to_owned();
        let file = SystemFile {
            path: path.clone(),
            soname,
            package,
        };
        // Several names may lead to one path.
        let known = files.entry(path).or_insert_with(|| file.clone());
        if file < *known {
            *known = file;
        }
    }
    Ok(files.into_values().collect())
}

/// The system libraries that the list depends on.
fn system(resolved: &Resolved) -> impl Iterator<Item = &Hit> {
    let resolutions = resolved.resolutions.iter();
    let listed = resolutions.filter(|resolution| resolution.demand.is_listed);
    listed.filter_map(|resolution| match &resolution.outcome {
        Outcome::System(hit) => Some(hit),
        _ => None,
    })
}

/// The programs, files and modules that the list depends on.
fn files(resolved: &Resolved) -> impl Iterator<Item = &Path> {
    let resolutions = resolved.resolutions.iter();
    let listed = resolutions.filter(|resolution| resolution.demand.is_listed);
    listed.filter_map(|resolution| match &resolution.outcome {
        Outcome::File { path, .. } => Some(path.as_path()),
        _ => None,
    })
}

/// The real paths of the system libraries, and the files, for which `is_meant` returns true.
fn system_files(resolved: &Resolved, is_meant: &dyn Fn(&Path) -> bool) -> BTreeSet<PathBuf> {
    system(resolved)
        .map(Hit::real)
        .chain(files(resolved))
        .filter(|real| is_meant(real))
        .map(Path::to_owned)
        .ordered()
}
