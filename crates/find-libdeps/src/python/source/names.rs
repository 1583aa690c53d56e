//! Which strings are names of libraries that a package could ship.

use crate::demand::LibraryName;
use crate::python::source::loaders::Takes;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// `PATH_MAX`.
const MAX_NAME: usize = 4096;

/// The library that a string names as an argument of such a loader, if a package could ship it.
pub(super) fn name(text: &[u8], takes: Takes) -> Option<LibraryName> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_+-./".contains(byte);
    if text.len() > MAX_NAME || !text.iter().all(is_name) {
        return None;
    }
    if let Some(name) = soname(text) {
        return Some(name);
    }
    if takes == Takes::Files {
        return None;
    }
    stem(text)
}

fn soname(text: &[u8]) -> Option<LibraryName> {
    let (dir, file) = match text.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => text.split_at(slash + 1),
        None => (&b""[..], text),
    };
    let is_system_directory =
        dir.is_empty() || dir.starts_with(b"/lib/") || dir.starts_with(b"/usr/lib/");
    let end = file.windows(3).position(|window| window == b".so")?;
    let rest = &file[end + 3..];
    let stem = file.get(..end)?.strip_prefix(b"lib")?;
    let is_version = rest.is_empty() || rest.len() > 1 && rest[0] == b'.';
    let has_steps = dir
        .split(|&byte| byte == b'/')
        .any(|part| part == b".." || part == b".");
    (is_system_directory && is_version && !stem.is_empty() && !is_c_library(stem) && !has_steps)
        .then(|| LibraryName::Soname(OsStr::from_bytes(text).to_owned()))
}

fn stem(text: &[u8]) -> Option<LibraryName> {
    /// Libraries of Windows and macOS that sources load without a test of the platform, and a part of
    /// CUDA that is only an archive.
    const ELSEWHERE: [&str; 30] = [
        "kernel32",
        "user32",
        "gdi32",
        "msvcrt",
        "advapi32",
        "shell32",
        "ole32",
        "oleaut32",
        "opengl32",
        "glu32",
        "winmm",
        "ws2_32",
        "ntdll",
        "psapi",
        "carbon",
        "cocoa",
        "corefoundation",
        "coregraphics",
        "coreaudio",
        "coreservices",
        "foundation",
        "appkit",
        "iokit",
        "quartz",
        "applicationservices",
        "audiotoolbox",
        "cudadevrt",
        "objc",
        "security",
        "systemconfiguration",
    ];
    let name = std::str::from_utf8(text).ok()?;
    let is_version = |part: &str| part.starts_with(|first: char| first.is_ascii_digit());
    let is_name = (2..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !name.contains('/')
        // `find_library` prepends `lib`.
        && !name.starts_with("lib")
        // A dot begins a version.
        && name.split('.').skip(1).all(is_version);
    let is_known = is_c_library(text)
        || ELSEWHERE
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other));
    (is_name && !is_known).then(|| LibraryName::Stem(name.to_owned()))
}

/// Libraries of libc6, which every image has.
fn is_c_library(stem: &[u8]) -> bool {
    let stems: [&[u8]; 8] = [
        b"c", b"m", b"dl", b"rt", b"pthread", b"util", b"resolv", b"anl",
    ];
    stems.contains(&stem)
}
