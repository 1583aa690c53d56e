//! Which files have needs, what satisfies a need by its name alone, and names that no package
//! provides.

use crate::elf::{self, AARCH64, MACHINE, OS_ABI, S390X, TYPE};
use crate::fixture::{Fixture, INSTALL_HINT, Report};
use crate::oracle::{
    TOOLS, TREE, differs, ldd, libraries, library, messages, needing, proves, runpath, soname,
    warnings,
};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use std::path::{Path, PathBuf};

/// An extension that needs each of `names`, which are nowhere.
fn extension_needing(fixture: &Fixture, names: &[&str]) -> PathBuf {
    let stubs: Vec<String> = names.iter().map(|name| needing(fixture, name)).collect();
    let stubs: Vec<&str> = stubs.iter().map(String::as_str).collect();
    fixture.library("venv/ext.so", "int x;", &stubs)
}

test!(
    a_library_of_the_system_wins_over_one_bundled_by_name,
    needs = TOOLS
);
fn a_library_of_the_system_wins_over_one_bundled_by_name() {
    let fixture = Fixture::new();
    let file = extension_needing(&fixture, &["libanl.so.1"]);
    library(&fixture, "venv/libs/libanl.so.1", &[]);
    proves(
        &fixture,
        &file,
        &["libanl.so.1: package /lib/x86_64-linux-gnu/libanl.so.1 (cache)"],
        &[],
    );
}

test!(
    a_need_is_satisfied_by_soname_from_elsewhere_in_the_tree,
    needs = TOOLS
);
fn a_need_is_satisfied_by_soname_from_elsewhere_in_the_tree() {
    let fixture = Fixture::new();
    let file = extension_needing(&fixture, &["liba.so.1"]);
    fixture.library("venv/libs/liba-3f2b.so", "int x;", &[&soname("liba.so.1")]);
    // ldd knows nothing of the Python code that loads the library first.
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba-3f2b.so (soname)"],
        &[
            "venv/libs/liba-3f2b.so: provides `liba.so.1` by its SONAME alone (needed by \
             venv/ext.so), so it must be loaded first",
        ],
        &["liba.so.1 => not found"],
    );
    // A program that has loaded it, as Python does, shows that it satisfies the need.
    let first = fixture.text("venv/libs/liba-3f2b.so");
    let both = [first.as_str(), file.to_str().expect("ASCII")];
    let process = fixture.program("process", &both);
    let theirs = ldd(
        &fixture,
        Run::new("ldd").env("LD_PRELOAD", &first),
        &process,
    );
    assert_eq!(
        theirs,
        [
            "venv/ext.so => venv/ext.so",
            "venv/libs/liba-3f2b.so => venv/libs/liba-3f2b.so"
        ]
    );
}

test!(
    a_soname_from_elsewhere_in_the_tree_does_not_satisfy_a_program,
    needs = TOOLS
);
fn a_soname_from_elsewhere_in_the_tree_does_not_satisfy_a_program() {
    let fixture = Fixture::new();
    let needed = needing(&fixture, "liba.so.1");
    fixture.library("venv/libs/liba-3f2b.so", "int x;", &[&soname("liba.so.1")]);
    // No code of the tree runs before the loader has found all that the program needs, directly
    // or not.
    let middle = library(&fixture, "venv/libs/libb.so.1", &[&needed]);
    let file = fixture.program("venv/tool", &[&middle, &runpath("$ORIGIN/libs")]);
    proves(
        &fixture,
        &file,
        &[
            "liba.so.1: missing",
            "libb.so.1: bundled venv/libs/libb.so.1 (runpath)",
        ],
        &[],
    );
    assert_eq!(
        messages(&fixture, &[]),
        format!(
            "find-libdeps: missing: liba.so.1, needed by venv/libs/libb.so.1: \
             venv/libs/liba-3f2b.so has this SONAME, but the loader does not search there when the \
             program starts\n{INSTALL_HINT}"
        )
    );
}

