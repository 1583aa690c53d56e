//! The phases of a run, in order.

use crate::check::expected::Expected;
use crate::check::{self, Checked, Failure, Image};
use crate::config::{Config, Lookup};
use crate::demand::LibraryName;
use crate::error::Error;
use crate::loader::candidates::Candidates;
use crate::loader::context::Inputs;
use crate::loader::resolver::{Resolved, Resolver};
use crate::loader::system_libraries::LdSo;
use crate::loader::tree::Tree;
use crate::packages::dpkg::{Dpkg, DpkgError};
use crate::packages::lookup::{self, Found, LookupError, Wanted};
use crate::packages::ownership::Ownership;
use crate::packages::provider::{self, provide};
use crate::packages::settle::settle;
use crate::python::interpreter::{self, Virtualenv};
use crate::report::{Findings, Report};
use crate::run_time::demands;
use crate::scan::{self, Scanned, Starts, unread};
use crate::system::architecture::Abi;
use crate::system::os_release::OsRelease;
use crate::system::root::Root;
use crate::trace::command::{self, Trace};
use crate::trace::demands as traced;
use crate::warning::Warning;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;

/// Runs the command of `--trace`, if there is one and the given paths exist.
pub fn trace(config: &Config) -> Result<Option<Trace>, Error> {
    let Some((program, arguments)) = config.command.split_first() else {
        return Ok(None);
    };
    Starts::new(config, &root(config)?)?;
    let trace = command::run(program, arguments)?;
    if trace.status.success() {
        Ok(Some(trace))
    } else {
        Err(Error::Command { trace })
    }
}

/// Analyses the paths of `config`, and what `trace` recorded. `files_read` counts up during the
/// scan.
pub fn run(
    config: &Config,
    trace: Option<&Trace>,
    files_read: &AtomicUsize,
) -> Result<Report, Error> {
    let root = root(config)?;
    let starts = Starts::new(config, &root)?;
    let (scanned, ld_so, mut ownership) = read(config, &root, &starts, files_read)?;
    let unread = unread::warnings(config, &root, &starts);
    let run_time = demands::demands(config, &root, &starts, scanned.by_name);
    let tree = Tree::new(starts, scanned.objects);
    let traced = traced::demands(trace, config, &root, &tree, &mut ownership)?;
    let demands = [run_time.demands, traced.demands].concat();
    let native = Abi::of(ownership.architecture());
    let accepted = if tree
        .objects()
        .iter()
        .all(|located| located.object.abi == native)
    {
        BTreeSet::new()
    } else {
        ownership.dpkg().foreign_architectures()?
    };
    let candidates = Candidates::new(&root, &tree);
    let resolver = Resolver::new(Inputs {
        root: &root,
        config,
        candidates: &candidates,
        ld_so: &ld_so,
        tree: &tree,
        demands: &demands,
        native,
        accepted: &accepted,
    });
    let settled = settle(&resolver, &mut ownership, &tree)?;
    let found = look_up(config, &root, &ownership, &ld_so, &settled)?;
    let provided = provide(settled.resolutions, &tree, &ownership, &found);
    let of_files = [unread, scanned.warnings, run_time.warnings, traced.warnings].concat();
    let of_system: Vec<Warning> = ld_so.warning().into_iter().collect();
    let lacking = settled.lacking.iter().map(Warning::from).collect();
    let of_libraries = [settled.warnings, lacking, ownership.warnings()].concat();
    let mut report = Report::new(Findings {
        distribution: OsRelease::read(&root),
        architecture: ownership.architecture().to_owned(),
        provided,
        started: traced.started,
        warnings: [of_system, of_files, of_libraries].concat(),
        counts: scanned.counts,
    });
    if config.with_versions {
        report.set_versions(ownership.dpkg().versions(&report.installed())?);
    }
    Ok(report)
}

/// Checks the paths of `config` in the root where they run, which needs neither dpkg nor apt.
/// `expect` is the builder's report.
pub fn check(
    config: &Config,
    expect: Option<&Path>,
    files_read: &AtomicUsize,
) -> Result<Checked, Error> {
    let expected = expect.map(Expected::read).transpose()?.unwrap_or_default();
    in_image(config, files_read, |image| {
        let mut checked = image.check();
        for failure in &mut checked.failures {
            failure.package = expected.package(failure);
        }
        add_looked_up(image.root, &mut checked);
        Ok(checked)
    })
}

