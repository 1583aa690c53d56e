//! Reads the mount points of this process from `/proc/self/mountinfo`.
//!
//! Comparing device numbers is not enough: a bind mount from the same file system has the same
//! number. Nothing else is read here.

use crate::escape;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// See proc(5); field 5 is the mount point.
pub(crate) const FILE: &str = "/proc/self/mountinfo";

/// The mount points except `/`, which is the layer itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mounts {
    points: Vec<PathBuf>,
}

impl Mounts {
    /// Reads the mount points. Fails if `/proc` is not mounted.
    pub(crate) fn read() -> io::Result<Self> {
        std::fs::read(FILE).map(|text| Self::parse(&text))
    }

    /// Parses the text of a mountinfo file.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let points = text
            .split(|&byte| byte == b'\n')
            .filter_map(|line| line.split(|&byte| byte == b' ').nth(4))
            .map(unescape)
            .filter(|point| point != Path::new("/"))
            .collect();
        Self { points }
    }

    /// Whether the absolute `path` is a mount point.
    pub(crate) fn is_point(&self, path: &Path) -> bool {
        self.points.iter().any(|point| point == path)
    }

    /// Whether the absolute `path` is a mount point or below one, so that a file written there is
    /// not part of the layer.
    pub(crate) fn covers(&self, path: &Path) -> bool {
        self.points.iter().any(|point| path.starts_with(point))
    }
}

/// Space, tab, newline and backslash are escaped as `\` and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(escape::decode(field, b'\\', 3, 8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
22 1 0:20 / / rw,relatime - overlay overlay rw,lowerdir=/a\n\
23 22 0:21 / /proc rw - proc proc rw\n\
31 22 254:0 /cache/x /var/cache/apt rw,relatime shared:1 - ext4 /dev/vda rw\n\
32 22 254:0 /y /mnt/with\\040space\\134 rw - ext4 /dev/vda rw\n";

    #[test]
    fn the_root_is_no_mount_point() {
        let mounts = Mounts::parse(TEXT);
        assert!(!mounts.covers(Path::new("/var/lib/apt")));
        assert!(!mounts.is_point(Path::new("/")));
    }

    #[test]
    fn what_lies_below_a_mount_point_is_covered() {
        let mounts = Mounts::parse(TEXT);
        assert!(mounts.covers(Path::new("/var/cache/apt/archives")));
        assert!(mounts.covers(Path::new("/var/cache/apt")));
        assert!(!mounts.covers(Path::new("/var/cache/apt-show-versions")));
        assert!(mounts.is_point(Path::new("/var/cache/apt")));
        assert!(!mounts.is_point(Path::new("/var/cache/apt/archives")));
    }

    #[test]
    fn octal_escapes_are_read() {
        let mounts = Mounts::parse(TEXT);
        assert!(mounts.is_point(Path::new("/mnt/with space\\")));
    }

    #[test]
    fn malformed_lines_are_skipped() {
        assert_eq!(Mounts::parse(b"\n1 2 3\n"), Mounts::default());
        assert!(Mounts::parse(b"1 2 3 4 /a\\9 x").is_point(Path::new("/a\\9")));
    }
}
