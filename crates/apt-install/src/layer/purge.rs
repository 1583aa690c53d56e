//! Deletes the files that a run added and that do not belong in the layer: package lists, apt's
//! caches and downloads, logs, and leftovers of ldconfig and debconf.
//!
//! Never deleted: directories, because services expect theirs to exist (`/var/log/nginx`); files
//! that existed before the run; symbolic links; files on a mount, which belong to the user.

use super::files;
use super::mounts::Mounts;
use super::places::{AUX_CACHE, INSTALL_LOGS, LOGS, PARTIAL, Place};
use super::snapshot::Snapshot;
use super::walk::{self, PathError};
use crate::apt::locks;
use crate::cli::Keep;
use crate::state::dpkg_status;
use rustix::fs::AtFlags;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

/// The result of a purge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purged {
    /// The number of deleted files.
    pub(crate) files: u64,
    /// The number of bytes deleted, including those cut off logs.
    pub(crate) bytes: u64,
    /// What could not be purged; each message names the path.
    pub(crate) warnings: Vec<String>,
}

/// Deletes leftovers below `root` that did not exist `before`.
pub(crate) fn purge(root: &Path, mounts: &Mounts, before: &Snapshot, keep: Keep) -> Purged {
    let mut purge = Purge::new(root, mounts);
    let shipped = Shipped::new(root);
    purge.places(keep, &mut |place, file| {
        !before.has(file)
            && match place {
                Place::Lists | Place::Cache => true,
                // A file that a package owns is not a leftover.
                Place::Logs => place.is_leftover(file) || !shipped.has(file),
                Place::Ldconfig | Place::Debconf => place.is_leftover(file),
            }
    });
    if !keep.logs {
        for log in INSTALL_LOGS {
            purge.cut_back(Path::new(log), before);
        }
    }
    purge.put_back_aux_cache(before);
    purge.warn_of_shipped(&shipped);
    purge.done
}

/// Deletes leftovers of earlier commands in the same layer. Without a snapshot, only files that are
/// known to be leftovers are deleted.
pub(crate) fn purge_only(root: &Path, mounts: &Mounts, keep: Keep) -> Purged {
    let mut purge = Purge::new(root, mounts);
    purge.places(keep, &mut Place::is_leftover);
    purge.done
}

/// Deletes unfinished downloads of package lists that did not exist `before`, even on a mount:
/// after a full disk, they can make the next update hang for minutes.
pub(crate) fn empty_partial(root: &Path, before: &Snapshot) -> Purged {
    let mounts = Mounts::default();
    let mut purge = Purge::new(root, &mounts);
    purge.place(Path::new(PARTIAL), &mut |file| !before.has(file));
    purge.done
}

struct Purge<'a> {
    root: &'a Path,
    mounts: &'a Mounts,
    done: Purged,
}

impl<'a> Purge<'a> {
    fn new(root: &'a Path, mounts: &'a Mounts) -> Self {
        Self {
            root,
            mounts,
            done: Purged::default(),
        }
    }

    /// Purges all places that are not kept and not on a mount.
    fn places(&mut self, keep: Keep, leftover: &mut dyn FnMut(Place, &Path) -> bool) {
        for place in Place::ALL {
            let (kept, lock) = match place {
                Place::Lists => (keep.lists, Some(locks::LISTS)),
                Place::Cache => (keep.cache, Some(locks::ARCHIVES)),
                Place::Logs => (keep.logs, None),
                Place::Ldconfig | Place::Debconf => (false, None),
            };
            if kept || self.mounts.covers(place.path()) {
                continue;
            }
            // Held while deleting, so that another apt does not lose files that it is using.
            let lock = lock.map(|lock| files::below(self.root, Path::new(lock)));
            let guard = lock.as_deref().map(locks::take);
            if let Some(Ok(None)) = guard {
                self.done.warnings.push(format!(
                    "`{}` is in use by another process and was not purged; to purge it later, run \
                     `apt-install --purge-only`",
                    place.path().display()
                ));
                continue;
            }
            self.place(place.path(), &mut |file| leftover(place, file));
        }
    }

    fn place(&mut self, place: &Path, leftover: &mut dyn FnMut(&Path) -> bool) {
        let done = &mut self.done;
        let failures = walk::walk(self.root, place, self.mounts, &mut |entry| {
            if entry.is_file() && leftover(entry.path) {
                rustix::fs::unlinkat(entry.parent, entry.name, AtFlags::empty())?;
                done.files += 1;
                done.bytes += entry.size();
            }
            Ok(())
        });
        for failure in failures {
            self.warn(&failure);
        }
    }

    fn warn(&mut self, PathError { path, error }: &PathError) {
        self.done.warnings.push(format!(
            "cannot purge `{}`: {error}; it remains in the layer",
            path.display()
        ));
    }