test!(
    a_library_that_one_of_two_processes_loads_is_followed,
    needs = TOOLS
);
fn a_library_that_one_of_two_processes_loads_is_followed() {
    let fixture = Fixture::new();
    let path = |path: &str| format!("-Wl,-rpath,$ORIGIN/{path},--enable-new-dtags");
    library(&fixture, "venv/one/libq.so.1", &[]);
    let q = fixture.text("venv/one/libq.so.1");
    let one = library(&fixture, "venv/one/libp.so.1", &[&q, &path(".")]);
    library(&fixture, "venv/two/libp.so.1", &[]);
    let a = library(&fixture, "venv/liba.so.1", &[&one, &path("one")]);
    // Loads another libp.so.1 before it loads liba.so.1, whose need is met then.
    let two = fixture.text("venv/two/libp.so.1");
    library(
        &fixture,
        "venv/libd.so.1",
        &[&two, &a, &path("two:$ORIGIN")],
    );
    let (outcome, found, _) = fixture.report("venv").library("libq.so.1");
    assert_eq!(outcome, "bundled");
    assert_eq!(found, Some(q));
}

test!(
    a_soname_of_another_architecture_satisfies_nothing,
    needs = TOOLS
);
fn a_soname_of_another_architecture_satisfies_nothing() {
    let fixture = Fixture::new();
    let file = extension_needing(&fixture, &["liba.so.1"]);
    let other = library(&fixture, "venv/libs/liba.so.1", &[]);
    elf::change(fixture.path(other), |elf| {
        elf.put(MACHINE, AARCH64.to_le_bytes());
    });
    proves(&fixture, &file, &["liba.so.1: missing"], &[]);
    assert_eq!(
        messages(&fixture, &[]),
        format!("find-libdeps: missing: liba.so.1, needed by venv/ext.so\n{INSTALL_HINT}")
    );
}

test!(a_file_name_alone_satisfies_nothing, needs = TOOLS);
fn a_file_name_alone_satisfies_nothing() {
    let fixture = Fixture::new();
    let file = extension_needing(&fixture, &["liba.so.1"]);
    fixture.library("venv/libs/liba.so.1", "int x;", &[&soname("libother.so.1")]);
    proves(&fixture, &file, &["liba.so.1: missing"], &[]);
    assert_eq!(
        messages(&fixture, &[]),
        "find-libdeps: missing: liba.so.1, needed by venv/ext.so: venv/libs/liba.so.1 has this file \
         name, but its SONAME is `libother.so.1`\n"
    );
}

/// Nothing is needed, nothing is wrong, and `elf` of `files` files are ELF.
#[track_caller]
fn has_no_needs(fixture: &Fixture, files: u64, elf: u64) {
    let report = Report::of(fixture.run(), TREE);
    assert_eq!(libraries(fixture, &report), [""; 0]);
    assert_eq!(warnings(fixture, &report), [""; 0]);
    assert_eq!(report.0["counts"]["files"], files);
    assert_eq!(report.0["counts"]["elf"], elf);
}

/// What `ldd` says of a file that it takes for no dynamic one.
#[track_caller]
fn ldd_lists_nothing(fixture: &Fixture, name: &str) {
    let theirs = ldd(fixture, Run::new("ldd"), &fixture.path(name));
    assert!(
        theirs.is_empty() || theirs == ["not a dynamic executable"],
        "{theirs:?}"
    );
}

test!(an_object_file_has_no_needs, needs = TOOLS);
fn an_object_file_has_no_needs() {
    let fixture = Fixture::new();
    fixture.compile("venv/a.o", "int x;", &["-c"]);
    has_no_needs(&fixture, 1, 1);
    ldd_lists_nothing(&fixture, "venv/a.o");
}

