//! The places that are purged, and what is known of the files there.

use std::path::Path;

/// apt's lists of packages (`Dir::State::lists`).
pub(crate) const LISTS: &str = "/var/lib/apt/lists";
/// Downloads that are not whole yet.
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

/// The logs of package installation itself: never shipped in a package, only ever added to.
pub(super) const INSTALL_LOGS: [&str; 4] = [
    "/var/log/apt/history.log",
    "/var/log/apt/term.log",
    "/var/log/dpkg.log",
    "/var/log/alternatives.log",
];
/// Logs of package installation that are written anew each time.
const REWRITTEN_LOGS: [&str; 2] = ["/var/log/apt/eipp.log.xz", "/var/log/fontconfig.log"];
/// ldconfig's cache of what it has looked at. It holds times and inode numbers, so that it is
/// different in each build; ldconfig checks them, so that an old one does no harm.
pub(super) const AUX_CACHE: &str = "/var/cache/ldconfig/aux-cache";

/// What is purged on its own account.
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

    /// Whether `file` is a leftover of an installation, whoever left it. Lock files are none:
    /// they are empty, and deleting one that a lower layer has makes a layer different each time.
    pub(super) fn is_leftover(self, file: &Path) -> bool {
        match self {
            Self::Lists | Self::Cache => !file.ends_with("lock"),
            Self::Logs => INSTALL_LOGS
                .iter()
                .chain(&REWRITTEN_LOGS)
                .any(|log| file == Path::new(log)),
            Self::Ldconfig => file == Path::new(AUX_CACHE),
            // debconf's backups of its databases: config.dat-old, templates.dat-old.
            Self::Debconf => file.as_os_str().as_encoded_bytes().ends_with(b"-old"),
        }
    }
}
