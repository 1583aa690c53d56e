//! Zip files.

use super::{Format, ROOT, put};
use crate::scan::archive::libraries;
use std::fs::File;

pub const FORMAT: Format = Format {
    name: "archive",
    check,
    seeds: || {
        let mut file = b"PK\x01\x02".to_vec();
        file.resize(46, 0);
        file[28] = 6;
        file.extend(b"a/b.soPK\x05\x06\0\0\0\0\0\0\0\0");
        file.extend([52, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        vec![file]
    },
    words: &["PK\u{1}\u{2}", "PK\u{5}\u{6}", ".so", ".so.1", "/"],
    is_binary: true,
};

fn check(bytes: &[u8]) {
    put("app/input.zip", bytes);
    let file = File::open(ROOT.join("app/input.zip")).expect("the file is there");
    if let Some(packed) = libraries(&file).expect("it can be read") {
        assert!(packed.count > 0 && packed.count * 46 + packed.first.len() <= bytes.len());
    }
}