test!(an_archive_has_no_needs, needs = TOOLS);
fn an_archive_has_no_needs() {
    let fixture = Fixture::new();
    let object = fixture.compile("a.o", "int x;", &["-c"]);
    fixture.elf("venv/a.so");
    let archive = fixture.path("venv/liba.a");
    Run::new("ar").arg("rc").arg(&archive).arg(object).must();
    has_no_needs(&fixture, 2, 1);
    ldd_lists_nothing(&fixture, "venv/liba.a");
}

test!(a_static_program_has_no_needs, needs = TOOLS);
fn a_static_program_has_no_needs() {
    let fixture = Fixture::new();
    fixture.program("venv/tool", &["-static"]);
    has_no_needs(&fixture, 1, 1);
    ldd_lists_nothing(&fixture, "venv/tool");
}

test!(a_static_pie_program_has_no_needs, needs = TOOLS);
fn a_static_pie_program_has_no_needs() {
    let fixture = Fixture::new();
    fixture.program("venv/tool", &["-static-pie"]);
    has_no_needs(&fixture, 1, 1);
    ldd_lists_nothing(&fixture, "venv/tool");
}

test!(a_core_file_has_no_needs, needs = TOOLS);
fn a_core_file_has_no_needs() {
    let fixture = Fixture::new();
    // A core has the header of the program and the type 4.
    let file = fixture.program("venv/core", &[]);
    elf::change(&file, |elf| elf.put(TYPE, 4_u16.to_le_bytes()));
    has_no_needs(&fixture, 1, 1);
    ldd_lists_nothing(&fixture, "venv/core");
}

test!(
    a_file_of_debug_symbols_has_no_needs,
    needs = &[Need::Cc, Need::Ldd, Need::Dpkg, Need::Objcopy]
);
fn a_file_of_debug_symbols_has_no_needs() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "libs/liba.so.1", &[]);
    let library = fixture.library("libb.so", "int x;", &[&needed, "-g"]);
    let program = fixture.program("program", &["-no-pie", &needed, "-g"]);
    std::fs::create_dir(fixture.path("venv")).expect("a directory");
    for (file, name) in [(library, "libb.so.debug"), (program, "program.debug")] {
        Run::new("objcopy")
            .arg("--only-keep-debug")
            .arg(file)
            .arg(fixture.path("venv").join(name))
            .must();
    }
    // ldd crashes on them or not, by version: there is nothing to compare.
    has_no_needs(&fixture, 2, 2);
}

test!(
    a_file_of_debug_symbols_with_the_headers_of_its_library_has_no_needs,
    needs = TOOLS
);
fn a_file_of_debug_symbols_with_the_headers_of_its_library_has_no_needs() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "libs/liba.so.1", &[]);
    let file = fixture.library("venv/libb.so.debug", "int x;", &[&needed]);
    // As `eu-strip -f` leaves it: all program headers are those of the library, but the sections
    // that are loaded have no content. Something else is where it was.
    elf::change(&file, |elf| {
        let section = elf.dynamic();
        let address = elf.number_at(section.header + elf::SEGMENT_ADDRESS);
        let header = elf.section_header(address);
        elf.put(header + 4, 8_u32.to_le_bytes());
        elf.put(section.offset, vec![0xaa; section.size]);
    });
    has_no_needs(&fixture, 1, 1);
}

test!(files_are_chosen_by_magic_not_by_mode, needs = TOOLS);
fn files_are_chosen_by_magic_not_by_mode() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/liba.so.1", &[]);
    fixture.file("venv/script.so", "#!/bin/sh\n");
    fixture.file("venv/bin/tool", "print()\n");
    let file = fixture.library(
        "venv/data.dat",
        "int x;",
        &[&needed, &runpath("$ORIGIN/libs")],
    );
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&file, mode).expect("it is ours");
    proves(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[],
    );
    // Below a PATH, an extension of another format decides.
    std::fs::copy(&file, fixture.path("venv/data.txt")).expect("a copy");
    for (path, files, elf) in [(TREE, 5, 2), ("venv/data.txt", 1, 1)] {
        let counts = &Report::of(fixture.run(), path).0["counts"];
        assert_eq!(
            (&counts["files"], &counts["elf"]),
            (&files.into(), &elf.into())
        );
    }
}

