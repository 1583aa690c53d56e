//! The reviewed table of Python distributions that use what no ELF header shows: the libraries,
//! programs, files and modules of the standard library that each requires, and those that it can use.
//!
//! The rows are in `table.txt`, which describes its format. Nothing is looked up here.

use crate::demand::{Item, LibraryName};
use crate::system::path_pattern::PathPattern;
use std::sync::LazyLock;

const SOURCE: &str = include_str!("table.txt");

/// What the program needs of it. Comments, and where the rows were seen, would be nearly half of it.
static TABLE: [u8; LENGTH] = stripped().0;
const LENGTH: usize = stripped::<{ SOURCE.len() }>().1;

/// What one distribution uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The normalised name of the distribution.
    pub distribution: &'static str,
    /// In the order of the table.
    pub needs: Vec<Need>,
    /// The libraries for which variants of one module are built, in the order of preference.
    pub variants: Vec<&'static str>,
    /// The distributions, by normalised name, that provide the libraries and programs if they are installed beside
    /// this one.
    pub companions: Vec<&'static str>,
}

/// One library, program, file or module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The first of these that is found meets the need; at least one.
    pub items: Vec<Item>,
    /// Whether the distribution is useless without it.
    pub is_required: bool,
    /// What it is for: `only for GeoDjango`.
    pub reason: Option<&'static str>,
}

/// The row of the distribution with this normalised name.
pub fn row(distribution: &str) -> Option<&'static Row> {
    let rows = rows();
    let at = rows.binary_search_by(|row| row.distribution.cmp(distribution));
    Some(&rows[at.ok()?])
}

/// All rows, sorted by distribution.
pub fn rows() -> &'static [Row] {
    // The table is compiled in, and a test parses it.
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
        let text = std::str::from_utf8(&TABLE).unwrap_or_default();
        parse(text).unwrap_or_default()
    });
    &ROWS
}

/// The lines of the source that rows are parsed from, and their length, which is at most `N`.
const fn stripped<const N: usize>() -> ([u8; N], usize) {
    let source = SOURCE.as_bytes();
    let (mut text, mut length, mut start) = ([0; N], 0, 0);
    while start < source.len() {
        // Only `seen-in` begins with an s.
        let is_for_readers = matches!(source[start], b'#' | b'\n' | b's');
        let mut at = start;
        loop {
            if !is_for_readers {
                text[length] = source[at];
                length += 1;
            }
            at += 1;
            if source[at - 1] == b'\n' {
                break;
            }
        }
        start = at;
    }
    (text, length)
}

/// The rows of `text`, or which line is wrong and why.
fn parse(text: &'static str) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = |what: &str| format!("line {number}: {what}: {line}");
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') || line.starts_with("seen-in ") {
            continue;
        }
        if let Some(distribution) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            if crate::python::distributions::normalised(distribution) != distribution {
                return Err(wrong("not normalised"));
            }
            if rows
                .last()
                .is_some_and(|last| last.distribution >= distribution)
            {
                return Err(wrong("not sorted"));
            }
            rows.push(Row {
                distribution,
                needs: Vec::new(),
                variants: Vec::new(),
                companions: Vec::new(),
            });
            continue;
        }
        let row = rows.last_mut().ok_or_else(|| wrong("before all rows"))?;
        let (key, value) = line.split_once(' ').ok_or_else(|| wrong("no value"))?;
        let words = || value.split_whitespace();
        match key {
            "needs" | "can-use" => {
                let need = need(value, key == "needs");
                let need = need.ok_or_else(|| wrong("not what can be needed"))?;
                let same = |known: &Need| need.items.iter().any(|item| known.items.contains(item));
                if row.needs.iter().any(same) {
                    return Err(wrong("twice"));
                }
                row.needs.push(need);
            }
            "variants" if row.variants.is_empty() => {
                row.variants = value.split(" | ").collect();
                if row.variants.iter().any(|name| library(name).is_none()) {
                    return Err(wrong("not libraries"));
                }
            }
            "bundled-by" if row.companions.is_empty() => row.companions = words().collect(),
            _ => return Err(wrong("an unknown key, or one twice")),
        }
    }
    let useless = rows
        .iter()
        .find(|row| row.needs.is_empty() && row.variants.is_empty());
    match useless {
        Some(row) => Err(format!("[{}] lacks needs", row.distribution)),
        None => Ok(rows),
    }
}

/// `A | B`, or `A | B (reason)`.
fn need(text: &'static str, is_required: bool) -> Option<Need> {
    let (items, reason) = match text.strip_suffix(')') {
        None => (text, None),
        Some(text) => {
            let (items, reason) = text.split_once(" (")?;
            (items, Some(reason))
        }
    };
    let items: Option<Vec<Item>> = items.split(" | ").map(item).collect();
    Some(Need {
        items: items?,
        is_required,
        reason,
    })
}

