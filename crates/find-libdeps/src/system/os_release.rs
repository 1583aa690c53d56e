//! The format of os-release(5); two of its fields are read.

use crate::system::root::Root;
use std::path::Path;

const PATHS: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
const MAX_BYTES: u64 = 1 << 16;

/// The identification of a distribution; an absent field is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OsRelease {
    /// `ID`, such as `debian`.
    pub id: Option<String>,
    /// `VERSION_CODENAME`, such as `bookworm`.
    pub version_codename: Option<String>,
}

impl OsRelease {
    /// Reads the file of `root`. Without one, every field is `None`.
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

/// Removes quotes. Escapes are not handled: these two fields contain no character that needs any.
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
    fn quotes_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let text = "NAME=\"x\"\nID=debian\nVERSION_CODENAME=\"trixie\"\n";
        fs::write(dir.path().join("etc/os-release"), text).unwrap();
        let read = OsRelease::read(&Root::below(dir.path()).unwrap());
        assert_eq!(read.id.as_deref(), Some("debian"));
        assert_eq!(read.version_codename.as_deref(), Some("trixie"));
    }
}
