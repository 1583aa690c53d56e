//! From the builder to a list: the phases of a run, in order.

use super::prepare::Prepared;
use super::root;
use crate::config::{Config, Lookup};
use crate::elf::built_for;
use crate::error::Error;
use crate::loader::candidates::Candidates;
use crate::loader::context::Inputs;
use crate::loader::installed;
use crate::loader::outcome::FoundBy;
use crate::loader::resolver::{Resolved, Resolver};
use crate::loader::rules::Rules;
use crate::loader::tree::Tree;
use crate::packages::database::{Database, DatabaseError};
use crate::packages::lookup::{Found, LookupError, Wanted};
use crate::packages::ownership::Ownership;
use crate::packages::provider::{self, Provided, Provider, provide};
use crate::packages::settle::{settle, system_closure};
use crate::report::{Findings, Report, Users};
use crate::scan::{self, Scanned, Starts};
use crate::system::architecture::{ARCHITECTURES, Abi};
use crate::system::os_release::OsRelease;
use crate::system::root::Root;
use crate::trace::command::{self, Trace, TraceError};
use crate::trace::demands as traced;
use crate::warning::Warning;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Runs the command of `--trace`, if there is one and the given paths exist.
pub fn trace(config: &Config) -> Result<Option<Trace>, Error> {
    let Some((program, arguments)) = config.command.split_first() else {
        return Ok(None);
    };
    let root = root(config)?;
    Starts::new(config, &root)?;
    if installed::as_is(&root).c_library() != built_for::GLIBC {
        return Err(TraceError::NoReports.into());
    }
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
    let (scanned, rules, mut ownership) = read(config, &root, &starts, files_read)?;
    let prepared = Prepared::new(config, &root, starts, scanned, false);
    let (tree, run_time) = (prepared.tree, prepared.run_time);
    let traced = traced::demands(trace, config, &root, &tree, &mut ownership)?;
    let demands = [&run_time.demands[..], &traced.demands].concat();
    let native = Abi::of(ownership.architecture());
    let accepted = accepted(&tree, native, ownership.database())?;
    let candidates = Candidates::new(&root, &tree);
    let resolver = Resolver::new(Inputs {
        root: &root,
        config,
        files: &prepared.files,
        candidates: &candidates,
        rules: &*rules,
        tree: &tree,
        demands: &demands,
        variants: &run_time.variants,
        native,
        accepted: &accepted,
    });
    let settled = settle(&resolver, &mut ownership, &tree)?;
    let found = look_up(config, &root, &ownership, &*rules, &settled)?;
    let system_files = if config.with_files {
        system_closure(&resolver, &mut ownership)?
    } else {
        Vec::new()
    };
    let provided = provide(settled.resolutions, &tree, &ownership, &found);
    let of_lookup = ownership.database().warning(&config.lookup);
    let of_system: Vec<Warning> = rules.warning().into_iter().chain(of_lookup).collect();
    let lacking = settled.lacking.iter().map(Warning::from).collect();
    let of_libraries = [settled.warnings, lacking, ownership.warnings()].concat();
    let users = Users {
        by_path: run_time.distributions.identities(named(config, &provided)),
    };
    // Naming distributions reads more of their files.
    let of_metadata = run_time.warnings(|path| tree.reported(path));
    let of_code = [of_metadata, traced.warnings].concat();
    let of_files = [
        prepared.of_scan,
        prepared.interpreters,
        prepared.empty,
        of_code,
    ];
    let mut report = Report::new(Findings {
        distribution: OsRelease::read(&root),
        architecture: ownership.database().own_architecture().to_owned(),
        provided,
        users,
        system_files,
        started: traced.started,
        warnings: [of_system, of_files.concat(), of_libraries].concat(),
        counts: prepared.counts,
    });
    if config.with_versions {
        let database = ownership.database();
        report.add_versions(database.versions(&report.listed(true), &report.listed(false))?);
    }
    Ok(report)
}

/// The architectures besides `native` whose packages may be installed; none if no file needs them.
fn accepted(
    tree: &Tree,
    native: Abi,
    database: &Database,
) -> Result<BTreeSet<String>, DatabaseError> {
    let mut objects = tree.objects().iter();
    if objects.all(|located| located.object.abi == native) {
        Ok(BTreeSet::new())
    } else {
        database.foreign_architectures()
    }
}

/// The files whose distributions are reported: without details, those that messages name.
fn named(config: &Config, provided: &[Provided]) -> BTreeSet<Arc<Path>> {
    let is_named = |one: &&Provided| {
        let by = &*one.provider;
        let is_met = match by {
            Provider::Missing { .. } | Provider::Unowned { .. } => false,
            Provider::Package { name_is_in, .. } => name_is_in.is_none(),
            Provider::Bundled { place } => place.found_by != Some(FoundBy::Soname),
            _ => true,
        };
        config.with_details || !one.is_listed || !is_met
    };
    let named = provided.iter().filter(is_named);
    let sites = named.flat_map(|one| std::iter::once(&one.site).chain(&one.others));
    sites.map(|site| Arc::clone(&site.path)).collect()
}

/// Reads the given paths and, in parallel, the loader's cache. The owners are asked for of all
/// libraries in it: nearly every library that a tree needs is one of them.
fn read<'a>(
    config: &Config,
    root: &'a Root,
    starts: &Starts,
    files_read: &AtomicUsize,
) -> Result<(Scanned, Box<dyn Rules>, Ownership<'a>), Error> {
    std::thread::scope(|scope| {
        let scanned = scope.spawn(|| scan::read(config, root, starts, files_read));
        let mut ownership = Ownership::new(root, Database::of(root)?);
        let rules = installed::for_image(root);
        let cached = rules.cached_files().into_iter();
        ownership.ask_ahead(cached.chain(loaders(root, &*rules)));
        let scanned = scanned.join();
        let scanned = scanned.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((scanned, rules, ownership))
    })
}

/// The loaders of `root`, which are searched for at their own paths.
fn loaders<'a>(root: &'a Root, rules: &'a dyn Rules) -> impl Iterator<Item = &'a Path> {
    let paths = ARCHITECTURES.iter();
    let paths = paths.filter_map(|row| rules.interpreter(row.abi));
    paths.filter(|path| root.metadata(path).is_ok())
}

/// Looks up the packages of what is missing. A failure is an error if a look-up was asked for;
/// otherwise the messages about missing libraries suggest one.
fn look_up(
    config: &Config,
    root: &Root,
    ownership: &Ownership,
    rules: &dyn Rules,
    resolved: &Resolved,
) -> Result<BTreeMap<Wanted, Found>, LookupError> {
    let wanted = provider::wanted(&resolved.resolutions);
    let database = ownership.database();
    match database.look_up(root, rules, &wanted, &config.lookup) {
        Err(_) if config.lookup == Lookup::Machine => Ok(BTreeMap::new()),
        result => result,
    }
}
