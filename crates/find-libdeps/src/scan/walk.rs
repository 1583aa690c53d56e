//! Directories to the regular files below them, on all threads.
//!
//! No two threads list the same directory. Directories that cannot be listed are returned: the
//! caller decides what that means. No file is opened here.

use rayon::Scope;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use walkdir::WalkDir;

/// A file or directory that cannot be read.
#[derive(Debug)]
pub struct Unread {
    pub path: PathBuf,
    pub error: io::Error,
}

/// Calls `visit` once for every regular file at or below `starts`, in no order, on the threads of
/// the current rayon pool. Files and directories for which `is_excluded` returns true are skipped,
/// a directory with everything below it. Returns what could not be listed.
pub fn files(
    starts: &[PathBuf],
    is_excluded: impl Fn(&Path) -> bool + Sync,
    visit: impl Fn(&Path) + Sync,
) -> Vec<Unread> {
    let walk = Walk {
        is_excluded,
        visit,
        unread: Mutex::new(Vec::new()),
    };
    rayon::scope(|scope| {
        for start in starts {
            walk.enter(start.clone(), scope);
        }
    });
    walk.unread
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

struct Walk<E, V> {
    is_excluded: E,
    visit: V,
    unread: Mutex<Vec<Unread>>,
}

impl<E: Fn(&Path) -> bool + Sync, V: Fn(&Path) + Sync> Walk<E, V> {
    /// Visits `path` itself, or lists it in a separate task.
    fn enter<'scope>(&'scope self, path: PathBuf, scope: &Scope<'scope>) {
        if (self.is_excluded)(&path) {
            return;
        }
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {
                scope.spawn(move |scope| self.list(&path, scope));
            }
            Ok(metadata) if metadata.is_file() => (self.visit)(&path),
            Ok(_) => {}
            Err(error) => self.report(path, error),
        }
    }

    fn list<'scope>(&'scope self, dir: &Path, scope: &Scope<'scope>) {
        let entries = WalkDir::new(dir)
            .min_depth(1)
            .max_depth(1)
            .follow_root_links(false);
        let mut files = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) if (self.is_excluded)(entry.path()) => {}
                Ok(entry) if entry.file_type().is_dir() => {
                    let dir = entry.into_path();
                    scope.spawn(move |scope| self.list(&dir, scope));
                }
                Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
                Ok(_) => {}
                Err(error) => self.report(
                    error.path().unwrap_or(dir).to_owned(),
                    error
                        .into_io_error()
                        .unwrap_or_else(|| io::Error::other("a loop of directories")),
                ),
            }
        }
        // After the directories, so that idle threads can take those.
        for file in &files {
            (self.visit)(file);
        }
    }

    fn report(&self, path: PathBuf, error: io::Error) {
        self.unread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Unread { path, error });
    }
}
