//! The order of the search, and what is inherited on the way.

use crate::elf::{self, DT_RPATH, DT_SONAME};
use crate::fixture::{Fixture, Report, ldd};
use crate::oracle::{
    TOOLS, TREE, differs, library, messages, needing, proves, proves_in, rpath, runpath, soname,
};
use crate::support::harness::test;
use std::path::Path;

test!(rpath_comes_before_ld_library_path, needs = TOOLS);
fn rpath_comes_before_ld_library_path() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/rpath/liba.so.1", &[]);
    library(&fixture, "venv/path/liba.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&needed, &rpath("$ORIGIN/rpath")]);
    proves_in(
        &fixture,
        &[("LD_LIBRARY_PATH", &fixture.text("venv/path"))],
        &file,
        &["liba.so.1: bundled venv/rpath/liba.so.1 (rpath)"],
        &[],
    );
}

test!(ld_library_path_comes_before_runpath, needs = TOOLS);
fn ld_library_path_comes_before_runpath() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/runpath/liba.so.1", &[]);
    library(&fixture, "venv/path/liba.so.1", &[]);
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&needed, &runpath("$ORIGIN/runpath")],
    );
    proves_in(
        &fixture,
        &[("LD_LIBRARY_PATH", &fixture.text("venv/path"))],
        &file,
        &["liba.so.1: bundled venv/path/liba.so.1 (ld_library_path)"],
        &[],
    );
}

test!(rpath_comes_before_the_cache, needs = TOOLS);
fn rpath_comes_before_the_cache() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/libanl.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&needed, &rpath("$ORIGIN/libs")]);
    proves(
        &fixture,
        &file,
        &["libanl.so.1: bundled venv/libs/libanl.so.1 (rpath)"],
        &[],
    );
}

test!(ld_library_path_comes_before_the_cache, needs = TOOLS);
fn ld_library_path_comes_before_the_cache() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/libanl.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&needed]);
    proves_in(
        &fixture,
        &[("LD_LIBRARY_PATH", &fixture.text("venv/libs"))],
        &file,
        &["libanl.so.1: bundled venv/libs/libanl.so.1 (ld_library_path)"],
        &[],
    );
}

test!(runpath_comes_before_the_cache, needs = TOOLS);
fn runpath_comes_before_the_cache() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/libanl.so.1", &[]);
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&needed, &runpath("$ORIGIN/libs")],
    );
    proves(
        &fixture,
        &file,
        &["libanl.so.1: bundled venv/libs/libanl.so.1 (runpath)"],
        &[],
    );
}

test!(
    the_cache_comes_before_what_is_bundled_by_soname,
    needs = TOOLS
);
fn the_cache_comes_before_what_is_bundled_by_soname() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/libanl.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&needed]);
    proves(
        &fixture,
        &file,
        &["libanl.so.1: package /lib/x86_64-linux-gnu/libanl.so.1 (cache)"],
        &[],
    );
}

test!(elements_of_a_path_are_tried_in_order, needs = TOOLS);
fn elements_of_a_path_are_tried_in_order() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/b/liba.so.1", &[]);
    library(&fixture, "venv/a/liba.so.1", &[]);
    let order = runpath("$ORIGIN/none:$ORIGIN/b:$ORIGIN/a");
    let file = fixture.library("venv/ext.so", "int x;", &[&needed, &order]);
    proves(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/b/liba.so.1 (runpath)"],
        &[],
    );
}

test!(rpath_of_the_loader_counts, needs = TOOLS);
fn rpath_of_the_loader_counts() {
    let fixture = Fixture::new();
    let inner = library(&fixture, "venv/inner/libb.so.1", &[]);
    let outer = library(&fixture, "venv/outer/liba.so.1", &[&inner]);
    let both = rpath("$ORIGIN/outer:$ORIGIN/inner");
    let file = fixture.library("venv/ext.so", "int x;", &[&outer, &both]);
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/outer/liba.so.1 (rpath)",
            "libb.so.1: bundled venv/inner/libb.so.1 (rpath)",
        ],
        &[],
    );
}

