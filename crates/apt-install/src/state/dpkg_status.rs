//! Reads dpkg's database: installed packages, the files that they own, and whether dpkg was
//! interrupted. This program never writes below `/var/lib/dpkg`.

use crate::state::deb822;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The directory of dpkg's database, see dpkg(1) "FILES".
pub(crate) const DIRECTORY: &str = "/var/lib/dpkg";
pub(super) const STATUS: &str = "status";
/// The journal of a running or interrupted dpkg: files whose names are numbers.
const UPDATES: &str = "updates";

/// One package, in one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    /// The architecture; may be `all`.
    pub(crate) arch: String,
    pub(crate) version: String,
    /// Whether it is on hold (`apt-mark hold`).
    pub(crate) held: bool,
    /// Whether it is not selected for removal.
    selected: bool,
    presence: Presence,
    /// `Installed-Size` in KiB, an estimate (Debian Policy 5.6.20).
    pub(crate) size: u64,
}

/// How much of a package is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// Nothing, configuration files, or the remains of an interrupted unpacking.
    Absent,
    /// Its files; dpkg has work left to do.
    Unfinished,
    Whole,
}

impl Presence {
    /// Of the second and third word of `Status`, see dpkg(1).
    fn of(flag: Option<&str>, state: Option<&str>) -> Self {
        match state {
            Some("installed") if flag == Some("ok") => Self::Whole,
            Some(
                "installed" | "unpacked" | "half-configured" | "triggers-awaited"
                | "triggers-pending",
            ) => Self::Unfinished,
            _ => Self::Absent,
        }
    }
}

impl Package {
    /// Whether it is completely installed and not selected for removal.
    fn is_installed(&self) -> bool {
        self.selected && self.is_whole()
    }

    fn is_whole(&self) -> bool {
        self.presence == Presence::Whole
    }

    /// Whether its files are there, even if dpkg has work left to do.
    fn is_present(&self) -> bool {
        self.presence != Presence::Absent
    }
}

/// The packages in the status file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Database {
    packages: HashMap<String, Vec<Package>>,
    /// Virtual packages that installed packages provide.
    provided: HashSet<String>,
    native: Option<String>,
    halfway: bool,
}

impl Database {
    /// Reads the database in `directory`. A missing database is empty.
    pub(crate) fn read(directory: &Path) -> io::Result<Self> {
        let mut tries = 10;
        loop {
            let earlier = stamp_of(directory);
            let read = Self::read_once(directory);
            tries -= 1;
            // A running dpkg writes its status, and then deletes the journal.
            let is_stale = earlier != stamp_of(directory)
                || matches!(&read, Err(error) if error.kind() == io::ErrorKind::NotFound);
            if !is_stale || tries == 0 {
                return read;
            }
        }
    }

