//! An absolute path in which `*` stands for any part of a component.

use crate::system::root::Root;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// An absolute path; `*` stands for any number of characters within one component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathPattern(String);

impl PathPattern {
    /// `None` if `text` is no absolute path without `.`, `..` and empty components.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        let mut parts = text.strip_prefix('/')?.split('/');
        parts.all(is_plain).then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first path of `root` that this stands for, in alphabetical order.
    pub fn find(&self, root: &Root) -> Option<PathBuf> {
        let parts: Vec<&str> = self.0.split('/').skip(1).collect();
        below(root, Path::new("/"), &parts)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether `path` is one that the text `pattern` stands for; both are absolute, or neither.
pub fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let mut wanted = pattern.split(|&byte| byte == b'/');
    let mut parts = path.split(|&byte| byte == b'/');
    loop {
        match (wanted.next(), parts.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) if is_match(wanted, part) => {}
            _ => return false,
        }
    }
}

fn below(root: &Root, dir: &Path, parts: &[&str]) -> Option<PathBuf> {
    let Some((first, rest)) = parts.split_first() else {
        return root.metadata(dir).is_ok().then(|| dir.to_owned());
    };
    if !first.contains('*') {
        return below(root, &dir.join(first), rest);
    }
    let names = root.list(dir).unwrap_or_default();
    let mut names = names
        .iter()
        .filter(|name| is_match(first.as_bytes(), name.as_bytes()));
    names.find_map(|name| below(root, &dir.join(name), rest))
}

/// Whether `name` is `wanted`, in which `*` stands for anything. The pieces between the stars are
/// searched for from left to right, which is enough: there is no other wildcard.
fn is_match(wanted: &[u8], name: &[u8]) -> bool {
    let mut pieces = wanted.split(|&byte| byte == b'*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let at = rest.windows(piece.len()).position(|part| part == piece);
        let Some(at) = at else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn pattern(text: &str) -> PathPattern {
        PathPattern::new(text).unwrap()
    }

    #[test]
    fn a_star_stands_for_a_part_of_one_component() {
        for (text, path, is_match) in [
            ("/a/b", "/a/b", true),
            ("/a/b", "/a/b/c", false),
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/b/c", false),
            ("/a/x*.so", "/a/x.1.so", true),
            ("/a/x*.so", "/a/x.so.1", false),
            ("/a/*b*c", "/a/abbcc", true),
            ("/a/*b*c", "/a/acb", false),
            ("/a/ab*ba", "/a/aba", false),
        ] {
            let found = matches(text.as_bytes(), path.as_bytes());
            assert_eq!(found, is_match, "{text} {path}");
        }
        for text in ["a/b", "/a//b", "/a/../b", "/a/", ""] {
            assert_eq!(PathPattern::new(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_path_is_found() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["lib/b/x.1", "lib/c/x.1", "lib/a/y", "lib/file"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let root = Root::below(dir.path()).unwrap();
        let find = |text: &str| pattern(text).find(&root);
        assert_eq!(find("/lib/*/x.*"), Some("/lib/b/x.1".into()));
        assert_eq!(find("/lib/a/y"), Some("/lib/a/y".into()));
        assert_eq!(find("/lib/*/z"), None);
        assert_eq!(find("/no/*"), None);
    }
}