test!(rpath_of_the_loaders_loader_counts, needs = TOOLS);
fn rpath_of_the_loaders_loader_counts() {
    let fixture = Fixture::new();
    let third = library(&fixture, "venv/third/libc1.so.1", &[]);
    let second = library(&fixture, "venv/second/libb.so.1", &[&third]);
    let first = library(
        &fixture,
        "venv/first/liba.so.1",
        &[&second, &rpath("$ORIGIN/../second")],
    );
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&first, &rpath("$ORIGIN/first:$ORIGIN/third")],
    );
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/first/liba.so.1 (rpath)",
            "libb.so.1: bundled venv/second/libb.so.1 (rpath)",
            "libc1.so.1: bundled venv/third/libc1.so.1 (rpath)",
        ],
        &[],
    );
}

test!(own_rpath_comes_before_that_of_the_loader, needs = TOOLS);
fn own_rpath_comes_before_that_of_the_loader() {
    let fixture = Fixture::new();
    let own = library(&fixture, "venv/own/libb.so.1", &[]);
    library(&fixture, "venv/libs/libb.so.1", &[]);
    let first = library(
        &fixture,
        "venv/libs/liba.so.1",
        &[&own, &rpath("$ORIGIN/../own")],
    );
    let file = fixture.library("venv/ext.so", "int x;", &[&first, &rpath("$ORIGIN/libs")]);
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/libs/liba.so.1 (rpath)",
            "libb.so.1: bundled venv/own/libb.so.1 (rpath)",
        ],
        &[],
    );
}

test!(rpath_of_the_main_program_counts, needs = TOOLS);
fn rpath_of_the_main_program_counts() {
    let fixture = Fixture::new();
    let inner = library(&fixture, "venv/libs/libb.so.1", &[]);
    let outer = library(&fixture, "venv/libs/liba.so.1", &[&inner]);
    let file = fixture.program("venv/bin/tool", &[&outer, &rpath("$ORIGIN/../libs")]);
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/libs/liba.so.1 (rpath)",
            "libb.so.1: bundled venv/libs/libb.so.1 (rpath)",
        ],
        &[],
    );
}

test!(runpath_is_not_inherited, needs = TOOLS);
fn runpath_is_not_inherited() {
    let fixture = Fixture::new();
    let inner = needing(&fixture, "libb.so.1");
    let outer = library(&fixture, "venv/libs/liba.so.1", &[&inner]);
    library(&fixture, "elsewhere/libb.so.1", &[]);
    let both = runpath("$ORIGIN/libs:$ORIGIN/../elsewhere");
    let file = fixture.library("venv/ext.so", "int x;", &[&outer, &both]);
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/libs/liba.so.1 (runpath)",
            "libb.so.1: missing",
        ],
        &[],
    );
}

test!(
    an_object_with_a_runpath_ignores_its_own_rpath,
    needs = TOOLS
);
fn an_object_with_a_runpath_ignores_its_own_rpath() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "other/liba.so.1", &[]);
    // The SONAME serves as the text of the RPATH, so that both can stand in one file.
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[
            &needed,
            &runpath("$ORIGIN/none"),
            &soname("$ORIGIN/../other"),
        ],
    );
    elf::change(&file, |elf| elf.add_entry(DT_RPATH, DT_SONAME));
    proves(&fixture, &file, &["liba.so.1: missing"], &[]);
}

test!(
    an_object_with_a_runpath_ignores_the_rpath_of_its_loader,
    needs = TOOLS
);
fn an_object_with_a_runpath_ignores_the_rpath_of_its_loader() {
    let fixture = Fixture::new();
    let inner = library(&fixture, "other/libb.so.1", &[]);
    let outer = library(
        &fixture,
        "venv/libs/liba.so.1",
        &[&inner, &runpath("$ORIGIN/none")],
    );
    let both = rpath("$ORIGIN/libs:$ORIGIN/../other");
    let file = fixture.library("venv/ext.so", "int x;", &[&outer, &both]);
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/libs/liba.so.1 (rpath)",
            "libb.so.1: missing",
        ],
        &[],
    );
}

