//! How names and paths, which are bytes on disk, are shown to people and to JSON readers.
//!
//! Nothing is decided here; a name is never compared or opened in its shown form.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

/// `name` as one line of UTF-8 from which its bytes can be told again: control characters are
/// written as `\n`, `\t` or `\u{1b}`, bytes that are not UTF-8 as `\xNN`, a backslash as `\\`.
///
/// A file name can therefore neither break a line-based reader nor talk to a terminal.
pub fn shown(name: impl AsRef<OsStr>) -> String {
    let mut text = String::new();
    for chunk in name.as_ref().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || character == '\\' {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// `1 file`, `2 files`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_name_is_one_line_and_tells_its_bytes() {
        assert_eq!(shown("libé.so.1"), "libé.so.1");
        assert_eq!(shown("a\nb\\c\x1b"), "a\\nb\\\\c\\u{1b}");
        assert_eq!(shown(OsStr::from_bytes(b"a\xffb")), "a\\xffb");
    }
}
