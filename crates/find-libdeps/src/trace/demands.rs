//! What a traced command loaded to demands, joined with the tree, the owners and `--exclude`.
//!
//! Which of the loaded objects count is decided in [`crate::trace::select`]. Nothing is run here.

use crate::config::{Config, Dlopen};
use crate::demand::{Caller, Demand, Evidence, Item, LibraryName, Site, is_library};
use crate::files::is_stdlib;
use crate::loader::never_packaged;
use crate::loader::tree::Tree;
use crate::packages::database::DatabaseError;
use crate::packages::ownership::{Owner, Ownership};
use crate::packages::package::Package;
use crate::system::architecture::Abi;
use crate::system::ordered::Ordered as _;
use crate::system::root::Root;
use crate::trace::command::Trace;
use crate::trace::ld_debug::{FailedLoad, LoadedObject, Requester};
use crate::trace::select;
use crate::warning::Warning;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What a traced command loaded and started.
#[derive(Debug, Default)]
pub struct Traced {
    /// The libraries that an image must provide for it.
    pub demands: Vec<Rc<Demand>>,
    /// The programs from outside the given paths that it started.
    pub started: Vec<Started>,
    /// Why libraries may be missing from `demands`.
    pub warnings: Vec<Warning>,
}

/// A program from outside the given paths that a traced command started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its path, or its name if the path is not known.
    pub path: PathBuf,
    /// The package that ships it.
    pub package: Option<Package>,
}

/// The demands of the command of `config`, which `trace` recorded; none without a trace.
pub fn demands(
    trace: Option<&Trace>,
    config: &Config,
    root: &Root,
    tree: &Tree,
    ownership: &mut Ownership,
) -> Result<Traced, DatabaseError> {
    let Some(trace) = trace else {
        return Ok(Traced::default());
    };
    let real = |path: &Path| real(root, path);
    let architecture = Abi::of(ownership.architecture()).name();
    let package = |ownership: &Ownership, path: &Path| match ownership.owner(path, architecture) {
        Owner::Package(package) => Some(package),
        Owner::Development(_) | Owner::None => None,
    };
    ownership.ask(trace.objects().into_iter())?;
    let selection = select::select(
        trace,
        &|path| tree.reported(&real(path)).is_some(),
        &|path| package(ownership, path).is_some(),
    );
    let command = config
        .command
        .first()
        .map(PathBuf::from)
        .unwrap_or_default();
    let counts = |object: &&&LoadedObject| {
        let name = object.path.file_name().unwrap_or_default();
        !config.ignores(name) && !never_packaged::by_host(name) && !never_packaged::by_kernel(name)
    };
    let (gone, present): (Vec<&LoadedObject>, Vec<_>) = selection
        .libraries
        .iter()
        .filter(counts)
        .partition(|object| object.path.is_absolute() && root.metadata(&object.path).is_err());
    let gone: BTreeSet<PathBuf> = gone.into_iter().map(|object| object.path.clone()).ordered();
    let gone = gone.into_iter().map(|path| {
        let message = "the command loaded it, but it no longer exists; copy it into the image, unless \
                       the command creates it";
        Warning::new(path, message)
    });
    let recorded = trace.warnings.iter();
    let recorded = recorded.map(|message| Warning::new(&command, message));
    let warnings = recorded.chain(gone).collect();
    let demands = present.into_iter().filter_map(|object| {
        let by = match &object.by {
            Requester::Object(path) => real(path),
            Requester::Program | Requester::Unknown => command.clone(),
        };
        let path = tree.reported(&by).unwrap_or_else(|| by.clone());
        (!config.excludes(&path)).then(|| Demand {
            site: Site {
                path: path.into(),
                line: None,
            },
            evidence: Evidence::Trace,
            caller: Caller::Object(by.into()),
            items: Rc::new([Item::Library(LibraryName::Soname(
                object.path.clone().into_os_string(),
            ))]),
            is_required: true,
            is_listed: true,
            reason: None,
        })
    });
    let failed = selection.failed.iter();
    let failed = failed.filter_map(|(failed, process)| {
        let program = process.program.as_deref().unwrap_or(&command);
        failed_load(failed, program, config, root, tree)
    });
    let demands = demands.chain(failed).map(Rc::new).collect();
    ownership.ask(selection.programs.iter().map(PathBuf::as_path))?;
    let started = selection.programs.into_iter().map(|path| Started {
        package: package(ownership, &path),
        path,
    });
    Ok(Traced {
        demands,
        started: started.collect(),
        warnings,
    })
}

/// `path` with the links resolved on the way to it, as far as it exists.
fn real(root: &Root, path: &Path) -> PathBuf {
    let mut dirs = path.ancestors();
    let existing = dirs.find_map(|dir| Some((dir, root.canonicalize(dir).ok()?)));
    let Some((dir, real)) = existing else {
        return path.to_owned();
    };
    let rest = path.strip_prefix(dir).unwrap_or(Path::new(""));
    rest.iter().fold(real, |real, name| real.join(name))
}

/// The demand of a request by `program` that the loader did not meet. `None` for a path relative to the
/// working directory, at which no package has anything, and for a name that no library has here: code
/// tries those of other systems, too.
fn failed_load(
    failed: &FailedLoad,
    program: &Path,
    config: &Config,
    root: &Root,
    tree: &Tree,
) -> Option<Demand> {
    let requested = Path::new(&failed.requested);
    let name = requested.file_name().filter(|name| is_library(name))?;
    if requested.is_relative() && requested.as_os_str() != name {
        return None;
    }
    let by = match &failed.by {
        Requester::Object(path) => path,
        Requester::Program | Requester::Unknown => program,
    };
    let real = real(root, by);
    // Everything that ctypes opens is asked for by one module.
    let site = if is_stdlib(&real) { program } else { &real };
    let path = tree.reported(site).unwrap_or_else(|| site.to_owned());
    if config.ignores(name) || never_packaged::by_host(name) || config.excludes(&path) {
        return None;
    }
    Some(Demand {
        site: Site {
            path: path.into(),
            line: None,
        },
        evidence: Evidence::Trace,
        caller: Caller::Object(real.into()),
        items: Rc::new([Item::Library(LibraryName::Soname(failed.requested.clone()))]),
        is_required: false,
        is_listed: config.dlopen == Dlopen::All,
        reason: Some("the command asked for it and did not get it"),
    })
}
