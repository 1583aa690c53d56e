//! The distributions that need each library, by the files that demand it.

use crate::demand::Site;
use crate::python::distributions::Identity;
use crate::report::Needed;
use crate::system::escape::{counted, shown};
use crate::system::ordered::Ordered as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// How many users a line names.
const MAX_NAMED: usize = 3;

/// The distribution of each file that is reported, if it belongs to one.
#[derive(Debug, Default)]
pub struct Users {
    pub by_path: BTreeMap<Arc<Path>, Identity>,
}

impl Users {
    pub fn of_site(&self, site: &Site) -> Option<&Identity> {
        self.by_path.get(&site.path)
    }

    /// The distributions whose files need `library`.
    pub fn of(&self, library: &Needed) -> BTreeSet<&Identity> {
        let sites = library.needed_by.iter();
        sites.filter_map(|site| self.of_site(site)).collect()
    }

    /// What needs `library`, with one file: `needed by psycopg2 2.9.10 (/venv/x.so)`.
    pub fn needed(&self, library: &Needed) -> String {
        let first = library.needed_by.first();
        let first = first.map(Site::to_string).unwrap_or_default();
        let files = match library.needed_by.len() {
            1 => first,
            count => format!("{} such as {first}", counted(count, "file")),
        };
        let verb = library.participle();
        let names: BTreeSet<String> = self.of(library).iter().map(ToString::to_string).ordered();
        if names.is_empty() {
            format!("{verb} by {files}")
        } else {
            format!("{verb} by {} ({files})", few(&names))
        }
    }

    /// What needs any of `libraries`, in few words: distributions, then files of none.
    pub fn summary<'l>(&self, libraries: impl IntoIterator<Item = &'l Needed>) -> String {
        let (mut names, mut files) = (BTreeSet::new(), BTreeSet::new());
        for site in libraries.into_iter().flat_map(|it| &it.needed_by) {
            match self.of_site(site) {
                Some(distribution) => names.insert(distribution.to_string()),
                None => files.insert(shown(&*site.path)),
            };
        }
        few(names.iter().chain(&files))
    }
}

/// `a, b, c and 2 more`.
fn few<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    let first = names[..names.len().min(MAX_NAMED)].join(", ");
    match names.len().saturating_sub(MAX_NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
