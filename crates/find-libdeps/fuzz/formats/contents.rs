//! Contents indexes.

use super::{Format, texts};
use crate::packages::lookup::contents_file::read;

pub const FORMAT: Format = Format {
    name: "contents",
    check,
    seeds: || {
        texts(&[
            "FILE LOCATION\nusr/lib/x86_64-linux-gnu/libz.so.1 libs/zlib1g,libdevel/zlib1g-dev\n",
            "usr/a b.so\t non-free/libs/a,contrib/b\n",
        ])
    },
    words: &[
        "\n",
        " ",
        "\t",
        ",",
        "/",
        "non-free/libs/a",
        "usr/lib/liba.so.1",
    ],
    is_binary: false,
};

/// Each line as the path, its packages, and their sections.
fn lines(bytes: &[u8]) -> (Vec<(Vec<u8>, String)>, bool) {
    let mut lines = Vec::new();
    let is_whole = read(bytes, |line| {
        let packages: Vec<String> = line
            .packages()
            .map(|package| match package.section {
                Some(section) => format!("{section}/{}", package.name),
                None => package.name.to_owned(),
            })
            .collect();
        lines.push((line.path.to_vec(), packages.join(",")));
    })
    .is_ok();
    (lines, is_whole)
}

fn check(bytes: &[u8]) {
    let (all, is_whole) = lines(bytes);
    let total: usize = all
        .iter()
        .map(|(path, packages)| path.len() + packages.len())
        .sum();
    assert!(total <= bytes.len());
    assert_eq!(is_whole, bytes.is_empty() || bytes.ends_with(b"\n"));

    let mut printed = Vec::new();
    for (path, packages) in all.iter().filter(|(_, packages)| !packages.is_empty()) {
        printed.extend_from_slice(path);
        printed.extend(format!(" {packages}\n").bytes());
    }
    let known: Vec<_> = all
        .iter()
        .filter(|(_, packages)| !packages.is_empty())
        .collect();
    let again = lines(&printed);
    assert!(again.1);
    assert!(again.0.iter().eq(known));

    let cut = lines(&bytes[..bytes.len() / 2]).0;
    assert!(all.starts_with(&cut));
}