test!(
    an_ancestor_with_a_runpath_has_its_own_rpath_ignored_but_higher_ones_count,
    needs = TOOLS
);
fn an_ancestor_with_a_runpath_has_its_own_rpath_ignored_but_higher_ones_count() {
    let fixture = Fixture::new();
    let high = library(&fixture, "venv/high/libhigh.so.1", &[]);
    let own = library(&fixture, "other/libown.so.1", &[]);
    let leaf = library(&fixture, "venv/libs/libleaf.so.1", &[&high, &own]);
    let middle = fixture.library(
        "venv/libs/libmiddle.so.1",
        "int x;",
        &[&leaf, &runpath("$ORIGIN"), &soname("$ORIGIN/../../other")],
    );
    elf::change(&middle, |elf| elf.add_entry(DT_RPATH, DT_SONAME));
    // Linked by its path, since its SONAME is the text of its RPATH.
    let name = needing(&fixture, "libmiddle.so.1");
    let both = rpath("$ORIGIN/libs:$ORIGIN/high");
    let file = fixture.library("venv/ext.so", "int x;", &[&name, &both]);
    proves(
        &fixture,
        &file,
        &[
            "libhigh.so.1: bundled venv/high/libhigh.so.1 (rpath)",
            "libleaf.so.1: bundled venv/libs/libleaf.so.1 (runpath)",
            "libmiddle.so.1: bundled venv/libs/libmiddle.so.1 (rpath)",
            "libown.so.1: missing",
        ],
        &[],
    );
}

test!(
    ld_library_path_is_split_at_colons_and_semicolons,
    needs = TOOLS
);
fn ld_library_path_is_split_at_colons_and_semicolons() {
    let fixture = Fixture::new();
    let a = library(&fixture, "venv/one/liba.so.1", &[]);
    let b = library(&fixture, "venv/two/libb.so.1", &[]);
    let c = library(&fixture, "venv/three/libc1.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&a, &b, &c]);
    let path = format!(
        "{}:{};{}",
        fixture.text("venv/one"),
        fixture.text("venv/two"),
        fixture.text("venv/three")
    );
    proves_in(
        &fixture,
        &[("LD_LIBRARY_PATH", &path)],
        &file,
        &[
            "liba.so.1: bundled venv/one/liba.so.1 (ld_library_path)",
            "libb.so.1: bundled venv/two/libb.so.1 (ld_library_path)",
            "libc1.so.1: bundled venv/three/libc1.so.1 (ld_library_path)",
        ],
        &[],
    );
}

test!(
    ld_library_path_serves_what_a_bundled_library_needs,
    needs = TOOLS
);
fn ld_library_path_serves_what_a_bundled_library_needs() {
    let fixture = Fixture::new();
    let inner = library(&fixture, "venv/path/libb.so.1", &[]);
    let outer = library(
        &fixture,
        "venv/libs/liba.so.1",
        &[&inner, &runpath("$ORIGIN/none")],
    );
    let file = fixture.library("venv/ext.so", "int x;", &[&outer, &runpath("$ORIGIN/libs")]);
    proves_in(
        &fixture,
        &[("LD_LIBRARY_PATH", &fixture.text("venv/path"))],
        &file,
        &[
            "liba.so.1: bundled venv/libs/liba.so.1 (runpath)",
            "libb.so.1: bundled venv/path/libb.so.1 (ld_library_path)",
        ],
        &[],
    );
}

test!(
    ld_library_path_knows_the_origin_of_the_main_program,
    needs = TOOLS
);
fn ld_library_path_knows_the_origin_of_the_main_program() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/liba.so.1", &[]);
    let file = fixture.program("venv/bin/tool", &[&needed]);
    proves_in(
        &fixture,
        &[("LD_LIBRARY_PATH", "$ORIGIN/../libs")],
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (ld_library_path)"],
        &[],
    );
}

