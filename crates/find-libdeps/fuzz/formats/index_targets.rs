//! The output of `apt-get indextargets`.

use super::{Format, texts};
use crate::packages::lookup::apt::indexes;

pub const FORMAT: Format = Format {
    name: "index_targets",
    check,
    seeds: || {
        texts(&[
            "MetaKey: main/Contents-amd64\nFilename: /l/a_Contents-amd64.lz4\nCodename: bookworm\n\
             Origin: Debian\nComponent: main\n\nFilename: /b\n\n",
        ])
    },
    words: &[
        "\n\n",
        "\n",
        "Filename: /",
        "Origin: ",
        "Codename: ",
        "Component: ",
        "MetaKey: ",
    ],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    let all = indexes(bytes);
    let mut total = 0;
    for index in &all {
        assert!(index.path.is_absolute());
        total += index.path.as_os_str().len() + index.origin.len() + index.codename.len();
        total += index.component.len();
    }
    // A byte that is not UTF-8 becomes a character of three.
    assert!(total <= 3 * bytes.len());
    assert!(indexes(&bytes[..bytes.len() / 2]).len() <= all.len() + 1);
}
