//! Walks a directory tree without following symbolic links or crossing mount points. Visitors act
//! on an entry through the descriptor of its directory, so that the entry cannot be replaced by a
//! link between the check and the action.

use super::files::{self, DIRECTORY};
use super::mounts::Mounts;
use rustix::fs::{AtFlags, Dir, FileType, Mode, Stat};
use rustix::io::Errno;
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// An entry of a directory.
pub(super) struct Entry<'a> {
    /// The directory that contains it.
    pub(super) parent: BorrowedFd<'a>,
    pub(super) name: &'a CStr,
    /// Its path; the root of the walk counts as `/`.
    pub(super) path: &'a Path,
    /// Its status; that of the link if it is a symbolic link.
    pub(super) stat: &'a Stat,
}

impl Entry<'_> {
    /// Whether it is a regular file.
    pub(super) fn is_file(&self) -> bool {
        self.file_type() == FileType::RegularFile
    }

    pub(super) fn is_directory(&self) -> bool {
        self.file_type() == FileType::Directory
    }

    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }
}

/// An error and the path that it concerns.
pub(crate) struct PathError {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

impl PathError {
    pub(super) fn new(path: &Path, error: impl Into<io::Error>) -> Self {
        Self {
            path: path.to_owned(),
            error: error.into(),
        }
    }
}

/// Visits every entry below `dir`, an absolute path below `root`. Mount points are neither visited
/// nor entered. A missing `dir` has no entries. A failure does not end the walk; all are returned,
/// those of the visitor too, in the order of the walk.
pub(super) fn walk(
    root: &Path,
    dir: &Path,
    mounts: &Mounts,
    visit: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>,
) -> Vec<PathError> {
    let opened = match files::open_directory(root, dir) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![PathError::new(dir, error)],
    };
    let device = match rustix::fs::fstat(&opened) {
        Ok(stat) => stat.st_dev,
        Err(error) => return vec![PathError::new(dir, error)],
    };
    let mut walk = Walk {
        mounts,
        device,
        visit,
        failures: Vec::new(),
    };
    walk.directory(&opened, &mut dir.to_owned());
    walk.failures
}

struct Walk<'a> {
    mounts: &'a Mounts,
    device: u64,
    visit: &'a mut dyn FnMut(&Entry<'_>) -> io::Result<()>,
    failures: Vec<PathError>,
}

impl Walk<'_> {
    fn directory(&mut self, dir: &OwnedFd, path: &mut PathBuf) {
        // Read all entries first, because the visitor may delete some.
        let listed = Dir::read_from(dir).and_then(Iterator::collect::<rustix::io::Result<Vec<_>>>);
        let mut entries = match listed {
            Ok(entries) => entries,
            Err(error) => return self.failures.push(PathError::new(path, error)),
        };
        entries.sort_by(|one, other| one.file_name().cmp(other.file_name()));
        for entry in &entries {
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            path.push(OsStr::from_bytes(name.to_bytes()));
            if let Err(error) = self.entry(dir, name, path) {
                self.failures.push(PathError::new(path, error));
            }
            path.pop();
        }
    }

    fn entry(&mut self, dir: &OwnedFd, name: &CStr, path: &mut PathBuf) -> io::Result<()> {
        let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            // Deleted since the directory was read.
            Err(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        let entry = Entry {
            parent: dir.as_fd(),
            name,
            path,
            stat: &stat,
        };
        // An overlay may show files with the device number of a lower layer.
        let other_device = entry.is_directory() && stat.st_dev != self.device;
        if other_device || self.mounts.is_point(path) {
            return Ok(());
        }
        if let Err(error) = (self.visit)(&entry) {
            self.failures.push(PathError::new(entry.path, error));
        }
        if entry.is_directory() {
            let opened = rustix::fs::openat(dir, name, DIRECTORY, Mode::empty())?;
            self.directory(&opened, path);
        }
        Ok(())
    }
}
