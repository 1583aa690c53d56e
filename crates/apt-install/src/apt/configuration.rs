//! apt's configuration, read from the output of `apt-config dump`.

use crate::escape;
use std::path::{Path, PathBuf};

/// The arguments that make `apt-config` print one key and one percent-encoded value per line.
pub(super) const DUMP: [&str; 3] = ["dump", "--format", "%F %V%n"];

/// The defaults of apt (`pkgInitConfig` in apt-pkg/init.cc) for the directories that are purged.
const DEFAULTS: [(&str, &str); 7] = [
    ("Dir", "/"),
    ("Dir::State", "var/lib/apt"),
    ("Dir::State::lists", "lists/"),
    ("Dir::Cache", "var/cache/apt"),
    ("Dir::Cache::archives", "archives/"),
    ("Dir::Cache::pkgcache", "pkgcache.bin"),
    ("Dir::Cache::srcpkgcache", "srcpkgcache.bin"),
];

/// The keys and values, in the order of the dump.
#[derive(Debug)]
pub(crate) struct Configuration {
    values: Vec<(String, String)>,
}

impl Default for Configuration {
    fn default() -> Self {
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Self {
            values: DEFAULTS.map(own).into(),
        }
    }
}

impl Configuration {
    /// Parses the output of `apt-config` with [`DUMP`].
    pub(super) fn parse(dump: &str) -> Self {
        let pairs = dump.lines().filter_map(|line| line.split_once(' '));
        Self {
            values: pairs
                .map(|(key, value)| (key.to_owned(), decode(value)))
                .collect(),
        }
    }

    /// Returns the entries of a list that are not empty, with or without a name.
    pub(super) fn list<'a>(&'a self, list: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter_map(move |(key, value)| {
            let (parent, below) = key.split_at_checked(list.len())?;
            (parent.eq_ignore_ascii_case(list) && below.starts_with("::") && !value.is_empty())
                .then_some(value.as_str())
        })
    }

    /// Returns the path that `key` names; `None` if it is empty, which disables the file.
    ///
    /// `Configuration::FindFile` in apt-pkg/contrib/configuration.cc: a relative path continues
    /// the path of the parent key, unless it begins with `./`, `../` or `~/`. `RootDir` comes
    /// before all.
    pub(crate) fn path(&self, key: &str) -> Option<PathBuf> {
        let mut path = PathBuf::from(self.value(key)?);
        let mut parent = key;
        while !["/", "./", "../", "~/"].iter().any(|start| {
            path.as_os_str()
                .as_encoded_bytes()
                .starts_with(start.as_bytes())
        }) {
            let Some((above, _)) = parent.rsplit_once("::") else {
                break;
            };
            parent = above;
            if let Some(value) = self.value(parent) {
                path = Path::new(value).join(path);
            }
        }
        let root = self.value("RootDir").unwrap_or("/");
        let path = Path::new(root).join(path.strip_prefix("/").unwrap_or(&path));
        // Without a slash at its end.
        Some(path.components().collect())
    }

    /// Whether `key` is on (`StringToBool` in apt-pkg/contrib/strutl.cc).
    pub(crate) fn is_on(&self, key: &str) -> bool {
        let words = ["1", "yes", "true", "with", "on", "enable"];
        self.value(key)
            .is_some_and(|value| words.iter().any(|word| value.eq_ignore_ascii_case(word)))
    }

    /// Returns the last value of `key` that is not empty.
    fn value(&self, key: &str) -> Option<&str> {
        let found = self.values.iter().rev();
        let mut found = found.filter(|(name, _)| name.eq_ignore_ascii_case(key));
        found
            .next()
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// `DeQuoteString` in apt-pkg/contrib/strutl.cc.
fn decode(value: &str) -> String {
    let bytes = escape::decode(value.as_bytes(), b'%', 2, 16);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(dump: &str, key: &str) -> Option<String> {
        let path = Configuration::parse(dump).path(key);
        path.map(|path| path.display().to_string())
    }

    #[test]
    fn a_relative_path_continues_that_of_the_parent_key() {
        let of = |lists: &str| {
            let dump = format!("Dir /\nDir::State var/lib/apt\nDir::State::lists {lists}\n");
            path(&dump, "Dir::State::lists")
        };
        assert_eq!(of("lists/").as_deref(), Some("/var/lib/apt/lists"));
        assert_eq!(of("/srv/a%20b").as_deref(), Some("/srv/a b"));
        assert_eq!(of(""), None);
        let rooted = "Dir /x\nDir::State y\nRootDir /r/\n";
        assert_eq!(path(rooted, "Dir::State").as_deref(), Some("/r/x/y"));
    }

    #[test]
    fn the_defaults_are_those_of_debian() {
        let path = |key| Configuration::default().path(key);
        for (key, expected) in [
            ("Dir::State::lists", "/var/lib/apt/lists"),
            ("Dir::Cache::archives", "/var/cache/apt/archives"),
            ("Dir::Cache::pkgcache", "/var/cache/apt/pkgcache.bin"),
        ] {
            assert_eq!(path(key).as_deref(), Some(Path::new(expected)));
        }
    }
}