/// The same, with the files outside the paths that are loaded with them.
pub fn files(config: &Config, files_read: &AtomicUsize) -> Result<(Checked, Vec<PathBuf>), Error> {
    in_image(config, files_read, |image| {
        let files = image
            .closure()
            .map_err(|(path, source)| Error::Unlistable { path, source })?;
        let mut checked = image.check();
        checked.warnings = image.outside();
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
    let unread = unread::warnings(config, &root, &starts);
    let virtualenvs = interpreter::virtualenvs(&root, starts.real());
    let run_time = demands::demands(config, &root, &starts, scanned.by_name);
    let tree = Tree::new(starts, scanned.objects);
    let candidates = Candidates::new(&root, &tree);
    let ld_so = LdSo::as_installed(&root);
    let accepted = BTreeSet::new();
    let resolver = Resolver::new(Inputs {
        root: &root,
        config,
        candidates: &candidates,
        ld_so: &ld_so,
        tree: &tree,
        demands: &run_time.demands,
        native: check::native(&root, &candidates, &virtualenvs),
        accepted: &accepted,
    });
    let programs = virtualenvs.iter().filter_map(Virtualenv::program);
    let programs: Vec<&Path> = programs.map(|(program, _)| program).collect();
    examine(&Image {
        root: &root,
        config,
        tree: &tree,
        virtualenvs: &virtualenvs,
        resolved: resolver.resolve_completely(&programs),
        warnings: [unread, scanned.warnings, run_time.warnings].concat(),
        counts: scanned.counts,
    })
}

/// Looks up what is missing in an index on this machine, if it has one and dpkg.
fn add_looked_up(root: &Root, checked: &mut Checked) {
    let wanted = |failure: &Failure| Wanted {
        name: LibraryName::Soname(failure.name.clone()),
        abi: Abi::of(failure.architecture),
    };
    let is_open = |failure: &&mut Failure| failure.is_unexplained() && failure.package.is_none();
    let names: BTreeSet<Wanted> = checked
        .failures
        .iter_mut()
        .filter(is_open)
        .map(|it| wanted(it))
        .collect();
    let Some(dpkg) = Dpkg::new(root).ok().filter(|_| !names.is_empty()) else {
        return;
    };
    let found = lookup::look_up(
        root,
        &dpkg,
        &LdSo::as_installed(root),
        &names,
        &Lookup::Machine,
    );
    let found = found.unwrap_or_default();
    for failure in checked.failures.iter_mut().filter(is_open) {
        if let Some(Found::Package { chosen, .. }) = found.get(&wanted(failure)) {
            failure.package = Some(format!("install {}", chosen.package));
        }
    }
}

fn root(config: &Config) -> Result<Root, Error> {
    match &config.root {
        None => Ok(Root::machine()),
        Some(dir) => Root::below(dir).map_err(|source| Error::Root {
            path: dir.clone(),
            source,
        }),
    }
}

/// Reads the given paths and, in parallel, the libraries of the system and their owners.
fn read<'a>(
    config: &Config,
    root: &'a Root,
    starts: &Starts,
    files_read: &AtomicUsize,
) -> Result<(Scanned, LdSo, Ownership<'a>), Error> {
    std::thread::scope(|scope| {
        let system = scope.spawn(|| system(root));
        let scanned = scan::read(config, root, starts, files_read);
        let system = system.join();
        let (ld_so, ownership) = system.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((scanned?, ld_so, ownership))
    })
}

/// The loader's cache, and the owners of all libraries in it, from one call of dpkg: nearly every
/// library that a tree needs is one of them.
fn system(root: &Root) -> Result<(LdSo, Ownership<'_>), DpkgError> {
    let mut ownership = Ownership::new(root, Dpkg::new(root)?);
    let ld_so = LdSo::read(root);
    ownership.ask(ld_so.cached_files())?;
    Ok((ld_so, ownership))
}

/// Looks up the packages of what is missing. A failure is an error if a look-up was asked for;
/// otherwise the messages about missing libraries suggest one.
fn look_up(
    config: &Config,
    root: &Root,
    ownership: &Ownership,
    ld_so: &LdSo,
    resolved: &Resolved,
) -> Result<BTreeMap<Wanted, Found>, LookupError> {
    let wanted = provider::wanted(&resolved.resolutions);
    match lookup::look_up(root, ownership.dpkg(), ld_so, &wanted, &config.lookup) {
        Err(_) if config.lookup == Lookup::Machine => Ok(BTreeMap::new()),
        result => result,
    }
}
