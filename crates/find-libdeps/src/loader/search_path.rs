//! Splits and expands search paths, from files or from the environment, into directories, as glibc's
//! `fillin_rpath` and `_dl_dst_substitute` do (`elf/dl-load.c`).
//!
//! Nothing is read from disk here.

use crate::system::architecture::Architecture;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The values of dynamic string tokens (ld.so(8)) in one object.
#[derive(Clone, Copy, Debug)]
pub struct TokenValues<'a> {
    /// `$ORIGIN`; if it is `None`, elements that contain it are dropped.
    pub origin: Option<&'a Path>,
    /// Determines `$LIB` and `$PLATFORM`; if it is `None`, elements that contain them are dropped.
    pub architecture: Option<&'static Architecture>,
}

/// One element of a search path.
#[derive(Debug, PartialEq, Eq)]
pub enum Element {
    /// An absolute directory.
    Directory(PathBuf),
    /// An element relative to the working directory of the process: empty, or a relative path (not
    /// expanded).
    Relative(OsString),
}

/// The elements of `path`, separated by any of `separators`; none if `path` is empty.
///
/// `$PLATFORM` depends on the processor, so an element that contains it is returned once for each
/// possible value, the most common one first.
pub fn elements(path: &OsStr, separators: &[u8], tokens: TokenValues) -> Vec<Element> {
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

/// Replaces the tokens in `text`: returns one string for each value of `$PLATFORM`, and none if a
/// token has no value.
///
/// A token is `$NAME` or `${NAME}`, and no letter, digit or underscore may follow its name:
/// `$ORIGINAL` is literal (`is_dst` in `elf/dl-load.c`).
pub fn expand(text: &OsStr, tokens: TokenValues) -> Vec<OsString> {
    let mut results = vec![Vec::new()];
    let mut rest = text.as_bytes();
    while let Some(dollar) = rest.iter().position(|&byte| byte == b'$') {
        let (before, from) = rest.split_at(dollar);
        for result in &mut results {
            result.extend_from_slice(before);
        }
        let Some((token, length)) = StringToken::at_start_of(from) else {
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
enum StringToken {
    Origin,
    Lib,
    Platform,
}

impl StringToken {
    /// The token at the start of `text`, which begins with a dollar sign, and its length.
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

    fn values(self, tokens: TokenValues) -> Vec<OsString> {
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

    fn tokens() -> TokenValues<'static> {
        TokenValues {
            origin: Some(Path::new("/o")),
            architecture: ARCHITECTURES.iter().find(|row| row.debian == "amd64"),
        }
    }

    fn expanded(text: &str) -> Vec<OsString> {
        expand(OsStr::new(text), tokens())
    }

    #[test]
    fn a_token_ends_where_its_name_ends() {
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
    fn an_empty_element_is_the_working_directory_and_an_empty_path_has_no_elements() {
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
        let none = TokenValues {
            origin: None,
            architecture: None,
        };
        assert_eq!(
            super::elements(OsStr::new("$ORIGIN/x:/y:$LIB"), b":", none),
            [Element::Directory("/y".into())]
        );
    }
}