    /// Truncates a log that existed before to its earlier size.
    fn cut_back(&mut self, log: &Path, before: &Snapshot) {
        let Some(size) = before.size(log) else {
            return;
        };
        if self.mounts.covers(log) {
            return;
        }
        match files::cut(self.root, log, size) {
            Ok(bytes) => self.done.bytes += bytes,
            Err(error) => self.warn(&PathError::new(log, error)),
        }
    }

    /// Restores the content of ldconfig's cache.
    fn put_back_aux_cache(&mut self, before: &Snapshot) {
        let path = Path::new(AUX_CACHE);
        let Some(content) = before.aux_cache() else {
            return;
        };
        if self.mounts.covers(path) {
            return;
        }
        if let Err(error) = files::put_back(self.root, path, content) {
            self.warn(&PathError::new(path, error));
        }
    }

    fn warn_of_shipped(&mut self, shipped: &Shipped<'_>) {
        if let Some(Err(error)) = shipped.paths.get() {
            self.done.warnings.push(format!(
                "cannot look up in `{}` which logs packages own: {error}; new logs remain in \
                 the layer",
                dpkg_status::DIRECTORY
            ));
        }
    }
}

/// The files below `/var/log` that packages own; read from dpkg's database on first use.
struct Shipped<'a> {
    root: &'a Path,
    paths: OnceCell<io::Result<HashSet<PathBuf>>>,
}

impl<'a> Shipped<'a> {
    fn new(root: &'a Path) -> Self {
        Self {
            root,
            paths: OnceCell::new(),
        }
    }

    /// Whether a package owns `path`, or the owners are unknown.
    fn has(&self, path: &Path) -> bool {
        let paths = self.paths.get_or_init(|| {
            let directory = files::below(self.root, Path::new(dpkg_status::DIRECTORY));
            dpkg_status::shipped_below(&directory, Path::new(LOGS))
        });
        paths.as_ref().map_or(true, |paths| paths.contains(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    struct Root(TempDir);

    impl Root {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a directory"))
        }

        fn path(&self, path: &str) -> PathBuf {
            files::below(self.0.path(), Path::new(path))
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.path(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, text).expect("a file");
        }

        fn snapshot(&self) -> Snapshot {
            Snapshot::take(self.0.path())
        }

        fn purge(&self, mounts: &str, before: &Snapshot, keep: Keep) -> Purged {
            purge(
                self.0.path(),
                &Mounts::parse(mounts.as_bytes()),
                before,
                keep,
            )
        }

        /// Every file below the root, sorted.
        fn files(&self) -> Vec<String> {
            let mut files = Vec::new();
            let mounts = Mounts::default();
            walk::walk(self.0.path(), Path::new("/"), &mounts, &mut |entry| {
                if !entry.is_directory() {
                    files.push(entry.path.display().to_string());
                }
                Ok(())
            });
            files
        }
    }

    fn counts(purged: &Purged) -> (u64, u64) {
        assert_eq!(purged.warnings, [""; 0]);
        (purged.files, purged.bytes)
    }

    const BROUGHT: [&str; 9] = [
        "/var/lib/apt/lists/a_Packages",
        "/var/lib/apt/lists/partial/b",
        "/var/cache/apt/pkgcache.bin",
        "/var/cache/apt/archives/a.deb",
        "/var/log/dpkg.log",
        "/var/log/nginx/access.log",
        "/var/log/apt/term.log",
        "/var/cache/ldconfig/aux-cache",
        "/var/cache/debconf/config.dat-old",
    ];

    #[test]
    fn files_of_the_run_are_deleted_and_directories_stay() {
        let root = Root::new();
        let before = root.snapshot();
        for path in BROUGHT {
            root.write(path, "12");
        }
        root.write("/var/cache/debconf/config.dat", "");
        root.write("/var/cache/fontconfig/x", "");
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (9, 18));
        assert_eq!(
            root.files(),
            ["/var/cache/debconf/config.dat", "/var/cache/fontconfig/x"]
        );
        assert!(root.path("/var/log/nginx").is_dir());
        assert!(root.path("/var/lib/apt/lists/partial").is_dir());
    }

    #[test]
    fn files_that_existed_before_stay() {
        let root = Root::new();
        for path in BROUGHT {
            root.write(path, "12");
        }
        let before = root.snapshot();
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (0, 0));
        assert_eq!(root.files().len(), 9);
    }

