//! What dpkg has installed, from its status file. Read only: nothing here, or anywhere in this
//! program, writes below `/var/lib/dpkg`; that is dpkg's own.

use crate::state::deb822;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// dpkg's database, dpkg(1) "FILES".
pub(crate) const DIRECTORY: &str = "/var/lib/dpkg";
const STATUS: &str = "status";
/// The journal of a dpkg that is at work, or that was interrupted: files with numbers for names.
const UPDATES: &str = "updates";

/// One package that dpkg knows, in one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    /// Its architecture; `all` where it is for any.
    pub(crate) arch: String,
    /// Its version.
    pub(crate) version: String,
    /// Whether it is on hold (`apt-mark hold`).
    pub(crate) held: bool,
    /// Whether it is wholly there, and neither removed nor selected for removal.
    pub(crate) installed: bool,
    /// Its `Installed-Size`, in KiB; an estimate, Debian Policy 5.6.20.
    pub(crate) size: u64,
}

/// All that dpkg knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Database {
    packages: HashMap<String, Vec<Package>>,
    native: Option<String>,
    halfway: bool,
}

impl Database {
    /// Reads the database below `directory`. One that is not there is empty.
    ///
    /// # Errors
    /// What reading `status` or listing `updates` gave.
    pub(crate) fn read(directory: &Path) -> io::Result<Self> {
        let text = match std::fs::read(directory.join(STATUS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let mut database = Self::parse(&String::from_utf8_lossy(&text));
        database.halfway |= is_interrupted(directory)?;
        Ok(database)
    }

    /// The database in the text of a status file, with no journal beside it.
    pub(crate) fn parse(text: &str) -> Self {
        let mut database = Self::default();
        for stanza in deb822::stanzas(text) {
            let Some(name) = stanza.field("Package") else {
                continue;
            };
            let mut words = stanza.field("Status").unwrap_or("").split(' ');
            let (want, flag, state) = (words.next(), words.next(), words.next());
            let whole = flag == Some("ok") && state == Some("installed");
            // dpkg(1): any other state is one that dpkg has yet to finish.
            let settled = whole
                || flag == Some("ok") && matches!(state, Some("not-installed" | "config-files"));
            database.halfway |= !settled;
            let package = Package {
                arch: stanza.field("Architecture").unwrap_or("").to_owned(),
                version: stanza.field("Version").unwrap_or("").to_owned(),
                held: want == Some("hold"),
                installed: whole && matches!(want, Some("install" | "hold")),
                size: stanza
                    .field("Installed-Size")
                    .and_then(|size| size.parse().ok())
                    .unwrap_or(0),
            };
            if name == "dpkg" && package.installed {
                // dpkg is built for the architecture that it calls native.
                database.native = Some(package.arch.clone());
            }
            database
                .packages
                .entry(name.to_owned())
                .or_default()
                .push(package);
        }
        database
    }

    /// The installed package that `name[:arch]` means: without an architecture the native one.
    pub(crate) fn installed(&self, name: &str, arch: Option<&str>) -> Option<&Package> {
        let native = self.native.as_deref()?;
        let wanted = match arch {
            None | Some("native") => native,
            Some(arch) => arch,
        };
        self.packages.get(name)?.iter().find(|package| {
            package.installed
                // apt files a package for all architectures under the native one.
                && (package.arch == wanted || (package.arch == "all" && wanted == native))
        })
    }

    /// Whether a package is neither wholly installed nor wholly gone, or dpkg was interrupted.
    pub(crate) fn is_halfway(&self) -> bool {
        self.halfway
    }

    /// What a run changed, from the database `before` to this one.
    pub(crate) fn since(&self, before: &Self) -> Changes {
        let (old, new) = (before.by_key(), self.by_key());
        let mut changes = Changes::default();
        for (key, package) in &new {
            match old.get(key) {
                None => {
                    changes.installed.push(key.0.to_owned());
                    changes.size += package.size;
                }
                Some(earlier) if earlier.version != package.version => {
                    changes.changed.push(key.0.to_owned());
                    changes.size += package.size.saturating_sub(earlier.size);
                }
                Some(_) => {}
            }
        }
        changes.removed = old
            .keys()
            .filter(|key| !new.contains_key(*key))
            .map(|key| key.0.to_owned())
            .collect();
        for names in [
            &mut changes.installed,
            &mut changes.changed,
            &mut changes.removed,
        ] {
            names.sort_unstable();
            names.dedup();
        }
        changes
    }

    fn by_key(&self) -> HashMap<(&str, &str), &Package> {
        self.packages
            .iter()
            .flat_map(|(name, packages)| packages.iter().map(move |package| (name, package)))
            .filter(|(_, package)| package.installed)
            .map(|(name, package)| ((name.as_str(), package.arch.as_str()), package))
            .collect()
    }
}

/// The difference between two states of the database. Names are sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// What is installed now and was not.
    pub(crate) installed: Vec<String>,
    /// What was installed in another version.
    pub(crate) changed: Vec<String>,
    /// What was installed and is not any more.
    pub(crate) removed: Vec<String>,
    /// How much the new packages take, in KiB, as they say themselves.
    pub(crate) size: u64,
}

/// What changes whenever dpkg has changed anything: it writes its status file anew.
pub(crate) fn stamp() -> Option<impl PartialEq> {
    let data = std::fs::metadata(Path::new(DIRECTORY).join(STATUS)).ok()?;
    Some((data.ino(), data.mtime(), data.mtime_nsec()))
}

/// The paths below `place` that installed packages have in them, from the lists of files in
/// dpkg's `directory`.
///
/// # Errors
/// What listing or reading them gave.
pub(crate) fn shipped_below(directory: &Path, place: &Path) -> io::Result<HashSet<PathBuf>> {
    let mut shipped = HashSet::new();
    let entries = match std::fs::read_dir(directory.join("info")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(shipped),
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "list")
        {
            let text = std::fs::read(path)?;
            let lines = text.split(|&byte| byte == b'\n');
            let paths = lines.map(|line| Path::new(OsStr::from_bytes(line)));
            shipped.extend(
                paths
                    .filter(|path| path.starts_with(place))
                    .map(Path::to_owned),
            );
        }
    }
    Ok(shipped)
}

