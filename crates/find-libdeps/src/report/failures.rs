//! What a check prints on standard output: the failures as one JSON document, whose format
//! docs/json.md documents, or files.

use crate::check::{Checked, Failure};
use crate::demand::{self, Site};
use crate::report::json::JsonWarning;
use crate::system::escape::shown;
use serde::Serialize;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// The version of the format. It changes if a field changes its meaning or is removed.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Document {
    format: u32,
    version: &'static str,
    failures: Vec<JsonFailure>,
    warnings: Vec<JsonWarning>,
    counts: JsonCounts,
}

#[derive(Serialize)]
struct JsonFailure {
    failure: &'static str,
    kind: Option<&'static str>,
    name: String,
    versions: Vec<String>,
    path: Option<String>,
    needed_by: Vec<String>,
    loaded_for: Option<String>,
    searched: Vec<String>,
    message: String,
}

#[derive(Serialize)]
struct JsonCounts {
    files: usize,
    elf: usize,
}

/// `checked` as a document that ends with a newline.
pub fn document(checked: &Checked) -> Result<String, serde_json::Error> {
    let document = Document {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        failures: checked.failures.iter().map(failure).collect(),
        warnings: checked.warnings.iter().map(JsonWarning::of).collect(),
        counts: JsonCounts {
            files: checked.counts.files,
            elf: checked.counts.elf,
        },
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn failure(failure: &Failure) -> JsonFailure {
    JsonFailure {
        failure: failure.kind.name(),
        kind: failure.item().map(demand::Kind::name),
        name: shown(&failure.name),
        versions: failure.versions.iter().map(shown).collect(),
        path: failure.library.as_ref().map(shown),
        needed_by: failure.needed_by.iter().map(Site::to_string).collect(),
        loaded_for: failure.loaded_for.as_ref().map(Site::to_string),
        searched: failure.searched.iter().map(shown).collect(),
        message: failure.text(),
    }
}

/// `files`, one per line; none has a line break in its name.
pub fn lines(files: &[PathBuf]) -> Vec<u8> {
    let mut lines = Vec::new();
    for file in files {
        lines.extend_from_slice(file.as_os_str().as_bytes());
        lines.push(b'\n');
    }
    lines
}
