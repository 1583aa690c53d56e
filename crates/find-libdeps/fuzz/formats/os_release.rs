//! `os-release`.

use super::{Format, ROOT, files, put, texts};
use crate::system::os_release::OsRelease;
use crate::system::root::Root;

pub const FORMAT: Format = Format {
    name: "os_release",
    check,
    seeds: || {
        let mut seeds = files(&["/etc/os-release"]);
        seeds.extend(texts(&["ID=debian\nVERSION_CODENAME=\"trixie\"\nID='x'\n"]));
        seeds
    },
    words: &["ID=", "VERSION_CODENAME=", "\"", "'", "\n", "="],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    put("etc/os-release", bytes);
    let read = OsRelease::read(&Root::below(&ROOT).expect("the root exists"));
    for field in [&read.id, &read.version_codename].into_iter().flatten() {
        assert!(field.len() <= 3 * bytes.len() && !field.contains('\n'));
    }
}
