//! Which files the loader takes as libraries, skips, or stops at.

use crate::elf::{self, AARCH64, CLASS, DATA, I386, MACHINE, OS_ABI, S390X};
use crate::fixture::Fixture;
use crate::oracle::{TOOLS, differs, library, proves, runpath};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use std::path::{Path, PathBuf};

/// An extension whose RUNPATH leads to a `first` and then to a `second` directory, and in the
/// second the library that it needs.
fn two_places() -> (Fixture, PathBuf) {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/second/liba.so.1", &[]);
    let path = format!("{}:$ORIGIN/second", fixture.text("first"));
    let file = fixture.library("venv/ext.so", "int x;", &[&needed, &runpath(&path)]);
    (fixture, file)
}

const FIRST: &str = "first/liba.so.1";
const SECOND: &str = "liba.so.1: bundled venv/second/liba.so.1 (runpath)";

/// Both the loader and the program go on to the second place without a message.
#[track_caller]
fn is_silent(fixture: &Fixture, file: &Path) {
    proves(fixture, file, &[SECOND], &[]);
}

/// The loader stops with `theirs`; the program goes on, with the warning `ours`.
#[track_caller]
fn is_reported(fixture: &Fixture, file: &Path, ours: &str, theirs: &str) {
    is_reported_as(fixture, file, ours, &format!("{FIRST}: {theirs}"));
}

/// The same, where the loader names the library instead of the file.
#[track_caller]
fn is_reported_by_name(fixture: &Fixture, file: &Path, ours: &str, theirs: &str) {
    is_reported_as(fixture, file, ours, &format!("liba.so.1: {theirs}"));
}

#[track_caller]
fn is_reported_as(fixture: &Fixture, file: &Path, ours: &str, theirs: &str) {
    let ours = format!("{FIRST}: skipped: {ours}; the loader would stop here");
    let theirs = format!("venv/ext.so: error while loading shared libraries: {theirs}");
    differs(fixture, file, &[SECOND], &[&ours], &[&theirs]);
    let strict = fixture.run().args(["--strict", "venv"]).said();
    assert_eq!(strict.status, 1, "{}", strict.stderr);
}

test!(a_dangling_link_is_passed_over_in_silence, needs = TOOLS);
fn a_dangling_link_is_passed_over_in_silence() {
    let (fixture, file) = two_places();
    fixture.link("nothing", FIRST);
    is_silent(&fixture, &file);
}

test!(
    a_file_in_the_place_of_a_directory_is_passed_over_in_silence,
    needs = TOOLS
);
fn a_file_in_the_place_of_a_directory_is_passed_over_in_silence() {
    let (fixture, file) = two_places();
    fixture.file("first", "");
    is_silent(&fixture, &file);
}

test!(
    a_directory_that_may_not_be_entered_is_passed_over_in_silence,
    needs = &[Need::Cc, Need::Ldd, Need::Dpkg, Need::NotRoot]
);
fn a_directory_that_may_not_be_entered_is_passed_over_in_silence() {
    use std::os::unix::fs::PermissionsExt;
    let (fixture, file) = two_places();
    library(&fixture, FIRST, &[]);
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(fixture.path("first"), mode).expect("it is ours");
    };
    mode(0);
    is_silent(&fixture, &file);
    mode(0o755);
}

test!(
    a_library_of_another_class_is_passed_over_in_silence,
    needs = TOOLS
);
fn a_library_of_another_class_is_passed_over_in_silence() {
    let (fixture, file) = two_places();
    // No 32-bit compiler is needed: the loader looks no further than at the header.
    library(&fixture, FIRST, &[]);
    elf::change(fixture.path(FIRST), |elf| {
        elf.put(CLASS, [1]);
        elf.put(MACHINE, I386.to_le_bytes());
    });
    is_silent(&fixture, &file);
}

test!(
    a_library_for_another_machine_is_passed_over_in_silence,
    needs = TOOLS
);
fn a_library_for_another_machine_is_passed_over_in_silence() {
    let (fixture, file) = two_places();
    library(&fixture, FIRST, &[]);
    elf::change(fixture.path(FIRST), |elf| {
        elf.put(MACHINE, AARCH64.to_le_bytes());
    });
    is_silent(&fixture, &file);
}