test!(a_versioned_name_counts, needs = TOOLS);
fn a_versioned_name_counts() {
    let fixture = Fixture::new();
    let needed = needing(&fixture, "libnone.so.1");
    let file = fixture.library("venv/libext.so.1.2.3", "int x;", &[&needed]);
    proves(&fixture, &file, &["libnone.so.1: missing"], &[]);
}

/// An extension and the files that need the library which it needs.
#[track_caller]
fn needed_by(fixture: &Fixture, paths: &[&str], wanted: &[&str]) {
    let text = fixture.run().arg("--json").args(paths).must();
    let report = Report(serde_json::from_str(&text).expect("the report is JSON"));
    let by = report.0["needed"][0]["needed_by"].as_array();
    let by: Vec<String> = by
        .expect("an array")
        .iter()
        .map(|path| fixture.relative(path.as_str().expect("a string")))
        .collect();
    assert_eq!(by, wanted);
    assert_eq!(report.0["counts"]["elf"], wanted.len());
}

test!(a_file_reached_by_links_counts_once, needs = TOOLS);
fn a_file_reached_by_links_counts_once() {
    let fixture = Fixture::new();
    extension_needing(&fixture, &["libnone.so.1"]);
    fixture.link("ext.so", "venv/other.so");
    fixture.link(".", "venv/self");
    needed_by(&fixture, &["venv", "venv/self"], &["venv/ext.so"]);
}

test!(each_hard_link_has_an_origin_of_its_own, needs = TOOLS);
fn each_hard_link_has_an_origin_of_its_own() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/a/libs/liba.so.1", &[]);
    let a = fixture.library(
        "venv/a/ext.so",
        "int x;",
        &[&needed, &runpath("$ORIGIN/libs")],
    );
    std::fs::create_dir(fixture.path("venv/b")).expect("a directory");
    let b = fixture.path("venv/b/ext.so");
    std::fs::hard_link(&a, &b).expect("a hard link");
    let report = Report::of(fixture.run(), TREE);
    assert_eq!(
        libraries(&fixture, &report),
        [
            "liba.so.1: bundled venv/a/libs/liba.so.1 (runpath)",
            "liba.so.1: bundled venv/a/libs/liba.so.1 (soname)"
        ]
    );
    assert_eq!(
        warnings(&fixture, &report),
        [
            "venv/a/libs/liba.so.1: provides `liba.so.1` by its SONAME alone (needed by venv/b/ext.so), so it must be loaded first"
        ]
    );
    let theirs = |file| ldd(&fixture, Run::new("ldd"), file);
    assert_eq!(theirs(&a), ["liba.so.1 => venv/a/libs/liba.so.1"]);
    assert_eq!(theirs(&b), ["liba.so.1 => not found"]);
}

test!(a_path_given_twice_counts_once, needs = TOOLS);
fn a_path_given_twice_counts_once() {
    let fixture = Fixture::new();
    extension_needing(&fixture, &["libnone.so.1"]);
    needed_by(&fixture, &["venv", "./venv/", "venv"], &["venv/ext.so"]);
}

test!(a_path_below_another_counts_once, needs = TOOLS);
fn a_path_below_another_counts_once() {
    let fixture = Fixture::new();
    extension_needing(&fixture, &["libnone.so.1"]);
    needed_by(&fixture, &["venv/ext.so", "venv"], &["venv/ext.so"]);
}

test!(the_vdso_is_ignored, needs = TOOLS);
fn the_vdso_is_ignored() {
    let fixture = Fixture::new();
    let file = extension_needing(&fixture, &["linux-vdso.so.1"]);
    // The kernel maps it into every process, so ldd lists it for every file.
    proves(&fixture, &file, &[], &[]);
}

