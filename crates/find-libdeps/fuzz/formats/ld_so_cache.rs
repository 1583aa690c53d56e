//! `ld.so.cache`.

use super::{Format, files};
use crate::loader::glibc::cache_file::{CacheEntry, parse};
use std::os::unix::ffi::OsStrExt as _;

pub const FORMAT: Format = Format {
    name: "ld_so_cache",
    check,
    seeds: || {
        let entry = |name: &str, is_for_some_processors| CacheEntry {
            name: name.into(),
            path: format!("/lib/{name}").into(),
            flags: 0x303,
            is_for_some_processors,
        };
        let mut seeds = files(&["/etc/ld.so.cache"]);
        seeds.push(printed(&[
            entry("libb.so.1", false),
            entry("liba.so.1", true),
        ]));
        seeds.push(
            [
                &b"ld.so-1.7.0\0\0\0\0\0"[..],
                &printed(&[entry("liba.so.1", false)]),
            ]
            .concat(),
        );
        seeds
    },
    words: &[
        "glibc-ld.so.cache1.1",
        "ld.so-1.7.0\0",
        "\0",
        "/lib/liba.so.1\0",
    ],
    is_binary: true,
};

/// A little-endian cache with these entries.
pub fn printed(entries: &[CacheEntry]) -> Vec<u8> {
    let mut strings = Vec::new();
    let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let mut file = b"glibc-ld.so.cache1.1".to_vec();
    file.extend(number(entries.len()));
    file.extend([0, 0, 0, 0, 2]);
    file.resize(48, 0);
    for entry in entries {
        let at = 48 + entries.len() * 24 + strings.len();
        file.extend(entry.flags.to_le_bytes());
        file.extend(number(at));
        file.extend(number(at + entry.name.len() + 1));
        file.extend([0; 4]);
        file.extend(u64::from(entry.is_for_some_processors).to_le_bytes());
        for string in [entry.name.as_bytes(), entry.path.as_os_str().as_bytes()] {
            strings.extend_from_slice(string);
            strings.push(0);
        }
    }
    file.extend(strings);
    file
}

fn check(bytes: &[u8]) {
    let Some(entries) = parse(bytes) else {
        return;
    };
    let lengths = entries
        .iter()
        .map(|entry| entry.name.len() + entry.path.as_os_str().len());
    assert!(lengths.sum::<usize>() <= 8 * bytes.len());
    assert_eq!(parse(&printed(&entries)), Some(entries));
}