fn item(text: &'static str) -> Option<Item> {
    let is_word = |name: &str, more: &[u8]| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
        !name.is_empty() && name.bytes().all(is_allowed)
    };
    match text.split_once(' ') {
        None => Some(Item::Library(library(text)?)),
        Some(("program", name)) => is_word(name, b"+-._").then(|| Item::Program(name.into())),
        Some(("file", path)) => PathPattern::new(path).map(Item::File),
        Some(("module", name)) => is_word(name, b"._").then(|| Item::Module(name.to_owned())),
        Some(_) => None,
    }
}

fn library(text: &'static str) -> Option<LibraryName> {
    let is_plain = |text: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
        !text.is_empty() && text.bytes().all(is_allowed)
    };
    let rest = text.strip_prefix("lib")?;
    match rest.strip_suffix(".so.*") {
        Some(stem) => is_plain(stem).then(|| LibraryName::Stem(stem.to_owned())),
        None => (rest.contains(".so") && is_plain(text)).then(|| LibraryName::Soname(text.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed_and_sorted() {
        assert_eq!(parse(SOURCE).as_deref(), Ok(rows()));
        assert!(rows().len() >= 25);
    }

    #[test]
    fn each_row_names_what_was_reviewed() {
        for row in SOURCE.split("\n[").skip(1) {
            let mut lines = row.lines().rev();
            let last = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
            let words: Vec<&str> = last.unwrap_or_default().split(' ').collect();
            assert!(words[0] == "seen-in" && words.len() > 2, "[{row}");
        }
    }

    #[test]
    fn a_row_is_found_by_its_name() {
        let magic = row("python-magic").unwrap();
        assert_eq!(magic.distribution, "python-magic");
        assert_eq!(
            magic.needs[0].items,
            [Item::Library(LibraryName::Soname("libmagic.so.1".into()))]
        );
        assert_eq!(row("numpy"), None);
    }

    #[test]
    fn each_part_of_a_row_is_read() {
        let text = "# a comment\n\n[a-b]\nneeds liba.so.1 | libb-2.0.so.*\ncan-use libc++.so.1\n\
                    needs program c | file /usr/*/d.e\ncan-use module f._g (only for (h))\n\
                    variants libd.so.1 | libe.so.2\nbundled-by x y\nseen-in 1.0 a.py b/c.py\n";
        let row = Row {
            distribution: "a-b",
            needs: vec![
                Need {
                    items: vec![
                        Item::Library(LibraryName::Soname("liba.so.1".into())),
                        Item::Library(LibraryName::Stem("b-2.0".to_owned())),
                    ],
                    is_required: true,
                    reason: None,
                },
                Need {
                    items: vec![Item::Library(LibraryName::Soname("libc++.so.1".into()))],
                    is_required: false,
                    reason: None,
                },
                Need {
                    items: vec![
                        Item::Program("c".into()),
                        Item::File(PathPattern::new("/usr/*/d.e").unwrap()),
                    ],
                    is_required: true,
                    reason: None,
                },
                Need {
                    items: vec![Item::Module("f._g".to_owned())],
                    is_required: false,
                    reason: Some("only for (h)"),
                },
            ],
            variants: vec!["libd.so.1", "libe.so.2"],
            companions: vec!["x", "y"],
        };
        assert_eq!(parse(text), Ok(vec![row]));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let row = "needs liba.so.1\nseen-in 1 a.py\n";
        let two = |first: &str, second: &str| format!("[{first}]\n{row}[{second}]\n{row}");
        for (text, wrong) in [
            (two("b", "a"), "line 4: not sorted: [a]"),
            (two("a", "a"), "line 4: not sorted: [a]"),
            (two("a", "B_"), "line 4: not normalised: [B_]"),
            (row.to_owned(), "line 1: before all rows: needs liba.so.1"),
            ("[a]\nneeds\n".to_owned(), "line 2: no value: needs"),
            (
                "[a]\nneeds a.so\n".to_owned(),
                "line 2: not what can be needed: needs a.so",
            ),
            (
                "[a]\nneeds program a b\n".to_owned(),
                "line 2: not what can be needed: needs program a b",
            ),
            (
                "[a]\nneeds file a/b\n".to_owned(),
                "line 2: not what can be needed: needs file a/b",
            ),
            (
                "[a]\nneeds liba.so.1\ncan-use libb.so.1 | liba.so.1\n".to_owned(),
                "line 3: twice: can-use libb.so.1 | liba.so.1",
            ),
            (
                "[a]\nnedes liba.so.1\n".to_owned(),
                "line 2: an unknown key, or one twice: nedes liba.so.1",
            ),
            (
                "[a]\nvariants liba.so.1 | b\n".to_owned(),
                "line 2: not libraries: variants liba.so.1 | b",
            ),
            ("[a]\nseen-in 1 a.py\n".to_owned(), "[a] lacks needs"),
        ] {
            assert_eq!(parse(text.leak()), Err(wrong.to_owned()));
        }
    }
}
