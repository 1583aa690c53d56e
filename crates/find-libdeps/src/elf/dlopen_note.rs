//! The format of `.note.dlopen`, in which an ELF file states the libraries that it opens at run time
//! (<https://uapi-group.org/specifications/specs/elf_dlopen_metadata/>, UAPI.12).
//!
//! No file is read here. The loader ignores notes, so a malformed one never makes a file unusable:
//! its valid parts count, and each problem becomes a fault.

use crate::elf::bytes::MAX_NAME;
use crate::system::escape::shown;
use goblin::container::Ctx;
use goblin::elf::note::NoteDataIterator;
use serde_json::{Map, Value};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// The owner of the ELF note.
const OWNER: &str = "FDO";
/// The type of the ELF note.
const TYPE: u32 = 0x407c_0c0a;

/// Real notes have some hundred bytes.
const MAX_TEXT: usize = 1 << 16;
/// Real files open some thirty libraries.
const MAX_NOTES: usize = 128;
/// Real notes name up to five.
const MAX_SONAMES: usize = 16;

/// A library that a file opens at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DlopenNote {
    /// The names to try, in order; the first one found is used.
    pub sonames: Vec<OsString>,
    /// How much the file depends on it.
    pub priority: Priority,
}

/// How much a file depends on a library, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Without it, a rarely used feature is missing.
    Suggested,
    /// Without it, a feature is missing. The default.
    #[default]
    Recommended,
    /// Without it, the file is useless.
    Required,
}

/// The notes of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// In the file's order.
    pub notes: Vec<DlopenNote>,
    /// Problems, each a phrase for a message.
    pub faults: Vec<String>,
}

impl Notes {
    /// Adds the notes of a `PT_NOTE` segment with this alignment, that of its strictest section. The
    /// notes themselves are aligned to 4 or 8 bytes; with a stricter one, what does not parse is no
    /// fault.
    pub fn add_segment(&mut self, segment: &[u8], alignment: u64, ctx: Ctx) {
        let is_exact = alignment <= 8;
        let alignment = if alignment == 8 { 8 } else { 4 };
        let notes = NoteDataIterator {
            data: segment,
            size: segment.len(),
            offset: 0,
            ctx: (alignment, ctx),
        };
        for note in notes {
            match note {
                Ok(note) if note.name == OWNER => {
                    if note.n_type == TYPE {
                        self.add(note.desc);
                    }
                }
                Ok(_) => {}
                Err(_) if !is_exact => {}
                Err(_) => self.fault("a segment that is no row of notes".to_owned()),
            }
        }
    }

    /// Adds the text of one ELF note: a JSON array of objects, or one object, up to the first NUL.
    fn add(&mut self, text: &[u8]) {
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        if text.len() > MAX_TEXT {
            self.fault(format!("a text of {} bytes", text.len()));
            return;
        }
        match serde_json::from_slice(text) {
            Ok(Value::Array(entries)) => {
                for entry in &entries {
                    self.add_entry(entry);
                }
            }
            Ok(entry) => self.add_entry(&entry),
            Err(error) => self.fault(format!("not JSON: {error}")),
        }
    }

    fn add_entry(&mut self, entry: &Value) {
        let Value::Object(entry) = entry else {
            self.fault("an entry that is not an object".to_owned());
            return;
        };
        let sonames = self.sonames(entry);
        if sonames.is_empty() {
            self.fault("an entry without a soname".to_owned());
            return;
        }
        if self.notes.len() == MAX_NOTES {
            self.fault(format!("more than {MAX_NOTES} entries"));
            return;
        }
        let note = DlopenNote {
            sonames,
            priority: self.priority(entry),
        };
        self.notes.push(note);
    }

    fn sonames(&mut self, entry: &Map<String, Value>) -> Vec<OsString> {
        let given = match entry.get("soname") {
            Some(Value::Array(names)) => names.as_slice(),
            Some(name) => std::slice::from_ref(name),
            None => &[],
        };
        if given.len() > MAX_SONAMES {
            self.fault(format!("an entry with {} sonames", given.len()));
        }
        let mut sonames = Vec::new();
        for name in given.iter().take(MAX_SONAMES) {
            match name.as_str() {
                Some(name) if is_name(name) => sonames.push(OsString::from(name)),
                _ => self.fault("a soname that is none".to_owned()),
            }
        }
        sonames
    }

