//! The libraries that the loader finds for every object: those in `/etc/ld.so.cache`, then those in
//! its default directories.
//!
//! Nothing here depends on the requesting object, except on its ABI.

use crate::elf::object_file::{ElfFile, Kind};
use crate::loader::candidates;
use crate::loader::glibc::{cache_file, conf_file};
use crate::system::architecture::{ARCHITECTURES, Abi, Architecture};
use crate::system::root::Root;
use crate::warning::Warning;
use std::cmp::Ordering;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The cache of the loader.
pub const CACHE: &str = "/etc/ld.so.cache";
/// What `ctypes.util.find_library` runs.
const LDCONFIG: &str = "/sbin/ldconfig";
/// A machine with ten thousand libraries has a cache of one megabyte.
const MAX_CACHE: u64 = 64 << 20;

/// The cache and the directories that the loader searches.
#[derive(Debug)]
pub struct LdSo {
    by_name: HashMap<OsString, Vec<Cached>>,
    configured: Vec<PathBuf>,
    /// Why there is no cache.
    no_cache: Option<String>,
    /// Whether `ldconfig -p` can print the cache.
    is_printable: bool,
    defaults: HashMap<Abi, [PathBuf; 4]>,
}

#[derive(Debug)]
struct Cached {
    path: PathBuf,
    fits: Fits,
    is_for_some_processors: bool,
}

impl Cached {
    /// Whether processors of `abi` can use it. The capabilities of glibc before 2.37 are not known here.
    fn is_usable(&self, abi: Abi) -> bool {
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        let is_in_hwcaps = || {
            let above = dir.parent().and_then(Path::file_name);
            above.is_some_and(|name| name == "glibc-hwcaps")
        };
        !self.is_for_some_processors || !is_in_hwcaps() || candidates::is_for_processors(dir, abi)
    }
}

#[derive(Debug)]
enum Fits {
    Flags(u32),
    Abi(Abi),
}

impl LdSo {
    /// Reads the cache of `root`. Without one, this collects the libraries that ldconfig would enter:
    /// in the final image, ldconfig will have run.
    pub fn read(root: &Root) -> Self {
        let mut ld_so = Self::as_installed(root);
        ld_so.is_printable = true;
        if ld_so.no_cache.is_some() {
            ld_so.emulate_ldconfig(root);
        }
        ld_so
    }