test!(
    a_library_for_another_machine_of_the_other_byte_order_is_passed_over_in_silence,
    needs = TOOLS
);
fn a_library_for_another_machine_of_the_other_byte_order_is_passed_over_in_silence() {
    let (fixture, file) = two_places();
    library(&fixture, FIRST, &[]);
    elf::change(fixture.path(FIRST), |elf| {
        elf.put(DATA, [2]);
        elf.put(MACHINE, S390X.to_be_bytes());
    });
    is_silent(&fixture, &file);
}

test!(
    a_library_of_another_class_and_byte_order_is_passed_over_in_silence,
    needs = TOOLS
);
fn a_library_of_another_class_and_byte_order_is_passed_over_in_silence() {
    let (fixture, file) = two_places();
    library(&fixture, FIRST, &[]);
    elf::change(fixture.path(FIRST), |elf| elf.put(CLASS, [1, 2]));
    is_silent(&fixture, &file);
}

test!(
    the_other_byte_order_is_reported_where_the_loader_stops,
    needs = TOOLS
);
fn the_other_byte_order_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    library(&fixture, FIRST, &[]);
    // The machine stays as it was: the loader reads it in its own order of bytes, whatever that of
    // the file, and passes over another machine before it asks for the order.
    elf::change(fixture.path(FIRST), |elf| elf.put(DATA, [2]));
    is_reported(
        &fixture,
        &file,
        "has the other byte order",
        "ELF file data encoding not little-endian",
    );
}

test!(
    an_empty_file_is_reported_where_the_loader_stops,
    needs = TOOLS
);
fn an_empty_file_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    fixture.file(FIRST, "");
    is_reported(&fixture, &file, "is empty", "file too short");
}

test!(
    a_linker_script_is_reported_where_the_loader_stops,
    needs = TOOLS
);
fn a_linker_script_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    let text = "/* GNU ld script */\nGROUP ( liba.so.1.0 AS_NEEDED ( libb.so.1 ) )\n";
    fixture.file(FIRST, text);
    is_reported(&fixture, &file, "is not an ELF file", "invalid ELF header");
}

test!(
    a_directory_of_that_name_is_reported_where_the_loader_stops,
    needs = TOOLS
);
fn a_directory_of_that_name_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    std::fs::create_dir_all(fixture.path(FIRST)).expect("a directory");
    is_reported(
        &fixture,
        &file,
        "is a directory",
        "cannot read file data: Error 21",
    );
}

test!(
    an_object_file_is_reported_where_the_loader_stops,
    needs = TOOLS
);
fn an_object_file_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    fixture.compile(FIRST, "int x;", &["-c"]);
    is_reported(
        &fixture,
        &file,
        "is neither a library nor a program",
        "only ET_DYN and ET_EXEC can be loaded",
    );
}

test!(
    a_foreign_os_abi_is_reported_where_the_loader_stops,
    needs = TOOLS
);
fn a_foreign_os_abi_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    library(&fixture, FIRST, &[]);
    elf::change(fixture.path(FIRST), |elf| elf.put(OS_ABI, [9]));
    is_reported(
        &fixture,
        &file,
        "has the OS ABI 9",
        "ELF file OS ABI invalid",
    );
}

test!(
    a_library_without_a_dynamic_section_is_reported_where_the_loader_stops,
    needs = TOOLS
);
fn a_library_without_a_dynamic_section_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    library(&fixture, FIRST, &[]);
    elf::change(fixture.path(FIRST), |elf| {
        elf.put(elf.dynamic().header, 0_u32.to_le_bytes());
    });
    is_reported_by_name(
        &fixture,
        &file,
        "has no dynamic section",
        "object file has no dynamic section",
    );
}

test!(
    a_loop_of_links_is_reported_where_the_loader_stops,
    needs = TOOLS
);
fn a_loop_of_links_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    fixture.link("liba.so.1", FIRST);
    let ours = format!(
        "{FIRST}: skipped: Too many levels of symbolic links (os error 40); the loader would stop here"
    );
    differs(
        &fixture,
        &file,
        &[SECOND],
        &[&ours],
        &["liba.so.1 => not found"],
    );
    let strict = fixture.run().args(["--strict", "venv"]).said();
    assert_eq!(strict.status, 1, "{}", strict.stderr);
}

test!(
    a_cut_off_library_is_reported_where_the_loader_stops,
    needs = TOOLS
);
fn a_cut_off_library_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    fixture.file(FIRST, "\x7fELF\x02\x01\x01");
    is_reported(
        &fixture,
        &file,
        "malformed ELF: the file ends inside the ELF header",
        "file too short",
    );
}

