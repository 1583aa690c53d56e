//! Release files.

use super::{Format, texts};
use crate::packages::lookup::release_file::digest;

pub const FORMAT: Format = Format {
    name: "release",
    check,
    seeds: || {
        texts(&[
            "Origin: Debian\nMD5Sum:\n 00 1 main/Contents-amd64\nSHA256:\n aB12 3 main/Contents-amd64.gz\n \
             AB 2 main/Contents-amd64\nNext: x\n",
        ])
    },
    words: &["SHA256:\n", "\n ", " ", "main/Contents-amd64", "\n"],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    const NAME: &str = "main/Contents-amd64";
    let text = String::from_utf8_lossy(bytes);
    let Some(found) = digest(&text, NAME) else {
        return;
    };
    assert!(found.sha256.len() <= text.len());
    let printed = format!("SHA256:\n {} {} {NAME}\n", found.sha256, found.size);
    assert_eq!(digest(&printed, NAME), Some(found));
}
