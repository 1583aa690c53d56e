//! Tokens, empty and relative elements, and names that are no plain text.

use crate::elf;
use crate::fixture::{Fixture, Report};
use crate::oracle::{
    TOOLS, TREE, differs, libraries, library, needing, proves, proves_in, rpath, runpath, warnings,
};
use crate::support::harness::test;
use crate::support::run::Run;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

test!(origin_may_stand_in_braces, needs = TOOLS);
fn origin_may_stand_in_braces() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/extlibs/liba.so.1", &[]);
    // No separator is needed after the braces.
    let file = fixture.library(
        "venv/ext/a.so",
        "int x;",
        &[&needed, &runpath("${ORIGIN}libs")],
    );
    proves(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/extlibs/liba.so.1 (runpath)"],
        &[],
    );
}

test!(
    origin_is_where_the_object_was_found_not_where_its_link_leads,
    needs = TOOLS
);
fn origin_is_where_the_object_was_found_not_where_its_link_leads() {
    let fixture = Fixture::new();
    let inner = library(&fixture, "venv/found/inner/libb.so.1", &[]);
    library(&fixture, "venv/physical/inner/libb.so.1", &[]);
    let outer = library(
        &fixture,
        "venv/physical/liba.so.1",
        &[&inner, &runpath("$ORIGIN/inner")],
    );
    fixture.link("../physical/liba.so.1", "venv/found/liba.so.1");
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&outer, &runpath("$ORIGIN/found")],
    );
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/physical/liba.so.1 (runpath)",
            "libb.so.1: bundled venv/found/inner/libb.so.1 (runpath)",
        ],
        &[],
    );
}

test!(
    origin_of_a_main_program_is_where_its_link_leads,
    needs = TOOLS
);
fn origin_of_a_main_program_is_where_its_link_leads() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/physical/libs/liba.so.1", &[]);
    library(&fixture, "linked/libs/liba.so.1", &[]);
    fixture.program("venv/physical/tool", &[&needed, &runpath("$ORIGIN/libs")]);
    let link = fixture.link("../venv/physical/tool", "linked/tool");
    // ldd hands the link to the loader as an argument. Started by the kernel, as here, the program
    // is the file that the link leads to.
    let run = Run::new(&link).env("LD_TRACE_LOADED_OBJECTS", "1");
    let wanted = "liba.so.1 => venv/physical/libs/liba.so.1";
    assert_eq!(crate::oracle::ldd(&fixture, run, &link), [wanted]);
    let ldd = crate::oracle::ldd(&fixture, Run::new("ldd"), &link);
    assert_eq!(ldd, ["liba.so.1 => linked/libs/liba.so.1"]);
    let report = Report::of(fixture.run(), "linked/tool");
    let wanted = fixture.text("venv/physical/libs/liba.so.1");
    assert_eq!(report.library("liba.so.1").1, Some(wanted));
}

test!(lib_is_the_multiarch_directory, needs = TOOLS);
fn lib_is_the_multiarch_directory() {
    let fixture = Fixture::new();
    let a = library(&fixture, "venv/lib/x86_64-linux-gnu/liba.so.1", &[]);
    let b = library(&fixture, "venv/lib/x86_64-linux-gnu/sub/libb.so.1", &[]);
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&a, &b, &runpath("$ORIGIN/$LIB:$ORIGIN/${LIB}/sub")],
    );
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/lib/x86_64-linux-gnu/liba.so.1 (runpath)",
            "libb.so.1: bundled venv/lib/x86_64-linux-gnu/sub/libb.so.1 (runpath)",
        ],
        &[],
    );
}

test!(platform_depends_on_the_processor, needs = TOOLS);
fn platform_depends_on_the_processor() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/any/liba.so.1", &[]);
    // Whichever processor the test runs on.
    for name in ["x86_64", "haswell", "xeon_phi"] {
        fixture.link("any", &format!("venv/{name}"));
    }
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&needed, &runpath("$ORIGIN/$PLATFORM")],
    );
    proves(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/any/liba.so.1 (runpath)"],
        &[],
    );
}

test!(
    a_platform_that_every_processor_has_comes_first,
    needs = TOOLS
);
fn a_platform_that_every_processor_has_comes_first() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/x86_64/liba.so.1", &[]);
    library(&fixture, "venv/haswell/liba.so.1", &[]);
    fixture.library(
        "venv/ext.so",
        "int x;",
        &[&needed, &runpath("$ORIGIN/$PLATFORM")],
    );
    // ldd decides for the processor that it runs on, which may be either.
    let report = Report::of(fixture.run(), TREE);
    assert_eq!(
        libraries(&fixture, &report),
        ["liba.so.1: bundled venv/x86_64/liba.so.1 (runpath)"]
    );
}

