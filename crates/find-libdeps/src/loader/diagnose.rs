//! Why the loader would refuse an object or miss a library, as text.
//!
//! Nothing here changes an outcome.

use crate::loader::candidates::Candidate;
use crate::loader::located::Located;
use crate::loader::outcome::Cause;
use crate::loader::process::Process;
use crate::loader::remarks::{Lacking, Remarks, relative_element};
use crate::loader::rules::Rules;
use crate::loader::search::Search;
use crate::loader::tree::Tree;
use crate::system::escape::shown;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Warns about an object that is not loaded as it was built to be; `path` is how it is reported.
pub fn object(located: &Located, path: &Path, rules: &dyn Rules, remarks: &Remarks) {
    if located.object.missing_bytes > 0 {
        let message = format!(
            "ends {} bytes before its last segment does; the loader finds zeros there",
            located.object.missing_bytes
        );
        remarks.add(path, message);
    }
    let which = match located.object.runpath {
        Some(_) => "its RUNPATH",
        None => "its RPATH",
    };
    let relative = located.relative.iter();
    for text in relative.filter(|text| rules.is_relative(text)) {
        remarks.add(path, relative_element(which, text));
    }
}

/// The versions that `located` requires of `name` and `by` does not define: the loader refuses the
/// object and does not search any further. A library without any definitions is accepted
/// (`match_symbol` in glibc's `elf/dl-version.c`).
pub fn lacks<'o>(
    located: &'o Located,
    name: &'o OsStr,
    by: &'o Located,
) -> impl Iterator<Item = &'o OsStr> {
    let defined = &by.object.defined_versions;
    let required = located.object.required_versions.iter();
    required
        .filter(move |required| {
            !defined.is_empty()
                && *required.library == *name
                && !defined.contains(&required.version)
        })
        .map(|required| &*required.version)
}

/// Reports the versions that `located` requires of `name` and `by` does not define.
pub fn versions(located: &Located, path: &Path, name: &OsStr, by: &Located, remarks: &Remarks) {
    let versions: Vec<OsString> = lacks(located, name, by).map(OsStr::to_owned).collect();
    if !versions.is_empty() {
        remarks.add_lacking(Lacking {
            name: name.to_owned(),
            library: by.path.to_path_buf(),
            path: path.to_owned(),
            real: located.real.to_path_buf(),
            versions,
        });
    }
}

/// Why the search for `name`, which the object `index` needs, fails, if that is known.
pub fn cause(
    search: Search,
    tree: &Tree,
    process: &Process,
    index: usize,
    name: &Arc<OsStr>,
) -> Option<Cause> {
    let located = &process.links[index].located;
    let abi = located.object.abi;
    if name.as_bytes().contains(&b'/') {
        let is_absolute = name.as_bytes().starts_with(b"/");
        return (!is_absolute).then(|| Cause {
            text: "its name is relative to the working directory".to_owned(),
            advice: Some(format!(
                "link {} with a library that has a SONAME",
                shown(&*tree.reported_path(located))
            )),
            may_be_packaged: false,
        });
    }
    let configured = search.rules.configured_directories().iter();
    let not_cached = configured
        .map(|dir| dir.join(&**name))
        .find(|path| matches!(search.candidates.candidate(path, abi), Candidate::Fits(_)));
    if let Some(path) = skipped_by_flag(search, located, name) {
        let text = "exists, but the file is marked `DF_1_NODEFLIB`, so the loader skips the default \
                    directories";
        return Some(Cause {
            advice: Some("link it without `-z nodefaultlib`".to_owned()),
            ..about(&path, text)
        });
    }
    if let Some(path) = not_cached {
        return Some(Cause {
            advice: Some("run `ldconfig`".to_owned()),
            ..about(&path, "exists but is not in the loader's cache")
        });
    }
    if !search.rules.has_sonames_and_versions() {
        let bundled = tree.with_file_name(name, abi)?;
        let text = "exists, but the loader does not search its directory";
        return Some(about(&bundled.path, text));
    }
    if let Some(bundled) = tree.with_soname(name, abi).filter(|_| process.is_starting) {
        let text = "has this SONAME, but the loader does not search there when the program starts";
        return Some(Cause {
            may_be_packaged: true,
            ..about(&bundled.path, text)
        });
    }
    tree.with_file_name(name, abi).map(|namesake| {
        let soname = namesake.object.soname.as_ref();
        let soname = soname.map_or("not set".to_owned(), |soname| {
            format!("`{}`", shown(soname))
        });
        let text = format!("has this file name, but its SONAME is {soname}");
        about(&namesake.path, &text)
    })
}

/// What `text` says of the file at `path`, for which no package helps.
fn about(path: &Path, text: &str) -> Cause {
    Cause {
        text: format!("{} {text}", shown(path)),
        advice: None,
        may_be_packaged: false,
    }
}

/// The library `name` in a default directory, if `DF_1_NODEFLIB` keeps `located` from it.
fn skipped_by_flag(search: Search, located: &Located, name: &OsStr) -> Option<PathBuf> {
    let object = &located.object;
    let defaults = search.rules.default_directories(object.abi).iter();
    let fits = |path: &PathBuf| {
        let candidate = search.candidates.candidate(path, object.abi);
        matches!(candidate, Candidate::Fits(_))
    };
    if object.no_default_libraries {
        let mut paths = defaults.map(|dir| dir.join(name));
        paths.find(fits)
    } else {
        None
    }
}