test!(a_fifo_is_never_opened, needs = TOOLS);
fn a_fifo_is_never_opened() {
    let (fixture, file) = two_places();
    std::fs::create_dir(fixture.path("first")).expect("a directory");
    Run::new("mkfifo").arg(fixture.path(FIRST)).must();
    // The loader would wait for a writer, so ldd is not asked before the FIFO is gone.
    let report = fixture.report("venv");
    assert_eq!(crate::oracle::libraries(&fixture, &report), [SECOND]);
    assert_eq!(
        crate::oracle::warnings(&fixture, &report),
        [format!(
            "{FIRST}: skipped: is not a regular file; the loader would stop here"
        )]
    );
    std::fs::remove_file(fixture.path(FIRST)).expect("it was made");
    is_silent(&fixture, &file);
}

test!(a_library_without_the_execute_bit_is_taken, needs = TOOLS);
fn a_library_without_the_execute_bit_is_taken() {
    use std::os::unix::fs::PermissionsExt;
    let (fixture, file) = two_places();
    for name in ["venv/second/liba.so.1", "venv/ext.so"] {
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(fixture.path(name), mode).expect("it is ours");
    }
    is_silent(&fixture, &file);
}

/// A directory for processors that this one may be, so that every one takes some.
const LEVELS: [&str; 3] = ["x86-64-v2", "x86-64-v3", "x86-64-v4"];

test!(the_base_file_is_preferred_over_glibc_hwcaps, needs = TOOLS);
fn the_base_file_is_preferred_over_glibc_hwcaps() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/liba.so.1", &[]);
    let newer = library(&fixture, "newer/liba.so.1", &[]);
    for level in LEVELS {
        let dir = format!("venv/libs/glibc-hwcaps/{level}");
        fixture.link("../../../newer", &dir);
    }
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&needed, &runpath("$ORIGIN/libs")],
    );
    let theirs = if supports_levels() { &newer } else { &needed };
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[],
        &[&format!("liba.so.1 => {theirs}")],
    );
}

test!(a_library_in_glibc_hwcaps_alone_is_taken, needs = TOOLS);
fn a_library_in_glibc_hwcaps_alone_is_taken() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/newer/liba.so.1", &[]);
    for level in LEVELS {
        let dir = format!("venv/libs/glibc-hwcaps/{level}");
        fixture.link("../../newer", &dir);
    }
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&needed, &runpath("$ORIGIN/libs")],
    );
    let theirs = if supports_levels() {
        &needed
    } else {
        "not found"
    };
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/newer/liba.so.1 (runpath)"],
        &[],
        &[&format!("liba.so.1 => {theirs}")],
    );
}

test!(
    a_library_in_glibc_hwcaps_of_other_processors_is_not_taken,
    needs = TOOLS
);
fn a_library_in_glibc_hwcaps_of_other_processors_is_not_taken() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "libs/glibc-hwcaps/power10/liba.so.1", &[]);
    let path = runpath("$ORIGIN/../libs");
    let file = fixture.library("venv/ext.so", "int x;", &[&needed, &path]);
    proves(&fixture, &file, &["liba.so.1: missing"], &[]);
}

/// Whether the processor takes any of the levels, as its loader says.
fn supports_levels() -> bool {
    let help = Run::new("/lib64/ld-linux-x86-64.so.2").arg("--help").must();
    help.contains("x86-64-v2 (supported")
}

test!(a_program_is_reported_where_the_loader_stops, needs = TOOLS);
fn a_program_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    // A program without any need would be static, without the dynamic section that identifies it.
    fixture.program(FIRST, &["-no-pie", "venv/second/liba.so.1"]);
    is_reported_by_name(
        &fixture,
        &file,
        "is a program, not a library",
        "cannot dynamically load executable",
    );
}

test!(
    a_position_independent_program_is_reported_where_the_loader_stops,
    needs = TOOLS
);
fn a_position_independent_program_is_reported_where_the_loader_stops() {
    let (fixture, file) = two_places();
    fixture.program(FIRST, &["-pie"]);
    is_reported_by_name(
        &fixture,
        &file,
        "is a program, not a library",
        "cannot dynamically load position-independent executable",
    );
}
