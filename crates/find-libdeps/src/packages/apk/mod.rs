//! apk's database, read as text; apk itself is never run.
//!
//! Takes a root; gives the owners and versions of what is installed, by the names of packages, and
//! for what is not, a name that `apk add` resolves: `so:libpq.so.5`, `cmd:dot`.
//!
//! Never happens here: changing the database, or reading an index of packages.

pub(crate) mod installed_file;

use crate::demand::{Item, LibraryName};
use crate::packages::apk::installed_file::{Record, is_word, records};
use crate::packages::lookup::{Found, Wanted};
use crate::packages::package::{Owners, Package, PackageVersion};
use crate::system::architecture::Abi;
use crate::system::escape::shown;
use crate::system::ordered::Ordered as _;
use crate::system::root::Root;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Where the database is: apk-tools 3 may have it below `/usr`.
const PATHS: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
/// The architecture of the root (apk(8)).
const ARCHITECTURE: &str = "/etc/apk/arch";
/// A machine with two thousand packages has a database of some megabytes.
const MAX_SIZE: u64 = 64 << 20;
/// How many packages with one path are compared: real ones are two.
const MAX_OWNERS: usize = 16;
/// Alpine's names of architectures, each with Debian's.
const ARCHITECTURES: [(&str, &str); 9] = [
    ("aarch64", "arm64"),
    ("armhf", "armhf"),
    ("armv7", "armhf"),
    ("loongarch64", "loong64"),
    ("ppc64le", "ppc64el"),
    ("riscv64", "riscv64"),
    ("s390x", "s390x"),
    ("x86", "i386"),
    ("x86_64", "amd64"),
];
/// Where packages have programs.
const PROGRAM_DIRECTORIES: [&str; 4] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin"];

/// Why the database cannot be used.
#[derive(Debug, Error)]
pub enum ApkError {
    #[error("cannot read apk's database {}: {source}", shown(path))]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("apk's database {} has no packages", shown(path))]
    Empty { path: PathBuf },
    #[error("apk's database {} has an unexpected line: `{line}`", shown(path))]
    NotUnderstood { path: PathBuf, line: String },
    #[error(
        "the architecture of {} is not known here: `{name}`; see /etc/apk/arch",
        shown(path)
    )]
    Architecture { path: PathBuf, name: String },
}

/// A database of apk's.
#[derive(Clone, Debug)]
pub struct Apk {
    path: &'static Path,
    /// As this process opens it.
    outer: PathBuf,
    text: Arc<[u8]>,
    /// Alpine's name of the architecture, and Debian's.
    native: (&'static str, &'static str),
}

impl Apk {
    /// Where `root` has a database, and whether that is empty.
    pub fn database(root: &Root) -> Option<(&'static Path, bool)> {
        let present = PATHS.iter().map(Path::new).filter_map(|path| {
            let size = root.metadata(path).ok()?.len();
            Some((path, size == 0))
        });
        present.min_by_key(|(_, is_empty)| *is_empty)
    }

    /// The database of `root` at `path`.
    pub fn read(root: &Root, path: &'static Path) -> Result<Self, ApkError> {
        let outer = root.outer(path);
        let text = root.read(path, MAX_SIZE).map_err(|source| {
            let path = outer.clone();
            ApkError::Unreadable { path, source }
        })?;
        let written = root.read(Path::new(ARCHITECTURE), 1 << 10);
        let mut apk = Self {
            path,
            outer,
            text: text.into(),
            native: ARCHITECTURES[0],
        };
        apk.native = apk.find_native(&written.unwrap_or_default())?;
        Ok(apk)
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        self.path
    }

