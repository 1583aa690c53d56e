//! Which loader a root has.

use crate::loader::glibc::system_libraries::LdSo;
use crate::loader::musl::Musl;
use crate::loader::rules::Rules;
use crate::system::architecture::ARCHITECTURES;
use crate::system::root::Root;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The loader of `root`, with its configuration completed as it will be in the image.
pub fn for_image(root: &Root) -> Box<dyn Rules> {
    match musl(root) {
        Some(musl) => Box::new(musl),
        None => Box::new(LdSo::read(root)),
    }
}

/// The loader of `root` as it is.
pub fn as_is(root: &Root) -> Box<dyn Rules> {
    match musl(root) {
        Some(musl) => Box::new(musl),
        None => Box::new(LdSo::as_installed(root)),
    }
}

/// Musl's, if `root` has no glibc: on Debian, musl is a package beside it, and on Alpine gcompat has
/// links with the names of glibc's files, to its own library or to musl's loader.
fn musl(root: &Root) -> Option<Musl> {
    let musl = Musl::of(root)?;
    let glibc = LdSo::as_installed(root);
    let name = OsStr::new("libc.so.6");
    // Before glibc 2.34 the file was `libc-2.31.so`.
    let has = |path: &Path| {
        let real = root.canonicalize(path).unwrap_or_default();
        let file = real.file_name().unwrap_or_default().as_bytes();
        file == name.as_bytes() || file.starts_with(b"libc-")
    };
    let has_glibc = ARCHITECTURES.iter().any(|row| {
        let mut defaults = glibc.default_directories(row.abi).iter();
        glibc.cached(name, row.abi).is_some_and(has) || defaults.any(|dir| has(&dir.join(name)))
    });
    (!has_glibc).then_some(musl)
}
