//! What a run brought and the layer is not to hold: package lists, apt's caches and downloads,
//! logs, and the leftovers of ldconfig and debconf.
//!
//! What never happens here: a directory is never deleted, as services expect theirs to be there
//! (`/var/log/nginx`); nothing that was there before the run is deleted; no symbolic link is
//! followed or deleted; nothing on a mount is touched, as that is the user's; and dpkg's database
//! is only read.

use crate::apt::locks;
use crate::cli::Keep;
use crate::layer::mounts::Mounts;
use crate::layer::walk::{self, Entry, Failure};
use crate::state::dpkg_status;
use rustix::fs::{AtFlags, Mode, OFlags};
use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// apt's lists of packages (`Dir::State::lists`).
pub const LISTS: &str = "/var/lib/apt/lists";
/// Downloads that are not whole yet.
const PARTIAL: &str = "/var/lib/apt/lists/partial";
/// apt's caches and downloaded packages (`Dir::Cache`).
pub const CACHE: &str = "/var/cache/apt";
/// Downloaded packages (`Dir::Cache::archives`).
pub const ARCHIVES: &str = "/var/cache/apt/archives";
const LOGS: &str = "/var/log";
const LDCONFIG: &str = "/var/cache/ldconfig";
const DEBCONF: &str = "/var/cache/debconf";

const APT_CACHES: [&str; 2] = [
    "/var/cache/apt/pkgcache.bin",
    "/var/cache/apt/srcpkgcache.bin",
];

/// The logs of package installation itself: never shipped in a package, only ever added to.
const INSTALL_LOGS: [&str; 4] = [
    "/var/log/apt/history.log",
    "/var/log/apt/term.log",
    "/var/log/dpkg.log",
    "/var/log/alternatives.log",
];
/// Logs of package installation that are written anew each time.
const REWRITTEN_LOGS: [&str; 2] = ["/var/log/apt/eipp.log.xz", "/var/log/fontconfig.log"];
/// ldconfig's cache of what it has looked at. It holds times and inode numbers, so that it is
/// different in each build; ldconfig checks them, so that an old one does no harm.
const AUX_CACHE: &str = "/var/cache/ldconfig/aux-cache";
/// No cache of ldconfig's is near this size; a bigger file is not read into memory.
const AUX_CACHE_LIMIT: u64 = 16 << 20;

/// What is purged on its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lists,
    Cache,
    Logs,
    Ldconfig,
    Debconf,
}

const PLACES: [(Kind, &str); 5] = [
    (Kind::Lists, LISTS),
    (Kind::Cache, CACHE),
    (Kind::Logs, LOGS),
    (Kind::Ldconfig, LDCONFIG),
    (Kind::Debconf, DEBCONF),
];

/// What was there before the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Every path that is no directory, with its size.
    sizes: HashMap<PathBuf, u64>,
    /// What could not be looked at: nothing below it is known to be new.
    unknown: Vec<PathBuf>,
    aux_cache: Option<Vec<u8>>,
}

/// What a purge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many files it deleted.
    pub files: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// What it could not do, each naming its path.
    pub warnings: Vec<String>,
}

impl Snapshot {
    /// Looks at what is there now, below `root`, on mounts too.
    #[must_use]
    pub fn take(root: &Path) -> Self {
        let mut snapshot = Self::default();
        for (_, place) in PLACES {
            let mut failures = Vec::new();
            let mut visit = |entry: &Entry<'_>| {
                if !entry.is_directory() {
                    snapshot.sizes.insert(entry.path.to_owned(), entry.size());
                }
            };
            walk::walk(
                root,
                Path::new(place),
                &Mounts::default(),
                &mut visit,
                &mut failures,
            );
            snapshot
                .unknown
                .extend(failures.into_iter().map(|(path, _)| path));
        }
        let aux_cache = Path::new(AUX_CACHE);
        if snapshot
            .sizes
            .get(aux_cache)
            .is_some_and(|&size| size <= AUX_CACHE_LIMIT)
        {
            snapshot.aux_cache = read(root, aux_cache).ok();
        }
        snapshot
    }

    /// Whether apt's own caches, which it writes anew in each run, were there.
    #[must_use]
    pub fn has_apts_caches(&self) -> bool {
        APT_CACHES.iter().any(|cache| self.has(Path::new(cache)))
    }

    /// Whether `path` was there, or may have been.
    fn has(&self, path: &Path) -> bool {
        self.sizes.contains_key(path) || self.unknown.iter().any(|place| path.starts_with(place))
    }
}

