//! Directories to the regular files below them, on all threads.
//!
//! No two threads list the same directory. Directories that cannot be listed are returned: the
//! caller decides what that means. No file is opened here.

use rayon::Scope;
use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, openat};
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The size of the buffer for the entries of a directory: some hundred.
const BUFFER: usize = 16 << 10;

/// A file or directory that cannot be read.
#[derive(Debug)]
pub struct Unread {
    pub path: PathBuf,
    pub error: io::Error,
}

/// What to visit.
pub struct Walk<'a, V> {
    /// Counts the regular files.
    pub files: &'a AtomicUsize,
    /// Files and directories to skip by their path, a directory with everything below it.
    pub is_excluded: Option<&'a (dyn Fn(&Path) -> bool + Sync)>,
    /// Whether to visit the files with this name.
    pub is_wanted: fn(&OsStr) -> bool,
    /// Called once for each symbolic link below a start.
    pub link: &'a (dyn Fn(&Path) + Sync),
    /// Called once for each wanted regular file, in no order, on the threads of the current rayon
    /// pool.
    pub visit: V,
}

impl<V: Fn(&Path) + Sync> Walk<'_, V> {
    /// Visits the files at or below `starts`: a file that is a start itself whatever its name.
    /// Returns what could not be listed.
    pub fn run(&self, starts: &[PathBuf]) -> Vec<Unread> {
        let walking = Walking {
            walk: self,
            unread: Mutex::new(Vec::new()),
        };
        rayon::scope(|scope| {
            for start in starts {
                walking.enter(start.clone(), scope);
            }
        });
        let unread = walking.unread;
        unread.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn excludes(&self, path: &Path) -> bool {
        self.is_excluded
            .is_some_and(|is_excluded| is_excluded(path))
    }
}

struct Walking<'a, V> {
    walk: &'a Walk<'a, V>,
    unread: Mutex<Vec<Unread>>,
}

impl<V: Fn(&Path) + Sync> Walking<'_, V> {
    /// Visits `path` itself, or lists it in a separate task.
    fn enter<'scope>(&'scope self, path: PathBuf, scope: &Scope<'scope>) {
        if self.walk.excludes(&path) {
            return;
        }
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {
                scope.spawn(move |scope| self.list(path, scope));
            }
            Ok(metadata) if metadata.is_file() => {
                self.walk.files.fetch_add(1, Ordering::Relaxed);
                (self.walk.visit)(&path);
            }
            Ok(_) => {}
            Err(error) => self.report(path, error),
        }
    }

    fn list<'scope>(&'scope self, dir: PathBuf, scope: &Scope<'scope>) {
        match self.wanted(&dir, scope) {
            // After the directories, so that idle threads can take those.
            Ok(files) => files.iter().for_each(|file| (self.walk.visit)(file)),
            Err(error) => self.report(dir, error),
        }
    }

    /// The wanted files in `dir`; its directories are listed in separate tasks.
    fn wanted<'scope>(&'scope self, dir: &Path, scope: &Scope<'scope>) -> io::Result<Vec<PathBuf>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(CWD, dir, flags, Mode::empty())?;
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut entries = RawDir::new(directory, &mut buffer);
        let mut number = 0;
        let mut files = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            let (is_dir, is_file, is_link) = match entry.file_type() {
                FileType::Directory => (name != "." && name != "..", false, false),
                FileType::RegularFile => (false, true, false),
                FileType::Symlink => (false, false, true),
                // Some file systems do not state it.
                FileType::Unknown if name != "." && name != ".." => {
                    let metadata = dir.join(name).symlink_metadata()?;
                    let kind = metadata.file_type();
                    (kind.is_dir(), kind.is_file(), kind.is_symlink())
                }
                _ => (false, false, false),
            };
            let is_excluded = || self.walk.excludes(&dir.join(name));
            if is_link && !is_excluded() {
                (self.walk.link)(&dir.join(name));
            }
            if is_dir && !is_excluded() {
                let below = dir.join(name);
                scope.spawn(move |scope| self.list(below, scope));
            } else if is_file && !is_excluded() {
                number += 1;
                if (self.walk.is_wanted)(name) {
                    files.push(dir.join(name));
                }
            }
        }
        self.walk.files.fetch_add(number, Ordering::Relaxed);
        Ok(files)
    }

    fn report(&self, path: PathBuf, error: io::Error) {
        self.unread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Unread { path, error });
    }
}
