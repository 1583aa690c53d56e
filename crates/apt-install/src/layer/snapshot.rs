//! Records which leftovers exist before the run.

use super::leftovers::{CACHES, Kind, Places};
use super::mounts::Mounts;
use super::timestamps;
use super::walk::{self, Entry, PathError};
use rustix::fs::{OFlags, Stat, Timestamps};
use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// A larger log is not read into memory, and stays as the run made it. Only logs that cannot be
/// switched off change, and those are small.
const LOG_LIMIT: u64 = 1 << 20;

/// The leftovers of earlier layers, and where those of the run will be.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) places: Places,
    pub(super) files: HashMap<PathBuf, Earlier>,
    /// Directories for package lists that did not exist.
    pub(super) missing: Vec<PathBuf>,
    /// Directories that could not be read: any file in them may have existed.
    pub(super) unknown: Vec<PathError>,
}

/// A file before the run.
#[derive(Debug)]
pub(super) struct Earlier {
    pattern: &'static str,
    stat: Stat,
    /// Of a log, unless it is too large.
    pub(super) content: Option<Vec<u8>>,
}

impl Snapshot {
    /// Records the current state below `root`, including mounts.
    pub(crate) fn take(root: &Path, places: Places) -> Self {
        let mut files = HashMap::new();
        let mut missing = Vec::new();
        let mut unknown = Vec::new();
        for place in &places.all {
            let directory = walk::below(root, &place.directory);
            if place.kind == Kind::Lists && !directory.exists() {
                missing.push(place.directory.clone());
            }
            let failures = walk::list(root, &place.directory, &Mounts::default(), &mut |entry| {
                if entry.is_file() && place.has(entry.file_name()) {
                    let is_log = place.kind == Kind::Log && entry.size() <= LOG_LIMIT;
                    let content = is_log.then(|| read(entry)).transpose()?;
                    let earlier = Earlier {
                        pattern: place.pattern,
                        stat: *entry.stat,
                        content,
                    };
                    files.insert(entry.path.to_owned(), earlier);
                }
                Ok(())
            });
            unknown.extend(failures);
        }
        Self {
            places,
            files,
            missing,
            unknown,
        }
    }

    /// Of a layer of which nothing is known: every leftover counts as new.
    pub(crate) fn nothing(places: Places) -> Self {
        Self {
            places,
            files: HashMap::new(),
            missing: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Whether it is unknown if `path` existed.
    pub(super) fn is_unknown(&self, path: &Path) -> bool {
        self.unknown
            .iter()
            .any(|failure| path.starts_with(&failure.path))
    }

    /// Whether apt's caches, which apt rewrites in each run, existed.
    pub(crate) fn has_apts_caches(&self) -> bool {
        let mut files = self.files.values();
        files.any(|file| CACHES.contains(&file.pattern))
    }
}

impl Earlier {
    /// Whether the file has been changed or replaced.
    pub(super) fn differs(&self, now: &Stat) -> bool {
        let state = |stat: &Stat| {
            (
                (stat.st_size, stat.st_mtime, stat.st_mtime_nsec),
                (stat.st_ctime, stat.st_ctime_nsec),
            )
        };
        state(&self.stat) != state(now)
    }

    /// Its modification time.
    #[allow(clippy::cast_possible_wrap, clippy::unnecessary_cast)] // the types differ by platform
    pub(super) fn times(&self) -> Timestamps {
        timestamps::modified(self.stat.st_mtime as i64, self.stat.st_mtime_nsec as _)
    }
}

fn read(entry: &Entry<'_>) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    entry.open(OFlags::RDONLY)?.read_to_end(&mut content)?;
    Ok(content)
}
