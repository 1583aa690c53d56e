//! Deletes what a run added to the layer and that is on the list of leftovers.
//!
//! Never deleted: anything that is not on the list; directories, because services expect theirs to
//! exist (except empty ones that apt made for its lists); files that existed before the run; files that
//! a package ships; symbolic links; files on a mount, which belong to the user.

use super::leftovers::{Kind, PARTIAL, Place};
use super::mounts::Mounts;
use super::snapshot::{Earlier, Snapshot};
use super::walk::{self, Entry, PathError};
use crate::apt::locks;
use crate::cli::Keep;
use crate::state::dpkg_status;
use rustix::fs::{AtFlags, Gid, OFlags, Uid};
use std::cell::OnceCell;
use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The result of a purge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purged {
    /// The number of files that were deleted or emptied.
    pub(crate) files: u64,
    /// The number of bytes in them.
    pub(crate) bytes: u64,
    /// What could not be purged; each message names the path.
    pub(crate) warnings: Vec<String>,
}

/// Deletes leftovers below `root` that did not exist `before`, and undoes changes to those that did.
pub(crate) fn purge(root: &Path, mounts: &Mounts, before: &Snapshot, keep: Keep) -> Purged {
    let mut purge = Purge::new(root, mounts, before);
    let kept = [
        (keep.lists, Kind::Lists),
        (keep.cache, Kind::Cache),
        (keep.logs, Kind::Log),
    ];
    let kept = kept.into_iter().filter(|(kept, _)| *kept);
    purge.spared.extend(kept.map(|(_, kind)| kind));
    // Held while deleting, so that another apt does not lose files that it is using.
    let _lists = purge.lock(Kind::Lists, &before.places.lists);
    let _archives = purge.lock(Kind::Cache, &before.places.archives);
    for place in &before.places.all {
        if !purge.spared.contains(&place.kind) {
            purge.place(place);
        }
    }
    if !purge.spared.contains(&Kind::Lists) {
        purge.directories();
    }
    purge.finish()
}

/// Deletes unfinished downloads of package lists that did not exist `before`, even on a mount:
/// after a full disk, they can make the next update hang for minutes. Nothing is deleted while another
/// apt downloads there.
pub(crate) fn empty_partial(root: &Path, before: &Snapshot) -> Purged {
    let mounts = Mounts::default();
    let lock = walk::below(root, &before.places.lists.join("lock"));
    let Ok(Some(_lock)) = locks::take(&lock) else {
        return Purged::default();
    };
    let mut purge = Purge::new(root, &mounts, before);
    for place in &before.places.all {
        if place.pattern == PARTIAL {
            purge.place(place);
        }
    }
    purge.finish()
}

struct Purge<'a> {
    root: &'a Path,
    mounts: &'a Mounts,
    before: &'a Snapshot,
    /// Kinds that are kept, or in use by another process.
    spared: Vec<Kind>,
    shipped: Shipped<'a>,
    done: Purged,
}

impl<'a> Purge<'a> {
    fn new(root: &'a Path, mounts: &'a Mounts, before: &'a Snapshot) -> Self {
        Self {
            root,
            mounts,
            before,
            spared: Vec::new(),
            shipped: Shipped {
                root,
                before,
                paths: OnceCell::new(),
            },
            done: Purged::default(),
        }
    }

    /// Takes apt's lock of the files of `kind`, which is in `directory`.
    fn lock(&mut self, kind: Kind, directory: &Path) -> Option<locks::Guard> {
        if self.spared.contains(&kind) || self.mounts.covers(directory) {
            return None;
        }
        match locks::take(&walk::below(self.root, &directory.join("lock"))) {
            Ok(None) => {
                self.spared.push(kind);
                self.done.warnings.push(format!(
                    "`{}` is in use by another process and was not purged; to purge it later, run \
                     `apt-install --purge-only`",
                    directory.display()
                ));
                None
            }
            taken => taken.ok().flatten(),
        }
    }

    fn place(&mut self, place: &Place) {
        if self.mounts.covers(&place.directory) {
            return;
        }
        let (before, shipped, done) = (self.before, &self.shipped, &mut self.done);
        let failures = walk::list(self.root, &place.directory, self.mounts, &mut |entry| {
            if !entry.is_file() || !place.has(entry.file_name()) || before.is_unknown(entry.path) {
                return Ok(());
            }
            let purged = match before.files.get(entry.path) {
                None => !shipped.has(entry.path) && delete(entry)?,
                Some(earlier) => earlier.differs(entry.stat) && undo(entry, place.kind, earlier)?,
            };
            if purged {
                done.files += 1;
                done.bytes += entry.size();
            }
            Ok(())
        });
        self.warn(&failures);
    }

    /// Deletes the directories for package lists that the run made, if they are empty. apt makes them
    /// when it needs them.
    fn directories(&mut self) {
        for directory in self.before.missing.iter().rev() {
            if self.mounts.covers(directory) {
                continue;
            }
            if let Err(failure) = walk::remove_empty(self.root, directory) {
                self.warn(&[failure]);
            }
        }
    }

