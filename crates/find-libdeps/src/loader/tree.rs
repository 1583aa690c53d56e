//! The objects below the given paths, and what is known of them together.
//!
//! Nothing is resolved here.

use crate::elf::object_file::{Kind, Object};
use crate::loader::candidates::Located;
use crate::system::architecture::Abi;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// One of the given paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// As it was given, made absolute.
    pub path: PathBuf,
    /// With its links resolved.
    pub real: PathBuf,
}

impl Start {
    /// The path by which people know the file `real`, if it lies at or below this start.
    #[must_use]
    pub fn known(&self, real: &Path) -> Option<PathBuf> {
        let rest = real.strip_prefix(&self.real).ok()?;
        if rest.as_os_str().is_empty() {
            Some(self.path.clone())
        } else {
            Some(self.path.join(rest))
        }
    }
}

/// All objects below the given paths, sorted by path.
#[derive(Debug)]
pub struct Tree {
    starts: Vec<Start>,
    objects: Vec<Rc<Located>>,
    by_soname: HashMap<(Abi, Arc<OsStr>), usize>,
    by_file_name: HashMap<OsString, Vec<usize>>,
}

impl Tree {
    /// `objects` by their real paths, all of which lie at or below one of `starts`.
    #[must_use]
    pub fn new(starts: Vec<Start>, objects: Vec<(PathBuf, Object)>) -> Self {
        let mut objects: Vec<Rc<Located>> = objects
            .into_iter()
            .map(|(real, object)| {
                let path = starts.iter().find_map(|start| start.known(&real));
                let path = path.unwrap_or_else(|| real.clone());
                Rc::new(Located::new(path, real, Arc::new(object)))
            })
            .collect();
        objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let mut by_soname = HashMap::new();
        let mut by_file_name: HashMap<OsString, Vec<usize>> = HashMap::new();
        for (index, located) in objects.iter().enumerate() {
            let name = located.path.file_name().unwrap_or_default();
            by_file_name.entry(name.to_owned()).or_default().push(index);
            let object = &located.object;
            if let (Some(soname), Kind::Library, false) =
                (&object.soname, object.kind, object.is_musl())
            {
                // The first by path, so that the answer is the same each time.
                by_soname
                    .entry((object.abi, soname.clone()))
                    .or_insert(index);
            }
        }
        Self {
            starts,
            objects,
            by_soname,
            by_file_name,
        }
    }

    /// The given paths.
    #[must_use]
    pub fn starts(&self) -> &[Start] {
        &self.starts
    }

    /// The objects, sorted by path.
    #[must_use]
    pub fn objects(&self) -> &[Rc<Located>] {
        &self.objects
    }

    /// The first object that calls itself `soname`.
    #[must_use]
    pub fn with_soname(&self, soname: &Arc<OsStr>, abi: Abi) -> Option<&Rc<Located>> {
        let index = self.by_soname.get(&(abi, Arc::clone(soname)))?;
        self.objects.get(*index)
    }

    /// An object whose file is called `name`, whatever it calls itself.
    #[must_use]
    pub fn with_file_name(&self, name: &OsStr, abi: Abi) -> Option<&Rc<Located>> {
        let indexes = self.by_file_name.get(name)?;
        let mut named = indexes.iter().filter_map(|&index| self.objects.get(index));
        named.find(|located| located.object.abi == abi)
    }

    /// The path by which people know the file `real`, if it lies below the given paths.
    #[must_use]
    pub fn known(&self, real: &Path) -> Option<PathBuf> {
        self.starts.iter().find_map(|start| start.known(real))
    }
}

/// Whether Python imports a file of this name by itself (PEP 3149, PEP 384), so that it is loaded
/// on its own whatever else loads it. A plain `name.so` may be an extension too, but is as often a
/// library beside one.
#[must_use]
pub fn is_extension_module(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let contains = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
    name.ends_with(b".abi3.so")
        || name.ends_with(b".so") && (contains(b".cpython-") || contains(b".pypy3"))
}
