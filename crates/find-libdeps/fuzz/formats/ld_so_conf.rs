//! `ld.so.conf` and the files that it includes.

use super::{Format, ROOT, files, put, texts};
use crate::loader::glibc::conf_file::directories;
use crate::system::root::Root;
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt as _;

pub const FORMAT: Format = Format {
    name: "ld_so_conf",
    check,
    seeds: || {
        let mut seeds = files(&["/etc/ld.so.conf"]);
        seeds.extend(texts(&[
            "include ld.so.conf.d/*.conf\n/first/ # a comment\nhwcap 1 x\n\0/a\n/b=libc6\n\0include a.conf\n",
            "include /etc/ld.so.conf.d/[ab].conf b.*\n/with space \0/x\0/y",
        ]));
        seeds
    },
    words: &[
        "\n",
        "\0",
        "include ",
        "hwcap ",
        "#",
        "=libc6",
        "/",
        "*",
        "?",
        "[a-z]",
        "**",
        "../",
        "../*/",
        "ld.so.conf.d/*.conf",
        "/etc/",
        "/usr/lib\n",
    ],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |&byte| byte == 0);
    for file in ["ld.so.conf", "ld.so.conf.d/a.conf", "ld.so.conf.d/b.conf"] {
        put(&format!("etc/{file}"), parts.next().unwrap_or_default());
    }
    let found = directories(&Root::below(&ROOT).expect("the root exists"));
    let total: usize = found.iter().map(|dir| dir.as_os_str().len()).sum();
    assert!(total <= bytes.len());
    assert_eq!(found.iter().collect::<HashSet<_>>().len(), found.len());
    for dir in found {
        let path = dir.as_os_str().as_bytes();
        assert!(dir.is_absolute() && !(path.len() > 1 && path.ends_with(b"/")));
    }
}
