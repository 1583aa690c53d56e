//! The warnings of one pass over the tree.

use crate::system::escape::shown;
use crate::warning::Warning;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

/// Warnings of one pass over the tree, each once.
#[derive(Default)]
pub struct Remarks {
    all: RefCell<BTreeSet<Warning>>,
}

impl Remarks {
    /// Adds a warning that does not keep an object from being loaded.
    pub fn add(&self, path: &Path, message: String) {
        self.all.borrow_mut().insert(Warning::new(path, message));
    }

    /// Adds a reason why the loader refuses an object.
    pub fn add_objection(&self, path: &Path, message: String) {
        let warning = Warning::objection(path, message);
        self.all.borrow_mut().insert(warning);
    }

    pub fn into_warnings(self) -> Vec<Warning> {
        self.all.into_inner().into_iter().collect()
    }
}

/// A search path element that is relative to the working directory.
pub fn relative_element(which: &str, text: &OsStr) -> String {
    if text.is_empty() {
        format!("{which} has an empty element, which means the working directory; skipped")
    } else {
        format!(
            "{which} names `{}`, which is relative to the working directory; skipped",
            shown(text)
        )
    }
}