    #[test]
    fn logs_are_truncated_and_the_aux_cache_is_restored() {
        let root = Root::new();
        root.write("/var/log/dpkg.log", "old\n");
        root.write("/var/log/lastlog", "old\n");
        root.write("/var/cache/ldconfig/aux-cache", "old");
        let before = root.snapshot();
        root.write("/var/log/dpkg.log", "old\nnew\n");
        root.write("/var/log/lastlog", "old\nnew\n");
        root.write("/var/cache/ldconfig/aux-cache", "newer");
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (0, 4));
        let text = |path| fs::read_to_string(root.path(path)).expect("a file");
        assert_eq!(text("/var/log/dpkg.log"), "old\n");
        assert_eq!(text("/var/log/lastlog"), "old\nnew\n");
        assert_eq!(text("/var/cache/ldconfig/aux-cache"), "old");
    }

    #[test]
    fn kept_places_are_not_purged() {
        for (keep, kept) in [
            ((true, false, false), 2),
            ((false, true, false), 2),
            ((false, false, true), 3),
        ] {
            let root = Root::new();
            let before = root.snapshot();
            for path in BROUGHT {
                root.write(path, "");
            }
            let (lists, cache, logs) = keep;
            let keep = Keep { lists, cache, logs };
            assert_eq!(counts(&root.purge("", &before, keep)).0, 9 - kept);
        }
    }

    #[test]
    fn files_on_a_mount_stay() {
        let root = Root::new();
        let before = root.snapshot();
        for path in BROUGHT {
            root.write(path, "");
        }
        let mounts = "1 1 1:1 / /var/cache/apt rw\n1 1 1:1 / /var/log/nginx rw\n\
                      1 1 1:1 / /var/log/dpkg.log rw\n";
        assert_eq!(
            counts(&root.purge(mounts, &before, Keep::default())),
            (5, 0)
        );
        assert_eq!(
            root.files(),
            [
                "/var/cache/apt/archives/a.deb",
                "/var/cache/apt/pkgcache.bin",
                "/var/log/dpkg.log",
                "/var/log/nginx/access.log"
            ]
        );
    }

    #[test]
    fn no_link_is_followed_or_deleted() {
        let root = Root::new();
        root.write("/elsewhere/a", "");
        root.write("/elsewhere/archives/b", "");
        fs::create_dir_all(root.path("/var/cache")).expect("directories");
        fs::create_dir_all(root.path("/var/log")).expect("directories");
        let link = |path| std::os::unix::fs::symlink("/elsewhere", root.path(path)).expect("link");
        link("/var/cache/apt");
        let before = root.snapshot();
        link("/var/log/linked");
        let purged = root.purge("", &before, Keep::default());
        assert_eq!(purged.files, 0);
        assert_eq!(
            purged.warnings,
            [
                "cannot purge `/var/cache/apt`: the path contains a symbolic link or a file in \
              place of a directory; it remains in the layer"
            ]
        );
        assert_eq!(
            root.files(),
            [
                "/elsewhere/a",
                "/elsewhere/archives/b",
                "/var/cache/apt",
                "/var/log/linked"
            ]
        );
    }

    #[test]
    fn files_that_could_not_be_seen_before_stay() {
        let root = Root::new();
        root.write("/elsewhere/a", "");
        root.write("/var/lib/dpkg/status", "");
        fs::create_dir_all(root.path("/var/cache")).expect("directories");
        let cache = root.path("/var/cache/apt");
        std::os::unix::fs::symlink("/elsewhere", &cache).expect("a link");
        let before = root.snapshot();
        fs::remove_file(&cache).expect("the link can be removed");
        root.write("/var/cache/apt/archives/a.deb", "");
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (0, 0));
        assert!(cache.join("archives/a.deb").exists());
    }

    #[test]
    fn a_log_that_a_package_owns_stays() {
        let root = Root::new();
        let before = root.snapshot();
        root.write("/var/log/shipped.log", "");
        root.write("/var/log/made.log", "");
        root.write(
            "/var/lib/dpkg/info/x.list",
            "/.\n/var/log\n/var/log/shipped.log\n",
        );
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (1, 0));
        assert!(root.path("/var/log/shipped.log").exists());
    }

    #[test]
    fn a_purge_without_a_snapshot_deletes_known_leftovers() {
        let root = Root::new();
        for path in BROUGHT {
            root.write(path, "");
        }
        root.write("/var/lib/apt/lists/lock", "");
        root.write("/var/log/lastlog", "");
        let purged = purge_only(root.0.path(), &Mounts::default(), Keep::default());
        assert_eq!(counts(&purged), (8, 0));
        assert_eq!(
            root.files(),
            [
                "/var/lib/apt/lists/lock",
                "/var/log/lastlog",
                "/var/log/nginx/access.log"
            ]
        );
    }

    #[test]
    fn new_unfinished_downloads_are_deleted() {
        let root = Root::new();
        root.write("/var/lib/apt/lists/partial/old", "");
        let before = root.snapshot();
        root.write("/var/lib/apt/lists/partial/new", "1");
        root.write("/var/lib/apt/lists/whole", "1");
        assert_eq!(counts(&empty_partial(root.0.path(), &before)), (1, 1));
        assert!(root.path("/var/lib/apt/lists/partial/old").exists());
    }
}
