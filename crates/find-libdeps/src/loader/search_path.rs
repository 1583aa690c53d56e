//! Splits and expands search paths, from files or from the environment, into directories, as glibc's
//! `fillin_rpath` and `_dl_dst_substitute` do (`elf/dl-load.c`).
//!
//! Nothing is read from disk here.

use crate::system::architecture::Architecture;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// No path that can be opened is longer, with its NUL (limits.h).
const PATH_MAX: usize = 4096;

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

/// The elements of `path`, separated by any of `separators`, each once (`fillin_rpath`); none if
/// `path` is empty.
///
/// `$PLATFORM` depends on the processor, so an element that contains it is returned once for each
/// possible value, the most common one first.
pub fn elements(path: &OsStr, separators: &[u8], tokens: TokenValues) -> Vec<Element> {
    if path.is_empty() {
        return Vec::new();
    }
    let mut elements = Vec::new();
    let mut seen = HashSet::new();
    for element in path.as_bytes().split(|byte| separators.contains(byte)) {
        let element = OsStr::from_bytes(element);
        for expanded in expand(element, tokens) {
            if seen.contains(&expanded) {
                continue;
            }
            seen.insert(expanded.clone());
            elements.push(if expanded.as_bytes().starts_with(b"/") {
                Element::Directory(PathBuf::from(expanded))
            } else {
                Element::Relative(element.to_owned())
            });
        }
    }
    elements
}

/// Replaces the tokens in `text`: returns one string for each value of `$PLATFORM`, and none if a
/// token has no value, or if the result is too long to be opened.
///
/// A token is `$NAME` or `${NAME}`, and no letter, digit or underscore may follow its name:
/// `$ORIGINAL` is literal (`is_dst` in `elf/dl-load.c`).
pub fn expand(text: &OsStr, tokens: TokenValues) -> Vec<OsString> {
    let text = text.as_bytes();
    let at_dollars = (0..text.len()).filter(|&at| text[at] == b'$');
    let mut found = at_dollars.filter_map(|at| StringToken::at_start_of(&text[at..]));
    if !found.any(|(token, _)| matches!(token, StringToken::Platform)) {
        return substitute(text, tokens, None).into_iter().collect();
    }
    // One processor has one value, however often the token occurs.
    let platforms = tokens.architecture.map_or(&[][..], |row| row.platforms);
    platforms
        .iter()
        .filter_map(|&platform| substitute(text, tokens, Some(platform)))
        .collect()
}

/// The same for a needed name. Nearly all have no tokens.
pub fn expand_name(name: &Arc<OsStr>, tokens: TokenValues) -> Vec<Arc<OsStr>> {
    if !name.as_bytes().contains(&b'$') && name.len() < PATH_MAX {
        return vec![Arc::clone(name)];
    }
    let expanded = expand(name, tokens).into_iter();
    expanded.map(Arc::from).collect()
}

/// `text` with its tokens replaced, `$PLATFORM` by `platform`.
fn substitute(text: &[u8], tokens: TokenValues, platform: Option<&str>) -> Option<OsString> {
    let mut result = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.iter().position(|&byte| byte == b'$') {
        let (before, from) = rest.split_at(dollar);
        result.extend_from_slice(before);
        let length = if let Some((token, length)) = StringToken::at_start_of(from) {
            match token {
                StringToken::Origin => result.extend(tokens.origin?.as_os_str().as_bytes()),
                StringToken::Lib => result.extend(tokens.architecture?.lib().as_bytes()),
                StringToken::Platform => result.extend(platform?.as_bytes()),
            }
            length
        } else {
            result.push(b'$');
            1
        };
        rest = &from[length..];
        if result.len() >= PATH_MAX {
            return None;
        }
    }
    result.extend_from_slice(rest);
    result.shrink_to_fit();
    (result.len() < PATH_MAX).then(|| OsString::from_vec(result))
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
        assert_eq!(
            expanded("$PLATFORM${PLATFORM}"),
            ["x86_64x86_64", "haswellhaswell", "xeon_phixeon_phi"]
        );
        assert!(expanded(&"$ORIGIN".repeat(PATH_MAX / 2)).is_empty());
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
