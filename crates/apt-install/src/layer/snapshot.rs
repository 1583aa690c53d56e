//! Records the files that exist before the run, in the directories that are purged.

use super::files;
use super::mounts::Mounts;
use super::places::{APT_CACHES, AUX_CACHE, Place};
use super::walk;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// ldconfig's cache is far smaller than this; a larger file is not read into memory.
const AUX_CACHE_LIMIT: u64 = 16 << 20;

/// The state before the run.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// The size of every file that is not a directory.
    sizes: HashMap<PathBuf, u64>,
    /// Paths that could not be read: any file below them may have existed.
    unknown: Vec<PathBuf>,
    aux_cache: Option<Vec<u8>>,
}

impl Snapshot {
    /// Records the current state below `root`, including mounts.
    pub(crate) fn take(root: &Path) -> Self {
        let mut snapshot = Self::default();
        for place in Place::ALL {
            let failures = walk::walk(root, place.path(), &Mounts::default(), &mut |entry| {
                if !entry.is_directory() {
                    snapshot.sizes.insert(entry.path.to_owned(), entry.size());
                }
                Ok(())
            });
            snapshot
                .unknown
                .extend(failures.into_iter().map(|failure| failure.path));
        }
        let aux_cache = Path::new(AUX_CACHE);
        if snapshot
            .size(aux_cache)
            .is_some_and(|size| size <= AUX_CACHE_LIMIT)
        {
            snapshot.aux_cache = files::read(root, aux_cache).ok();
        }
        snapshot
    }

    /// Whether apt's caches, which apt rewrites in each run, existed.
    pub(crate) fn has_apts_caches(&self) -> bool {
        APT_CACHES.iter().any(|cache| self.has(Path::new(cache)))
    }

    /// Whether `path` existed, or may have.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.sizes.contains_key(path) || self.unknown.iter().any(|place| path.starts_with(place))
    }

    /// The size of `path`, if it existed and was not a directory.
    pub(super) fn size(&self, path: &Path) -> Option<u64> {
        self.sizes.get(path).copied()
    }

    /// The content of ldconfig's cache, if it existed.
    pub(super) fn aux_cache(&self) -> Option<&[u8]> {
        self.aux_cache.as_deref()
    }
}
