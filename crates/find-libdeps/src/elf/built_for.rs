//! The system that an ELF file is built for: the C library of Linux, or another kernel. The loader of
//! another system has other rules, and its libraries are in no package.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

/// Linux with glibc.
pub const GLIBC: &str = "glibc";
/// Linux with musl.
pub const MUSL: &str = "musl";
/// `libc.so` is a name that both use.
const MUSL_OR_ANDROID: &str = "musl or Android";

/// Beginnings of `PT_INTERP`.
const INTERPRETERS: &[(&str, &str)] = &[
    ("/lib64/ld-linux-", GLIBC),
    ("/lib/ld-linux", GLIBC),
    ("/lib/ld-musl-", MUSL),
    ("/lib/ld-kfreebsd", "kFreeBSD"),
    ("/lib/ld-x86-64.so.1", "the Hurd"),
    ("/lib/ld-uClibc", "uClibc"),
    ("/lib64/ld-uClibc", "uClibc"),
    ("/libexec/ld-elf", "FreeBSD"),
    ("/usr/libexec/ld-elf", "DragonFly BSD"),
    ("/usr/libexec/ld.elf_so", "NetBSD"),
    ("/libexec/ld.elf_so", "NetBSD"),
    ("/usr/libexec/ld.so", "OpenBSD"),
    ("/system/bin/linker", "Android"),
    ("/usr/lib/ld.so.1", "Solaris"),
    ("/usr/lib/amd64/ld.so.1", "Solaris"),
];

/// The system of an object with this interpreter and these needed names.
pub fn of(interpreter: Option<&OsStr>, needed: &[Arc<OsStr>]) -> Option<&'static str> {
    let interpreter = interpreter.and_then(|path| {
        let row = INTERPRETERS
            .iter()
            .find(|(start, _)| path.as_bytes().starts_with(start.as_bytes()));
        row.map(|(_, system)| *system)
    });
    interpreter.or_else(|| needed.iter().find_map(|name| by_c_library(name)))
}

/// Whether an object for `system` runs on one with this C library.
pub fn runs_with(system: &str, c_library: &str) -> bool {
    system == c_library || system == MUSL_OR_ANDROID && c_library == MUSL
}

/// The system whose C library has this SONAME.
fn by_c_library(name: &OsStr) -> Option<&'static str> {
    let name = name.as_bytes();
    if name.starts_with(b"libc.musl-") {
        return Some(MUSL);
    }
    Some(match name.strip_prefix(b"libc.so")? {
        b"" => MUSL_OR_ANDROID,
        b".6" => GLIBC,
        b".0" => "uClibc",
        b".0.1" => "kFreeBSD",
        b".0.3" => "the Hurd",
        b".1" => "Solaris",
        b".7" => "FreeBSD",
        b".8" => "DragonFly BSD",
        b".12" => "NetBSD",
        [b'.', rest @ ..] if rest.len() > 2 && !rest.starts_with(b"6") => "OpenBSD",
        _ => return None,
    })
}
