//! What differs between the loaders of C libraries: where they search, and what satisfies a name.

use crate::loader::located::Located;
use crate::loader::outcome::{FoundBy, Hit};
use crate::loader::process::Process;
use crate::loader::search_path::{Element, TokenValues};
use crate::system::architecture::Abi;
use crate::warning::Warning;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory in which a loader searches, or its cache, and by which rule.
pub type Place<'a> = (FoundBy, Cow<'a, Path>);

/// The loader of a root.
pub trait Rules {
    /// The C library that it comes with, as [`crate::elf::built_for::of`] names it.
    fn c_library(&self) -> &'static str;

    /// A warning if it is not set up as it will be in the image.
    fn warning(&self) -> Option<Warning>;

    /// The path of the loader for `abi`.
    fn interpreter(&self, abi: Abi) -> Option<&'static Path>;

    /// Whether the loader itself satisfies `name` in a process of `abi`, whatever is installed.
    fn is_loader(&self, name: &OsStr, abi: Abi) -> bool;

    /// Whether `name` is that of the C library.
    fn is_c_library(&self, name: &OsStr) -> bool;

    /// The elements of `LD_LIBRARY_PATH`; `tokens` are those of the program.
    fn environment(&self, text: &OsStr, tokens: TokenValues) -> Vec<Element>;

    /// The names that are searched for on behalf of `located`, which needs `name`.
    fn expanded(&self, name: &Arc<OsStr>, located: &Located) -> Vec<Arc<OsStr>>;

    /// Where a name without `/` that the object `index` needs is searched for, in order.
    fn places<'p>(&'p self, process: &'p Process, index: usize) -> Vec<Place<'p>>;

    /// The names that the first object of a process satisfies.
    fn own_name<'o>(&self, first: &'o Located) -> Option<&'o Arc<OsStr>>;

    /// The names that `located`, found for `name`, satisfies from then on.
    fn satisfied(
        &self,
        process: &Process,
        name: Vec<Arc<OsStr>>,
        located: &Located,
    ) -> Vec<Arc<OsStr>>;

    /// Whether a loaded library satisfies its SONAME, and must define the versions that are required
    /// of it.
    fn has_sonames_and_versions(&self) -> bool;

    /// Whether `dlopen` searches on behalf of the object that calls it, or else of the program.
    fn searches_for_caller(&self) -> bool;

    /// Whether the element of a search path, which is no absolute path, stands for a directory.
    fn is_relative(&self, element: &OsStr) -> bool;

    /// Whether processors of `abi` use `dir`, a subdirectory of `glibc-hwcaps`.
    fn is_for_processors(&self, dir: &Path, abi: Abi) -> bool;

    /// The library `name` in the cache.
    fn cached(&self, name: &OsStr, abi: Abi) -> Option<&Path>;

    /// The files in the cache.
    fn cached_files(&self) -> Vec<&Path>;

    /// The name that `ctypes.util.find_library` returns for `stem`.
    fn find_library(&self, stem: &str, abi: Abi) -> Option<&OsStr>;

    /// The directories that are searched last, in order.
    fn default_directories(&self, abi: Abi) -> &[PathBuf];

    /// The directories that are searched only as far as the cache has them.
    fn configured_directories(&self) -> &[PathBuf];

    /// The file of the loader without which it does not find `hit`.
    fn configuration(&self, hit: &Hit) -> Option<&Path>;
}
