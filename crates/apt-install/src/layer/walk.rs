//! Walking a part of the file system without ever following a symbolic link or crossing a mount
//! point: from `/` on, every directory is opened in the one before it, and a link where a
//! directory is expected is an error. What is found is acted on by the descriptor of its
//! directory, so that nothing can be exchanged for something else between look and act.

use crate::layer::mounts::Mounts;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// One entry of a directory.
pub(crate) struct Entry<'a> {
    /// The directory that it is in.
    pub(crate) parent: BorrowedFd<'a>,
    /// Its name there.
    pub(crate) name: &'a CStr,
    /// Its path, as seen from the root that is walked.
    pub(crate) path: &'a Path,
    /// What the system says of it; of a link, of the link itself.
    pub(crate) stat: &'a Stat,
}

impl Entry<'_> {
    /// Whether it is a regular file.
    pub(crate) fn is_file(&self) -> bool {
        self.file_type() == FileType::RegularFile
    }

    /// Whether it is a directory.
    pub(crate) fn is_directory(&self) -> bool {
        self.file_type() == FileType::Directory
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }
}

/// A path that something could not be done with, and why.
pub(crate) type Failure = (PathBuf, io::Error);

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Visits every entry below `dir`, a path that begins with `/` and is meant below `root`. A
/// directory that is a mount point is neither visited nor entered. Where `dir` is not there,
/// nothing is visited.
pub(crate) fn walk(
    root: &Path,
    dir: &Path,
    mounts: &Mounts,
    visit: &mut dyn FnMut(&Entry<'_>),
    failures: &mut Vec<Failure>,
) {
    let opened = match open(root, dir) {
        Ok(Some(opened)) => opened,
        Ok(None) => return,
        Err(error) => return failures.push((dir.to_owned(), error)),
    };
    let device = match rustix::fs::fstat(&opened) {
        Ok(stat) => stat.st_dev,
        Err(error) => return failures.push((dir.to_owned(), error.into())),
    };
    let mut walk = Walk {
        mounts,
        device,
        visit,
        failures,
    };
    walk.directory(&opened, &mut dir.to_owned());
}

/// Opens the directory `dir` below `root`, step by step; `None` where it is not there.
pub(crate) fn open(root: &Path, dir: &Path) -> io::Result<Option<OwnedFd>> {
    // What `root` itself is called is the caller's business: it may lie behind a link.
    let flags = DIRECTORY.difference(OFlags::NOFOLLOW);
    let mut opened = rustix::fs::open(root, flags, Mode::empty())?;
    for component in dir.components() {
        let Component::Normal(name) = component else {
            continue;
        };
        opened = match rustix::fs::openat(&opened, name, DIRECTORY, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => {
                return Err(io::Error::other(
                    "not a directory, or behind a symbolic link",
                ));
            }
            Err(error) => return Err(error.into()),
        };
    }
    Ok(Some(opened))
}

struct Walk<'a> {
    mounts: &'a Mounts,
    device: u64,
    visit: &'a mut dyn FnMut(&Entry<'_>),
    failures: &'a mut Vec<Failure>,
}

impl Walk<'_> {
    fn directory(&mut self, dir: &OwnedFd, path: &mut PathBuf) {
        // The whole list first: what the visitor does must not disturb the reading.
        let listed = Dir::read_from(dir).and_then(Iterator::collect::<rustix::io::Result<Vec<_>>>);
        let mut entries = match listed {
            Ok(entries) => entries,
            Err(error) => return self.failures.push((path.clone(), error.into())),
        };
        entries.sort_by(|one, other| one.file_name().cmp(other.file_name()));
        for entry in &entries {
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            path.push(OsStr::from_bytes(name.to_bytes()));
            if let Err(error) = self.entry(dir, name, path) {
                self.failures.push((path.clone(), error));
            }
            path.pop();
        }
    }

    fn entry(&mut self, dir: &OwnedFd, name: &CStr, path: &mut PathBuf) -> io::Result<()> {
        let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            // Gone since the directory was read.
            Err(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        let directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        // An overlay may show a file with the device number of the layer that it comes from.
        if directory && stat.st_dev != self.device || self.mounts.is_point(path) {
            return Ok(());
        }
        let entry = Entry {
            parent: dir.as_fd(),
            name,
            path,
            stat: &stat,
        };
        (self.visit)(&entry);
        if entry.is_directory() {
            let opened = rustix::fs::openat(dir, name, DIRECTORY, Mode::empty())?;
            self.directory(&opened, path);
        }
        Ok(())
    }
}
