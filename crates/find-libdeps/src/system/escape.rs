//! Names and paths, which are bytes on disk, as text for messages and JSON.
//!
//! The text is for output only: it is never compared or opened.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

/// `name` as one reversible line of UTF-8: control characters and others that are not seen become
/// `\n`, `\t` or `\u{1b}`, bytes that are not UTF-8 become `\xNN`, and a backslash becomes `\\`.
///
/// A file name can therefore neither break a line-based reader, nor send escapes to a terminal, nor
/// be shown as another one.
pub fn shown(name: impl AsRef<OsStr>) -> String {
    let mut text = String::new();
    for chunk in name.as_ref().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_unseen(character) || character == '\\' {
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

/// Whether a terminal shows nothing for the character, or what follows in another order: control
/// characters, and of Unicode's format characters (`Cf`) and separators those in use.
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
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
        assert_eq!(shown("a\u{202e}os.b\u{200b}"), "a\\u{202e}os.b\\u{200b}");
        assert_eq!(shown(OsStr::from_bytes(b"a\xffb")), "a\\xffb");
    }
}
