//! The directories that are purged, and the files there that are known to be leftovers.

use std::path::Path;

/// apt's package lists (`Dir::State::lists`).
pub(crate) const LISTS: &str = "/var/lib/apt/lists";
/// Unfinished downloads of package lists.
pub(super) const PARTIAL: &str = "/var/lib/apt/lists/partial";
/// apt's caches and downloaded packages (`Dir::Cache`).
pub(crate) const CACHE: &str = "/var/cache/apt";
/// Downloaded packages (`Dir::Cache::archives`).
pub(crate) const ARCHIVES: &str = "/var/cache/apt/archives";
pub(super) const LOGS: &str = "/var/log";
const LDCONFIG: &str = "/var/cache/ldconfig";
const DEBCONF: &str = "/var/cache/debconf";

pub(super) const APT_CACHES: [&str; 2] = [
    "/var/cache/apt/pkgcache.bin",
    "/var/cache/apt/srcpkgcache.bin",
];

/// Logs of package installation. No package ships them, and they are only appended to.
pub(super) const INSTALL_LOGS: [&str; 4] = [
    "/var/log/apt/history.log",
    "/var/log/apt/term.log",
    "/var/log/dpkg.log",
    "/var/log/alternatives.log",
];
/// Logs of package installation that are rewritten each time.
const REWRITTEN_LOGS: [&str; 2] = ["/var/log/apt/eipp.log.xz", "/var/log/fontconfig.log"];
/// ldconfig's cache of the files that it has read. It contains times and inode numbers and so
/// differs in each build; ldconfig checks them, so an outdated cache does no harm.
pub(super) const AUX_CACHE: &str = "/var/cache/ldconfig/aux-cache";

/// A directory to purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Lists,
    Cache,
    Logs,
    Ldconfig,
    Debconf,
}

impl Place {
    pub(super) const ALL: [Self; 5] = [
        Self::Lists,
        Self::Cache,
        Self::Logs,
        Self::Ldconfig,
        Self::Debconf,
    ];

    pub(super) fn path(self) -> &'static Path {
        Path::new(match self {
            Self::Lists => LISTS,
            Self::Cache => CACHE,
            Self::Logs => LOGS,
            Self::Ldconfig => LDCONFIG,
            Self::Debconf => DEBCONF,
        })
    }

    /// Whether `file` is a leftover of an installation, even if it is unknown which command left
    /// it. Lock files are not: they are empty, and deleting one that exists in a lower layer makes
    /// each build of this layer different.
    pub(super) fn is_leftover(self, file: &Path) -> bool {
        match self {
            Self::Lists | Self::Cache => !file.ends_with("lock"),
            Self::Logs => INSTALL_LOGS
                .iter()
                .chain(&REWRITTEN_LOGS)
                .any(|log| file == Path::new(log)),
            Self::Ldconfig => file == Path::new(AUX_CACHE),
            // Backups of debconf's databases: config.dat-old, templates.dat-old.
            Self::Debconf => file.as_os_str().as_encoded_bytes().ends_with(b"-old"),
        }
    }
}
