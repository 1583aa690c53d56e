//! The format of a Contents index, which lists the packages that ship each path (Debian wiki,
//! DebianRepository/Format, "Contents" indices).
//!
//! A line is a path without its leading slash, white space, and the packages, comma-separated, each
//! as `[[AREA/]SECTION/]NAME`. Lines of another form are skipped, as the format demands: old
//! indexes begin with an explanation in prose.

use std::io::{self, BufRead, Read as _};
use thiserror::Error;

/// The longest line of bookworm's and trixie's indexes has 253 bytes.
const MAX_LINE: usize = 1 << 20;
/// Debian's largest indexes have 0.4 GiB.
const MAX_BYTES: u64 = 4 << 30;

/// Why an index could not be read to its end.
#[derive(Debug, Error)]
pub enum ContentsError {
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The index or one of its lines is too long.
    #[error("longer than any Contents index")]
    TooLong,
    /// The last line has no end.
    #[error("it ends in the middle of a line")]
    Truncated,
}

/// A path and the packages that ship it.
#[derive(Clone, Copy, Debug)]
pub struct ContentsLine<'a> {
    /// Without its leading slash.
    pub path: &'a [u8],
    packages: &'a [u8],
}

/// A package as an index names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// Its section (Debian Policy 2.4), without the area.
    pub section: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
}

impl<'a> ContentsLine<'a> {
    /// The packages that ship the path.
    pub fn packages(&self) -> impl Iterator<Item = Location<'a>> {
        self.packages
            .split(|&byte| byte == b',')
            .filter_map(location)
    }
}

/// Passes each line of an index to `visit`.
pub fn read(
    reader: impl BufRead,
    mut visit: impl FnMut(ContentsLine<'_>),
) -> Result<(), ContentsError> {
    let mut reader = reader.take(MAX_BYTES);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = MAX_LINE as u64;
        if (&mut reader).take(limit).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.pop() != Some(b'\n') {
            let is_longer = line.len() + 1 == MAX_LINE || reader.limit() == 0;
            return Err(if is_longer {
                ContentsError::TooLong
            } else {
                ContentsError::Truncated
            });
        }
        if let Some(line) = parse(&line) {
            visit(line);
        }
    }
    if reader.limit() == 0 {
        return Err(ContentsError::TooLong);
    }
    Ok(())
}

/// Splits a line at its last white space: a path may contain some, the packages do not.
fn parse(line: &[u8]) -> Option<ContentsLine<'_>> {
    let line = line.trim_ascii_end();
    let at = line.iter().rposition(u8::is_ascii_whitespace)?;
    let path = line[..at].trim_ascii_end();
    (!path.is_empty()).then_some(ContentsLine {
        path,
        packages: &line[at + 1..],
    })
}

fn location(text: &[u8]) -> Option<Location<'_>> {
    let text = std::str::from_utf8(text).ok()?;
    let (section, name) = match text.rsplit_once('/') {
        None => (None, text),
        Some((section, name)) => (section.rsplit('/').next(), name),
    };
    is_package(name).then_some(Location { section, name })
}

/// Whether `name` is a valid package name (Debian Policy 5.6.1).
fn is_package(name: &str) -> bool {
    let is_in_name =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.bytes().all(is_in_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        read(text, |line| {
            let path = String::from_utf8_lossy(line.path).into_owned();
            let packages: Vec<String> = line
                .packages()
                .map(|package| format!("{}:{}", package.section.unwrap_or("-"), package.name))
                .collect();
            all.push(format!("{path} = {}", packages.join(" ")));
        })
        .unwrap();
        all
    }

    #[test]
    fn a_path_may_contain_spaces_and_a_package_may_have_an_area() {
        assert_eq!(
            lines(b"FILE                LOCATION\nusr/a b.so\t \t libs/a,non-free/libs/b,c\n"),
            ["FILE = ", "usr/a b.so = libs:a libs:b -:c"]
        );
    }

    #[test]
    fn lines_and_packages_of_another_form_are_skipped() {
        let text = b"\nword\n  \nx libs/Bad_Name,libs/,\xff,--option\nusr/\xff.so libs/a\n";
        assert_eq!(lines(text), ["x = ", "usr/\u{fffd}.so = libs:a"]);
    }

    #[test]
    fn a_line_without_an_end_is_an_error() {
        let error = read(&b"usr/a libs/a\nusr/b libs/b"[..], |_| {}).unwrap_err();
        assert!(matches!(error, ContentsError::Truncated), "{error}");
    }

    #[test]
    fn an_overlong_line_is_an_error() {
        let line = vec![b'x'; MAX_LINE + 1];
        let error = read(&line[..], |_| {}).unwrap_err();
        assert!(matches!(error, ContentsError::TooLong), "{error}");
    }
}
