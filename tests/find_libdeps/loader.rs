//! One test a rule of the loader's, named as the rule; each tree is compiled here, and what
//! `find-libdeps` says of it is compared with what glibc's `ldd` does.

use crate::fixture::{Fixture, ldd};
use crate::support::needs::Need;
use crate::support::test;
use libtest_mimic::Trial;
use std::path::Path;

/// The tests of this file.
pub fn tests() -> Vec<Trial> {
    let needs = &[Need::Cc, Need::Ldd, Need::Dpkg];
    vec![test(
        "runpath_of_the_object_itself_finds_its_library",
        needs,
        runpath_of_the_object_itself_finds_its_library,
    )]
}

/// Compares one need of `file` with what `ldd` says: the same file, or neither has one.
#[track_caller]
fn agrees_with_ldd(fixture: &Fixture, tree: &str, file: &Path, soname: &str) {
    let (_, path, _) = fixture.report(tree).library(soname);
    let theirs = ldd(file, soname).map(|path| path.canonicalize().expect("it is there"));
    let ours = path.map(|path| Path::new(&path).canonicalize().expect("it is there"));
    assert_eq!(ours, theirs, "{soname}");
}

fn runpath_of_the_object_itself_finds_its_library() {
    let fixture = Fixture::new();
    let needed = "venv/libs/liba.so.1";
    fixture.library(needed, "int a;", &["-Wl,-soname,liba.so.1"]);
    let file = fixture.library(
        "venv/ext.so",
        "int e;",
        &[needed, "-Wl,--enable-new-dtags,-rpath,$ORIGIN/libs"],
    );
    agrees_with_ldd(&fixture, "venv", &file, "liba.so.1");
    assert_eq!(
        fixture.report("venv").library("liba.so.1"),
        (
            "bundled".to_owned(),
            Some(fixture.text(needed)),
            Some("runpath".to_owned())
        )
    );
}
