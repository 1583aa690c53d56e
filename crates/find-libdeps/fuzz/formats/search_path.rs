//! Search paths with tokens.

use super::{Format, texts};
use crate::loader::search_path::{Element, TokenValues, elements, expand};
use crate::system::architecture::Abi;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

pub const FORMAT: Format = Format {
    name: "search_path",
    check,
    seeds: || {
        texts(&[
            "0$ORIGIN/../lib:/usr/${LIB}/$PLATFORM:rel::/a",
            "3$ORIGIN;$LIB:/b",
        ])
    },
    words: &[
        "$",
        "{",
        "}",
        "$ORIGIN",
        "${ORIGIN}",
        "$LIB",
        "${LIB}",
        "$PLATFORM",
        "${PLATFORM}",
        ":",
        ";",
        "/",
    ],
    is_binary: false,
};

/// The first byte says which tokens have a value.
fn check(bytes: &[u8]) {
    const PATH_MAX: usize = 4096;
    let Some((&first, path)) = bytes.split_first() else {
        return;
    };
    let tokens = TokenValues {
        origin: (first & 1 == 0).then_some(Path::new("/venv/lib/python3/site-packages")),
        architecture: if first & 2 == 0 {
            Abi::of("amd64").architecture()
        } else {
            None
        },
    };
    let platforms = tokens
        .architecture
        .map_or(1, |row| row.platforms.len().max(1));
    let separators: &[u8] = if first & 4 == 0 { b":" } else { b":;" };
    let path = OsStr::from_bytes(path);
    let found = elements(path, separators, tokens);
    let parts = path.as_bytes().split(|byte| separators.contains(byte));
    assert!(found.len() <= parts.count() * platforms);
    let directories: Vec<_> = found
        .iter()
        .filter_map(|element| match element {
            Element::Directory(path) => Some(path),
            Element::Relative(_) => None,
        })
        .collect();
    assert!(
        directories
            .iter()
            .all(|dir| dir.is_absolute() && dir.as_os_str().len() < PATH_MAX)
    );
    let distinct: HashSet<_> = directories.iter().map(|dir| dir.as_os_str()).collect();
    assert_eq!(distinct.len(), directories.len());

    let expanded = expand(path, tokens);
    assert!(expanded.len() <= platforms);
    if !path.as_bytes().contains(&b'$') {
        let is_short = path.len() < PATH_MAX;
        assert_eq!(
            expanded,
            is_short
                .then(|| path.to_owned())
                .into_iter()
                .collect::<Vec<_>>()
        );
    }
}