    fn priority(&mut self, entry: &Map<String, Value>) -> Priority {
        match entry.get("priority") {
            Some(Value::String(name)) if name == "required" => Priority::Required,
            Some(Value::String(name)) if name == "suggested" => Priority::Suggested,
            Some(Value::String(name)) if name == "recommended" => Priority::Recommended,
            Some(Value::String(name)) => {
                let start = OsStr::from_bytes(&name.as_bytes()[..name.len().min(40)]);
                self.fault(format!("unknown priority `{}`", shown(start)));
                Priority::default()
            }
            _ => Priority::default(),
        }
    }

    /// Records a fault, unless it is known already.
    pub fn fault(&mut self, fault: String) {
        if self.faults.len() < MAX_NOTES && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() < MAX_NAME && !name.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: impl AsRef<[u8]>) -> Notes {
        let mut notes = Notes::default();
        notes.add(text.as_ref());
        notes
    }

    fn note(sonames: &[&str], priority: Priority) -> DlopenNote {
        DlopenNote {
            sonames: sonames.iter().map(OsString::from).collect(),
            priority,
        }
    }

    #[test]
    fn the_example_in_the_specification_is_read() {
        let text = r#"[{"soname":["libfido2.so.1"],"feature":"fido2","description":"Support fido2 for encryption and authentication","priority":"required"}]"#;
        let expected = note(&["libfido2.so.1"], Priority::Required);
        for text in [text.to_owned(), format!("{text}\0"), format!("{text}\0\0x")] {
            let notes = read(text);
            assert_eq!(notes.notes, std::slice::from_ref(&expected));
            assert!(notes.faults.is_empty());
        }
    }

    #[test]
    fn one_object_one_string_and_unknown_keys_are_accepted() {
        let lone = read(r#"{"soname":"liba.so.1","priority":"suggested","more":[{}]}"#);
        assert_eq!(lone.notes, [note(&["liba.so.1"], Priority::Suggested)]);
        let none = read(r#"[{"soname":["b.so","c.so"],"priority":null,"feature":3}]"#);
        assert_eq!(none.notes, [note(&["b.so", "c.so"], Priority::Recommended)]);
        assert!(lone.faults.is_empty() && none.faults.is_empty());
        assert_eq!(read("[]"), Notes::default());
    }

    #[test]
    fn valid_entries_beside_malformed_ones_count() {
        let notes = read(
            r#"[7,{},{"soname":[]},{"soname":["a.so",8,"","\u0000"]},{"soname":"b.so","priority":"vital\n"}]"#,
        );
        let expected = [
            note(&["a.so"], Priority::Recommended),
            note(&["b.so"], Priority::Recommended),
        ];
        assert_eq!(notes.notes, expected);
        let faults = [
            "an entry that is not an object",
            "an entry without a soname",
            "a soname that is none",
            "unknown priority `vital\\n`",
        ];
        assert_eq!(notes.faults, faults);
    }

    #[test]
    fn hostile_texts_are_faults() {
        let faults = |text: &[u8]| read(text).faults.len();
        assert_eq!(faults(b""), 1);
        assert_eq!(faults(b"\xff\xfe"), 1);
        assert_eq!(faults(b"[{\"soname\":\"\xff\"}]"), 1);
        assert_eq!(faults(&b"[".repeat(60_000)), 1);
        assert_eq!(faults(&b" ".repeat(MAX_TEXT + 1)), 1);
        let many = format!("[{}1]", r#"{"soname":"a"},"#.repeat(2000));
        assert_eq!(read(&many).notes.len(), MAX_NOTES);
        let wide = format!(r#"{{"soname":[{}"a"]}}"#, r#""a","#.repeat(2000));
        assert_eq!(read(&wide).notes[0].sonames.len(), MAX_SONAMES);
        let odd = format!(r#"{{"soname":"a","priority":"{}"}}"#, "é".repeat(100));
        assert_eq!(read(&odd).notes.len(), 1);
    }
}
