//! Walks a directory tree without following symbolic links or crossing mount points. Visitors act
//! on an entry through the descriptor of its directory, so that the entry cannot be replaced by a
//! link between the check and the action.

use super::mounts::Mounts;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Returns the location of an absolute `path` below `root`.
pub(super) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

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

    pub(super) fn file_name(&self) -> &OsStr {
        OsStr::from_bytes(self.name.to_bytes())
    }

    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    /// Opens it, if it is still a file.
    pub(super) fn open(&self, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mode = Mode::from_raw_mode(self.stat.st_mode);
        Ok(rustix::fs::openat(self.parent, self.name, flags, mode)?.into())
    }

    fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }
}

/// An error and the path that it concerns.
#[derive(Debug)]
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
    start(root, dir, mounts, true, visit)
}

/// Visits every entry of `dir`, as [`walk`] does, but no directory below it.
pub(super) fn list(
    root: &Path,
    dir: &Path,
    mounts: &Mounts,
    visit: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>,
) -> Vec<PathError> {
    start(root, dir, mounts, false, visit)
}

fn start(
    root: &Path,
    dir: &Path,
    mounts: &Mounts,
    deep: bool,
    visit: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>,
) -> Vec<PathError> {
    let opened = match open_directory(root, dir) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Vec::new(),
        Err(failure) => return vec![failure],
    };
    let device = match rustix::fs::fstat(&opened) {
        Ok(stat) => stat.st_dev,
        Err(error) => return vec![PathError::new(dir, error)],
    };
    let mut walk = Walk {
        mounts,
        device,
        deep,
        visit,
        failures: Vec::new(),
    };
    walk.directory(&opened, &mut dir.to_owned());
    walk.failures
}

/// Opens the directory `dir` below `root`, one component at a time. `None` if it does not exist.
fn open_directory(root: &Path, dir: &Path) -> Result<Option<OwnedFd>, PathError> {
    // `root` itself may be reached through a link.
    let flags = DIRECTORY.difference(OFlags::NOFOLLOW);
    let mut path = PathBuf::from("/");
    let mut opened = rustix::fs::open(root, flags, Mode::empty())
        .map_err(|error| PathError::new(&path, error))?;
    for component in dir.components() {
        let Component::Normal(name) = component else {
            continue;
        };
        path.push(name);
        opened = match rustix::fs::openat(&opened, name, DIRECTORY, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => {
                let error = io::Error::other("it is a symbolic link, or not a directory");
                return Err(PathError::new(&path, error));
            }
            Err(error) => return Err(PathError::new(&path, error)),
        };
    }
    Ok(Some(opened))
}

/// Deletes the directory `dir` below `root` if it exists and is empty.
pub(super) fn remove_empty(root: &Path, dir: &Path) -> Result<(), PathError> {
    let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else {
        return Ok(());
    };
    let Some(parent) = open_directory(root, parent)? else {
        return Ok(());
    };
    match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
        // A read-only file system says so even if there is no such directory.
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::NOTDIR | Errno::ROFS) => Ok(()),
        Err(error) => Err(PathError::new(dir, error)),
    }
}

struct Walk<'a> {
    mounts: &'a Mounts,
    device: u64,
    deep: bool,
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
        if self.deep && entry.is_directory() {
            let opened = rustix::fs::openat(dir, name, DIRECTORY, Mode::empty())?;
            self.directory(&opened, path);
        }
        Ok(())
    }
}
