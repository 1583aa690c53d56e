//! What dpkg prints.

use super::{Format, assert_shown, texts};
use crate::packages::dpkg::{Dpkg, Owners};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

pub const FORMAT: Format = Format {
    name: "dpkg",
    check,
    seeds: || {
        texts(&[
            "zlib1g:amd64, zlib1g:i386: /usr/lib/x86_64-linux-gnu/libz.so.1\nbase-files: /usr\n",
            "diversion by a from: /x.so\ndiversion by a to: /x.so.distrib\na, b: /x.so\n",
            "local diversion from: /x.so\nlocal diversion to: /y.so\na: /x.so\n",
        ])
    },
    words: &[
        "\n",
        ": /",
        ", ",
        ":",
        "/",
        "amd64",
        "i386",
        "diversion by ",
        "local diversion",
        " from: /",
        " to: /",
    ],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    /// How many paths are asked for: each looks at all diversions.
    const MAX_ASKED: usize = 16;
    let mut owners = Owners::default();
    if let Err(error) = Dpkg::of("amd64").parse(bytes, &mut owners) {
        for line in error.to_string().lines() {
            assert_shown(line);
        }
        return;
    }
    for line in bytes.split(|&byte| byte == b'\n').take(MAX_ASKED) {
        let Some(at) = line.windows(3).position(|three| three == b": /") else {
            continue;
        };
        let path = Path::new(OsStr::from_bytes(&line[at + 2..]));
        let found = owners.of(path);
        let length: usize = found.iter().map(|package| package.to_string().len()).sum();
        assert!(length <= bytes.len());
    }
}
