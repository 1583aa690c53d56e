//! Names and paths, which are bytes on disk, as text for messages and JSON.
//!
//! The text is for output only: it is never compared or opened.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

/// `name` as one reversible line of UTF-8: control characters become `\n`, `\t` or `\u{1b}`, bytes
/// that are not UTF-8 become `\xNN`, and a backslash becomes `\\`.
///
/// A file name can therefore neither break a line-based reader nor send escapes to a terminal.
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
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_name_is_one_line_and_keeps_its_bytes() {
        assert_eq!(shown("libé.so.1"), "libé.so.1");
        assert_eq!(shown("a\nb\\c\x1b"), "a\\nb\\\\c\\u{1b}");
        assert_eq!(shown(OsStr::from_bytes(b"a\xffb")), "a\\xffb");
    }
}