test!(an_empty_ld_library_path_is_ignored, needs = TOOLS);
fn an_empty_ld_library_path_is_ignored() {
    let fixture = Fixture::new();
    let needed = needing(&fixture, "liba.so.1");
    // In the working directory of both.
    library(&fixture, "liba.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&needed]);
    proves_in(
        &fixture,
        &[("LD_LIBRARY_PATH", "")],
        &file,
        &["liba.so.1: missing"],
        &[],
    );
}

test!(a_needed_name_with_a_slash_is_opened_directly, needs = TOOLS);
fn a_needed_name_with_a_slash_is_opened_directly() {
    let fixture = Fixture::new();
    let needed = fixture.library("venv/libs/liba.so", "int x;", &[]);
    let needed = needed.to_str().expect("ASCII");
    let file = fixture.library("venv/ext.so", "int x;", &[needed]);
    let wanted = format!("{needed}: bundled venv/libs/liba.so (direct)");
    proves(&fixture, &file, &[&wanted], &[]);
}

test!(
    a_needed_name_with_a_slash_is_not_searched_for,
    needs = TOOLS
);
fn a_needed_name_with_a_slash_is_not_searched_for() {
    let fixture = Fixture::new();
    let name = fixture.text("none/liba.so.1");
    let needed = needing(&fixture, &name);
    library(&fixture, "venv/libs/liba.so.1", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &[&needed, &rpath("$ORIGIN/libs")]);
    let wanted = format!("{name}: missing");
    proves(&fixture, &file, &[&wanted], &[]);
}

test!(
    a_needed_name_with_a_slash_may_begin_with_origin,
    needs = TOOLS
);
fn a_needed_name_with_a_slash_may_begin_with_origin() {
    let fixture = Fixture::new();
    let needed = fixture.library(
        "venv/libs/liba.so",
        "int x;",
        &[&soname("$ORIGIN/libs/liba.so")],
    );
    let file = fixture.library("venv/ext.so", "int x;", &[needed.to_str().expect("ASCII")]);
    // ldd shows the name with its token replaced.
    differs(
        &fixture,
        &file,
        &["$ORIGIN/libs/liba.so: bundled venv/libs/liba.so (direct)"],
        &[],
        &["venv/libs/liba.so => venv/libs/liba.so"],
    );
}

test!(
    a_relative_needed_name_with_a_slash_is_reported,
    needs = TOOLS
);
fn a_relative_needed_name_with_a_slash_is_reported() {
    let fixture = Fixture::new();
    fixture.library("venv/libs/liba.so", "int x;", &[]);
    let file = fixture.library("venv/ext.so", "int x;", &["venv/libs/liba.so"]);
    // ldd finds it from this working directory, and from no other.
    differs(
        &fixture,
        &file,
        &["venv/libs/liba.so: missing"],
        &[],
        &["venv/libs/liba.so => venv/libs/liba.so"],
    );
    assert_eq!(
        messages(&fixture, &[]),
        "find-libdeps: missing: venv/libs/liba.so, needed by venv/ext.so: its name is relative to the \
         working directory\n\
         find-libdeps: hint: link venv/ext.so with a library that has a SONAME\n"
    );
}

test!(
    bundled_libraries_inherit_the_rpath_of_the_extension_that_loads_them,
    needs = TOOLS
);
fn bundled_libraries_inherit_the_rpath_of_the_extension_that_loads_them() {
    let fixture = Fixture::new();
    let inner = library(&fixture, "venv/inner/libb.so.1", &[]);
    let outer = library(&fixture, "venv/outer/liba.so.1", &[&inner]);
    let both = rpath("$ORIGIN/outer:$ORIGIN/inner");
    fixture.library("venv/ext.so", "int x;", &[&outer, &both]);
    // By itself, as ldd loads it, the library has no RPATH to go by; no process loads it so.
    differs(
        &fixture,
        &fixture.path(&outer),
        &[
            "liba.so.1: bundled venv/outer/liba.so.1 (rpath)",
            "libb.so.1: bundled venv/inner/libb.so.1 (rpath)",
        ],
        &[],
        &["libb.so.1 => not found"],
    );
}

test!(
    a_loaded_library_satisfies_a_later_need_by_its_soname,
    needs = TOOLS
);
fn a_loaded_library_satisfies_a_later_need_by_its_soname() {
    let fixture = Fixture::new();
    fixture.library("venv/libs/liba.so", "int x;", &[&soname("libb.so.1")]);
    let by_file_name = needing(&fixture, "liba.so");
    let by_soname = needing(&fixture, "libb.so.1");
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&by_file_name, &by_soname, &runpath("$ORIGIN/libs")],
    );
    // ldd lists a library once, under the name that it was loaded for.
    differs(
        &fixture,
        &file,
        &[
            "liba.so: bundled venv/libs/liba.so (runpath)",
            "libb.so.1: bundled venv/libs/liba.so (runpath)",
        ],
        &[],
        &["liba.so => venv/libs/liba.so"],
    );
}