    /// Warns of failures; once of a directory that several places are in.
    fn warn(&mut self, failures: &[PathError]) {
        for PathError { path, error } in failures {
            let warning = format!(
                "cannot purge `{}`: {error}; it remains in the layer",
                path.display()
            );
            if !self.done.warnings.contains(&warning) {
                self.done.warnings.push(warning);
            }
        }
    }

    fn finish(mut self) -> Purged {
        self.warn(&self.before.unknown);
        if let Some(Err(error)) = self.shipped.paths.get() {
            self.done.warnings.push(format!(
                "cannot look up in `{}` which files packages own: {error}; new leftovers remain in \
                 the layer",
                dpkg_status::DIRECTORY
            ));
        }
        self.done
    }
}

/// Deletes a file. Returns true.
fn delete(entry: &Entry<'_>) -> io::Result<bool> {
    rustix::fs::unlinkat(entry.parent, entry.name, AtFlags::empty())?;
    Ok(true)
}

/// Undoes what the run did to a file that existed before. Returns whether it was emptied.
fn undo(entry: &Entry<'_>, kind: Kind, earlier: &Earlier) -> io::Result<bool> {
    match (kind, &earlier.content) {
        (Kind::Unneeded, _) if entry.size() > 0 => {
            // A new file: dpkg makes `status-old` a hard link of its status first.
            delete(entry)?;
            let file = entry.open(OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
            let stat = entry.stat;
            let owner = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
            rustix::fs::fchown(file, Some(owner.0), Some(owner.1))?;
            Ok(true)
        }
        (Kind::Log, Some(content)) => {
            let mut file = entry.open(OFlags::WRONLY)?;
            // Not truncated first: on a full disk, an earlier layer's content would be lost.
            file.write_all(content)?;
            file.set_len(content.len() as u64)?;
            rustix::fs::futimens(file, &earlier.times())?;
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// The leftovers that packages own; read from dpkg's database on first use.
struct Shipped<'a> {
    root: &'a Path,
    before: &'a Snapshot,
    paths: OnceCell<io::Result<HashSet<PathBuf>>>,
}

impl Shipped<'_> {
    /// Whether a package owns `path`, or the owners are unknown.
    fn has(&self, path: &Path) -> bool {
        let paths = self.paths.get_or_init(|| {
            let directory = walk::below(self.root, Path::new(dpkg_status::DIRECTORY));
            dpkg_status::shipped(&directory, &|path| self.before.places.have(path))
        });
        paths.as_ref().map_or(true, |paths| paths.contains(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::configuration::Configuration;
    use crate::layer::leftovers::Places;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, symlink};
    use std::path::PathBuf;
    use std::time::{Duration, SystemTime};
    use tempfile::TempDir;

    struct Root(TempDir);

    impl Root {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a directory"))
        }

        fn path(&self, path: &str) -> PathBuf {
            walk::below(self.0.path(), Path::new(path))
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.path(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, text).expect("a file");
        }

        /// Writes a file with a time long ago.
        fn write_old(&self, path: &str, text: &str) {
            self.write(path, text);
            let file = fs::File::options().write(true).open(self.path(path));
            let old = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
            file.and_then(|file| file.set_modified(old))
                .expect("a time");
        }

        fn text(&self, path: &str) -> String {
            fs::read_to_string(self.path(path)).expect("a file")
        }

        fn link(&self, path: &str, target: &Path) {
            let path = self.path(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            symlink(target, path).expect("a link");
        }

        fn places(&self) -> Places {
            Places::find(self.0.path(), &Configuration::default())
        }

        fn snapshot(&self) -> Snapshot {
            Snapshot::take(self.0.path(), self.places())
        }

        fn purge(&self, mounts: &str, before: &Snapshot, keep: Keep) -> Purged {
            let mounts = Mounts::parse(mounts.as_bytes());
            purge(self.0.path(), &mounts, before, keep)
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
        "/var/log/apt/term.log",
        "/var/cache/ldconfig/aux-cache",
        "/var/cache/debconf/config.dat-old",
        "/var/lib/dpkg/status-old",
    ];

    #[test]
    fn only_leftovers_of_the_run_are_deleted() {
        let root = Root::new();
        let before = root.snapshot();
        for path in BROUGHT {
            root.write(path, "12");
        }
        let others = [
            "/var/cache/apt/archives/lock",
            "/var/cache/apt/shipped",
            "/var/cache/debconf/config.dat",
            "/var/lib/apt/lists/lock",
            "/var/log/nginx/access.log",
            "/var/log/other.log",
        ];
        for path in others {
            root.write(path, "");
        }
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (9, 18));
        assert_eq!(root.files(), others);
        assert!(!root.path("/var/lib/apt/lists/partial").exists());
        assert!(root.path("/var/cache/apt/archives").is_dir());
    }

    #[test]
    fn files_that_existed_before_stay() {
        let root = Root::new();
        for path in BROUGHT {
            root.write(path, "12");
        }
        let before = root.snapshot();
        root.write("/var/lib/apt/lists/a_Packages", "newer");
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (0, 0));
        assert_eq!(root.files().len(), 9);
        assert_eq!(root.text("/var/lib/apt/lists/a_Packages"), "newer");
        assert_eq!(root.text("/var/lib/dpkg/status-old"), "12");
    }

    #[test]
    fn a_changed_log_gets_back_its_content_and_time() {
        let root = Root::new();
        root.write_old("/var/log/alternatives.log", "old\n");
        root.write_old("/var/log/fontconfig.log", "old\n");
        let before = root.snapshot();
        root.write("/var/log/alternatives.log", "old\nnew\n");
        root.write("/var/log/fontconfig.log", "new\n");
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (0, 0));
        for log in ["/var/log/alternatives.log", "/var/log/fontconfig.log"] {
            assert_eq!(root.text(log), "old\n");
            assert_eq!(fs::metadata(root.path(log)).expect("a file").mtime(), 7);
        }
    }

    #[test]
    fn a_changed_backup_is_emptied_even_if_it_is_a_link_to_the_original() {
        let root = Root::new();
        root.write("/var/lib/dpkg/status", "new");
        root.write("/var/lib/dpkg/status-old", "old");
        let before = root.snapshot();
        let backup = root.path("/var/lib/dpkg/status-old");
        fs::remove_file(&backup).expect("the file can be deleted");
        fs::hard_link(root.path("/var/lib/dpkg/status"), &backup).expect("a hard link");
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (1, 3));
        assert_eq!(root.text("/var/lib/dpkg/status-old"), "");
        assert_eq!(root.text("/var/lib/dpkg/status"), "new");
    }

    #[test]
    fn kept_kinds_are_not_purged() {
        for (keep, kept) in [
            ((true, false, false), 2),
            ((false, true, false), 2),
            ((false, false, true), 2),
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
        let mounts = "1 1 1:1 / /var/cache/apt rw\n1 1 1:1 / /var/log/dpkg.log rw\n";
        let purged = root.purge(mounts, &before, Keep::default());
        assert_eq!(counts(&purged), (6, 0));
        assert_eq!(
            root.files(),
            [
                "/var/cache/apt/archives/a.deb",
                "/var/cache/apt/pkgcache.bin",
                "/var/log/dpkg.log",
            ]
        );
    }

    #[test]
    fn a_link_from_before_the_run_is_resolved() {
        let root = Root::new();
        root.write("/elsewhere/lists/lock", "");
        root.link("/var/lib/apt/lists", &root.path("/elsewhere/lists"));
        let before = root.snapshot();
        root.write("/elsewhere/lists/x_Packages", "123");
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (1, 3));
        assert_eq!(
            root.files(),
            ["/elsewhere/lists/lock", "/var/lib/apt/lists"]
        );
    }

    #[test]
    fn a_link_that_the_run_made_is_neither_followed_nor_deleted() {
        let root = Root::new();
        root.write("/elsewhere/dpkg.log", "");
        root.write("/elsewhere/archives/b.deb", "");
        let before = root.snapshot();
        root.link("/var/cache/apt", Path::new("/elsewhere"));
        root.link("/var/log/dpkg.log", Path::new("/elsewhere/dpkg.log"));
        let purged = root.purge("", &before, Keep::default());
        assert_eq!(purged.files, 0);
        assert_eq!(
            purged.warnings,
            [
                "cannot purge `/var/cache/apt`: it is a symbolic link, or not a directory; it \
                 remains in the layer"
            ]
        );
        assert_eq!(root.files().len(), 4);
    }

    #[test]
    fn files_in_a_directory_that_could_not_be_read_before_stay() {
        let root = Root::new();
        root.write("/elsewhere/a", "");
        let outside = tempfile::tempdir().expect("a directory");
        root.link("/var/cache/apt", outside.path());
        let before = root.snapshot();
        let cache = root.path("/var/cache/apt");
        fs::remove_file(&cache).expect("the link can be deleted");
        root.write("/var/cache/apt/archives/a.deb", "");
        let purged = root.purge("", &before, Keep::default());
        assert_eq!((purged.files, purged.warnings.len()), (0, 1));
        assert!(cache.join("archives/a.deb").exists());
    }

    #[test]
    fn a_file_that_a_package_ships_stays() {
        let root = Root::new();
        let before = root.snapshot();
        root.write("/var/cache/apt/archives/shipped.deb", "");
        root.write("/var/cache/apt/archives/other.deb", "");
        root.write(
            "/var/lib/dpkg/info/x.list",
            "/.\n/var\n/var/cache/apt/archives/shipped.deb\n",
        );
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (1, 0));
        assert!(root.path("/var/cache/apt/archives/shipped.deb").exists());
    }

    #[test]
    fn without_a_snapshot_every_leftover_is_deleted() {
        let root = Root::new();
        for path in BROUGHT {
            root.write(path, "");
        }
        root.write("/var/lib/apt/lists/lock", "");
        root.write("/var/log/lastlog", "");
        let before = Snapshot::nothing(root.places());
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (9, 0));
        assert_eq!(
            root.files(),
            ["/var/lib/apt/lists/lock", "/var/log/lastlog"]
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