    /// Reads the cache of `root` as the loader does: without one, it searches its default directories
    /// only.
    pub fn as_installed(root: &Root) -> Self {
        let configured = conf_file::directories(root);
        let read = match root.read(Path::new(CACHE), MAX_CACHE) {
            Ok(bytes) => cache_file::parse(&bytes).ok_or("is not a cache of the loader".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err("does not exist".to_owned())
            }
            Err(error) => Err(format!("cannot be read: {error}")),
        };
        let (entries, no_cache) = match read {
            Ok(entries) => (entries, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let mut by_name: HashMap<OsString, Vec<Cached>> = HashMap::new();
        for entry in entries {
            by_name.entry(entry.name).or_default().push(Cached {
                path: entry.path,
                fits: Fits::Flags(entry.flags),
                is_for_some_processors: entry.is_for_some_processors,
            });
        }
        Self {
            by_name,
            configured,
            no_cache,
            is_printable: root.metadata(Path::new(LDCONFIG)).is_ok(),
            defaults: ARCHITECTURES
                .iter()
                .map(|row| (row.abi, row.default_directories()))
                .collect(),
        }
    }

    /// A warning if the loader has no cache.
    pub fn warning(&self) -> Option<Warning> {
        let problem = self.no_cache.as_ref()?;
        let message =
            format!("{problem}; libraries are searched for as if `ldconfig` had been run");
        Some(Warning::new(CACHE, message))
    }

    /// Every file in the cache.
    pub fn cached_files(&self) -> impl Iterator<Item = &Path> {
        self.by_name
            .values()
            .flatten()
            .map(|cached| cached.path.as_path())
    }

    /// The entries of `name`. Numbers in names are compared as numbers: `libz.so.01` is `libz.so.1`
    /// (`_dl_cache_libcmp` in glibc's `elf/dl-cache.c`).
    fn entries(&self, name: &OsStr) -> Option<&Vec<Cached>> {
        self.by_name.get(name).or_else(|| {
            let name = without_leading_zeros(name)?;
            self.by_name.get(&name)
        })
    }

    /// The file of `name` in the cache: the first whose flags match `abi`; a file for every processor
    /// is preferred to one for some.
    pub fn cached(&self, name: &OsStr, abi: Abi) -> Option<&Path> {
        let suitable = |cached: &&Cached| cached.fits.suits(abi) && cached.is_usable(abi);
        let entries = self.entries(name)?;
        let all = entries.iter().filter(suitable);
        all.clone()
            .find(|cached| !cached.is_for_some_processors)
            .or_else(|| all.clone().next())
            .map(|cached| cached.path.as_path())
    }

    /// The name in the cache that `ctypes.util.find_library` returns for `stem`: the first in the
    /// order of `ldconfig -p` that begins with `libSTEM.` (`_findSoname_ldconfig` in `CPython`'s
    /// `Lib/ctypes/util.py`).
    pub fn cached_name(&self, stem: &str, abi: Abi) -> Option<&OsStr> {
        if !self.is_printable {
            return None;
        }
        let beginning = format!("lib{stem}.");
        let is_meant = |name: &&OsString| name.as_bytes().starts_with(beginning.as_bytes());
        let suits = |name: &&OsString| self.cached(name, abi).is_some();
        let names = self.by_name.keys().filter(is_meant).filter(suits);
        // ldconfig sorts the cache in descending order.
        names
            .max_by(|a, b| compare(a, b).then_with(|| a.cmp(b)))
            .map(OsString::as_os_str)
    }

    /// The directories that the loader of `abi` searches last, in order.
    pub fn default_directories(&self, abi: Abi) -> &[PathBuf] {
        self.defaults.get(&abi).map_or(&[], |all| all.as_slice())
    }

    /// The directories of `ld.so.conf`. The loader does not search them: it finds only the libraries
    /// there that are in the cache.
    pub fn configured_directories(&self) -> &[PathBuf] {
        &self.configured
    }

    /// Fills the cache as `search_dirs` in glibc's `elf/ldconfig.c` does: with each directory once,
    /// configured ones first; the first of equal names wins.
    fn emulate_ldconfig(&mut self, root: &Root) {
        let defaults = ARCHITECTURES
            .iter()
            .flat_map(Architecture::default_directories);
        let mut seen = Vec::new();
        for dir in self.configured.iter().cloned().chain(defaults) {
            let Ok(real) = root.canonicalize(&dir) else {
                continue;
            };
            if seen.contains(&real) {
                continue;
            }
            seen.push(real);
            for (index, dir) in candidates::tried(root, &dir).iter().enumerate() {
                for (name, library) in libraries(root, dir) {
                    let path = library.path(root, dir, &name);
                    self.by_name.entry(name).or_default().push(Cached {
                        path,
                        fits: Fits::Abi(library.abi),
                        is_for_some_processors: index > 0,
                    });
                }
            }
        }
    }
}

/// A file that ldconfig would enter into the cache.
#[derive(Debug)]
struct Seen {
    file_name: OsString,
    abi: Abi,
    /// Whether it is a link, entered under its file name.
    is_link: bool,
}

impl Seen {
    /// The path of its entry: the link `soname` if it leads to this file, as ldconfig makes sure,
    /// or else the file.
    fn path(&self, root: &Root, dir: &Path, soname: &OsStr) -> PathBuf {
        let file = dir.join(&self.file_name);
        let link = dir.join(soname);
        match (root.canonicalize(&link), root.canonicalize(&file)) {
            (Ok(one), Ok(other)) if one == other => link,
            _ => file,
        }
    }
}

/// The libraries in one directory by SONAME, as `search_dir` in glibc's `elf/ldconfig.c` finds them:
/// files that are named like libraries; of equal SONAMEs a file is preferred to a link, then the
/// highest version.
fn libraries(root: &Root, dir: &Path) -> BTreeMap<OsString, Seen> {
    let mut all: BTreeMap<OsString, Seen> = BTreeMap::new();
    let mut names = root.list(dir).unwrap_or_default();
    names.retain(|name| is_named_like_library(name));
    for file_name in names {
        let path = dir.join(&file_name);
        let Some((soname, abi)) = identity(root, &path) else {
            continue;
        };
        let soname = soname.map_or_else(|| file_name.clone(), |soname| (*soname).to_owned());
        // A link is entered under its file name only if that is the SONAME or the linker's name.
        let own = file_name.as_bytes();
        let is_own =
            own == soname.as_bytes() || own.ends_with(b".so") && soname.as_bytes().starts_with(own);
        let is_link = root.is_link(&path) && is_own;
        let name = if is_link { file_name.clone() } else { soname };
        let seen = Seen {
            file_name,
            abi,
            is_link,
        };
        match all.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(seen);
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get();
                let is_newer = compare(&known.file_name, &seen.file_name) == Ordering::Less;
                if known.is_link && !seen.is_link || known.is_link == seen.is_link && is_newer {
                    entry.insert(seen);
                }
            }
        }
    }
    all
}

