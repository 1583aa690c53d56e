//! In the final image, or for one without apt: the phases of a check, in order.

use super::prepare::Prepared;
use super::root;
use crate::check::expected::Expected;
use crate::check::{self, Checked, Failure, Image, Kind};
use crate::config::{Config, Lookup};
use crate::error::Error;
use crate::loader::candidates::Candidates;
use crate::loader::context::Inputs;
use crate::loader::installed;
use crate::loader::resolver::Resolver;
use crate::loader::rules::Rules;
use crate::packages::database::Database;
use crate::packages::lookup::{Found, Wanted};
use crate::python::interpreter::Virtualenv;
use crate::scan::{self, Starts};
use crate::system::architecture::Abi;
use crate::system::ordered::Ordered as _;
use crate::system::root::Root;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;

/// Checks the paths of `config` in the root where they run, which needs neither dpkg nor apt.
/// `expect` is the builder's report.
pub fn check(
    config: &Config,
    expect: Option<&Path>,
    files_read: &AtomicUsize,
) -> Result<Checked, Error> {
    let expected = expect.map(Expected::read).transpose()?.unwrap_or_default();
    in_image(config, files_read, |image| {
        let mut checked = image.check(false);
        let (known, failures): (Vec<_>, Vec<_>) = std::mem::take(&mut checked.failures)
            .into_iter()
            .partition(|failure| expected.is_missing(failure));
        checked.failures = failures;
        checked.has_report = expect.is_some();
        checked.warnings.extend(known.iter().map(Failure::as_known));
        let is_installable = checked.is_installable();
        let is_meant = |it: &&mut Failure| is_installable || it.kind == Kind::Version;
        for failure in checked.failures.iter_mut().filter(is_meant) {
            failure.package = expected.package(failure);
        }
        if is_installable {
            add_looked_up(image.root, image.rules, &mut checked);
        }
        Ok(checked)
    })
}

/// The same, with the files outside the paths that are loaded with them.
pub fn files(config: &Config, files_read: &AtomicUsize) -> Result<(Checked, Vec<PathBuf>), Error> {
    in_image(config, files_read, |image| {
        let files = image
            .closure()
            .map_err(|(path, source)| Error::Unlistable { path, source })?;
        let mut checked = image.check(true);
        checked.warnings.extend(image.outside());
        Ok((checked, files))
    })
}

/// Reads and resolves the paths of `config` in the root as it is, and lets `examine` see the result.
fn in_image<T>(
    config: &Config,
    files_read: &AtomicUsize,
    examine: impl FnOnce(&Image) -> Result<T, Error>,
) -> Result<T, Error> {
    let root = root(config)?;
    let starts = Starts::new(config, &root)?;
    let scanned = scan::read(config, &root, &starts, files_read)?;
    let prepared = Prepared::new(config, &root, starts, scanned, true);
    let (tree, virtualenvs, run_time) = (&prepared.tree, &prepared.virtualenvs, &prepared.run_time);
    let candidates = Candidates::new(&root, tree);
    let rules = installed::as_is(&root);
    let accepted = BTreeSet::new();
    let resolver = Resolver::new(Inputs {
        root: &root,
        config,
        files: &prepared.files,
        candidates: &candidates,
        rules: &*rules,
        tree,
        demands: &run_time.demands,
        variants: &run_time.variants,
        native: check::native(&root, &*rules, &candidates, virtualenvs),
        accepted: &accepted,
    });
    let programs = virtualenvs.iter().filter_map(Virtualenv::program);
    let programs: Vec<&Path> = programs.map(|(program, _)| program).collect();
    let mut all = resolver.resolve_completely(&programs);
    all.warnings.extend_from_slice(&run_time.refused);
    examine(&Image {
        root: &root,
        rules: &*rules,
        tree,
        path: prepared.files.path(),
        virtualenvs,
        resolved: all,
        warnings: [
            &prepared.of_scan[..],
            &run_time.warnings(|path| tree.reported(path)),
        ]
        .concat(),
        interpreters: &prepared.interpreters,
        empty: &prepared.empty,
        counts: prepared.counts,
    })
}

/// Looks up what is missing in an index on this machine, if it has one and a package database.
fn add_looked_up(root: &Root, rules: &dyn Rules, checked: &mut Checked) {
    let wanted = |failure: &Failure| -> Vec<Wanted> {
        let abi = Abi::of(failure.architecture);
        let items = failure.packaged.iter().cloned();
        items.map(|item| Wanted { item, abi }).collect()
    };
    let is_open = |failure: &&mut Failure| failure.is_unexplained() && failure.package.is_none();
    let open = checked.failures.iter_mut().filter(is_open);
    let names: BTreeSet<Vec<Wanted>> = open
        .map(|it| wanted(it))
        .filter(|names| !names.is_empty())
        .ordered();
    let database = Database::of(root).ok();
    let Some(database) = database.filter(|_| !names.is_empty()) else {
        return;
    };
    let found = database.look_up(root, rules, &names, &Lookup::Machine);
    let found = found.unwrap_or_default();
    for failure in checked.failures.iter_mut().filter(is_open) {
        let package = wanted(failure).iter().find_map(|it| match found.get(it) {
            Some(Found::Package { chosen, .. }) => Some(format!("install {}", chosen.package)),
            Some(Found::Resolved(package)) => Some(format!("install {package}")),
            _ => None,
        });
        failure.package = package;
    }
}