    fn read_once(directory: &Path) -> io::Result<Self> {
        let text = match std::fs::read(directory.join(STATUS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let updates = updates(directory)?;
        let mut text = String::from_utf8_lossy(&text).into_owned();
        for update in &updates {
            text.push_str("\n\n");
            text.push_str(&String::from_utf8_lossy(&std::fs::read(update)?));
        }
        let mut database = Self::parse(&text);
        database.halfway |= !updates.is_empty();
        Ok(database)
    }

    /// Parses the text of a status file. A later paragraph replaces an earlier one of the same package,
    /// as dpkg's journal does.
    pub(crate) fn parse(text: &str) -> Self {
        let mut database = Self::default();
        for stanza in deb822::stanzas(text) {
            let Some(name) = stanza.field("Package") else {
                continue;
            };
            let mut words = stanza.field("Status").unwrap_or("").split(' ');
            let (want, flag, state) = (words.next(), words.next(), words.next());
            // dpkg(1): in any other state, dpkg has work left to do.
            let settled = flag == Some("ok")
                && matches!(state, Some("installed" | "not-installed" | "config-files"));
            database.halfway |= !settled;
            let package = Package {
                arch: stanza.field("Architecture").unwrap_or("").to_owned(),
                version: stanza.field("Version").unwrap_or("").to_owned(),
                held: want == Some("hold"),
                selected: matches!(want, Some("install" | "hold")),
                presence: Presence::of(flag, state),
                size: stanza
                    .field("Installed-Size")
                    .and_then(|size| size.parse().ok())
                    .unwrap_or(0),
            };
            if package.is_whole() {
                let provides = stanza.field("Provides").unwrap_or("").split(',');
                // A version and an architecture may follow the name (Debian Policy 7.1).
                let names =
                    provides.filter_map(|one| one.split([' ', '(', ':']).find(|s| !s.is_empty()));
                database.provided.extend(names.map(str::to_owned));
            }
            if name == "dpkg" && package.is_present() {
                // The native architecture is that of the package dpkg.
                database.native = Some(package.arch.clone());
            }
            let packages = database.packages.entry(name.to_owned()).or_default();
            packages.retain(|earlier| earlier.arch != package.arch);
            packages.push(package);
        }
        database
    }

    /// Returns the installed package `name:arch`. Without `arch`, the native architecture is used.
    pub(crate) fn installed(&self, name: &str, arch: Option<&str>) -> Option<&Package> {
        self.find(name, arch, Package::is_installed)
    }

    /// The same, whether or not it is selected for removal.
    pub(crate) fn whole(&self, name: &str, arch: Option<&str>) -> Option<&Package> {
        self.find(name, arch, Package::is_whole)
    }

    /// The same of a package whose files are there, even if dpkg has work left to do.
    pub(crate) fn present(&self, name: &str, arch: Option<&str>) -> Option<&Package> {
        self.find(name, arch, Package::is_present)
    }

    fn find(
        &self,
        name: &str,
        arch: Option<&str>,
        is_wanted: fn(&Package) -> bool,
    ) -> Option<&Package> {
        let native = self.native.as_deref()?;
        let wanted = match arch {
            None | Some("native") => native,
            Some(arch) => arch,
        };
        self.packages.get(name)?.iter().find(|package| {
            is_wanted(package)
                // apt treats `all` as the native architecture.
                && (package.arch == wanted || (package.arch == "all" && wanted == native))
        })
    }

    /// Whether a package called `name` is completely installed, in any architecture, or such a package
    /// provides it.
    pub(crate) fn has(&self, name: &str) -> bool {
        let mut packages = self.packages.get(name).into_iter().flatten();
        packages.any(Package::is_whole) || self.provided.contains(name)
    }

    /// Whether a package is partly installed or removed, or dpkg was interrupted.
    pub(crate) fn is_halfway(&self) -> bool {
        self.halfway
    }

    /// Returns the changes from the database `before` to this one.
    pub(crate) fn since(&self, before: &Self) -> Changes {
        let old = before.by_key(Package::is_installed);
        let new = self.by_key(Package::is_installed);
        // A run that fails may leave packages of before with pending triggers.
        let left = self.by_key(Package::is_present);
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
            .filter(|key| !left.contains_key(*key))
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

    /// Those that `is_wanted`, by name and architecture.
    fn by_key(&self, is_wanted: fn(&Package) -> bool) -> HashMap<(&str, &str), &Package> {
        self.packages
            .iter()
            .flat_map(|(name, packages)| packages.iter().map(move |package| (name, package)))
            .filter(|(_, package)| is_wanted(package))
            .map(|(name, package)| ((name.as_str(), package.arch.as_str()), package))
            .collect()
    }
}

/// The difference between two states of the database. Names are sorted and unique.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Newly installed packages.
    pub(crate) installed: Vec<String>,
    /// Packages whose version changed.
    pub(crate) changed: Vec<String>,
    /// Packages whose files are no longer there.
    pub(crate) removed: Vec<String>,
    /// The sum of the `Installed-Size` gained, in KiB.
    pub(crate) size: u64,
}

/// Returns a value that differs after any change by dpkg, which replaces its status file each time.
pub(crate) fn stamp() -> Option<impl PartialEq> {
    stamp_of(Path::new(DIRECTORY))
}

fn stamp_of(directory: &Path) -> Option<(u64, i64, i64)> {
    let data = std::fs::metadata(directory.join(STATUS)).ok()?;
    Some((data.ino(), data.mtime(), data.mtime_nsec()))
}

/// Returns the paths that packages own and that are `wanted`, from the file lists in dpkg's
/// `directory`.
pub(crate) fn shipped(
    directory: &Path,
    wanted: &dyn Fn(&Path) -> bool,
) -> io::Result<HashSet<PathBuf>> {
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
            shipped.extend(paths.filter(|path| wanted(path)).map(Path::to_owned));
        }
    }
    Ok(shipped)
}