/// Whether dpkg's `directory` has a journal: dpkg was interrupted, or is at work just now.
pub(crate) fn is_interrupted(directory: &Path) -> io::Result<bool> {
    let entries = match std::fs::read_dir(directory.join(UPDATES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    for entry in entries {
        let name = entry?.file_name();
        // As apt asks it: debSystem::CheckUpdates in apt-pkg/deb/debsystem.cc.
        if name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22

Package: tzdata
Status: hold ok installed
Architecture: all
Installed-Size: 3331
Version: 2025b-0

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2.36

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: leaving
Status: deinstall ok installed
Architecture: amd64
Version: 1
";

    fn version<'a>(database: &'a Database, name: &str, arch: Option<&str>) -> Option<&'a str> {
        let package = database.installed(name, arch)?;
        Some(package.version.as_str())
    }

    #[test]
    fn a_name_means_the_native_architecture() {
        let database = Database::parse(STATUS);
        assert_eq!(version(&database, "dpkg", None), Some("1.21.22"));
        assert_eq!(version(&database, "libc6", None), None);
        assert_eq!(version(&database, "libc6", Some("i386")), Some("2.36"));
        assert_eq!(version(&database, "tzdata", Some("amd64")), Some("2025b-0"));
        assert_eq!(version(&database, "tzdata", Some("i386")), None);
        assert_eq!(version(&database, "dpkg", Some("native")), Some("1.21.22"));
    }

    #[test]
    fn removed_and_leaving_packages_are_not_installed() {
        let database = Database::parse(STATUS);
        assert_eq!(version(&database, "gone", None), None);
        assert_eq!(version(&database, "leaving", None), None);
        assert!(!database.is_halfway());
        assert!(database.installed("tzdata", None).is_some_and(|p| p.held));
    }

    #[test]
    fn every_unfinished_state_is_halfway() {
        for status in [
            "install ok half-configured",
            "install ok half-installed",
            "install ok triggers-awaited",
            "install ok triggers-pending",
            "install ok unpacked",
            "install reinstreq installed",
        ] {
            let database = Database::parse(&format!("Package: a\nStatus: {status}\n"));
            assert!(database.is_halfway(), "{status}");
        }
    }

    #[test]
    fn a_journal_is_seen() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(Database::read(dir.path()).ok(), Some(Database::default()));
        std::fs::create_dir(dir.path().join("updates")).expect("a directory");
        std::fs::write(dir.path().join("updates/tmp.i"), "").expect("a file");
        assert!(!Database::read(dir.path()).expect("read").is_halfway());
        std::fs::write(dir.path().join("updates/0001"), "").expect("a file");
        assert!(Database::read(dir.path()).expect("read").is_halfway());
    }

    #[test]
    fn changes_are_told_apart() {
        let before = Database::parse(STATUS);
        let after = Database::parse(
            &(STATUS
                .replace("2025b-0", "2025b-1")
                .replace("Package: libc6", "Package: libc7")
                .replace("Version: 2.36", "Version: 2.36\nInstalled-Size: 10")),
        );
        assert_eq!(
            after.since(&before),
            Changes {
                installed: vec!["libc7".to_owned()],
                changed: vec!["tzdata".to_owned()],
                removed: vec!["libc6".to_owned()],
                size: 10,
            }
        );
    }
}