/// Deletes what was not there `before`, below `root`.
#[must_use]
pub fn purge(root: &Path, mounts: &Mounts, before: &Snapshot, keep: Keep) -> Purged {
    let mut purge = Purge::new(root, mounts);
    let shipped = Shipped::new(root);
    purge.places(keep, &mut |kind, entry| {
        !before.has(entry.path)
            && match kind {
                Kind::Lists | Kind::Cache => true,
                // What a package has in it is no leftover, though it lies among the logs.
                Kind::Logs => is_install_log(entry.path) || !shipped.has(entry.path),
                Kind::Ldconfig | Kind::Debconf => is_leftover(kind, entry.path),
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

/// Deletes what earlier commands of the same layer left, without a look at what was there before
/// them: only what is known to be a leftover. Lock files stay: they are empty, and deleting one
/// that a lower layer has makes a layer different each time.
#[must_use]
pub fn purge_only(root: &Path, mounts: &Mounts, keep: Keep) -> Purged {
    let mut purge = Purge::new(root, mounts);
    purge.places(keep, &mut |kind, entry| match kind {
        Kind::Lists | Kind::Cache => entry.name != c"lock",
        Kind::Logs => is_install_log(entry.path),
        Kind::Ldconfig | Kind::Debconf => is_leftover(kind, entry.path),
    });
    purge.done
}

/// Deletes the unfinished downloads of lists that were not there `before`, on a mount too: with
/// them there, an update after a full disk can hang for minutes.
#[must_use]
pub fn empty_partial(root: &Path, before: &Snapshot) -> Purged {
    let mounts = Mounts::default();
    let mut purge = Purge::new(root, &mounts);
    purge.place(Path::new(PARTIAL), &mut |entry| !before.has(entry.path));
    purge.done
}

fn is_install_log(path: &Path) -> bool {
    INSTALL_LOGS
        .iter()
        .chain(&REWRITTEN_LOGS)
        .any(|log| path == Path::new(log))
}

fn is_leftover(kind: Kind, path: &Path) -> bool {
    match kind {
        Kind::Ldconfig => path == Path::new(AUX_CACHE),
        // debconf's backups of its databases: config.dat-old, templates.dat-old.
        Kind::Debconf => path.as_os_str().as_encoded_bytes().ends_with(b"-old"),
        Kind::Lists | Kind::Cache | Kind::Logs => false,
    }
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

    /// Goes through all places that are not kept and not on a mount.
    fn places(&mut self, keep: Keep, leftover: &mut dyn FnMut(Kind, &Entry<'_>) -> bool) {
        for (kind, place) in PLACES {
            let (kept, lock) = match kind {
                Kind::Lists => (keep.lists, Some(locks::LISTS)),
                Kind::Cache => (keep.cache, Some(locks::ARCHIVES)),
                Kind::Logs => (keep.logs, None),
                Kind::Ldconfig | Kind::Debconf => (false, None),
            };
            let place = Path::new(place);
            if kept || self.mounts.covers(place) {
                continue;
            }
            // Held while deleting, so that no other apt loses files under its hands.
            let lock = lock.map(|lock| self.root.join(lock.trim_start_matches('/')));
            let guard = lock.as_deref().map(locks::take);
            if let Some(Ok(None)) = guard {
                self.done.warnings.push(format!(
                    "`{}` is in use by another process, so nothing is purged there",
                    place.display()
                ));
                continue;
            }
            self.place(place, &mut |entry| leftover(kind, entry));
        }
    }

    fn place(&mut self, place: &Path, leftover: &mut dyn FnMut(&Entry<'_>) -> bool) {
        let mut failures = Vec::new();
        let done = &mut self.done;
        let mut failed = Vec::new();
        let mut visit = |entry: &Entry<'_>| {
            if entry.is_file() && leftover(entry) {
                match rustix::fs::unlinkat(entry.parent, entry.name, AtFlags::empty()) {
                    Ok(()) => {
                        done.files += 1;
                        done.bytes += entry.size();
                    }
                    Err(error) => failed.push((entry.path.to_owned(), error.into())),
                }
            }
        };
        walk::walk(self.root, place, self.mounts, &mut visit, &mut failures);
        self.warn(failures.into_iter().chain(failed));
    }

    fn warn(&mut self, failures: impl IntoIterator<Item = Failure>) {
        let warnings = failures.into_iter().map(|(path, error)| {
            format!(
                "cannot purge `{}`: {error}; it stays in the layer",
                path.display()
            )
        });
        self.done.warnings.extend(warnings);
    }

    /// Cuts a log that was there before back to what it was.
    fn cut_back(&mut self, log: &Path, before: &Snapshot) {
        let Some(&size) = before.sizes.get(log) else {
            return;
        };
        if self.mounts.covers(log) {
            return;
        }
        match cut(self.root, log, size) {
            Ok(bytes) => self.done.bytes += bytes,
            Err(error) => self.warn([(log.to_owned(), error)]),
        }
    }

    /// Gives ldconfig's cache the content that it had.
    fn put_back_aux_cache(&mut self, before: &Snapshot) {
        let path = Path::new(AUX_CACHE);
        let Some(content) = &before.aux_cache else {
            return;
        };
        if self.mounts.covers(path) {
            return;
        }
        if let Err(error) = put_back(self.root, path, content) {
            self.warn([(path.to_owned(), error)]);
        }
    }

    fn warn_of_shipped(&mut self, shipped: &Shipped<'_>) {
        if let Some(Err(error)) = shipped.paths.get() {
            self.done.warnings.push(format!(
                "cannot read which logs belong to packages in `{}`: {error}; new ones stay",
                dpkg_status::DIRECTORY
            ));
        }
    }
}

/// The files below `/var/log` that packages have in them: read only when there is one to ask
/// about.
struct Shipped<'a> {
    root: &'a Path,
    paths: std::cell::OnceCell<io::Result<HashSet<PathBuf>>>,
}

impl<'a> Shipped<'a> {
    fn new(root: &'a Path) -> Self {
        Self {
            root,
            paths: std::cell::OnceCell::new(),
        }
    }

    /// Whether `path` is one of them, or that cannot be told.
    fn has(&self, path: &Path) -> bool {
        let paths = self.paths.get_or_init(|| {
            let directory = self
                .root
                .join(dpkg_status::DIRECTORY.trim_start_matches('/'));
            dpkg_status::shipped_below(&directory, Path::new(LOGS))
        });
        paths.as_ref().map_or(true, |paths| paths.contains(path))
    }
}

/// Opens the file `path` below `root`, following no link on the way; `None` where it is not
/// there, or no regular file.
fn open_file(root: &Path, path: &Path, flags: OFlags) -> io::Result<Option<OwnedFd>> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(None);
    };
    let Some(parent) = walk::open(root, parent)? else {
        return Ok(None);
    };
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::openat(&parent, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mode = rustix::fs::fstat(&file)?.st_mode;
    let regular = rustix::fs::FileType::from_raw_mode(mode) == rustix::fs::FileType::RegularFile;
    Ok(regular.then_some(file))
}

fn read(root: &Path, path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    if let Some(file) = open_file(root, path, OFlags::RDONLY)? {
        std::fs::File::from(file).read_to_end(&mut content)?;
    }
    Ok(content)
}

/// Cuts the file to `size` bytes where it has more, and gives how many went.
fn cut(root: &Path, path: &Path, size: u64) -> io::Result<u64> {
    // Opened for reading first: opening a file of a lower layer for writing copies it up.
    let Some(file) = open_file(root, path, OFlags::RDONLY)? else {
        return Ok(0);
    };
    let more = u64::try_from(rustix::fs::fstat(&file)?.st_size)
        .unwrap_or(0)
        .saturating_sub(size);
    if more == 0 {
        return Ok(0);
    }
    if let Some(file) = open_file(root, path, OFlags::WRONLY)? {
        rustix::fs::ftruncate(&file, size)?;
    }
    Ok(more)
}

fn put_back(root: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    if read(root, path)? == content {
        return Ok(());
    }
    if let Some(file) = open_file(root, path, OFlags::WRONLY | OFlags::TRUNC)? {
        std::fs::File::from(file).write_all(content)?;
    }
    Ok(())
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
            self.0.path().join(path.trim_start_matches('/'))
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
            let mut visit = |entry: &Entry<'_>| {
                if !entry.is_directory() {
                    files.push(entry.path.display().to_string());
                }
            };
            let mounts = Mounts::default();
            walk::walk(
                self.0.path(),
                Path::new("/"),
                &mounts,
                &mut visit,
                &mut Vec::new(),
            );
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
    fn what_the_run_brought_goes_and_directories_stay() {
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
    fn what_was_there_before_stays() {
        let root = Root::new();
        for path in BROUGHT {
            root.write(path, "12");
        }
        let before = root.snapshot();
        assert_eq!(counts(&root.purge("", &before, Keep::default())), (0, 0));
        assert_eq!(root.files().len(), 9);
    }

    #[test]
    fn logs_that_grew_are_cut_back_and_the_aux_cache_is_put_back() {
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
    fn what_the_user_keeps_stays() {
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
    fn what_lies_on_a_mount_stays() {
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
                "cannot purge `/var/cache/apt`: not a directory, or behind a symbolic link; \
              it stays in the layer"
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
    fn what_could_not_be_looked_at_before_is_not_new() {
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
    fn a_log_that_a_package_has_in_it_stays() {
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
    fn a_purge_without_a_snapshot_knows_what_is_a_leftover() {
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
    fn unfinished_downloads_go_but_for_what_was_there() {
        let root = Root::new();
        root.write("/var/lib/apt/lists/partial/old", "");
        let before = root.snapshot();
        root.write("/var/lib/apt/lists/partial/new", "1");
        root.write("/var/lib/apt/lists/whole", "1");
        assert_eq!(counts(&empty_partial(root.0.path(), &before)), (1, 1));
        assert!(root.path("/var/lib/apt/lists/partial/old").exists());
    }
}
