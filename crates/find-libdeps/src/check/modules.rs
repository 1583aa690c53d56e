//! Extension modules that no Python of their directory imports.

use crate::loader::tree::Tree;
use crate::python::interpreter::Version;
use crate::system::escape::shown;
use crate::system::root::Root;
use crate::warning::Warning;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;

/// Warnings about the modules for another version of Python than the `lib/python3.X` that they lie in,
/// one for each such directory and version. A module is passed over if the tree has the same one for
/// this version, or if one for all versions lies beside it: wheels have modules for several Pythons in
/// directories of their own choice.
pub fn for_other_pythons(root: &Root, tree: &Tree) -> Vec<Warning> {
    let mut fitting: HashSet<&str> = HashSet::new();
    let mut others = Vec::new();
    for located in tree.objects() {
        let name = located.real.file_name().unwrap_or_default();
        let (Some(built_for), Some((dir, version)), Some(stem)) = (
            Version::of_module(name),
            Version::of_directory(&located.real),
            stem(name),
        ) else {
            continue;
        };
        if built_for == version {
            fitting.insert(stem);
        } else {
            others.push((located, stem, (dir, version, built_for)));
        }
    }
    let mut beside: HashMap<&Path, HashSet<String>> = HashMap::new();
    let mut modules: BTreeMap<_, Vec<&Path>> = BTreeMap::new();
    for (located, stem, group) in others {
        let dir = located.real.parent().unwrap_or(&located.real);
        let beside = beside.entry(dir).or_insert_with(|| for_all(root, dir));
        if !fitting.contains(stem) && !beside.contains(stem) {
            modules.entry(group).or_default().push(&located.path);
        }
    }
    let groups = modules.into_iter();
    groups
        .map(|((dir, version, built_for), modules)| {
            let dir = tree.reported(dir).unwrap_or_else(|| dir.to_owned());
            let such_as = modules[0].strip_prefix(&dir).unwrap_or(modules[0]);
            let text = format!(
                "Python {version} does not import modules for Python {built_for}, of which there are \
                 {}, such as {}",
                modules.len(),
                shown(such_as)
            );
            Warning::objection(dir, text)
        })
        .collect()
}

/// The modules and packages in `dir` that any version imports.
fn for_all(root: &Root, dir: &Path) -> HashSet<String> {
    let names = root.list(dir).unwrap_or_default().into_iter();
    let names = names.filter_map(|name| name.into_string().ok());
    let stem = |name: String| match name.split_once('.') {
        Some((stem, "so" | "abi3.so" | "py" | "pyc")) => Some(stem.to_owned()),
        Some(_) => None,
        None => Some(name),
    };
    names.filter_map(stem).collect()
}

/// The name that is imported.
fn stem(name: &OsStr) -> Option<&str> {
    Some(name.to_str()?.split_once('.')?.0)
}
