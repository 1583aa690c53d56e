//! The rules of musl's loader (`ldso/dynlink.c`).
//!
//! Takes a root; gives its [`Rules`]. There is no cache, no directory for some processors, and no
//! version of a symbol. A file for another machine is skipped, as glibc does; musl would map it.
//!
//! Never happens here: opening a library that is searched for, or deciding what a process has loaded.

pub(crate) mod path_file;

use crate::elf::built_for;
use crate::loader::located::Located;
use crate::loader::outcome::{FoundBy, Hit};
use crate::loader::process::{Process, Satisfied};
use crate::loader::rules::{Place, Rules};
use crate::loader::search_path::{Element, TokenValues};
use crate::system::architecture::{ARCHITECTURES, Abi, Architecture};
use crate::system::root::Root;
use crate::warning::Warning;
use path_file::PathFile;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is searched without a path file.
const DEFAULTS: [&str; 3] = ["/lib", "/usr/local/lib", "/usr/lib"];
/// Where Alpine's Python searches for a library by its stem (`musl-find_library.patch`), in order.
const FIND_LIBRARY: [&str; 3] = ["/lib", "/usr/lib", "/usr/local/lib"];
/// The parts of musl, which are the loader itself by any name that begins like this
/// (`load_library`).
const RESERVED: [&str; 7] = ["c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."];

/// The loader, and the directories that it searches.
#[derive(Debug)]
pub struct Musl {
    path_files: HashMap<Abi, PathFile>,
    defaults: Vec<PathBuf>,
    /// The names of libraries in each of `FIND_LIBRARY`.
    names: [Vec<OsString>; 3],
}

impl Musl {
    /// The loader of `root`; `None` if it has none.
    pub fn of(root: &Root) -> Option<Self> {
        let is_installed = |row: &&Architecture| root.metadata(Path::new(row.musl)).is_ok();
        let installed: Vec<_> = ARCHITECTURES.iter().filter(is_installed).collect();
        if installed.is_empty() {
            return None;
        }
        let files = installed.iter().filter_map(|row| {
            let file = PathFile::read(root, Path::new(row.musl))?;
            Some((row.abi, file))
        });
        Some(Self {
            path_files: files.collect(),
            defaults: DEFAULTS.map(PathBuf::from).into(),
            names: FIND_LIBRARY.map(|dir| {
                let names = root.list(Path::new(dir)).unwrap_or_default().into_iter();
                let is_library = |name: &OsString| name.as_bytes().starts_with(b"lib");
                names.filter(is_library).collect()
            }),
        })
    }
}

impl Rules for Musl {
    fn c_library(&self) -> &'static str {
        built_for::MUSL
    }

    fn warning(&self) -> Option<Warning> {
        self.path_files.values().find_map(PathFile::warning)
    }

    fn interpreter(&self, abi: Abi) -> Option<&'static Path> {
        abi.architecture().map(|row| Path::new(row.musl))
    }

    fn is_loader(&self, name: &OsStr, _: Abi) -> bool {
        let part = name.as_bytes().strip_prefix(b"lib");
        let starts = |part: &[u8]| RESERVED.iter().any(|it| part.starts_with(it.as_bytes()));
        part.is_some_and(starts)
    }

    fn is_c_library(&self, name: &OsStr) -> bool {
        name.as_bytes().starts_with(b"libc.")
    }

    fn environment(&self, text: &OsStr, _: TokenValues) -> Vec<Element> {
        elements(text.as_bytes()).map(element).collect()
    }

    /// Names have no tokens.
    fn expanded(&self, name: &Arc<OsStr>, _: &Located) -> Vec<Arc<OsStr>> {
        vec![Arc::clone(name)]
    }

    /// The order of `load_library`.
    fn places<'p>(&'p self, process: &'p Process, index: usize) -> Vec<Place<'p>> {
        let abi = process.links[index].located.object.abi;
        let by = |found_by| move |path: &'p PathBuf| (found_by, Cow::Borrowed(path.as_path()));
        // Libpython calls `dlopen` for a module, but the program is what loads it.
        let main = process.main().filter(|it| !process.has_link(it.file));
        let chain = process.links_up(index).chain(main);
        process
            .environment
            .iter()
            .map(by(FoundBy::LdLibraryPath))
            .chain(chain.flat_map(search_path))
            .chain(
                self.default_directories(abi)
                    .iter()
                    .map(by(FoundBy::Default)),
            )
            .collect()
    }

    /// It was opened by its path, so that no name stands for it.
    fn own_name<'o>(&self, _: &'o Located) -> Option<&'o Arc<OsStr>> {
        None
    }

    /// The name under which a search opened the file first (`shortname` in `load_library`).
    fn satisfied(
        &self,
        process: &Process,
        names: Vec<Arc<OsStr>>,
        located: &Located,
    ) -> Vec<Arc<OsStr>> {
        let is_it = |known: &Satisfied| {
            let by = known.by.as_ref();
            by.is_some_and(|by| by.file == located.file)
        };
        let is_path = |name: &Arc<OsStr>| name.as_bytes().contains(&b'/');
        if names.iter().any(is_path) || process.by_name.values().any(is_it) {
            return Vec::new();
        }
        let mut links = process.links.iter().map(|link| &link.located);
        let loaded = links.find(|link| link.file == located.file);
        match loaded.and_then(|link| link.path.file_name()) {
            Some(name) => vec![Arc::from(name)],
            None => names,
        }
    }

    fn has_sonames_and_versions(&self) -> bool {
        false
    }

    /// `dlopen` searches on behalf of the program.
    fn searches_for_caller(&self) -> bool {
        false
    }

    /// Empty elements are skipped (`path_open`).
    fn is_relative(&self, element: &OsStr) -> bool {
        !element.is_empty()
    }

    fn is_for_processors(&self, _: &Path, _: Abi) -> bool {
        false
    }

    fn cached(&self, _: &OsStr, _: Abi) -> Option<&Path> {
        None
    }

    fn cached_files(&self) -> Vec<&Path> {
        Vec::new()
    }

    /// The first directory that has one decides; there, the shortest name with a version, as one
    /// without is only in packages for compiling.
    fn find_library(&self, stem: &str, _: Abi) -> Option<&OsStr> {
        let beginning = format!("lib{stem}.so");
        let version = |name: &OsString| {
            let rest = name.as_bytes().strip_prefix(beginning.as_bytes())?;
            (rest.is_empty() || rest.starts_with(b".")).then_some(rest.len())
        };
        let found = self.names.iter().find_map(|names| {
            let names = names.iter().filter(|name| version(name).is_some());
            names.min_by_key(|name| (version(name) == Some(0), version(name)))
        });
        found.map(OsString::as_os_str)
    }

    fn default_directories(&self, abi: Abi) -> &[PathBuf] {
        let file = self.path_files.get(&abi);
        file.map_or(&self.defaults, |file| &file.directories)
    }

    fn configured_directories(&self) -> &[PathBuf] {
        &[]
    }

    /// The path file, if the library is not where one would be found without.
    fn configuration(&self, hit: &Hit) -> Option<&Path> {
        let file = self.path_files.get(&hit.located.object.abi)?;
        let dir = hit.clean_path().parent();
        let is_default = self.defaults.iter().any(|it| dir == Some(it));
        (hit.found_by == FoundBy::Default && !is_default).then_some(&file.path)
    }
}

