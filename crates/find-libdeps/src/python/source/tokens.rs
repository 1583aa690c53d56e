//! The text of a Python source to tokens and logical lines (chapter 2 of the Python language
//! reference), as far as the search for library names needs them.
//!
//! No crate fits: `ruff_python_parser` needs a newer Rust than this project, `rustpython-parser` is no
//! longer maintained, and tree-sitter is C.
//!
//! The syntax is not checked: every sequence of bytes has tokens. One pass, no recursion. Text stays
//! bytes, and escapes in strings are not decoded. An f-string with its own kind of quote inside, which
//! Python 3.12 allows, falls apart.

use std::ops::Range;
use thiserror::Error;

/// A token takes 24 bytes. Sources that load libraries have up to 200,000 tokens.
const MAX_TOKENS: usize = 1 << 20;
/// The bracket of a token that is in none.
pub(super) const NONE: u32 = u32::MAX;
/// A tab in the indentation advances to a multiple of this column.
const TAB: u32 = 8;

/// The source has more than [`MAX_TOKENS`] tokens.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("more than {MAX_TOKENS} tokens")]
pub(super) struct TooManyTokens;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, keyword or number.
    Word,
    /// A string; its text is what the quotes enclose.
    String,
    /// An operator or anything else.
    Mark,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PythonToken {
    pub(super) kind: TokenKind,
    /// Its text, as bytes of the source.
    start: u32,
    end: u32,
    /// From 1.
    pub(super) line: u32,
    /// The token that opens the innermost bracket around it, or [`NONE`].
    pub(super) bracket: u32,
    /// How many commas precede it in that bracket.
    pub(super) commas: u32,
}

/// A statement, or the header of a block with the statements that follow it on its line.
#[derive(Clone, Debug)]
pub(super) struct LogicalLine {
    pub(super) tokens: Range<usize>,
    /// In columns.
    pub(super) indent: u32,
}

/// The tokens of a source.
#[derive(Debug)]
pub(super) struct PythonTokens<'a> {
    source: &'a [u8],
    pub(super) all: Vec<PythonToken>,
    pub(super) lines: Vec<LogicalLine>,
}

impl<'a> PythonTokens<'a> {
    /// Reads `source`, which is shorter than 4 GiB.
    pub(super) fn new(source: &'a [u8]) -> Result<Self, TooManyTokens> {
        let mut reader = Tokenizer {
            source,
            at: 0,
            line: 1,
            brackets: Vec::new(),
            tokens: Vec::new(),
            lines: Vec::new(),
        };
        reader.read()?;
        Ok(Self {
            source,
            all: reader.tokens,
            lines: reader.lines,
        })
    }

    /// The text of token `index`; empty if there is no such token.
    pub(super) fn text(&self, index: usize) -> &'a [u8] {
        self.all
            .get(index)
            .and_then(|token| self.source.get(token.start as usize..token.end as usize))
            .unwrap_or_default()
    }

    /// Whether token `index` is this word or mark, and not a string.
    pub(super) fn is(&self, index: usize, text: &str) -> bool {
        self.kind(index)
            .is_some_and(|kind| kind != TokenKind::String)
            && self.text(index) == text.as_bytes()
    }

    pub(super) fn kind(&self, index: usize) -> Option<TokenKind> {
        self.all.get(index).map(|token| token.kind)
    }

    /// Whether both tokens are in one logical line; `a` comes before `b`.
    pub(super) fn is_same_line(&self, a: usize, b: usize) -> bool {
        let after = self.lines.partition_point(|line| line.tokens.start <= b);
        after
            .checked_sub(1)
            .is_some_and(|line| self.lines[line].tokens.contains(&a))
    }
}

struct Tokenizer<'a> {
    source: &'a [u8],
    at: usize,
    line: u32,
    /// Open brackets with the commas so far.
    brackets: Vec<(u32, u32)>,
    tokens: Vec<PythonToken>,
    lines: Vec<LogicalLine>,
}

