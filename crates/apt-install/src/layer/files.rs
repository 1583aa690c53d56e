//! Opens, reads and changes single files without following symbolic links: every directory is
//! opened relative to its parent, and a link in place of a directory is an error.

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

pub(super) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Returns the location of an absolute `path` below `root`.
pub(super) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Opens the directory `dir` below `root`, one component at a time. `None` if it does not exist.
pub(super) fn open_directory(root: &Path, dir: &Path) -> io::Result<Option<OwnedFd>> {
    // `root` itself may be reached through a link.
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
                    "the path contains a symbolic link or a file in place of a directory",
                ));
            }
            Err(error) => return Err(error.into()),
        };
    }
    Ok(Some(opened))
}

/// Opens the file `path` below `root`. `None` if it does not exist or is not a regular file.
fn open_file(root: &Path, path: &Path, flags: OFlags) -> io::Result<Option<File>> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(None);
    };
    let Some(parent) = open_directory(root, parent)? else {
        return Ok(None);
    };
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::openat(&parent, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mode = rustix::fs::fstat(&file)?.st_mode;
    let regular = FileType::from_raw_mode(mode) == FileType::RegularFile;
    Ok(regular.then(|| File::from(file)))
}

/// Reads a file. A missing file is empty.
pub(super) fn read(root: &Path, path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    if let Some(mut file) = open_file(root, path, OFlags::RDONLY)? {
        file.read_to_end(&mut content)?;
    }
    Ok(content)
}

/// Truncates the file to `size` bytes if it is longer. Returns the number of bytes removed.
pub(super) fn cut(root: &Path, path: &Path, size: u64) -> io::Result<u64> {
    // Open for reading first: opening a file of a lower layer for writing copies it up.
    let Some(file) = open_file(root, path, OFlags::RDONLY)? else {
        return Ok(0);
    };
    let more = file.metadata()?.len().saturating_sub(size);
    if more == 0 {
        return Ok(0);
    }
    if let Some(file) = open_file(root, path, OFlags::WRONLY)? {
        file.set_len(size)?;
    }
    Ok(more)
}

/// Writes `content` to the file if its content differs.
pub(super) fn put_back(root: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    if read(root, path)? == content {
        return Ok(());
    }
    if let Some(mut file) = open_file(root, path, OFlags::WRONLY | OFlags::TRUNC)? {
        file.write_all(content)?;
    }
    Ok(())
}
