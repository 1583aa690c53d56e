//! The format of os-release(5), of which two fields are read.

use crate::system::root::Root;
use std::path::Path;

const PATHS: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
const MAX_BYTES: u64 = 1 << 16;

/// What a distribution says of itself; a field that it leaves out is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OsRelease {
    /// `ID`, such as `debian`.
    pub id: Option<String>,
    /// `VERSION_CODENAME`, such as `bookworm`.
    pub version_codename: Option<String>,
}

impl OsRelease {
    /// That of `root`; without a word where there is none.
    #[must_use]
    pub fn read(root: &Root) -> Self {
        let bytes = PATHS
            .iter()
            .find_map(|path| root.read(Path::new(path), MAX_BYTES).ok())
            .unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let field = |name: &str| {
            text.lines()
                .filter_map(|line| line.trim().split_once('='))
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| unquoted(value))
                .next_back()
        };
        Self {
            id: field("ID"),
            version_codename: field("VERSION_CODENAME"),
        }
    }
}

/// Values that need no shell to read: these two hold no character that would be escaped.
fn unquoted(value: &str) -> String {
    let quoted = |mark| {
        value
            .strip_prefix(mark)
            .and_then(|value| value.strip_suffix(mark))
    };
    quoted('"')
        .or_else(|| quoted('\''))
        .unwrap_or(value)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn quotes_are_not_part_of_a_value() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let text = "NAME=\"x\"\nID=debian\nVERSION_CODENAME=\"trixie\"\n";
        fs::write(dir.path().join("etc/os-release"), text).unwrap();
        let read = OsRelease::read(&Root::below(dir.path()).unwrap());
        assert_eq!(read.id.as_deref(), Some("debian"));
        assert_eq!(read.version_codename.as_deref(), Some("trixie"));
    }
}