test!(the_loader_itself_is_found, needs = TOOLS);
fn the_loader_itself_is_found() {
    let fixture = Fixture::new();
    extension_needing(&fixture, &["ld-linux-x86-64.so.2"]);
    let report = Report::of(fixture.run(), TREE);
    let (outcome, path, found_by) = report.library("ld-linux-x86-64.so.2");
    assert_eq!(outcome, "package");
    assert_eq!(found_by.as_deref(), Some("direct"));
    let ours = PathBuf::from(path.expect("it was found"));
    let theirs = PathBuf::from("/lib64/ld-linux-x86-64.so.2");
    assert_eq!(
        ours.canonicalize().expect("it is there"),
        theirs.canonicalize().expect("it is there")
    );
    assert_eq!(report.0["packages"][0]["name"], "libc6");
}

test!(
    libpython_is_the_interpreters_where_it_is_missing,
    needs = TOOLS
);
fn libpython_is_the_interpreters_where_it_is_missing() {
    let fixture = Fixture::new();
    let names = ["libpython3.99.so.1.0", "libpython3.so"];
    let file = extension_needing(&fixture, &names);
    differs(
        &fixture,
        &file,
        &[
            "libpython3.99.so.1.0: interpreter",
            "libpython3.so: interpreter",
        ],
        &[],
        &[
            "libpython3.99.so.1.0 => not found",
            "libpython3.so => not found",
        ],
    );
}

test!(
    libpython_is_the_interpreters_where_it_is_found,
    needs = TOOLS
);
fn libpython_is_the_interpreters_where_it_is_found() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "python/libpython3.99.so.1.0", &[]);
    let path = runpath(&fixture.text("python"));
    let file = fixture.library("venv/ext.so", "int x;", &[&needed, &path]);
    proves(
        &fixture,
        &file,
        &["libpython3.99.so.1.0: interpreter python/libpython3.99.so.1.0 (runpath)"],
        &[],
    );
}

test!(a_driver_library_of_the_host_is_not_missing, needs = TOOLS);
fn a_driver_library_of_the_host_is_not_missing() {
    let fixture = Fixture::new();
    let names = ["libcuda.so.1", "libnvcuvid.so.1", "libnvidia-ml.so.1"];
    let file = extension_needing(&fixture, &names);
    differs(
        &fixture,
        &file,
        &[
            "libcuda.so.1: host",
            "libnvcuvid.so.1: host",
            "libnvidia-ml.so.1: host",
        ],
        &[],
        &[
            "libcuda.so.1 => not found",
            "libnvcuvid.so.1 => not found",
            "libnvidia-ml.so.1 => not found",
        ],
    );
}

test!(a_driver_library_that_is_bundled_is_bundled, needs = TOOLS);
fn a_driver_library_that_is_bundled_is_bundled() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/libcuda.so.1", &[]);
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&needed, &runpath("$ORIGIN/libs")],
    );
    proves(
        &fixture,
        &file,
        &["libcuda.so.1: bundled venv/libs/libcuda.so.1 (runpath)"],
        &[],
    );
}

const MUSL: &str = "is built for musl, not for this system; its needs are not listed";

test!(the_needs_of_a_musl_library_are_not_listed, needs = TOOLS);
fn the_needs_of_a_musl_library_are_not_listed() {
    let fixture = Fixture::new();
    let file = extension_needing(&fixture, &["libz.so.99", "libc.musl-x86_64.so.1"]);
    differs(
        &fixture,
        &file,
        &[],
        &[&format!("venv/ext.so: {MUSL}")],
        &[
            "libc.musl-x86_64.so.1 => not found",
            "libz.so.99 => not found",
        ],
    );
}