test!(
    a_token_ends_at_a_character_that_cannot_be_in_a_name,
    needs = TOOLS
);
fn a_token_ends_at_a_character_that_cannot_be_in_a_name() {
    let fixture = Fixture::new();
    let a = library(&fixture, "venv/a/$ORIGINAL/liba.so.1", &[]);
    let b = library(&fixture, "venv/ext.b/libb.so.1", &[]);
    let literal = fixture.text("venv/a/$ORIGINAL");
    let file = fixture.library(
        "venv/ext/x.so",
        "int x;",
        &[&a, &b, &runpath(&format!("{literal}:$ORIGIN.b"))],
    );
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/a/$ORIGINAL/liba.so.1 (runpath)",
            "libb.so.1: bundled venv/ext.b/libb.so.1 (runpath)",
        ],
        &[],
    );
}

test!(an_unknown_token_is_literal, needs = TOOLS);
fn an_unknown_token_is_literal() {
    let fixture = Fixture::new();
    let a = library(&fixture, "venv/$OTHER/liba.so.1", &[]);
    let b = library(&fixture, "venv/${ORIGIN/libb.so.1", &[]);
    let [other, open] = ["venv/$OTHER", "venv/${ORIGIN"].map(|name| fixture.text(name));
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&a, &b, &runpath(&format!("{other}:{open}"))],
    );
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/$OTHER/liba.so.1 (runpath)",
            "libb.so.1: bundled venv/${ORIGIN/libb.so.1 (runpath)",
        ],
        &[],
    );
}

test!(
    a_needed_name_may_hold_a_token_without_a_slash,
    needs = TOOLS
);
fn a_needed_name_may_hold_a_token_without_a_slash() {
    let fixture = Fixture::new();
    let needed = needing(&fixture, "lib$PLATFORM.so.1");
    library(&fixture, "venv/libs/libany.so.1", &[]);
    for name in ["x86_64", "haswell", "xeon_phi"] {
        fixture.link("libany.so.1", &format!("venv/libs/lib{name}.so.1"));
    }
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&needed, &runpath("$ORIGIN/libs")],
    );
    let report = Report::of(fixture.run(), TREE);
    assert_eq!(
        libraries(&fixture, &report),
        ["lib$PLATFORM.so.1: bundled venv/libs/libany.so.1 (runpath)"]
    );
    // ldd shows the name with its token replaced.
    let theirs = crate::oracle::ldd(&fixture, Run::new("ldd"), &file);
    assert_eq!(theirs.len(), 1, "{theirs:?}");
    assert!(
        theirs[0].ends_with(" => venv/libs/libany.so.1"),
        "{theirs:?}"
    );
}

test!(an_rpath_that_is_empty_as_a_whole_is_ignored, needs = TOOLS);
fn an_rpath_that_is_empty_as_a_whole_is_ignored() {
    let fixture = Fixture::new();
    let needed = needing(&fixture, "liba.so.1");
    // In the working directory of both.
    library(&fixture, "liba.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&needed, &rpath("RPATH")]);
    // The linker leaves an empty path out, so a text is made empty afterwards.
    elf::change(&file, |elf| {
        let at = elf.find(b"\0RPATH\0") + 1;
        elf.put(at, b"\0");
    });
    proves(&fixture, &file, &["liba.so.1: missing"], &[]);
}

test!(
    an_empty_element_is_passed_over_with_a_warning,
    needs = TOOLS
);
fn an_empty_element_is_passed_over_with_a_warning() {
    let fixture = Fixture::new();
    let a = library(&fixture, "venv/libs/liba.so.1", &[]);
    let b = needing(&fixture, "libb.so.1");
    library(&fixture, "libb.so.1", &[]);
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&a, &b, &runpath("$ORIGIN/none::$ORIGIN/libs")],
    );
    // ldd finds one in this working directory, and in no other.
    differs(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/libs/liba.so.1 (runpath)",
            "libb.so.1: missing",
        ],
        &[
            "venv/ext.so: its RUNPATH has an empty element, which means the working directory; \
             skipped",
        ],
        &["liba.so.1 => venv/libs/liba.so.1", "libb.so.1 => libb.so.1"],
    );
}

