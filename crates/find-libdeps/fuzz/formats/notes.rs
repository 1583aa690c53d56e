//! `.note.dlopen`.

use super::{Format, assert_shown, texts};
use crate::elf::dlopen_note::Notes;
use goblin::container::{Container, Ctx, Endian};

pub const FORMAT: Format = Format {
    name: "notes",
    check,
    seeds: || {
        let entry = r#"[{"soname":["libz.so.1","libz.so"],"feature":"x","priority":"required"}]"#;
        let mut segment = vec![1];
        for number in [4, u32::try_from(entry.len()).unwrap_or(0), 0x407c_0c0a] {
            segment.extend(number.to_le_bytes());
        }
        segment.extend(b"FDO\0");
        segment.extend(entry.bytes());
        [vec![segment], texts(&[&format!("\u{8}{entry}")])].concat()
    },
    words: &[
        "FDO\0",
        "{\"soname\":\"liba.so.1\"}",
        "\"priority\"",
        "\"required\"",
        "\"suggested\"",
        "\"soname\"",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\\u0000",
        "\\u202e",
        "[[[[",
        "null",
        "1e999",
    ],
    is_binary: true,
};

/// The first byte is the alignment and byte order of the segment, or says that the rest is the text of
/// one note.
fn check(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else {
        return;
    };
    let mut note = Vec::new();
    let segment = if first & 8 == 0 {
        rest
    } else {
        for number in [4, u32::try_from(rest.len()).unwrap_or(0), 0x407c_0c0a] {
            note.extend(number.to_le_bytes());
        }
        note.extend(b"FDO\0");
        note.extend_from_slice(rest);
        note.resize(note.len().next_multiple_of(8), 0);
        &note
    };
    let endian = if first & 4 == 0 {
        Endian::Little
    } else {
        Endian::Big
    };
    let mut notes = Notes::default();
    let alignment = [1, 4, 8, 16][usize::from(first & 3)];
    notes.add_segment(segment, alignment, Ctx::new(Container::Big, endian));

    let names = notes.notes.iter().flat_map(|note| &note.sonames);
    assert!(names.map(|name| name.len()).sum::<usize>() <= segment.len());
    assert!(notes.notes.iter().all(|note| !note.sonames.is_empty()));
    for fault in &notes.faults {
        assert_shown(fault);
        assert!(fault.len() < 1024);
    }
}