impl Tokenizer<'_> {
    fn read(&mut self) -> Result<(), TooManyTokens> {
        if self.source.starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
        }
        loop {
            let indent = self.indentation();
            let from = self.tokens.len();
            let ended = self.logical_line()?;
            if self.tokens.len() > from {
                self.lines.push(LogicalLine {
                    tokens: from..self.tokens.len(),
                    indent,
                });
            }
            if ended {
                return Ok(());
            }
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.source.get(self.at + ahead).copied()
    }

    fn indentation(&mut self) -> u32 {
        let mut columns = 0u32;
        while let Some(byte) = self.byte(0) {
            match byte {
                b' ' => columns += 1,
                b'\t' => columns = (columns / TAB + 1) * TAB,
                b'\x0c' => columns = 0,
                _ => break,
            }
            self.at += 1;
        }
        columns
    }

    /// Reads a logical line; returns whether it is the last one.
    fn logical_line(&mut self) -> Result<bool, TooManyTokens> {
        self.brackets.clear();
        while let Some(byte) = self.byte(0) {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    if self.brackets.is_empty() {
                        return Ok(false);
                    }
                }
                b'#' => self.skip_comment(),
                b' ' | b'\t' | b'\r' | b'\x0c' => self.at += 1,
                b'\\' => {
                    // Joins two lines; means nothing anywhere else.
                    self.at += 1;
                    if self.byte(0) == Some(b'\r') {
                        self.at += 1;
                    }
                    if self.byte(0) == Some(b'\n') {
                        self.at += 1;
                        self.line += 1;
                    }
                }
                b'"' | b'\'' => self.string(byte)?,
                _ if is_word(byte) => self.word()?,
                _ => self.mark(byte)?,
            }
        }
        Ok(true)
    }

    fn skip_comment(&mut self) {
        while self.byte(0).is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
    }

    fn word(&mut self) -> Result<(), TooManyTokens> {
        let start = self.at;
        while self.byte(0).is_some_and(is_word) {
            self.at += 1;
        }
        let is_prefix = self.at - start <= 2
            && self.source[start..self.at]
                .iter()
                .all(|byte| b"rRbBuUfFtT".contains(byte));
        match self.byte(0) {
            Some(quote @ (b'"' | b'\'')) if is_prefix => self.string(quote),
            _ => self.push(TokenKind::Word, start, self.at, self.line),
        }
    }

    /// Reads a string. Without its closing quotes it ends with the line, or if triple-quoted with the
    /// source.
    fn string(&mut self, quote: u8) -> Result<(), TooManyTokens> {
        let line = self.line;
        let is_triple = self.byte(1) == Some(quote) && self.byte(2) == Some(quote);
        let width = if is_triple { 3 } else { 1 };
        self.at += width;
        let start = self.at;
        while let Some(byte) = self.byte(0) {
            match byte {
                b'\\' => {
                    if self.byte(1) == Some(b'\n') {
                        self.line += 1;
                    }
                    self.at += 2;
                    continue;
                }
                b'\n' if !is_triple => break,
                b'\n' => self.line += 1,
                _ if byte == quote
                    && (!is_triple
                        || self.byte(1) == Some(quote) && self.byte(2) == Some(quote)) =>
                {
                    let end = self.at;
                    self.at += width;
                    return self.push(TokenKind::String, start, end, line);
                }
                _ => {}
            }
            self.at += 1;
        }
        // A backslash may be the last byte.
        self.at = self.at.min(self.source.len());
        self.push(TokenKind::String, start, self.at, line)
    }

    fn mark(&mut self, byte: u8) -> Result<(), TooManyTokens> {
        let next = self.byte(1);
        let width = match (byte, next) {
            (b'=' | b'!' | b'<' | b'>' | b':' | b'+', Some(b'=')) => 2,
            _ => 1,
        };
        let start = self.at;
        self.at += width;
        match byte {
            b'(' | b'[' | b'{' => {
                let index = u32::try_from(self.tokens.len()).unwrap_or(NONE);
                self.push(TokenKind::Mark, start, self.at, self.line)?;
                self.brackets.push((index, 0));
            }
            b')' | b']' | b'}' => {
                self.brackets.pop();
                self.push(TokenKind::Mark, start, self.at, self.line)?;
            }
            _ => {
                self.push(TokenKind::Mark, start, self.at, self.line)?;
                if let (b',', Some((_, commas))) = (byte, self.brackets.last_mut()) {
                    *commas += 1;
                }
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        kind: TokenKind,
        start: usize,
        end: usize,
        line: u32,
    ) -> Result<(), TooManyTokens> {
        if self.tokens.len() == MAX_TOKENS {
            return Err(TooManyTokens);
        }
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let (bracket, commas) = self.brackets.last().copied().unwrap_or((NONE, 0));
        self.tokens.push(PythonToken {
            kind,
            start: place(start),
            end: place(end),
            line,
            bracket,
            commas,
        });
        Ok(())
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each logical line as its indentation and its tokens, with strings in back-ticks.
    fn lines(source: &str) -> Vec<String> {
        let tokens = PythonTokens::new(source.as_bytes()).unwrap();
        let shown = |index: usize| {
            let text = String::from_utf8_lossy(tokens.text(index));
            match tokens.kind(index) {
                Some(TokenKind::String) => format!("`{text}`"),
                _ => text.into_owned(),
            }
        };
        let line = |line: &LogicalLine| {
            let texts: Vec<String> = line.tokens.clone().map(shown).collect();
            format!("{}|{}", line.indent, texts.join(" "))
        };
        tokens.lines.iter().map(line).collect()
    }

    #[test]
    fn statements_become_logical_lines() {
        let source =
            "\u{feff}a = f('x', # no\n  \"y\") \\\n  + 1\n\n\tif b==2: pass\r\n    # no\n  c";
        let expected = ["0|a = f ( `x` , `y` ) + 1", "8|if b == 2 : pass", "2|c"];
        assert_eq!(lines(source), expected);
    }

    #[test]
    fn strings_end_where_python_ends_them() {
        assert_eq!(lines("rb'a\\'b' 'c\nd"), ["0|`a\\'b` `c`", "0|d"]);
        assert_eq!(lines("'''a'b''c\nd'''\ne"), ["0|`a'b''c\nd`", "0|e"]);
        assert_eq!(lines("''\nx''"), ["0|``", "0|x ``"]);
        assert_eq!(lines("f\"\"\"a"), ["0|`a`"]);
        assert_eq!(lines("'a\\"), ["0|`a\\`"]);
    }

    #[test]
    fn tokens_have_a_line_and_a_place_in_a_bracket() {
        let tokens = PythonTokens::new(b"f(\n'''\n''',\n[a], b)\n)c").unwrap();
        let places: Vec<_> = tokens
            .all
            .iter()
            .map(|token| (token.line, token.bracket, token.commas))
            .collect();
        let expected = [
            (1, NONE, 0),
            (1, NONE, 0),
            (2, 1, 0),
            (3, 1, 0),
            (4, 1, 1),
            (4, 4, 0),
            (4, 1, 1),
            (4, 1, 1),
            (4, 1, 2),
            (4, NONE, 0),
            (5, NONE, 0),
            (5, NONE, 0),
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn hostile_sources_have_tokens() {
        for source in [
            &b"\0\xff\\"[..],
            b"'\\",
            b"\"\"\"",
            b"((((",
            b"))))",
            b"\\\r\n",
            b"b'",
        ] {
            assert!(PythonTokens::new(source).is_ok());
        }
        let many = b"(".repeat(MAX_TOKENS + 1);
        assert_eq!(PythonTokens::new(&many).err(), Some(TooManyTokens));
        assert!(PythonTokens::new(&many[1..]).is_ok());
        let quotes = b"'''\\".repeat(1 << 20);
        assert!(PythonTokens::new(&quotes).is_ok());
    }
}
