//! apk's database of installed packages.

use super::{Format, assert_shown, put, texts};
use crate::packages::apk::Apk;
use crate::packages::apk::installed_file::{is_word, records};
use crate::packages::package::Owners;
use crate::system::root::Root;
use std::collections::BTreeSet;
use std::path::Path;

const PATH: &str = "lib/apk/db/installed";

pub const FORMAT: Format = Format {
    name: "apk",
    check,
    seeds: || {
        texts(&[
            "C:Q1=\nP:musl\nV:1.2.5-r0\nA:x86_64\nF:lib\nM:0:0:755\nR:libc.so\na:0:0:755\nZ:Q1=\n\n",
            "P:a\nV:1\nA:noarch\nr:b>=1 c\nq:2\nF:usr\nF:usr/lib\nR:x.so\n\nP:b\nV:2\nF:usr/lib\nR:x.so\n\n",
            "P:.build-deps\nV:20240101.1\nA:noarch\nD:libpq-dev\n\n",
        ])
    },
    words: &[
        "P:",
        "V:1\n",
        "A:x86_64\n",
        "A:noarch\n",
        "r:a",
        "q:1",
        "F:usr/lib\n",
        "R:x.so\n",
        "\n\n",
        "\n",
    ],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    let mut paths = BTreeSet::new();
    for record in records(bytes).flatten() {
        assert!(is_word(record.name));
        for path in record.files().take(4) {
            assert!(path.is_absolute());
            paths.insert(path.into_os_string());
        }
    }
    put(PATH, bytes);
    let root = Root::below(&super::ROOT).expect("the root exists");
    let (path, _) = Apk::database(&root).expect("it is there");
    assert_eq!(path, Path::new("/").join(PATH));
    let mut owners = Owners::default();
    let apk = Apk::read(&root, path);
    match apk.and_then(|apk| apk.owners(&paths, &mut owners)) {
        Ok(()) => {
            let packages = owners.by_path.values().flatten();
            assert!(packages.clone().all(|it| is_word(&it.name)));
            assert!(packages.clone().all(|it| !it.name.starts_with('.')));
        }
        Err(error) => assert_shown(&error.to_string()),
    }
}
