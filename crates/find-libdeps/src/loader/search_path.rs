//! A search path as it stands in a file or in the environment, to directories in order: what
//! glibc's `fillin_rpath` and `_dl_dst_substitute` (`elf/dl-load.c`) make of it.
//!
//! Nothing is looked up on disk here.

use crate::system::architecture::Architecture;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What the tokens stand for in one object.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    /// `$ORIGIN`; `None` where no one program is meant, and an element with it is dropped.
    pub origin: Option<&'a Path>,
    /// `$LIB` and `$PLATFORM` differ by architecture; without one an element with them is dropped.
    pub architecture: Option<&'static Architecture>,
}

/// One element of a search path.
#[derive(Debug, PartialEq, Eq)]
pub enum Element {
    /// A directory, absolute.
    Directory(PathBuf),
    /// An element that means something relative to the working directory of whoever starts the
    /// program: an empty one, or a relative path (as it stands in the file).
    Relative(OsString),
}

/// The elements of `path`, divided at any of `separators`.
///
/// A path that is empty as a whole has none. `$PLATFORM` depends on the processor: its element
/// becomes one for each value, that of every machine first.
#[must_use]
pub fn elements(path: &OsStr, separators: &[u8], tokens: Tokens) -> Vec<Element> {
    if path.is_empty() {
        return Vec::new();
    }
    path.as_bytes()
        .split(|byte| separators.contains(byte))
        .flat_map(|element| {
            expand(OsStr::from_bytes(element), tokens)
                .into_iter()
                .map(move |expanded| {
                    if expanded.as_bytes().starts_with(b"/") {
                        Element::Directory(PathBuf::from(expanded))
                    } else {
                        Element::Relative(OsStr::from_bytes(element).to_owned())
                    }
                })
        })
        .collect()
}

/// `text` with its tokens replaced: once for each value of `$PLATFORM`, and not at all where it
/// holds a token that has no value.
///
/// A token is `$NAME` or `${NAME}`, and no letter, digit or underscore may follow its name:
/// `$ORIGINAL` is literal (`is_dst` in `elf/dl-load.c`).
pub fn expand(text: &OsStr, tokens: Tokens) -> Vec<OsString> {
    let mut results = vec![Vec::new()];
    let mut rest = text.as_bytes();
    while let Some(dollar) = rest.iter().position(|&byte| byte == b'$') {
        let (before, from) = rest.split_at(dollar);
        for result in &mut results {
            result.extend_from_slice(before);
        }
        let Some((token, length)) = Token::at_start_of(from) else {
            for result in &mut results {
                result.push(b'$');
            }
            rest = &from[1..];
            continue;
        };
        let values = token.values(tokens);
        results = results
            .iter()
            .flat_map(|result| {
                values
                    .iter()
                    .map(|value| [result.as_slice(), value.as_bytes()].concat())
            })
            .collect();
        rest = &from[length..];
    }
    for result in &mut results {
        result.extend_from_slice(rest);
    }
    results.into_iter().map(OsString::from_vec).collect()
}

#[derive(Clone, Copy)]
enum Token {
    Origin,
    Lib,
    Platform,
}

impl Token {
    /// The token that `text`, which begins with a dollar sign, begins with, and its length.
    fn at_start_of(text: &[u8]) -> Option<(Self, usize)> {
        let names: [(&[u8], Self); 3] = [
            (b"ORIGIN", Self::Origin),
            (b"LIB", Self::Lib),
            (b"PLATFORM", Self::Platform),
        ];
        let is_braced = text.get(1) == Some(&b'{');
        let start = if is_braced { 2 } else { 1 };
        names.into_iter().find_map(|(name, token)| {
            let after = text.get(start..)?.strip_prefix(name)?;
            let length = start + name.len();
            match after.first() {
                Some(b'}') if is_braced => Some((token, length + 1)),
                _ if is_braced => None,
                Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'_' => None,
                _ => Some((token, length)),
            }
        })
    }

    fn values(self, tokens: Tokens) -> Vec<OsString> {
        match (self, tokens.architecture) {
            (Self::Origin, _) => tokens.origin.map(OsString::from).into_iter().collect(),
            (Self::Lib, Some(row)) => vec![row.lib().into()],
            (Self::Platform, Some(row)) => row.platforms.iter().map(OsString::from).collect(),
            (Self::Lib | Self::Platform, None) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::architecture::ARCHITECTURES;

    fn tokens() -> Tokens<'static> {
        Tokens {
            origin: Some(Path::new("/o")),
            architecture: ARCHITECTURES.iter().find(|row| row.debian == "amd64"),
        }
    }

    fn expanded(text: &str) -> Vec<OsString> {
        expand(OsStr::new(text), tokens())
    }

    #[test]
    fn tokens_end_where_their_name_ends() {
        assert_eq!(expanded("$ORIGIN/../x"), ["/o/../x"]);
        assert_eq!(expanded("a${ORIGIN}b"), ["a/ob"]);
        assert_eq!(expanded("$ORIGINAL"), ["$ORIGINAL"]);
        assert_eq!(expanded("${ORIGIN"), ["${ORIGIN"]);
        assert_eq!(expanded("$ORIGIN_"), ["$ORIGIN_"]);
        assert_eq!(expanded("$FOO/$$LIB"), ["$FOO/$lib/x86_64-linux-gnu"]);
        assert_eq!(
            expanded("/p/$PLATFORM"),
            ["/p/x86_64", "/p/haswell", "/p/xeon_phi"]
        );
    }

    #[test]
    fn an_empty_element_is_the_working_directory_and_an_empty_path_nothing() {
        let elements = |text| elements(OsStr::new(text), b":", tokens());
        assert_eq!(elements(""), []);
        assert_eq!(
            elements("/a/::b:"),
            [
                Element::Directory("/a/".into()),
                Element::Relative("".into()),
                Element::Relative("b".into()),
                Element::Relative("".into()),
            ]
        );
    }

    #[test]
    fn an_element_whose_token_has_no_value_is_dropped() {
        let none = Tokens {
            origin: None,
            architecture: None,
        };
        assert_eq!(
            super::elements(OsStr::new("$ORIGIN/x:/y:$LIB"), b":", none),
            [Element::Directory("/y".into())]
        );
    }
}
