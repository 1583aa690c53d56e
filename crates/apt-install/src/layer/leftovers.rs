//! What an installation leaves behind: the only files that are ever purged.

use super::walk;
use crate::apt::configuration::Configuration;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// How leftovers are kept and, if they existed before the run, what happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Package lists. Those from before the run stay as the run made them.
    Lists,
    /// Downloaded packages and apt's caches. Those from before the run stay as the run made them.
    Cache,
    /// Logs. One from before the run gets back its content and time.
    Log,
    /// Nothing needs the content. A file from before the run that the run changed is emptied:
    /// deleting it would put a whiteout with the time of day into the layer.
    Unneeded,
}

/// A row of the list.
pub(super) struct Leftover {
    pub(super) kind: Kind,
    /// A path, or the option of apt that names it; `*` in the last component stands for any
    /// characters.
    pub(super) files: &'static [&'static str],
    /// Why it is a leftover: for docs/apt-install.md.
    #[cfg_attr(not(test), expect(dead_code))]
    pub(super) reason: &'static str,
}

const fn leftover(kind: Kind, files: &'static [&'static str], reason: &'static str) -> Leftover {
    Leftover {
        kind,
        files,
        reason,
    }
}

/// The option of apt for the directory of package lists.
const LISTS: &str = "Dir::State::lists";
/// The option of apt for the directory of downloaded packages.
const ARCHIVES: &str = "Dir::Cache::archives";
/// Unfinished downloads of package lists.
pub(super) const PARTIAL: &str = "Dir::State::lists/partial/*";
/// apt's caches.
pub(super) const CACHES: [&str; 2] = ["Dir::Cache::pkgcache*", "Dir::Cache::srcpkgcache*"];

/// The list. docs/apt-install.md has the same rows.
pub(super) const LEFTOVERS: [Leftover; 10] = [
    leftover(
        Kind::Lists,
        &[
            "Dir::State::lists/*",
            PARTIAL,
            "Dir::State::lists/auxfiles/*",
        ],
        "package lists; outdated soon, and `apt-get update` fetches them again",
    ),
    leftover(
        Kind::Cache,
        &[
            "Dir::Cache::archives/*.deb",
            "Dir::Cache::archives/partial/*",
        ],
        "packages that are unpacked already",
    ),
    leftover(
        Kind::Cache,
        &CACHES,
        "apt builds them from the lists and dpkg's status",
    ),
    leftover(
        Kind::Log,
        &[
            "/var/log/apt/history.log",
            "/var/log/apt/term.log",
            "/var/log/apt/eipp.log.xz",
        ],
        "apt's logs of the build",
    ),
    leftover(Kind::Log, &["/var/log/dpkg.log"], "dpkg's log of the build"),
    leftover(
        Kind::Log,
        &["/var/log/alternatives.log"],
        "update-alternatives' log of the build",
    ),
    leftover(
        Kind::Log,
        &["/var/log/fontconfig.log"],
        "output of `fc-cache` in the postinst of fontconfig",
    ),
    leftover(
        Kind::Unneeded,
        &["/var/cache/ldconfig/aux-cache"],
        "inode numbers and times, which differ in each build; `ldconfig` checks them and reads the \
         libraries again",
    ),
    leftover(
        Kind::Unneeded,
        &[
            "/var/lib/dpkg/status-old",
            "/var/lib/dpkg/available-old",
            "/var/lib/dpkg/diversions-old",
            "/var/lib/dpkg/statoverride-old",
        ],
        "dpkg's backups of its database, which dpkg never reads",
    ),
    leftover(
        Kind::Unneeded,
        &[
            "/var/cache/debconf/config.dat-old",
            "/var/cache/debconf/passwords.dat-old",
            "/var/cache/debconf/templates.dat-old",
        ],
        "debconf's backups of its databases, which debconf never reads",
    ),
];

/// The files of one pattern of the list, on this machine.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) directory: PathBuf,
    /// The name of a file, or what comes before and after `*`.
    name: (String, Option<String>),
    /// The pattern.
    pub(super) pattern: &'static str,
}

impl Place {
    /// Whether the list has the file `name` in this directory. Locks are not on it: they are empty,
    /// and deleting one that a lower layer has makes each build of this layer different.
    pub(super) fn has(&self, name: &OsStr) -> bool {
        let name = name.as_encoded_bytes();
        match &self.name {
            (whole, None) => name == whole.as_bytes(),
            (start, Some(end)) => {
                name != b"lock"
                    && name.len() >= start.len() + end.len()
                    && name.starts_with(start.as_bytes())
                    && name.ends_with(end.as_bytes())
            }
        }
    }
}