test!(
    a_musl_program_is_recognised_by_its_interpreter,
    needs = TOOLS
);
fn a_musl_program_is_recognised_by_its_interpreter() {
    let fixture = Fixture::new();
    let needed = needing(&fixture, "libz.so.99");
    let interpreter = "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1";
    fixture.program("venv/tool", &[&needed, interpreter]);
    // ldd cannot start it where there is no musl: there is nothing to compare.
    let report = Report::of(fixture.run(), TREE);
    assert_eq!(libraries(&fixture, &report), [""; 0]);
    assert_eq!(warnings(&fixture, &report), [format!("venv/tool: {MUSL}")]);
}

test!(program_headers_may_lie_anywhere, needs = TOOLS);
fn program_headers_may_lie_anywhere() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/liba.so.1", &[]);
    let file = fixture.library(
        "venv/ext.so",
        "int x;",
        &[&needed, &runpath("$ORIGIN/libs")],
    );
    // As in a library whose headers were moved to its end, far behind the first page.
    elf::change(&file, |elf| elf.move_program_headers(3 << 20));
    proves(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[],
    );
}

/// The loader refuses the one file of the tree, and `--strict` fails because of it.
#[track_caller]
fn is_refused(fixture: &Fixture, file: &Path, ours: &str) {
    let ours = format!("venv/ext.so: {ours}; its needs are not listed");
    differs(fixture, file, &[], &[&ours], &["not a dynamic executable"]);
    let strict = fixture.said(fixture.run().args(["--strict", "-q", "venv"]));
    strict.is(1, "", &format!("find-libdeps: warning: {ours}\n"));
}

test!(a_library_with_a_foreign_os_abi_is_refused, needs = TOOLS);
fn a_library_with_a_foreign_os_abi_is_refused() {
    let fixture = Fixture::new();
    let file = extension_needing(&fixture, &["liba.so.1"]);
    elf::change(&file, |elf| elf.put(OS_ABI, [9]));
    is_refused(&fixture, &file, "has the OS ABI 9");
    elf::change(&file, |elf| elf.put(OS_ABI, [0, 5]));
    is_refused(&fixture, &file, "has version 5 of the OS ABI");
    elf::change(&file, |elf| elf.put(OS_ABI, [3, 0]));
    proves(&fixture, &file, &["liba.so.1: missing"], &[]);
}

test!(
    a_library_without_a_dynamic_section_is_refused,
    needs = TOOLS
);
fn a_library_without_a_dynamic_section_is_refused() {
    let fixture = Fixture::new();
    let file = extension_needing(&fixture, &["liba.so.1"]);
    elf::change(&file, |elf| {
        elf.put(elf.dynamic().header, 0_u32.to_le_bytes());
    });
    is_refused(&fixture, &file, "has no dynamic section");
}

test!(a_file_of_an_unknown_type_is_refused, needs = TOOLS);
fn a_file_of_an_unknown_type_is_refused() {
    let fixture = Fixture::new();
    let file = extension_needing(&fixture, &["liba.so.1"]);
    elf::change(&file, |elf| elf.put(TYPE, 77_u16.to_le_bytes()));
    is_refused(&fixture, &file, "malformed ELF: unknown object type 77");
    // On a machine that has no Debian, the type may be known.
    elf::change(&file, |elf| elf.put(MACHINE, 190_u16.to_le_bytes()));
    extension_beside(&fixture);
    fixture
        .run()
        .args(["--strict", "venv"])
        .said()
        .is(0, "", "");
}

/// A file for this machine that needs nothing.
fn extension_beside(fixture: &Fixture) {
    fixture.library("venv/own.so", "int x;", &[]);
}

