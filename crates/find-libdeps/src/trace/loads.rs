//! What a traced command loaded, to needs beside those that files tell of.
//!
//! Which of it counts is decided in [`crate::selection`]; here it is joined with the tree, the
//! packages and what the user excludes. Nothing is run.

use crate::config::Config;
use crate::loader::never_packaged;
use crate::loader::resolver::{FoundBy, Hit};
use crate::loader::tree::Tree;
use crate::packages::dpkg::DpkgError;
use crate::packages::ownership::{Ownership, Packages};
use crate::report::data::Started;
use crate::run_time::library_name::Name;
use crate::run_time::load::{Caller, Load, ToldBy};
use crate::system::architecture::Abi;
use crate::system::root::Root;
use crate::trace::command::Trace;
use crate::trace::ld_debug::{LoadedObject, Requester};
use crate::trace::select;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a traced command tells.
#[derive(Debug, Default)]
pub struct Traced {
    /// What an image must have of that which it loaded.
    pub loads: Vec<Load>,
    /// The programs from outside the given paths that it started, with their packages.
    pub started: Vec<Started>,
    /// Why something may be missing: which file, and what people should know.
    pub faults: Vec<(PathBuf, String)>,
}

/// Judges what the command of `config` loaded, by `trace`.
pub fn judge(
    trace: &Trace,
    config: &Config,
    root: &Root,
    tree: &Tree,
    packages: &mut Packages,
) -> Result<Traced, DpkgError> {
    let real = |path: &Path| root.canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let architecture = Abi::of(packages.dpkg().architecture()).name();
    let owner = |packages: &Packages, path: &Path| {
        let hit = Hit {
            path: path.to_owned(),
            real: real(path),
            found_by: FoundBy::Direct,
            architecture,
        };
        match packages.ownership(&hit) {
            Ownership::Package(package) => Some(package),
            Ownership::Development(_) | Ownership::Nobody => None,
        }
    };
    packages.ask(trace.objects().into_iter())?;
    let selection = select::select(trace, &|path| tree.known(&real(path)).is_some(), &|path| {
        owner(packages, path).is_some()
    });
    let command = config
        .command
        .first()
        .map(PathBuf::from)
        .unwrap_or_default();
    let is_meant = |object: &&&LoadedObject| {
        let name = object.path.file_name().unwrap_or_default();
        !config.ignores(name) && !never_packaged::by_host(name) && !never_packaged::by_kernel(name)
    };
    let (gone, there): (Vec<&LoadedObject>, Vec<_>) = selection
        .libraries
        .iter()
        .filter(is_meant)
        .partition(|object| object.path.is_absolute() && root.metadata(&object.path).is_err());
    let gone: BTreeSet<PathBuf> = gone.into_iter().map(|object| object.path.clone()).collect();
    let message = "the command loaded it, and it is gone since: unless the command made it itself, \
                   copy it into the image";
    let gone = gone.into_iter().map(|path| (path, message.to_owned()));
    let warnings = trace.warnings.iter();
    let warnings = warnings.map(|warning| (command.clone(), warning.clone()));
    let faults = warnings.chain(gone).collect();
    let loads = there.into_iter().filter_map(|object| {
        let by = match &object.by {
            Requester::Object(path) => real(path),
            Requester::Program | Requester::Unknown => command.clone(),
        };
        let path = tree.known(&by).unwrap_or_else(|| by.clone());
        (!config.excludes(&path)).then(|| Load {
            path,
            line: None,
            told_by: ToldBy::Trace,
            caller: Caller::Object(by),
            names: vec![Name::Soname(object.path.clone().into_os_string())],
            is_required: true,
            is_listed: true,
        })
    });
    let loads = loads.collect();
    packages.ask(selection.programs.iter().map(PathBuf::as_path))?;
    let programs = selection.programs.into_iter();
    let programs = programs.map(|path| Started {
        package: owner(packages, &path),
        path,
    });
    Ok(Traced {
        loads,
        started: programs.collect(),
        faults,
    })
}
