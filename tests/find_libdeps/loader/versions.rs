//! Symbol versions that the found library has or lacks.

use crate::elf;
use crate::fixture::Fixture;
use crate::oracle::{TOOLS, TREE, differs, library, runpath, soname};
use crate::support::harness::test;
use crate::support::run::Run;
use std::path::PathBuf;

/// A library in `name` that defines one function for each of `versions`.
fn versioned(fixture: &Fixture, name: &str, versions: &[&str]) -> String {
    let text = |line: fn(&str) -> String| -> String {
        versions.iter().map(|version| line(version)).collect()
    };
    let script = text(|version| format!("{version} {{ f{version}; }};\n"));
    let source = text(|version| format!("void f{version}(void) {{}}\n"));
    fixture.file("versions", script);
    let arguments = ["-Wl,--version-script=versions", &soname("liba.so.1")];
    fixture.library(name, &source, &arguments);
    name.to_owned()
}

/// An extension that was linked with a library of the versions V1 and V2.
fn newer_extension(fixture: &Fixture, arguments: &[&str]) -> PathBuf {
    let newer = versioned(fixture, "newer/liba.so.1", &["V1", "V2"]);
    let all = [&[newer.as_str()], arguments].concat();
    fixture.library("venv/ext.so", USE, &all)
}

const USE: &str = "void fV1(void); void fV2(void); void g(void) { fV1(); fV2(); }";
const LACKS: &str = "venv/ext.so: requires version `V2` of `liba.so.1`, which \
                     venv/libs/liba.so.1 does not define; the loader refuses it";
const LDD_LACKS: &str = "venv/ext.so: venv/libs/liba.so.1: version `V2' not found (required by \
                         venv/ext.so)";

test!(a_version_that_the_library_lacks_is_reported, needs = TOOLS);
fn a_version_that_the_library_lacks_is_reported() {
    let fixture = Fixture::new();
    let file = newer_extension(&fixture, &[&runpath("$ORIGIN/libs")]);
    versioned(&fixture, "venv/libs/liba.so.1", &["V1"]);
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[LACKS],
        &["liba.so.1 => venv/libs/liba.so.1", LDD_LACKS],
    );
    let strict = Run::new(crate::fixture::PROGRAM).dir(fixture.path(""));
    assert_eq!(strict.args(["--strict", TREE]).said().status, 1);
}

test!(the_loader_does_not_search_on_for_a_version, needs = TOOLS);
fn the_loader_does_not_search_on_for_a_version() {
    let fixture = Fixture::new();
    let path = runpath("$ORIGIN/libs:$ORIGIN/../newer");
    let file = newer_extension(&fixture, &[&path]);
    versioned(&fixture, "venv/libs/liba.so.1", &["V1"]);
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[LACKS],
        &["liba.so.1 => venv/libs/liba.so.1", LDD_LACKS],
    );
}

test!(a_weak_version_may_be_absent, needs = TOOLS);
fn a_weak_version_may_be_absent() {
    let fixture = Fixture::new();
    let file = newer_extension(&fixture, &[&runpath("$ORIGIN/libs")]);
    versioned(&fixture, "venv/libs/liba.so.1", &["V1"]);
    // The linker of this machine does not mark a version that only weak references need. Its
    // record begins with the hash of its name, and the flags follow.
    let hash = [0x92, 0x05, 0, 0];
    elf::change(&file, |elf| {
        let flags = elf.find(&hash) + 4;
        elf.put(flags, 2_u16.to_le_bytes());
    });
    // ldd says so, and loads it all the same.
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[],
        &[
            "liba.so.1 => venv/libs/liba.so.1",
            "venv/ext.so: venv/libs/liba.so.1: weak version `V2' not found (required by venv/ext.so)",
        ],
    );
}

test!(a_library_without_versions_passes, needs = TOOLS);
fn a_library_without_versions_passes() {
    let fixture = Fixture::new();
    let file = newer_extension(&fixture, &[&runpath("$ORIGIN/libs")]);
    library(&fixture, "venv/libs/liba.so.1", &[]);
    // ldd says so, and loads it all the same.
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[],
        &[
            "liba.so.1 => venv/libs/liba.so.1",
            "venv/ext.so: venv/libs/liba.so.1: no version information available (required by venv/ext.so)",
        ],
    );
}