test!(
    an_empty_element_of_an_rpath_is_reported_as_rpath,
    needs = TOOLS
);
fn an_empty_element_of_an_rpath_is_reported_as_rpath() {
    let fixture = Fixture::new();
    let a = library(&fixture, "venv/libs/liba.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&a, &rpath("$ORIGIN/libs:")]);
    proves(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (rpath)"],
        &[
            "venv/ext.so: its RPATH has an empty element, which means the working directory; \
             skipped",
        ],
    );
}

test!(
    a_relative_element_is_passed_over_with_a_warning,
    needs = TOOLS
);
fn a_relative_element_is_passed_over_with_a_warning() {
    let fixture = Fixture::new();
    let needed = needing(&fixture, "liba.so.1");
    library(&fixture, "libs/liba.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&needed, &runpath("libs")]);
    // ldd finds it from this working directory, and from no other.
    differs(
        &fixture,
        &file,
        &["liba.so.1: missing"],
        &[
            "venv/ext.so: its RUNPATH names `libs`, which is relative to the working directory; \
             skipped",
        ],
        &["liba.so.1 => libs/liba.so.1"],
    );
}

test!(
    an_empty_element_of_ld_library_path_is_passed_over_with_a_warning,
    needs = TOOLS
);
fn an_empty_element_of_ld_library_path_is_passed_over_with_a_warning() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/liba.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&needed]);
    let path = format!("{}:", fixture.text("venv/libs"));
    proves_in(
        &fixture,
        &[("LD_LIBRARY_PATH", &path)],
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (ld_library_path)"],
        &["LD_LIBRARY_PATH: it has an empty element, which means the working directory; skipped"],
    );
}

/// A library of this name in a directory of that name, and one that needs it.
fn odd_name(dir: &[u8], name: &[u8]) -> (Fixture, Vec<u8>) {
    let fixture = Fixture::new();
    let os = |parts: &[&[u8]]| OsStr::from_bytes(&parts.concat()).to_owned();
    let needed = os(&[b"venv/", dir, b"/", name]);
    let compile = |output: &OsStr, arguments: &[OsString]| {
        Run::new("cc")
            .dir(fixture.path(""))
            .args(["-x", "c", "-", "-x", "none", "-shared", "-nostdlib"])
            .args(["-Wl,--no-as-needed", "-o"])
            .arg(output)
            .args(arguments)
            .must();
    };
    std::fs::create_dir_all(fixture.path(os(&[b"venv/", dir]))).expect("a directory");
    compile(&needed, &[os(&[b"-Wl,-soname,", name])]);
    let rpath = os(&[b"-Wl,--enable-new-dtags,-rpath,$ORIGIN/", dir]);
    compile(OsStr::new("venv/ext.so"), &[needed, rpath]);
    let ldd = Run::new("ldd").arg(fixture.path("venv/ext.so")).bytes();
    (fixture, ldd.stdout)
}

#[track_caller]
fn finds_odd_name(dir: &[u8], name: &[u8], wanted: &str) {
    let (fixture, ldd) = odd_name(dir, name);
    let report = Report::of(fixture.run(), TREE);
    assert_eq!(libraries(&fixture, &report), [wanted]);
    assert_eq!(warnings(&fixture, &report), [""; 0]);
    let root = fixture.text("venv");
    let theirs = [
        b"\t",
        name,
        b" => ",
        root.as_bytes(),
        b"/",
        dir,
        b"/",
        name,
        b" (0x",
    ]
    .concat();
    assert!(
        ldd.windows(theirs.len()).any(|window| window == theirs),
        "ldd finds it too: {}",
        String::from_utf8_lossy(&ldd)
    );
}

test!(a_name_that_is_not_utf_8_is_found, needs = TOOLS);
fn a_name_that_is_not_utf_8_is_found() {
    finds_odd_name(
        b"l\xe9bs",
        b"lib\xff.so.1",
        r"lib\xff.so.1: bundled venv/l\xe9bs/lib\xff.so.1 (runpath)",
    );
}

test!(a_name_with_a_newline_is_found, needs = TOOLS);
fn a_name_with_a_newline_is_found() {
    finds_odd_name(
        b"libs",
        b"lib\na.so.1",
        r"lib\na.so.1: bundled venv/libs/lib\na.so.1 (runpath)",
    );
}

test!(a_name_with_pattern_characters_is_found, needs = TOOLS);
fn a_name_with_pattern_characters_is_found() {
    finds_odd_name(
        b"libs",
        b"lib*?[a\\].so.1",
        r"lib*?[a\\].so.1: bundled venv/libs/lib*?[a\\].so.1 (runpath)",
    );
}

test!(a_directory_with_pattern_characters_is_found, needs = TOOLS);
fn a_directory_with_pattern_characters_is_found() {
    finds_odd_name(
        b"[l]*\\",
        b"liba.so.1",
        r"liba.so.1: bundled venv/[l]*\\/liba.so.1 (runpath)",
    );
}
