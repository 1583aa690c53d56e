//! What one pass over the tree finds besides outcomes.

use crate::system::escape::shown;
use crate::warning::Warning;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Findings of one pass over the tree, each once.
#[derive(Default)]
pub struct Remarks {
    all: RefCell<BTreeSet<Warning>>,
    lacking: RefCell<BTreeSet<Lacking>>,
}

/// A library that does not define the versions that an object requires of it: the loader refuses the
/// object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lacking {
    /// The name that the object needs.
    pub name: OsString,
    /// The library that was found.
    pub library: PathBuf,
    /// The object, as it is reported.
    pub path: PathBuf,
    /// The object's real path.
    pub real: PathBuf,
    pub versions: Vec<OsString>,
}

impl From<&Lacking> for Warning {
    fn from(lacking: &Lacking) -> Self {
        let versions = lacking.versions.iter();
        let versions: Vec<String> = versions.map(|it| format!("`{}`", shown(it))).collect();
        let message = format!(
            "requires version {} of `{}`, which {} does not define; the loader refuses it",
            versions.join(", "),
            shown(&lacking.name),
            shown(&lacking.library)
        );
        Self::objection(&lacking.path, message)
    }
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

    pub fn add_lacking(&self, lacking: Lacking) {
        self.lacking.borrow_mut().insert(lacking);
    }

    pub fn into_parts(self) -> (Vec<Warning>, Vec<Lacking>) {
        let warnings = self.all.into_inner().into_iter();
        (
            warnings.collect(),
            self.lacking.into_inner().into_iter().collect(),
        )
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
