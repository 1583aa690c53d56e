//! The libraries that the loader finds for any object: those of `/etc/ld.so.cache`, then those in
//! its default directories.
//!
//! Nothing here depends on the object that asks, but for its ABI and `DF_1_NODEFLIB`.

use crate::arch::{ARCHITECTURES, Abi, Architecture};
use crate::elf::{ElfFile, Kind};
use crate::library;
use crate::root::Root;
use crate::{ld_so_cache, ld_so_conf};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The cache file.
pub const CACHE: &str = "/etc/ld.so.cache";
/// A machine with ten thousand libraries has a cache of one megabyte.
const MAX_CACHE: u64 = 64 << 20;

/// What ldconfig saw, by name.
#[derive(Debug)]
pub struct LdSo {
    by_name: HashMap<OsString, Vec<Cached>>,
    /// The directories of `ld.so.conf`, for the hint that ldconfig was not run.
    configured: Vec<PathBuf>,
    defaults: HashMap<Abi, [PathBuf; 4]>,
    /// Whether there is a cache file that the loader can use.
    has_cache: bool,
}

#[derive(Debug)]
struct Cached {
    path: PathBuf,
    fits: Fits,
    is_for_some_processors: bool,
}

#[derive(Debug)]
enum Fits {
    Flags(u32),
    Abi(Abi),
}

impl LdSo {
    /// Reads the cache of `root`. Where there is none, the libraries that ldconfig would put there
    /// are found as it finds them: the image that the list is for will have run it.
    #[must_use]
    pub fn read(root: &Root) -> Self {
        let configured = ld_so_conf::directories(root);
        let entries = root
            .read(Path::new(CACHE), MAX_CACHE)
            .ok()
            .and_then(|bytes| ld_so_cache::parse(&bytes));
        let has_cache = entries.is_some();
        let mut by_name: HashMap<OsString, Vec<Cached>> = HashMap::new();
        for entry in entries.into_iter().flatten() {
            by_name.entry(entry.name).or_default().push(Cached {
                path: entry.path,
                fits: Fits::Flags(entry.flags),
                is_for_some_processors: entry.is_for_some_processors,
            });
        }
        let mut ld_so = Self {
            by_name,
            configured,
            defaults: ARCHITECTURES
                .iter()
                .map(|row| (row.abi, row.default_directories()))
                .collect(),
            has_cache,
        };
        if !has_cache {
            ld_so.emulate_ldconfig(root);
        }
        ld_so
    }

    /// Whether the loader has a cache to look into.
    #[must_use]
    pub fn has_cache(&self) -> bool {
        self.has_cache
    }

    /// Every file that the cache names.
    pub fn cached_files(&self) -> impl Iterator<Item = &Path> {
        self.by_name
            .values()
            .flatten()
            .map(|cached| cached.path.as_path())
    }

    /// The file that the cache names for `name`: the first whose flags suit `abi`, one that every
    /// processor can use before one that only some can.
    #[must_use]
    pub fn cached(&self, name: &OsStr, abi: Abi) -> Option<&Path> {
        let suitable = |cached: &&Cached| cached.fits.suits(abi);
        let entries = self.by_name.get(name)?;
        let all = entries.iter().filter(suitable);
        all.clone()
            .find(|cached| !cached.is_for_some_processors)
            .or_else(|| all.clone().next())
            .map(|cached| cached.path.as_path())
    }

    /// The directories that the loader of `abi` looks in last, in order.
    #[must_use]
    pub fn default_directories(&self, abi: Abi) -> &[PathBuf] {
        self.defaults.get(&abi).map_or(&[], |all| all.as_slice())
    }

    /// The directories of `ld.so.conf`: a library there that ldconfig has not put into the cache is
    /// not found.
    #[must_use]
    pub fn configured_directories(&self) -> &[PathBuf] {
        &self.configured
    }

    /// Fills the table as `search_dirs` in glibc's `elf/ldconfig.c` would: of each directory,
    /// configured ones first and no directory twice, the files that are named like libraries, by
    /// SONAME. Of equal names the first directory counts, and in it the highest file name.
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
            for (index, dir) in library::tried(root, &dir).iter().enumerate() {
                let mut names = root.list(dir).unwrap_or_default();
                names.retain(|name| is_named_like_library(name));
                names.reverse();
                for name in names {
                    let path = dir.join(&name);
                    let Some((soname, abi)) = identity(root, &path) else {
                        continue;
                    };
                    let mut add = |name: OsString, path| {
                        self.by_name.entry(name).or_default().push(Cached {
                            path,
                            fits: Fits::Abi(abi),
                            is_for_some_processors: index > 0,
                        });
                    };
                    let soname =
                        soname.map_or_else(|| name.clone(), |soname| soname.as_ref().to_owned());
                    // ldconfig makes the link that is named as the SONAME where it is not there.
                    let link = dir.join(&soname);
                    if root.metadata(&link).is_ok() {
                        add(soname, link);
                    } else {
                        add(soname, path.clone());
                    }
                    // A link is entered by its own name too.
                    if root.is_link(&path) {
                        add(name, path);
                    }
                }
            }
        }
    }
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
    (object.kind == Kind::Library).then_some((object.soname, object.abi))
}
