//! The format of `.note.dlopen`: the libraries that an ELF file itself says it opens at run time
//! (<https://uapi-group.org/specifications/specs/elf_dlopen_metadata/>, UAPI.12).
//!
//! Only a note's text is read here, no files. What is wrong in a note becomes a fault beside what is
//! right: no library is loaded by a note, so a bad one never makes a file unusable.

use crate::system::escape::shown;
use serde_json::{Map, Value};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// The owner of the ELF note.
pub const OWNER: &str = "FDO";
/// The type of the ELF note.
pub const TYPE: u32 = 0x407c_0c0a;

/// Real notes have some hundred bytes.
const MAX_TEXT: usize = 1 << 16;
/// Real files open some thirty libraries.
const MAX_NOTES: usize = 1024;
/// Real notes name up to five.
const MAX_SONAMES: usize = 64;
/// `PATH_MAX`: a longer name could not be opened.
const MAX_NAME: usize = 4096;

/// One thing that a file opens at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DlopenNote {
    /// The names that are tried, in order: the first that is there serves.
    pub sonames: Vec<OsString>,
    /// What the library is for, in a word.
    pub feature: Option<String>,
    /// What the library is for, for people.
    pub description: Option<String>,
    /// How much it is missed.
    pub priority: Priority,
}

/// What becomes of a file whose library is not there, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A feature that few use is missing.
    Suggested,
    /// A feature is missing; also where the note does not say.
    #[default]
    Recommended,
    /// It is of no use.
    Required,
}

/// What the notes of one file say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// In the file's order.
    pub notes: Vec<DlopenNote>,
    /// What could not be understood, each a phrase for people.
    pub faults: Vec<String>,
}

impl Notes {
    /// Adds what the text of one ELF note says: a JSON array of objects, or one object, up to the
    /// first NUL.
    pub fn add(&mut self, text: &[u8]) {
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
            Err(error) => self.fault(format!("no JSON: {error}")),
        }
    }

    fn add_entry(&mut self, entry: &Value) {
        let Value::Object(entry) = entry else {
            self.fault("an entry that is no object".to_owned());
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
        let text = |key: &str| entry.get(key)?.as_str().map(str::to_owned);
        let note = DlopenNote {
            sonames,
            feature: text("feature"),
            description: text("description"),
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
                self.fault(format!("the unknown priority `{}`", shown(start)));
                Priority::default()
            }
            _ => Priority::default(),
        }
    }

    /// Notes down a fault, each once.
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
            feature: None,
            description: None,
            priority,
        }
    }

    #[test]
    fn the_example_of_the_specification() {
        let text = r#"[{"soname":["libfido2.so.1"],"feature":"fido2","description":"Support fido2 for encryption and authentication","priority":"required"}]"#;
        let expected = DlopenNote {
            feature: Some("fido2".to_owned()),
            description: Some("Support fido2 for encryption and authentication".to_owned()),
            ..note(&["libfido2.so.1"], Priority::Required)
        };
        for text in [text.to_owned(), format!("{text}\0"), format!("{text}\0\0x")] {
            let notes = read(text);
            assert_eq!(notes.notes, std::slice::from_ref(&expected));
            assert!(notes.faults.is_empty());
        }
    }

    #[test]
    fn one_object_one_string_and_unknown_keys_are_understood() {
        let lone = read(r#"{"soname":"liba.so.1","priority":"suggested","more":[{}]}"#);
        assert_eq!(lone.notes, [note(&["liba.so.1"], Priority::Suggested)]);
        let none = read(r#"[{"soname":["b.so","c.so"],"priority":null,"feature":3}]"#);
        assert_eq!(none.notes, [note(&["b.so", "c.so"], Priority::Recommended)]);
        assert!(lone.faults.is_empty() && none.faults.is_empty());
        assert_eq!(read("[]"), Notes::default());
    }

    #[test]
    fn what_is_wrong_is_said_beside_what_is_right() {
        let notes = read(
            r#"[7,{},{"soname":[]},{"soname":["a.so",8,"","\u0000"]},{"soname":"b.so","priority":"vital\n"}]"#,
        );
        let expected = [
            note(&["a.so"], Priority::Recommended),
            note(&["b.so"], Priority::Recommended),
        ];
        assert_eq!(notes.notes, expected);
        let faults = [
            "an entry that is no object",
            "an entry without a soname",
            "a soname that is none",
            "the unknown priority `vital\\n`",
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