/// Whether dpkg's `directory` has a journal: dpkg was interrupted, or is running.
pub(crate) fn is_interrupted(directory: &Path) -> io::Result<bool> {
    updates(directory).map(|updates| !updates.is_empty())
}

/// Whether the last that dpkg noted in the journal of its `directory` is the beginning of a
/// configuration.
pub(crate) fn is_configuring(directory: &Path) -> io::Result<bool> {
    let updates = updates(directory)?;
    let Some(newest) = updates.last() else {
        return Ok(false);
    };
    let text = std::fs::read(newest)?;
    let text = String::from_utf8_lossy(&text);
    let mut states = deb822::stanzas(&text).filter_map(|stanza| stanza.field("Status"));
    Ok(states.any(|status| status.ends_with(" half-configured")))
}

/// Returns the journal in dpkg's `directory`, in order.
fn updates(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(directory.join(UPDATES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut updates = Vec::new();
    for entry in entries {
        let entry = entry?;
        // The same test as debSystem::CheckUpdates in apt-pkg/deb/debsystem.cc.
        if entry
            .file_name()
            .as_encoded_bytes()
            .iter()
            .all(u8::is_ascii_digit)
        {
            updates.push(entry.path());
        }
    }
    // The names have the same length (`modstatdb_note` in lib/dpkg/dbmodify.c).
    updates.sort_unstable();
    Ok(updates)
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
    fn remains_in_another_architecture_do_not_hide_a_package() {
        let remains = "Package: tzdata\nStatus: deinstall ok config-files\nArchitecture: amd64\n\n";
        let database = Database::parse(&(remains.to_owned() + STATUS));
        assert_eq!(version(&database, "tzdata", None), Some("2025b-0"));
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
    fn a_package_with_pending_triggers_was_not_removed() {
        let status = |state: &str| {
            let text =
                format!("Package: libc-bin\nStatus: install ok {state}\nArchitecture: amd64\n");
            Database::parse(&text)
        };
        let before = status("installed");
        assert_eq!(
            status("triggers-pending").since(&before),
            Changes::default()
        );
        let removed = vec!["libc-bin".to_owned()];
        assert_eq!(status("half-installed").since(&before).removed, removed);
        assert_eq!(Database::default().since(&before).removed, removed);
    }

    #[test]
    fn a_journal_means_interrupted() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(Database::read(dir.path()).ok(), Some(Database::default()));
        std::fs::create_dir(dir.path().join("updates")).expect("a directory");
        std::fs::write(dir.path().join("updates/tmp.i"), "").expect("a file");
        assert!(!Database::read(dir.path()).expect("read").is_halfway());
        std::fs::write(dir.path().join("updates/0001"), "").expect("a file");
        assert!(Database::read(dir.path()).expect("read").is_halfway());
        assert_eq!(is_configuring(dir.path()).ok(), Some(false));
        let status = |state: &str| format!("Package: a\nStatus: install ok {state}\nVersion: 1\n");
        for (name, state, configuring) in [
            ("0009", "half-configured", true),
            ("0010", "installed", false),
            ("0011", "half-configured", true),
        ] {
            let file = dir.path().join("updates").join(name);
            std::fs::write(file, status(state)).expect("a file");
            assert_eq!(is_configuring(dir.path()).ok(), Some(configuring), "{name}");
            let database = Database::read(dir.path()).expect("read");
            assert_eq!(database.has("a"), !configuring, "{name}");
        }
    }

    #[test]
    fn changes_are_installed_changed_or_removed() {
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
