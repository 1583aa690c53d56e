//! Extension modules that no Python of their directory imports.

use crate::check::Image;
use crate::elf::object_file::Kind;
use crate::loader::located::Located;
use crate::python::interpreter::{self, Version};
use crate::system::escape::shown;
use crate::system::ordered::Ordered as _;
use crate::system::root::Root;
use crate::warning::Warning;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Modules for one version of Python that does not import them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group<'a> {
    /// The `lib/python3.X` that they lie in, or the PATH.
    dir: &'a Path,
    /// The version that `dir` is for; `None` if the image lacks the one that they are for.
    version: Option<Version>,
    built_for: Version,
}

/// Warnings about the modules for another version of Python than the `lib/python3.X` that they lie in
/// and, outside a virtualenv, about those for a version that the image does not have; one for each such
/// directory and version. A module is passed over if the tree has the same one for the right version, or
/// if one for all versions lies beside it: wheels have modules for several Pythons in directories of
/// their own choice. One for a version that the image does not have is passed over, too, if one for
/// another version lies beside it, or its `lib/python3.X` beside that of a version that the image has.
pub fn for_other_pythons(image: &Image) -> Vec<Warning> {
    let present = present(image);
    let is_absent = |real: &Path, version: &Version| {
        let mut virtualenvs = image.virtualenvs.iter();
        let present = present.as_ref().filter(|it| !it.contains(version));
        present.is_some() && !virtualenvs.any(|it| real.starts_with(&it.prefix))
    };
    let mut fitting: HashSet<(&str, Version)> = HashSet::new();
    let mut versions: HashMap<(&Path, &str), BTreeSet<Version>> = HashMap::new();
    let mut others = Vec::new();
    for located in image.tree.objects() {
        let name = located.real.file_name().unwrap_or_default();
        let (Some(built_for), Some(stem)) = (Version::of_module(name), stem(name)) else {
            continue;
        };
        let beside = located.real.parent().unwrap_or(&located.real);
        let all = versions.entry((beside, stem)).or_default();
        all.insert(built_for.clone());
        let directory = Version::of_directory(&located.real);
        let (dir, version) = match directory {
            Some((dir, version)) if version != built_for => (Some(dir), Some(version)),
            _ if !is_absent(&located.real, &built_for) => {
                fitting.insert((stem, built_for));
                continue;
            }
            Some((dir, _)) if is_beside_present(image.root, dir, present.as_ref()) => continue,
            Some((dir, _)) => (Some(dir), None),
            None => (image.tree.start(&located.real), None),
        };
        let dir = dir.unwrap_or(&located.real);
        let group = Group {
            dir,
            version,
            built_for,
        };
        others.push((located, stem, group));
    }
    let mut beside: HashMap<&Path, HashSet<String>> = HashMap::new();
    let mut modules: BTreeMap<Group, Vec<&Path>> = BTreeMap::new();
    for (located, stem, group) in others {
        let dir = located.real.parent().unwrap_or(&located.real);
        let beside = beside
            .entry(dir)
            .or_insert_with(|| for_all(image.root, dir));
        let is_fitting = |version: &Version| fitting.contains(&(stem, version.clone()));
        let is_met = match &group.version {
            Some(version) => is_fitting(version),
            None => {
                versions.get(&(dir, stem)).is_some_and(|it| it.len() > 1)
                    || present.iter().flatten().any(is_fitting)
            }
        };
        if !is_met && !beside.contains(stem) {
            modules.entry(group).or_default().push(&located.path);
        }
    }
    let groups = modules.into_iter();
    groups
        .map(|(group, modules)| warning(image, &group, &modules, present.as_ref()))
        .collect()
}

fn warning(
    image: &Image,
    group: &Group,
    modules: &[&Path],
    present: Option<&BTreeSet<Version>>,
) -> Warning {
    let dir = image.tree.reported(group.dir);
    let dir = dir.unwrap_or_else(|| group.dir.to_owned());
    let such_as = modules[0].strip_prefix(&dir).unwrap_or(modules[0]);
    let subject = if let Some(version) = &group.version {
        format!("Python {version} does")
    } else {
        let versions: Vec<String> = present
            .into_iter()
            .flatten()
            .map(Version::to_string)
            .collect();
        format!(
            "the image has only Python {}, which does",
            versions.join(", ")
        )
    };
    let text = format!(
        "{subject} not import modules for Python {}, of which there are {}, such as {}",
        group.built_for,
        modules.len(),
        shown(such_as)
    );
    Warning::objection(dir, text)
}

/// Whether a directory beside `dir`, a `lib/python3.X`, is for one of the versions `present`.
fn is_beside_present(root: &Root, dir: &Path, present: Option<&BTreeSet<Version>>) -> bool {
    let names = dir.parent().and_then(|lib| root.list(lib).ok());
    let mut beside = names.iter().flatten().filter_map(|it| Version::of_name(it));
    beside.any(|version| present.is_some_and(|it| it.contains(&version)))
}

/// The versions of Python in the image: of its programs, of the standard libraries, and of the
/// libraries that the tree brings for programs that embed Python. `None` if that is not known: there is
/// no program, or one whose version no name shows, the `PATH` of the image is unknown, or the tree has
/// programs that may embed Python without a library.
fn present(image: &Image) -> Option<BTreeSet<Version>> {
    let root = image.root;
    let may_embed = |located: &Located| {
        let mut virtualenvs = image.virtualenvs.iter();
        let is_python = located
            .real
            .file_name()
            .and_then(Version::of_name)
            .is_some();
        let is_program = located.object.kind == Kind::Program && !is_python;
        is_program && !virtualenvs.any(|it| located.real.starts_with(&it.prefix))
    };
    if !root.is_machine() || image.tree.objects().iter().any(|it| may_embed(it)) {
        return None;
    }
    let mut versions = BTreeSet::new();
    for located in image.tree.objects() {
        let name = located.real.file_name()?.to_str().unwrap_or_default();
        if let Some((name, _)) = name.strip_prefix("lib").and_then(|it| it.split_once(".so")) {
            versions.extend(Version::of_name(OsStr::new(name)));
        }
    }
    let of_tree = image.tree.objects().iter();
    let prefixes =
        of_tree.filter_map(|located| Version::of_directory(&located.real)?.0.ancestors().nth(2));
    let usual = [Path::new("/usr"), Path::new("/usr/local")];
    let prefixes: BTreeSet<&Path> = prefixes.chain(usual).ordered();
    let libs = prefixes
        .iter()
        .flat_map(|it| [it.join("lib"), it.join("lib64")]);
    for lib in libs {
        let names = root.list(&lib).unwrap_or_default().into_iter();
        let has = |path: PathBuf| root.metadata(&path).is_ok();
        let has_library =
            |name: &OsStr| has(lib.join(name).join("os.py")) || has(lib.join(name).join("os.pyc"));
        let names = names.filter(|name| has_library(name));
        versions.extend(names.filter_map(|name| Version::of_name(&name)));
    }
    let bins = prefixes.iter().map(|prefix| prefix.join("bin"));
    let bins: BTreeSet<PathBuf> = bins.chain(image.path.iter().cloned()).ordered();
    let mut has_program = false;
    for bin in bins {
        for name in root.list(&bin).unwrap_or_default() {
            let is_plain = name == "python3" || name == "python";
            if !is_plain && Version::of_name(&name).is_none() {
                continue;
            }
            if let Ok(program) = root.canonicalize(&bin.join(name)) {
                versions.insert(interpreter::version(root, &program)?);
                has_program = true;
            }
        }
    }
    has_program.then_some(versions)
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