test!(
    files_for_other_systems_are_one_message_for_a_distribution,
    needs = TOOLS
);
fn files_for_other_systems_are_one_message_for_a_distribution() {
    let fixture = Fixture::new();
    let needed = needing(&fixture, "liba.so.1");
    let hurd = needing(&fixture, "libc.so.0.3");
    let bsd = "-Wl,--dynamic-linker=/libexec/ld-elf.so.1";
    let dir = "venv/lib/python3/site-packages/solver";
    fixture.program(&format!("{dir}/freebsd/solve"), &[&needed, bsd]);
    fixture.library(&format!("{dir}/hurd/solve.so"), "int x;", &[&needed, &hurd]);
    for (name, machine) in [("arm64/solve", AARCH64), ("s390x/solve", S390X)] {
        let file = fixture.program(&format!("{dir}/{name}"), &[&needed]);
        elf::change(&file, |elf| elf.put(MACHINE, machine.to_le_bytes()));
    }
    let alone = fixture.library(
        "venv/lib/python3/site-packages/a/b.so",
        "int x;",
        &[&needed],
    );
    elf::change(&alone, |elf| elf.put(MACHINE, AARCH64.to_le_bytes()));
    let messages = "find-libdeps: warning: venv/lib/python3/site-packages/a/b.so: is built for \
                    arm64, not for this system; its needs are not listed\n\
                    find-libdeps: warning: venv/lib/python3/site-packages/solver: 4 files such as \
                    arm64/solve are built for FreeBSD, an unknown architecture, arm64, the Hurd, not \
                    for this system; their needs are not listed\n";
    // Nothing in the tree can be loaded, so it is for another machine.
    let strict = fixture.run().args(["--strict", "venv"]).said();
    assert_eq!(
        (strict.status, fixture.relative(&strict.stderr)),
        (1, messages.to_owned())
    );
    extension_beside(&fixture);
    let strict = fixture.run().args(["--strict", "venv"]).said();
    assert_eq!(
        (strict.status, fixture.relative(&strict.stderr)),
        (0, messages.to_owned())
    );
}

test!(a_wheel_for_musl_is_one_line_and_an_objection, needs = TOOLS);
fn a_wheel_for_musl_is_one_line_and_an_objection() {
    let fixture = Fixture::new();
    let needed = needing(&fixture, "libz.so.99");
    let musl = needing(&fixture, "libc.musl-x86_64.so.1");
    let site = "venv/lib/python3/site-packages";
    let end = "cpython-312-x86_64-linux-musl.so";
    let libs = runpath("$ORIGIN/../numpy.libs");
    for name in ["numpy/a", "numpy/b"] {
        let arguments = [&*needed, &musl, &libs];
        fixture.library(&format!("{site}/{name}.{end}"), "int x;", &arguments);
    }
    let bundled = format!("{site}/numpy.libs/libblas.so.3");
    fixture.library(&bundled, "int x;", &[&needed, &musl]);
    // A distribution with modules for both is usable.
    let both = format!("{site}/both/c.{end}");
    fixture.library(&both, "int x;", &[&musl]);
    let glibc = needing(&fixture, "libc.so.6");
    fixture.library(&format!("{site}/both/c.abi3.so"), "int x;", &[&glibc]);
    fixture.library(&format!("{site}/numpy/c.so"), "int x;", &[]);
    let strict = fixture.run().args(["--strict", "venv"]);
    fixture.said(strict).is(
        1,
        "libc6\n",
        &format!(
            "find-libdeps: warning: {both}: {MUSL}\n\
             find-libdeps: warning: {site}/numpy: 3 files such as a.{end} are built for musl, not for \
             this system with glibc; install its wheel with this system's pip; their needs are not \
             listed\n"
        ),
    );
}

test!(a_loader_on_the_search_path_is_not_used, needs = TOOLS);
fn a_loader_on_the_search_path_is_not_used() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "venv/libs/ld-linux-x86-64.so.2", &[]);
    let path = runpath("$ORIGIN/libs");
    let file = fixture.library("venv/ext.so", "int x;", &[&needed, &path]);
    // ldd's line for the loader has no name.
    differs(
        &fixture,
        &file,
        &["ld-linux-x86-64.so.2: package /lib64/ld-linux-x86-64.so.2 (direct)"],
        &[],
        &[],
    );
}