/// `name` with no leading zeros in its numbers; `None` if it has none.
fn without_leading_zeros(name: &OsStr) -> Option<OsString> {
    let mut shorter = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let is_number_ahead = after.first().is_some_and(u8::is_ascii_digit);
        let is_inside = shorter.last().is_some_and(u8::is_ascii_digit);
        if first != b'0' || !is_number_ahead || is_inside {
            shorter.push(first);
        }
        rest = after;
    }
    (shorter.len() < name.len()).then(|| OsString::from_vec(shorter))
}

/// Compares as `_dl_cache_libcmp` in glibc's `elf/dl-cache.c` does: digits form numbers, and a number
/// is greater than any other character.
fn compare(one: &OsStr, other: &OsStr) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    loop {
        let order = match (one.split_first(), other.split_first()) {
            (Some((a, _)), Some((b, _))) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (a, after_a) = leading_number(one);
                let (b, after_b) = leading_number(other);
                (one, other) = (after_a, after_b);
                a.cmp(&b)
            }
            (Some((a, after_a)), Some((b, after_b))) => {
                (one, other) = (after_a, after_b);
                (a.is_ascii_digit(), a).cmp(&(b.is_ascii_digit(), b))
            }
            (a, b) => return a.is_some().cmp(&b.is_some()),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The number at the start of `text`, and the rest.
fn leading_number(text: &[u8]) -> (u64, &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    let number = digits.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    (number, rest)
}

impl Fits {
    fn suits(&self, abi: Abi) -> bool {
        match *self {
            Self::Abi(own) => own == abi,
            Self::Flags(flags) => abi
                .architecture()
                .is_some_and(|row| row.cache_flags.contains(&flags)),
        }
    }
}

/// `_dl_is_dso` in glibc's `elf/dl-is_dso.h`.
fn is_named_like_library(name: &OsStr) -> bool {
    let name = name.as_bytes();
    (name.starts_with(b"lib") || name.starts_with(b"ld-"))
        && name.windows(3).any(|three| three == b".so")
}

fn identity(root: &Root, path: &Path) -> Option<(Option<Arc<OsStr>>, Abi)> {
    if !root.metadata(path).ok()?.is_file() {
        return None;
    }
    let file = root.open(path).ok()?;
    let object = ElfFile::open(&file).ok()??.object().ok()?;
    (object.kind == Kind::Library && object.refusal.is_none())
        .then_some((object.soname, object.abi))
}