    /// Debian's name of the native architecture.
    pub fn architecture(&self) -> &'static str {
        self.native.1
    }

    /// Alpine's name of it.
    pub fn own_architecture(&self) -> &'static str {
        self.native.0
    }

    /// The architecture that `written` names or, if it is empty, that of the first package that has one.
    fn find_native(&self, written: &[u8]) -> Result<(&'static str, &'static str), ApkError> {
        let written = String::from_utf8_lossy(written);
        // It may name others after the native one (`apk_db_add_arch` in apk-tools' `src/database.c`).
        let first = written.split_whitespace().next();
        let mut name = first.unwrap_or_default().to_owned();
        let mut is_empty = true;
        self.each(&mut |record| {
            is_empty = false;
            if name.is_empty() && record.architecture != "noarch" {
                record.architecture.clone_into(&mut name);
            }
        })?;
        let path = self.outer.clone();
        if is_empty {
            return Err(ApkError::Empty { path });
        }
        let row = ARCHITECTURES.iter().find(|(own, _)| *own == name);
        let name = shown(&name);
        row.copied().ok_or(ApkError::Architecture { path, name })
    }

    /// Lets `visit` see every package that is not virtual.
    fn each<'a>(&'a self, visit: &mut dyn FnMut(Record<'a>)) -> Result<(), ApkError> {
        for record in records(&self.text) {
            let record = record.map_err(|line| ApkError::NotUnderstood {
                path: self.outer.clone(),
                line: shown(OsStr::from_bytes(line)),
            })?;
            if !record.name.starts_with('.') {
                visit(record);
            }
        }
        Ok(())
    }

    /// Adds the owners of `paths` to `owners`. Of two packages with one path, the one that replaces the
    /// other owns it.
    pub fn owners(&self, paths: &BTreeSet<OsString>, owners: &mut Owners) -> Result<(), ApkError> {
        if paths.is_empty() {
            return Ok(());
        }
        let mut found: HashMap<PathBuf, Vec<Arc<Record>>> = HashMap::new();
        self.each(&mut |record| {
            let files = record
                .files()
                .filter(|path| paths.contains(path.as_os_str()));
            let files = files.ordered();
            let record = Arc::new(record);
            for path in files {
                let all = found.entry(path).or_default();
                let is_replaced = all.iter().any(|known| known.is_before(&record));
                if all.len() < MAX_OWNERS && !is_replaced {
                    all.retain(|known| !record.is_before(known));
                    all.push(Arc::clone(&record));
                }
            }
        })?;
        for (path, records) in found {
            let packages = records.iter().map(|record| package(record.name.to_owned()));
            owners.by_path.entry(path).or_default().extend(packages);
        }
        Ok(())
    }

    /// The versions of `packages`, all of which are installed.
    pub fn versions(
        &self,
        packages: &BTreeSet<Package>,
    ) -> Result<BTreeMap<Package, PackageVersion>, ApkError> {
        let mut versions = BTreeMap::new();
        self.each(&mut |record| {
            let package = package(record.name.to_owned());
            if packages.contains(&package) {
                let version = PackageVersion {
                    number: record.version.to_owned(),
                    architecture: record.architecture.to_owned(),
                };
                versions.insert(package, version);
            }
        })?;
        Ok(versions)
    }

    /// Names that `apk add` resolves, for those of `wanted` that have one; for the rest, what to do.
    pub fn look_up(&self, wanted: &BTreeSet<Vec<Wanted>>) -> BTreeMap<Wanted, Found> {
        let native = Abi::of(self.native.1);
        let found = |wanted: &Wanted| match name(&wanted.item).filter(|_| wanted.abi == native) {
            Some(name) => Found::Resolved(package(name)),
            None => Found::Unnamed,
        };
        let all = wanted.iter().flatten();
        all.map(|it| (it.clone(), found(it))).ordered_by_key()
    }
}

fn package(name: String) -> Package {
    Package {
        name,
        foreign: None,
    }
}

/// The name of what packages provide with `item` (abuild's `so:` and `cmd:`).
fn name(item: &Item) -> Option<String> {
    match item {
        Item::Library(LibraryName::Soname(name)) => {
            let name = name.to_str().filter(|name| is_word(name))?;
            Some(format!("so:{name}"))
        }
        Item::Program(program) => {
            let path = Path::new(program);
            let name = path.file_name()?.to_str().filter(|name| is_word(name))?;
            let dir = path.parent()?;
            let is_usual = PROGRAM_DIRECTORIES.iter().any(|it| dir == Path::new(it));
            (is_usual || dir == Path::new("")).then(|| format!("cmd:{name}"))
        }
        Item::Library(LibraryName::Stem(_)) | Item::File(_) | Item::Module(_) => None,
    }
}