test!(the_interpreter_of_a_program_is_needed, needs = TOOLS);
fn the_interpreter_of_a_program_is_needed() {
    let fixture = Fixture::new();
    fixture.program("venv/tool", &["-pie"]);
    let said = fixture.run().arg("venv").said();
    said.is(0, "libc6\n", "");
    let nowhere = "-Wl,--dynamic-linker=/nowhere/ld-linux-x86-64.so.2";
    let file = fixture.program("venv/tool", &["-pie", nowhere]);
    let said = fixture.said(fixture.run().args(["--strict", "venv"]));
    let missing = "find-libdeps: missing: /nowhere/ld-linux-x86-64.so.2, needed by venv/tool\n";
    said.is(1, "", &format!("{missing}{INSTALL_HINT}"));
    // The kernel does not start it.
    let started = std::process::Command::new(file).status();
    assert_eq!(started.map_err(|error| error.kind()).ok(), None);
}

test!(a_filter_loads_its_library, needs = TOOLS);
fn a_filter_loads_its_library() {
    let fixture = Fixture::new();
    library(&fixture, "venv/libs/liba.so.1", &[]);
    let filter = "-Wl,--filter,liba.so.1";
    let file = fixture.library("venv/ext.so", "int x;", &[filter, &runpath("$ORIGIN/libs")]);
    is_loaded_with(&fixture, &file);
    std::fs::remove_file(fixture.path("venv/libs/liba.so.1")).expect("it was made");
    differs(&fixture, &file, &["liba.so.1: missing"], &[], &[]);
}

/// The bundled library is loaded with `file`. ldd lists it only for what needs that in its turn,
/// because the library comes first.
#[track_caller]
fn is_loaded_with(fixture: &Fixture, file: &Path) {
    let found = "liba.so.1: bundled venv/libs/liba.so.1 (runpath)";
    differs(fixture, file, &[found], &[], &[]);
    let process = fixture.program("process", &[file.to_str().expect("ASCII")]);
    assert_eq!(
        ldd(fixture, Run::new("ldd"), &process),
        [
            "liba.so.1 => venv/libs/liba.so.1",
            "venv/ext.so => venv/ext.so"
        ]
    );
}

test!(an_auxiliary_library_is_loaded_if_it_is_found, needs = TOOLS);
fn an_auxiliary_library_is_loaded_if_it_is_found() {
    let fixture = Fixture::new();
    library(&fixture, "venv/libs/liba.so.1", &[]);
    let auxiliary = "-Wl,--auxiliary,liba.so.1";
    let path = runpath("$ORIGIN/libs");
    let file = fixture.library("venv/ext.so", "int x;", &[auxiliary, &path]);
    is_loaded_with(&fixture, &file);
    std::fs::remove_file(fixture.path("venv/libs/liba.so.1")).expect("it was made");
    let strict = fixture.run().args(["--strict", "venv"]).said();
    strict.is(0, "", "");
}

test!(an_audit_library_of_a_program_is_loaded, needs = TOOLS);
fn an_audit_library_of_a_program_is_loaded() {
    let fixture = Fixture::new();
    library(&fixture, "venv/libs/liba.so.1", &[]);
    let path = runpath("$ORIGIN/libs");
    fixture.program(
        "venv/tool",
        &["-pie", "-Wl,--audit,libno.so.1:liba.so.1", &path],
    );
    // The loader does not list it.
    let report = fixture.report("venv");
    assert_eq!(
        libraries(&fixture, &report),
        ["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"]
    );
}

test!(an_empty_needed_name_is_that_of_the_program, needs = TOOLS);
fn an_empty_needed_name_is_that_of_the_program() {
    let fixture = Fixture::new();
    let file = extension_needing(&fixture, &["liba.so.1"]);
    // The string table begins with an empty string.
    elf::change(&file, |elf| elf.put_entry(elf::DT_NEEDED, 0));
    differs(&fixture, &file, &[], &[], &[]);
}
