//! The file system to analyse: the machine's, or a directory in place of `/`.
//!
//! The paths in other modules are absolute *in that file system*. Below a directory, symbolic links
//! are resolved here as the kernel would after `chroot(2)`: an absolute target starts at the
//! directory, and `..` does not lead out of it. Nothing outside the directory is opened, and nothing
//! is ever written.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The kernel's limit, `MAXSYMLINKS` in `include/linux/namei.h`.
const MAX_LINKS: usize = 40;
/// How many directories are remembered.
const MAX_DIRECTORIES: usize = 1 << 12;

/// A file system to analyse.
#[derive(Debug)]
pub struct Root {
    /// The directory in place of `/`, canonical; `None` for the machine's root.
    below: Option<PathBuf>,
    /// Directories with their links resolved: many files lie in few.
    directories: Mutex<HashMap<OsString, PathBuf>>,
}

impl Root {
    /// The machine's file system.
    pub fn machine() -> Self {
        Self {
            below: None,
            directories: Mutex::default(),
        }
    }

    /// The file system below `dir`; an error if it is not an accessible directory.
    pub fn below(dir: &Path) -> io::Result<Self> {
        let dir = fs::canonicalize(dir)?;
        if !fs::metadata(&dir)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            below: Some(dir),
            directories: Mutex::default(),
        })
    }

    /// Whether this is the machine's file system, so that environment variables apply to it.
    pub fn is_machine(&self) -> bool {
        self.below.is_none()
    }

    /// The path by which this process can open `path`, which must be canonical
    /// ([`Root::canonicalize`]) if this is a directory.
    pub fn outer(&self, path: &Path) -> PathBuf {
        match &self.below {
            None => path.to_owned(),
            Some(dir) => dir.join(path.strip_prefix("/").unwrap_or(path)),
        }
    }

    /// The reverse of [`Root::outer`].
    pub fn inner(&self, outer: &Path) -> PathBuf {
        match &self.below {
            None => outer.to_owned(),
            Some(dir) => Path::new("/").join(outer.strip_prefix(dir).unwrap_or(outer)),
        }
    }

    /// `path` with every symbolic link, `.` and `..` resolved.
    pub fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        match self.below {
            None => fs::canonicalize(path),
            Some(_) => self.resolve(path),
        }
    }

    /// The metadata of the file that `path` leads to.
    pub fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        match self.below {
            None => fs::metadata(path),
            Some(_) => fs::metadata(self.outer(&self.resolve(path)?)),
        }
    }

    /// Whether `path` leads to a file that someone may execute.
    pub fn is_executable(&self, path: &Path) -> bool {
        let metadata = self.metadata(path);
        metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    }

    /// Opens the file that `path` leads to for reading. The caller must make sure that it is a
    /// regular file: opening a FIFO blocks.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        match self.below {
            None => File::open(path),
            Some(_) => File::open(self.outer(&self.resolve(path)?)),
        }
    }

    /// The content of the regular file `path`; an error if it is larger than `limit` bytes.
    pub fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        if !self.metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut bytes = Vec::new();
        let read = self.open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        if read as u64 > limit {
            return Err(io::Error::other(format!("larger than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// Whether `path` itself is a symbolic link.
    pub fn is_link(&self, path: &Path) -> bool {
        self.place(path)
            .is_some_and(|place| self.is_link_at(&place))
    }

    /// The same for a `place` whose directory is canonical.
    pub fn is_link_at(&self, place: &Path) -> bool {
        self.symlink_metadata_at(place)
            .is_ok_and(|metadata| metadata.is_symlink())
    }

    /// The metadata of `place` itself, whose directory is canonical.
    pub fn symlink_metadata_at(&self, place: &Path) -> io::Result<Metadata> {
        fs::symlink_metadata(self.outer(place))
    }

    /// The names in the directory `path`, sorted.
    pub fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let path = self.canonicalize(path)?;
        let mut names = fs::read_dir(self.outer(&path))?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        Ok(names)
    }

    /// The chain of symbolic links from `path` to a file, both included. The directory of each
    /// element is canonical. Ends early at a dangling link or in a loop.
    pub fn hops(&self, path: &Path) -> Vec<PathBuf> {
        let mut hops: Vec<PathBuf> = Vec::new();
        let mut next = path.to_owned();
        while let Some(place) = self.place(&next) {
            if hops.contains(&place) || hops.len() > MAX_LINKS {
                break;
            }
            let target = fs::read_link(self.outer(&place));
            let dir = place.parent().map(Path::to_owned);
            hops.push(place);
            match (dir, target) {
                (Some(dir), Ok(target)) => next = dir.join(target),
                _ => break,
            }
        }
        hops
    }

    /// Where the symbolic link `place` leads, without `.` and `..`; its directory must be canonical.
    pub fn link_target(&self, place: &Path) -> Option<PathBuf> {
        let target = fs::read_link(self.outer(place)).ok()?;
        let path = place.parent()?.join(target);
        Some(self.place(&path).unwrap_or(path))
    }

    /// `path` with its directory canonical and its last component unchanged; `None` if it has no
    /// directory that exists.
    pub fn place(&self, path: &Path) -> Option<PathBuf> {
        let (dir, name) = (path.parent()?, path.file_name()?);
        Some(self.directory(dir)?.join(name))
    }

    /// The directory `dir` with its links resolved; `None` if it does not exist.
    pub fn directory(&self, dir: &Path) -> Option<PathBuf> {
        let directories = || {
            self.directories
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(known) = directories().get(dir.as_os_str()) {
            return Some(known.clone());
        }
        let real = match (dir.parent(), dir.file_name()) {
            // A system call for each directory, not for each of its path's components.
            (Some(above), Some(name)) if dir.is_absolute() => {
                let place = self.directory(above)?.join(name);
                if self.symlink_metadata_at(&place).ok()?.is_symlink() {
                    self.canonicalize(&place).ok()?
                } else {
                    place
                }
            }
            _ => self.canonicalize(dir).ok()?,
        };
        let mut directories = directories();
        if directories.len() == MAX_DIRECTORIES {
            directories.clear();
        }
        directories.insert(dir.into(), real.clone());
        Some(real)
    }

    /// Every symbolic link on the way to the file `path`, links to directories included, and the file.
    /// Their directories are canonical.
    pub fn way(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut way = Vec::new();
        let file = self.resolve_noting(path, &mut |link| way.push(link.to_owned()))?;
        way.push(file);
        Ok(way)
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.resolve_noting(path, &mut |_| {})
    }

    fn resolve_noting(&self, path: &Path, note: &mut dyn FnMut(&Path)) -> io::Result<PathBuf> {
        let mut left: Vec<OsString> = parts(path);
        let mut done = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = left.pop() {
            if part == ".." {
                done.pop();
                continue;
            }
            done.push(&part);
            let outer = self.outer(&done);
            if !fs::symlink_metadata(&outer)?.is_symlink() {
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(io::Error::other("too many levels of symbolic links"));
            }
            note(&done);
            let target = fs::read_link(&outer)?;
            done.pop();
            if target.is_absolute() {
                done = PathBuf::from("/");
            }
            left.extend(parts(&target));
        }
        Ok(done)
    }
}

/// The components of `path` in reverse order, so that the next one can be popped.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut parts: Vec<OsString> = names.map(OsStr::to_owned).collect();
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_do_not_lead_out_of_a_directory() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        let dir = outside.path().join("root");
        fs::create_dir_all(dir.join("usr/lib")).unwrap();
        fs::write(dir.join("usr/lib/a"), "inside").unwrap();
        symlink("/usr/lib", dir.join("lib")).unwrap();
        symlink("../../../../secret", dir.join("usr/up")).unwrap();
        symlink(outside.path().join("secret"), dir.join("absolute")).unwrap();
        symlink("loop", dir.join("loop")).unwrap();

        let root = Root::below(&dir).unwrap();
        assert_eq!(root.read(Path::new("/lib/a"), 9).unwrap(), b"inside");
        assert_eq!(
            root.canonicalize(Path::new("/lib/../../lib/a")).unwrap(),
            Path::new("/usr/lib/a")
        );
        for path in ["/usr/up", "/absolute"] {
            let error = root.open(Path::new(path)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{path}");
        }
        assert_eq!(
            root.metadata(Path::new("/loop")).unwrap_err().to_string(),
            "too many levels of symbolic links"
        );
        assert_eq!(root.hops(Path::new("/loop")), [Path::new("/loop")]);
    }
}
