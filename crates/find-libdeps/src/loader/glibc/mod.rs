//! The rules of glibc's loader (`elf/dl-load.c`).
//!
//! Takes a root; gives its [`Rules`]. [`system_libraries`] holds what is found for every object, and
//! [`cache_file`] and [`conf_file`] are the formats that it reads.
//!
//! Never happens here: opening a library that is searched for, or deciding what a process has loaded.

pub(crate) mod cache_file;
pub(crate) mod conf_file;
pub mod system_libraries;

use crate::elf::built_for;
use crate::loader::candidates;
use crate::loader::located::Located;
use crate::loader::outcome::{FoundBy, Hit};
use crate::loader::process::Process;
use crate::loader::rules::{Place, Rules};
use crate::loader::search_path::{self, Element, TokenValues};
use crate::system::architecture::{Abi, Architecture};
use crate::warning::Warning;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use system_libraries::{CACHE, LdSo};

impl Rules for LdSo {
    fn c_library(&self) -> &'static str {
        built_for::GLIBC
    }

    fn warning(&self) -> Option<Warning> {
        self.warning()
    }

    fn interpreter(&self, abi: Abi) -> Option<&'static Path> {
        abi.architecture().map(|row| Path::new(row.interpreter))
    }

    /// It is loaded before everything else.
    fn is_loader(&self, name: &OsStr, abi: Abi) -> bool {
        let loader = self.interpreter(abi);
        loader.is_some_and(|loader| loader.file_name() == Path::new(name).file_name())
    }

    fn is_c_library(&self, name: &OsStr) -> bool {
        name == "libc.so.6"
    }

    fn environment(&self, text: &OsStr, tokens: TokenValues) -> Vec<Element> {
        search_path::elements(text, b":;", tokens)
    }

    /// The loader replaces the tokens first, and then checks for a slash.
    fn expanded(&self, name: &Arc<OsStr>, located: &Located) -> Vec<Arc<OsStr>> {
        search_path::expand_name(name, located.tokens())
    }

    /// The order of `_dl_map_object`.
    fn places<'p>(&'p self, process: &'p Process, index: usize) -> Vec<Place<'p>> {
        let located = &process.links[index].located;
        let object = &located.object;
        let by = |found_by| move |path: &'p PathBuf| (found_by, Cow::Borrowed(path.as_path()));
        // A RUNPATH switches off every RPATH, those of the loading objects included; an object
        // with a RUNPATH has no RPATH for others either (`Object::rpath`).
        let rpaths = object
            .runpath
            .is_none()
            .then(|| process.chain(index))
            .into_iter()
            .flatten()
            .flat_map(|located| &located.rpath);
        let defaults = if object.no_default_libraries {
            &[]
        } else {
            self.default_directories(object.abi)
        };
        rpaths
            .map(by(FoundBy::Rpath))
            .chain(process.environment.iter().map(by(FoundBy::LdLibraryPath)))
            .chain(located.runpath.iter().map(by(FoundBy::Runpath)))
            .chain([(FoundBy::Cache, Cow::Borrowed(Path::new(CACHE)))])
            .chain(defaults.iter().map(by(FoundBy::Default)))
            .collect()
    }

    fn own_name<'o>(&self, first: &'o Located) -> Option<&'o Arc<OsStr>> {
        first.object.soname.as_ref()
    }

    fn satisfied(
        &self,
        _: &Process,
        mut names: Vec<Arc<OsStr>>,
        located: &Located,
    ) -> Vec<Arc<OsStr>> {
        names.extend(located.object.soname.clone());
        names
    }

    fn has_sonames_and_versions(&self) -> bool {
        true
    }

    fn searches_for_caller(&self) -> bool {
        true
    }

    fn is_relative(&self, _: &OsStr) -> bool {
        true
    }

    fn is_for_processors(&self, dir: &Path, abi: Abi) -> bool {
        candidates::is_for_processors(dir, abi)
    }

    fn cached(&self, name: &OsStr, abi: Abi) -> Option<&Path> {
        self.cached(name, abi)
    }

    fn cached_files(&self) -> Vec<&Path> {
        self.cached_files().collect()
    }

    fn find_library(&self, stem: &str, abi: Abi) -> Option<&OsStr> {
        self.cached_name(stem, abi)
    }

    fn default_directories(&self, abi: Abi) -> &[PathBuf] {
        self.default_directories(abi)
    }

    fn configured_directories(&self) -> &[PathBuf] {
        self.configured_directories()
    }

    /// The cache, unless the library is in a default directory.
    fn configuration(&self, hit: &Hit) -> Option<&Path> {
        let dir = hit.clean_path().parent();
        let row = hit.located.object.abi.architecture();
        let defaults = row.map(Architecture::default_directories);
        let is_default = |dir: &Path| defaults.iter().flatten().any(|default| dir == default);
        let is_needed = hit.found_by == FoundBy::Cache && !dir.is_some_and(is_default);
        is_needed.then(|| Path::new(CACHE))
    }
}
