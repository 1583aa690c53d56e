//! The directories of musl's loader.

use super::{Format, texts};
use crate::loader::musl::path_file::directories;
use std::path::PathBuf;

pub const FORMAT: Format = Format {
    name: "ld_musl_path",
    check,
    seeds: || {
        texts(&[
            "/lib:/usr/local/lib:/usr/lib",
            "/lib\n/opt/x y\n\nz:/a//b/\n",
        ])
    },
    words: &["/", ":", "\n", "/lib", "\0"],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    let all = directories(bytes);
    assert!(all.iter().all(|dir| dir.is_absolute()));
    let length: usize = all.iter().map(|dir: &PathBuf| dir.as_os_str().len()).sum();
    assert!(length <= bytes.len());
}
