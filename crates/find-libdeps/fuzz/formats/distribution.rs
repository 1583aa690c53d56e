//! METADATA and RECORD of a Python distribution, and the same as its predecessor has them.

use super::{Format, ROOT, assert_shown, put, texts};
use crate::python::distributions::{Distributions, normalised};
use crate::system::root::Root;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

pub const FORMAT: Format = Format {
    name: "distribution",
    check,
    seeds: || {
        texts(&[
            "Metadata-Version: 2.1\nName: Some.Name_x\nVersion: 1\n\nText\0\
             a/b.py,sha256=x,1\n../../../bin/x,,\n\"a,b/liba.so.1\",,\na.libs/libpq-1a2b3c4d.so.5.1,,\n",
            "Name: a\n\0a.py\n../a/libpq.so\n",
        ])
    },
    words: &[
        "Name: ",
        "name:",
        "Name : ",
        "\n",
        "\r\n",
        "\n\n",
        "\0",
        ",,\n",
        ",",
        "\"",
        "\"\"",
        "../",
        "./",
        "/",
        "lib",
        ".so",
        ".so.5",
        "libpq",
        "libpq-1.so.5",
        "-",
        "_",
        ".",
        "-_.",
    ],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    let at = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    let (metadata, record) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
    for dir in ["app/a-1.dist-info", "app/b.egg-info"] {
        let _ = fs::create_dir(ROOT.join(dir));
    }
    put("app/a-1.dist-info/METADATA", metadata);
    put("app/a-1.dist-info/RECORD", record);
    put("app/b.egg-info/PKG-INFO", metadata);
    put("app/b.egg-info/installed-files.txt", record);

    let root = Root::below(&ROOT).expect("the root exists");
    let paths = ["/app/a-1.dist-info/METADATA", "/app/b.egg-info/PKG-INFO"].map(PathBuf::from);
    let all = Distributions::read(&root, paths);
    for one in all.iter() {
        assert_eq!(normalised(one.name()), one.name());
        assert!(one.name().is_ascii() && one.name().len() <= metadata.len());
        for stem in ["pq", "", "\u{fe}"] {
            all.ships(one, OsStr::new(stem));
        }
        assert!(all.beside(one, one.name()).is_some());
    }
    // Whatever is listed is a path below `/` without steps, however it is written.
    let asked = ["/app/a/b.py", "/app/a/libpq.so", "/liba.so", "/"].map(Path::new);
    for (file, owner) in all.owners(asked) {
        assert!(asked.contains(&file) && !owner.name().is_empty());
    }
    for (_, problem) in all.malformed() {
        assert_shown(&problem.to_string());
    }
}
