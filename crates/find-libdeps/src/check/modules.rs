//! Extension modules that no Python of their directory imports.

use crate::loader::tree::Tree;
use crate::python::interpreter::Version;
use crate::system::root::Root;
use crate::warning::Warning;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Warnings about the modules for another version of Python than the `lib/python3.X` that they lie in,
/// one for each such directory and version. A module is passed over if the same one lies beside it
/// for this version, or without one.
pub fn for_other_pythons(root: &Root, tree: &Tree) -> Vec<Warning> {
    let mut modules: BTreeMap<(PathBuf, Version, Version), Vec<&Path>> = BTreeMap::new();
    for located in tree.objects() {
        let name = located.real.file_name().unwrap_or_default();
        let (Some(built_for), Some((dir, version))) = (
            Version::of_module(name),
            Version::of_directory(&located.real),
        ) else {
            continue;
        };
        if built_for != version && !has_substitute(root, &located.real, &version) {
            let dir = tree.reported(dir).unwrap_or_else(|| dir.to_owned());
            let group = modules.entry((dir, version, built_for)).or_default();
            group.push(&located.path);
        }
    }
    let groups = modules.into_iter();
    groups
        .map(|((dir, version, built_for), modules)| {
            let such_as = modules[0].strip_prefix(&dir).unwrap_or(modules[0]);
            let text = format!(
                "Python {version} does not import modules for Python {built_for}, of which there are \
                 {}, such as {}",
                modules.len(),
                crate::system::escape::shown(such_as)
            );
            Warning::objection(dir, text)
        })
        .collect()
}

/// Whether Python `version` imports something else instead of the module `path`.
fn has_substitute(root: &Root, path: &Path, version: &Version) -> bool {
    let (Some(dir), Some(stem)) = (path.parent(), stem(path.file_name())) else {
        return false;
    };
    let names = root.list(dir).unwrap_or_default();
    names.iter().any(|name| {
        let rest = name.to_str().and_then(|name| name.strip_prefix(stem));
        match rest {
            Some(".so" | ".abi3.so" | ".py" | ".pyc") => true,
            _ => stem_of(name) == Some(stem) && Version::of_module(name).as_ref() == Some(version),
        }
    })
}

fn stem(name: Option<&OsStr>) -> Option<&str> {
    stem_of(name?)
}

/// The name that is imported.
fn stem_of(name: &OsStr) -> Option<&str> {
    Some(name.to_str()?.split_once('.')?.0)
}
