//! What dpkg prints.

use super::{Format, assert_shown, texts};
use crate::packages::dpkg::Dpkg;
use crate::packages::package::{Owners, Package};
use std::collections::BTreeSet;
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
            "zlib1g\tamd64\t1:1.2\nzlib1g\ti386\t1:1.2\ntzdata\tall\t2024a-0\n",
        ])
    },
    words: &[
        "zlib1g\t",
        "\tamd64\t",
        "\ti386\t1\n",
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

/// What `dpkg-query -W` prints, as the versions of these packages.
fn check_versions(bytes: &[u8]) {
    let package = |name: &str, foreign: Option<&str>| Package {
        name: name.to_owned(),
        foreign: foreign.map(str::to_owned),
    };
    let asked = [package("zlib1g", None), package("zlib1g", Some("i386"))];
    let asked = BTreeSet::from(asked);
    match Dpkg::of("amd64").parse_versions(bytes, &asked) {
        Ok(versions) => assert!(versions.keys().all(|package| asked.contains(package))),
        Err(error) => assert_shown(&error.to_string()),
    }
}

fn check(bytes: &[u8]) {
    check_versions(bytes);
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
