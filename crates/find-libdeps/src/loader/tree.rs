//! The objects below the given paths, together.

use crate::elf::built_for::GLIBC;
use crate::elf::object_file::{Kind, Object};
use crate::loader::located::{FileId, Located, PathKey};
use crate::scan::Starts;
use crate::system::architecture::Abi;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// All objects below the given paths, sorted by path.
#[derive(Debug)]
pub struct Tree {
    starts: Starts,
    /// By [`FileId`].
    objects: Vec<Rc<Located>>,
    by_real: HashMap<PathKey, FileId>,
    by_soname: HashMap<(Abi, Arc<OsStr>), FileId>,
    /// Sorted by file name; made when it is first asked for.
    by_file_name: OnceCell<Vec<FileId>>,
}

impl Tree {
    /// `objects` by their real paths, all of which lie at or below one of `starts`.
    pub fn new(starts: Starts, objects: Vec<(Arc<Path>, Arc<Object>)>) -> Self {
        let mut objects: Vec<(Arc<Path>, Arc<Path>, Arc<Object>)> = objects
            .into_iter()
            .map(|(real, object)| (starts.reported_or_shared(&real), real, object))
            .collect();
        objects.sort_unstable_by(|(a, ..), (b, ..)| a.cmp(b));
        let mut tree = Self {
            starts,
            objects: Vec::with_capacity(objects.len()),
            by_real: HashMap::with_capacity(objects.len()),
            by_soname: HashMap::new(),
            by_file_name: OnceCell::new(),
        };
        for (index, (path, real, object)) in objects.into_iter().enumerate() {
            tree.add(FileId(index), path, real, object);
        }
        tree
    }

    fn add(&mut self, file: FileId, path: Arc<Path>, real: Arc<Path>, object: Arc<Object>) {
        self.by_real.insert(PathKey(Arc::clone(&real)), file);
        if let (Some(soname), Kind::Library, None | Some(GLIBC), None) =
            (&object.soname, object.kind, object.system, &object.refusal)
        {
            // The first by path, so that two runs agree.
            let key = (object.abi, Arc::clone(soname));
            self.by_soname.entry(key).or_insert(file);
        }
        let located = Located::new(file, Arc::clone(&path), path, real, object);
        self.objects.push(Rc::new(located));
    }

    /// The objects, sorted by path.
    pub fn objects(&self) -> &[Rc<Located>] {
        &self.objects
    }

    /// The object with the real path `real`.
    pub fn with_real_path(&self, real: &Path) -> Option<&Rc<Located>> {
        self.get(*self.by_real.get(real.as_os_str().as_bytes())?)
    }

    /// The first library with this SONAME.
    pub fn with_soname(&self, soname: &Arc<OsStr>, abi: Abi) -> Option<&Rc<Located>> {
        self.get(*self.by_soname.get(&(abi, Arc::clone(soname)))?)
    }

    /// An object with this file name, whatever its SONAME.
    pub fn with_file_name(&self, name: &OsStr, abi: Abi) -> Option<&Rc<Located>> {
        let name_of = |file: FileId| self.get(file)?.path.file_name();
        let files = self.by_file_name.get_or_init(|| {
            let mut files: Vec<FileId> = (0..self.objects.len()).map(FileId).collect();
            files.sort_unstable_by_key(|&file| (name_of(file), file));
            files
        });
        let first = files.partition_point(|&file| name_of(file) < Some(name));
        let named = files[first..].iter().map_while(|&file| {
            let located = self.get(file)?;
            (located.path.file_name() == Some(name)).then_some(located)
        });
        let mut suitable = named.filter(|located| located.object.abi == abi);
        suitable.next()
    }

    /// The path under which `located` is reported.
    pub fn reported_path(&self, located: &Located) -> Arc<Path> {
        match self.get(located.file) {
            Some(object) => Arc::clone(&object.path),
            None => match self.reported(&located.real) {
                Some(path) => path.into(),
                None => Arc::clone(&located.clean_path),
            },
        }
    }

    /// Whether the file of `located` lies below the given paths.
    pub fn contains(&self, located: &Located) -> bool {
        self.get(located.file).is_some() || self.reported(&located.real).is_some()
    }

    /// The path under which the file `real` is reported, if it lies below the given paths.
    pub fn reported(&self, real: &Path) -> Option<PathBuf> {
        self.starts.reported(real)
    }

    /// The given path, links resolved, at or below which the file `real` lies.
    pub fn start(&self, real: &Path) -> Option<&Path> {
        self.starts.real().find(|start| real.starts_with(start))
    }

    fn get(&self, file: FileId) -> Option<&Rc<Located>> {
        self.objects.get(file.0)
    }
}

/// Whether Python imports a file of this name (PEP 3149, PEP 384), so that it is loaded by itself
/// whatever else loads it. A plain `name.so` may be an extension module, but is as often a library
/// beside one.
pub fn is_extension_module(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let contains = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
    name.ends_with(b".abi3.so")
        || name.ends_with(b".so") && (contains(b".cpython-") || contains(b".pypy3"))
}