test!(
    a_loaded_library_satisfies_a_later_need_by_the_name_it_was_asked_for,
    needs = TOOLS
);
fn a_loaded_library_satisfies_a_later_need_by_the_name_it_was_asked_for() {
    let fixture = Fixture::new();
    let inner = needing(&fixture, "liba.so");
    fixture.library("venv/libs/liba.so", "int x;", &[&soname("libother.so.1")]);
    // Its own RUNPATH leads to another file, which is never opened.
    library(&fixture, "venv/second/liba.so", &[]);
    let middle = library(
        &fixture,
        "venv/libs/libmiddle.so.1",
        &[&inner, &runpath("$ORIGIN/../second")],
    );
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&inner, &middle, &runpath("$ORIGIN/libs")],
    );
    proves(
        &fixture,
        &file,
        &[
            "liba.so: bundled venv/libs/liba.so (runpath)",
            "libmiddle.so.1: bundled venv/libs/libmiddle.so.1 (runpath)",
        ],
        &[],
    );
    assert_eq!(
        Report::of(fixture.run(), TREE).library("liba.so").1,
        Some("venv/libs/liba.so".to_owned()).map(|path| fixture.text(&path))
    );
}

test!(
    an_object_satisfies_by_its_soname_what_its_own_libraries_need,
    needs = TOOLS
);
fn an_object_satisfies_by_its_soname_what_its_own_libraries_need() {
    let fixture = Fixture::new();
    let circle = needing(&fixture, "libext.so.1");
    let needed = library(&fixture, "venv/libs/liba.so.1", &[&circle]);
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&needed, &soname("libext.so.1"), &runpath("$ORIGIN/libs")],
    );
    // ldd lists no object as needing itself, nor does it miss one.
    differs(
        &fixture,
        &file,
        &[
            "liba.so.1: bundled venv/libs/liba.so.1 (runpath)",
            "libext.so.1: bundled venv/ext.so (direct)",
        ],
        &[],
        &["liba.so.1 => venv/libs/liba.so.1"],
    );
}

/// Compares one need of `file` with what `ldd` says: the same file, or neither has one.
#[track_caller]
fn agrees_with_ldd(fixture: &Fixture, tree: &str, file: &Path, soname: &str) {
    let (_, path, _) = fixture.report(tree).library(soname);
    let theirs = ldd(file, soname).map(|path| path.canonicalize().expect("it is there"));
    let ours = path.map(|path| Path::new(&path).canonicalize().expect("it is there"));
    assert_eq!(ours, theirs, "{soname}");
}

test!(
    runpath_of_the_object_itself_finds_its_library,
    needs = TOOLS
);
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