/// The list, with the directories of this machine.
#[derive(Debug)]
pub(crate) struct Places {
    /// apt's package lists (`Dir::State::lists`).
    pub(crate) lists: PathBuf,
    /// Downloaded packages (`Dir::Cache::archives`).
    pub(crate) archives: PathBuf,
    pub(super) all: Vec<Place>,
}

impl Places {
    /// Finds the directories below `root`, as apt is configured. Symbolic links are resolved now:
    /// those that exist before the run are the user's, later ones are not followed.
    pub(crate) fn find(root: &Path, configuration: &Configuration) -> Self {
        let patterns = LEFTOVERS
            .iter()
            .flat_map(|row| row.files.iter().map(|&files| (row.kind, files)));
        let directory = |option| {
            let configured = configuration.path(option);
            real(root, &configured.unwrap_or_default())
        };
        Self {
            lists: directory(LISTS),
            archives: directory(ARCHIVES),
            all: patterns
                .filter_map(|(kind, files)| {
                    let path = path(configuration, files)?;
                    let name = path.file_name()?.to_str()?;
                    let name = match name.split_once('*') {
                        None => (name.to_owned(), None),
                        Some((start, end)) => (start.to_owned(), Some(end.to_owned())),
                    };
                    Some(Place {
                        kind,
                        directory: real(root, path.parent()?),
                        name,
                        pattern: files,
                    })
                })
                .collect(),
        }
    }

    /// Whether `path` is on the list. Compares bytes, as it is asked for every file of every package.
    pub(super) fn have(&self, path: &Path) -> bool {
        let path = path.as_os_str().as_bytes();
        self.all.iter().any(|place| {
            let below = path.strip_prefix(place.directory.as_os_str().as_bytes());
            let name = below.and_then(|below| below.strip_prefix(b"/"));
            name.is_some_and(|name| !name.contains(&b'/') && place.has(OsStr::from_bytes(name)))
        })
    }
}

/// Returns the path of a pattern; `None` if apt's configuration disables the file.
fn path(configuration: &Configuration, files: &str) -> Option<PathBuf> {
    let (option, rest) = files.split_at(files.find(['/', '*']).unwrap_or(files.len()));
    if option.is_empty() {
        return Some(PathBuf::from(files));
    }
    let mut path = configuration.path(option)?.into_os_string();
    path.push(rest);
    Some(path.into())
}

/// Resolves the symbolic links in `directory`, except those that lead nowhere or out of `root`.
fn real(root: &Path, directory: &Path) -> PathBuf {
    let resolved = || {
        let root = root.canonicalize().ok()?;
        let real = walk::below(&root, directory).canonicalize().ok()?;
        let inside = real.strip_prefix(root).ok()?;
        Some(Path::new("/").join(inside))
    };
    let resolved = resolved().or_else(|| {
        // It may be made during the run.
        let name = directory.file_name()?;
        Some(real(root, directory.parent()?).join(name))
    });
    resolved.unwrap_or_else(|| directory.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_same_rows() {
        let document = include_str!("../../../../docs/apt-install.md");
        for row in &LEFTOVERS {
            let files: Vec<String> = row.files.iter().map(|file| format!("`{file}`")).collect();
            let line = format!("| {} | {} |", files.join(", "), row.reason);
            assert!(
                document.contains(&line),
                "not in docs/apt-install.md:\n{line}"
            );
        }
    }

    #[test]
    fn a_pattern_names_no_lock() {
        let places = Places::find(Path::new("/nonexistent"), &Configuration::default());
        let have = |path| places.have(Path::new(path));
        for path in [
            "/var/lib/apt/lists/x_Packages",
            "/var/lib/apt/lists/partial/x",
            "/var/cache/apt/archives/a_1_all.deb",
            "/var/cache/apt/pkgcache.bin",
            "/var/cache/apt/srcpkgcache.bin.a1B2c3",
            "/var/log/apt/history.log",
            "/var/lib/dpkg/status-old",
        ] {
            assert!(have(path), "{path}");
        }
        for path in [
            "/var/lib/apt/lists/lock",
            "/var/lib/apt/lists/other/x",
            "/var/cache/apt/archives/lock",
            "/var/cache/apt/archives/shipped",
            "/var/cache/apt/shipped",
            "/var/log/nginx/access.log",
            "/var/log/apt/other.log",
            "/var/lib/dpkg/status",
        ] {
            assert!(!have(path), "{path}");
        }
    }
}