/// The parts of a search path (`path_open`).
pub(super) fn elements(text: &[u8]) -> impl Iterator<Item = &OsStr> {
    let parts = text.split(|byte| b":\n".contains(byte));
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(OsStr::from_bytes)
}

fn element(text: &OsStr) -> Element {
    if text.as_bytes().starts_with(b"/") {
        Element::Directory(PathBuf::from(text))
    } else {
        Element::Relative(text.to_owned())
    }
}

/// The directories of the RUNPATH of `located` or, without one, of its RPATH: both are one thing
/// (`decode_dyn`).
fn search_path<'a>(located: &Located) -> Vec<Place<'a>> {
    let object = &located.object;
    let (found_by, text) = match (&object.runpath, &object.rpath) {
        (Some(text), _) => (FoundBy::Runpath, text),
        (None, Some(text)) => (FoundBy::Rpath, text),
        (None, None) => return Vec::new(),
    };
    let expanded = expand(text.as_bytes(), located.tokens().origin);
    let expanded = expanded.unwrap_or_default();
    let directories = elements(&expanded).filter(|it| it.as_bytes().starts_with(b"/"));
    directories
        .map(|dir| (found_by, Cow::Owned(PathBuf::from(dir))))
        .collect()
}

/// `text` with `$ORIGIN` and `${ORIGIN}` replaced, whatever follows; `None` if it has another `$`, which
/// makes all of it void (`fixup_rpath`).
fn expand(text: &[u8], origin: Option<&Path>) -> Option<Vec<u8>> {
    let mut parts = text.split(|&byte| byte == b'$');
    let mut expanded = parts.next()?.to_owned();
    for part in parts {
        let rest = part.strip_prefix(b"ORIGIN");
        let rest = rest.or_else(|| part.strip_prefix(b"{ORIGIN}"))?;
        expanded.extend(origin?.as_os_str().as_bytes());
        expanded.extend(rest);
    }
    Some(OsString::from_vec(expanded).into_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origin_is_a_token_and_it_ends_with_its_name() {
        let expanded = |text: &str| {
            let bytes = expand(text.as_bytes(), Some(Path::new("/o")));
            bytes.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(expanded("$ORIGIN/a:/b/${ORIGIN}").unwrap(), "/o/a:/b//o");
        assert_eq!(expanded("$ORIGINAL").unwrap(), "/oAL");
        assert_eq!(expanded("$ORIGIN:$LIB"), None);
        assert_eq!(expanded("/a$"), None);
    }

    #[test]
    fn a_search_path_has_no_empty_elements() {
        let all: Vec<&OsStr> = elements(b":/a::b\n/c\n").collect();
        assert_eq!(all, ["/a", "b", "/c"]);
    }
}
