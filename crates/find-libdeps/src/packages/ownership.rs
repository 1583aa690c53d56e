//! A file's path to the package that a runtime image needs for it.
//!
//! A database has paths as packages spell them, the loader as links lead to them. This module decides
//! which spellings to ask for and which owner counts; [`super::database`] asks.

use crate::packages::database::{Database, DatabaseError};
use crate::packages::package::{Owners, Package, is_for_compiling};
use crate::system::ordered::Ordered as _;
use crate::system::root::Root;
use crate::warning::Warning;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::thread::{self, JoinHandle};

/// The directories that merged /usr moved (Debian's `usrmerge`; usr-is-merged).
const MERGED: [&str; 8] = [
    "bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin", "libn32",
];

/// Which package provides a file in a runtime image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// This package ships it.
    Package(Package),
    /// Only these ship it, and they are for compiling.
    Development(BTreeSet<Package>),
    /// No package ships it.
    None,
}

/// The owners of the files of one root, as far as its database has been asked.
#[derive(Debug)]
pub struct Ownership<'a> {
    root: &'a Root,
    database: Database,
    merged: Merged,
    /// The spellings of every path that was asked about.
    asked: HashMap<PathBuf, Spellings>,
    owners: Owners,
    /// The first question, until its answer is needed.
    ahead: Option<JoinHandle<Result<Owners, DatabaseError>>>,
}

impl<'a> Ownership<'a> {
    /// The files of `root`, which has this database; no owner is known yet.
    pub fn new(root: &'a Root, database: Database) -> Self {
        Self {
            merged: Merged::of(root),
            root,
            database,
            asked: HashMap::new(),
            owners: Owners::default(),
            ahead: None,
        }
    }

    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Debian's name of the native architecture of the root.
    pub fn architecture(&self) -> &str {
        self.database.architecture()
    }

    /// What the package system complained about, and what its database does not show.
    pub fn warnings(&self) -> Vec<Warning> {
        let complaints = self.owners.complaints.iter().cloned();
        complaints
            .chain(self.database.assumption())
            .map(|message| Warning::new(self.database.path(), message))
            .collect()
    }

    /// Asks for the owners of `paths`, in one call, without waiting for them. Call this once, and
    /// [`Ownership::ask`] before the first owner.
    pub fn ask_ahead<'p>(&mut self, paths: impl Iterator<Item = &'p Path>) {
        let (new, database) = (self.new_spellings(paths), self.database.clone());
        self.ahead = Some(thread::spawn(move || {
            let mut owners = Owners::default();
            database.owners(&new, &mut owners)?;
            Ok(owners)
        }));
    }

    /// Asks, in one call, for the owners of those of `paths` that were not asked for before.
    pub fn ask<'p>(&mut self, paths: impl Iterator<Item = &'p Path>) -> Result<(), DatabaseError> {
        if let Some(ahead) = self.ahead.take() {
            let owners = ahead.join();
            self.owners = owners.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        let new = self.new_spellings(paths);
        self.database.owners(&new, &mut self.owners)
    }

    /// All spellings of those of `paths` that were not asked for before.
    fn new_spellings<'p>(&mut self, paths: impl Iterator<Item = &'p Path>) -> BTreeSet<OsString> {
        let mut new = BTreeSet::new();
        for path in paths {
            if !self.asked.contains_key(path) {
                let spellings = Spellings::of(self.root, &self.merged, path);
                let all = spellings.hops.iter().flatten();
                new.extend(all.map(|path| path.as_os_str().to_owned()));
                self.asked.insert(path.to_owned(), spellings);
            }
        }
        new
    }

    /// The owner of `path` for an object of `architecture`; it must have been asked for.
    pub fn owner(&self, path: &Path, architecture: &str) -> Owner {
        let native = self.database.architecture();
        self.asked.get(path).map_or(Owner::None, |spellings| {
            spellings.owner(&self.owners, architecture, native)
        })
    }

    /// The package for compiling that alone ships the name `path`, so that an image without it has
    /// the library, but not under this name.
    pub fn name_is_for_compiling(&self, path: &Path) -> Option<Package> {
        self.asked.get(path)?.name_is_for_compiling(&self.owners)
    }
}

impl Drop for Ownership<'_> {
    /// Without a list, too, the query has ended when the program does.
    fn drop(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            let _ = ahead.join();
        }
    }
}

/// All spellings of a library's path, hop by hop: the path as found first, the real file last.
#[derive(Debug)]
struct Spellings {
    hops: Vec<Vec<PathBuf>>,
}

impl Spellings {
    fn of(root: &Root, merged: &Merged, path: &Path) -> Self {
        let mut hops = vec![merged.aliases(path)];
        hops.extend(root.hops(path).iter().map(|hop| merged.aliases(hop)));
        Self { hops }
    }

    /// The owner, for an object of `architecture` on a machine whose native one is `native`.
    ///
    /// The owner of the real file counts before the owners of the links that lead to it: links are
    /// made by update-alternatives and ldconfig too, and an unversioned one belongs to the -dev
    /// package.
    fn owner(&self, owners: &Owners, architecture: &str, native: &str) -> Owner {
        let mut for_compiling = BTreeSet::new();
        for hop in self.hops.iter().rev() {
            let all: BTreeSet<Package> = hop.iter().flat_map(|path| owners.of(path)).ordered();
            let (development, runtime): (BTreeSet<_>, BTreeSet<_>) = all
                .into_iter()
                .partition(|package: &Package| is_for_compiling(&package.name));
            for_compiling.extend(development);
            let suits =
                |package: &&Package| package.foreign.as_deref().unwrap_or(native) == architecture;
            // If several packages ship one path, one of them is enough.
            if let Some(package) = runtime.iter().find(suits).or_else(|| runtime.first()) {
                return Owner::Package(package.clone());
            }
        }
        if for_compiling.is_empty() {
            Owner::None
        } else {
            Owner::Development(for_compiling)
        }
    }

    fn name_is_for_compiling(&self, owners: &Owners) -> Option<Package> {
        let found: BTreeSet<Package> = self
            .hops
            .iter()
            .take(2)
            .flatten()
            .flat_map(|path| owners.of(path))
            .ordered();
        if found.iter().all(|package| is_for_compiling(&package.name)) {
            found.into_iter().next()
        } else {
            None
        }
    }
}

/// Which top-level directories are links into /usr.
#[derive(Debug)]
struct Merged {
    names: HashMap<&'static str, bool>,
}

impl Merged {
    fn of(root: &Root) -> Self {
        let is_merged = |name: &str| {
            root.canonicalize(&Path::new("/").join(name))
                .is_ok_and(|real| real == Path::new("/usr").join(name))
        };
        Self {
            names: MERGED
                .into_iter()
                .map(|name| (name, is_merged(name)))
                .collect(),
        }
    }

    /// `path`, and the other path under which a package may ship the same file if `/lib` is a link
    /// to `/usr/lib`: a database has only the path in the package.
    fn aliases(&self, path: &Path) -> Vec<PathBuf> {
        let mut aliases = vec![path.to_owned()];
        let mut components = path.components().skip(1);
        let is_merged = |component: Option<Component>| match component {
            Some(Component::Normal(name)) => name
                .to_str()
                .and_then(|name| self.names.get(name))
                .copied()
                .unwrap_or(false),
            _ => false,
        };
        if let Ok(below) = path.strip_prefix("/usr") {
            if is_merged(below.components().next()) {
                aliases.push(Path::new("/").join(below));
            }
        } else if is_merged(components.next()) {
            aliases.push(Path::new("/usr").join(path.strip_prefix("/").unwrap_or(path)));
        }
        aliases
    }
}
