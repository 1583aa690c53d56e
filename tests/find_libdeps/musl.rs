//! The rules of musl's loader, one test for each, in a root that has it. What `find-libdeps` says of
//! the tree is compared with the root's own loader.

use crate::fixture::{Fixture, PROGRAM, Report, ldd_all};
use crate::oracle::{libraries, rpath, runpath, soname};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use crate::support::target_dir;
use std::collections::BTreeSet;
use std::fs;

const NEEDS: &[Need] = &[Need::Musl, Need::Cc, Need::Root];
const LOADER: &str = "/lib/ld-musl-x86_64.so.1";

/// A root of Alpine's form with musl alone, as a package.
pub fn root() -> Fixture {
    let fixture = Fixture::new();
    let database = "C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=\nP:musl\nV:1.2.5-r0\nA:x86_64\nS:1\nI:1\n\
                    T:the musl c library\nU:https://musl.libc.org/\nL:MIT\no:musl\n\
                    p:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\
                    Z:Q1xv6J3m0tkOEWVc0PXE0n0VmJ3sM=\nR:libc.musl-x86_64.so.1\na:0:0:777\n\n";
    fixture.file("root/lib/apk/db/installed", database);
    fixture.file("root/etc/apk/arch", "x86_64\n");
    for name in ["usr/lib", "usr/local/lib", "venv"] {
        fs::create_dir_all(fixture.path("root").join(name)).expect("a directory");
    }
    let loader = fixture.text(&format!("root{LOADER}"));
    fs::copy(LOADER, loader).expect("the loader is there");
    fixture.link("ld-musl-x86_64.so.1", "root/lib/libc.musl-x86_64.so.1");
    fixture
}

/// `find-libdeps` in the root, as its machine: the program and glibc's loader, for itself, are copied
/// into it.
pub fn inside(fixture: &Fixture) -> Run {
    let dir = fixture.path("root/glibc");
    fs::create_dir_all(&dir).expect("a directory");
    let program = dir.join("find-libdeps");
    if !program.exists() {
        fs::hard_link(PROGRAM, &program)
            .or_else(|_| fs::copy(PROGRAM, &program).map(drop))
            .expect("a copy");
        fs::copy("/lib64/ld-linux-x86-64.so.2", dir.join("ld.so")).expect("a copy");
        for path in ldd_all(PROGRAM.as_ref()).values() {
            let name = path.file_name().expect("a name");
            fs::copy(path, dir.join(name)).expect("a copy");
        }
    }
    let run = Run::new("chroot").arg(fixture.path("root"));
    run.args(["/glibc/ld.so", "--library-path", "/glibc"])
        .arg("/glibc/find-libdeps")
}

/// A library in the root whose SONAME is the name of its file.
pub fn library(fixture: &Fixture, path: &str, needed: &[&str], arguments: &[&str]) {
    let name = path.rsplit('/').next().expect("a name");
    let stubs: Vec<String> = needed.iter().map(|name| stub(fixture, name)).collect();
    let own = soname(name);
    let mut all: Vec<&str> = stubs.iter().map(String::as_str).collect();
    all.push(&own);
    all.extend(arguments);
    fixture.library(&format!("root{path}"), "int x;", &all);
}

/// A file outside the root that makes whatever is linked with it need `name`.
fn stub(fixture: &Fixture, name: &str) -> String {
    crate::oracle::needing(fixture, name)
}

/// The extension module of the tree.
fn module(fixture: &Fixture, needed: &[&str], arguments: &[&str]) {
    library(fixture, "/venv/ext.so", needed, arguments);
}

fn report(fixture: &Fixture) -> Report {
    let run = Run::new(PROGRAM).arg("--root").arg(fixture.path("root"));
    Report::of(run, "/venv")
}

/// What the root's own loader says of `file`: `name => path` or `name => not found`.
fn loader(fixture: &Fixture, file: &str) -> BTreeSet<String> {
    let said = Run::new("chroot")
        .arg(fixture.path("root"))
        .args([LOADER, "--list", file])
        .said();
    let found = said.stdout.lines().filter_map(|line| {
        let (found, _) = line.trim().split_once(" (0x")?;
        found.contains(" => ").then(|| found.to_owned())
    });
    let missing = said.stderr.lines().filter_map(|line| {
        let line = line.strip_prefix("Error loading shared library ")?;
        Some(format!("{} => not found", line.split_once(": ")?.0))
    });
    found.chain(missing).collect()
}

/// Compares the report with `wanted`, and its paths with what the loader finds for `file`.
#[track_caller]
fn proves(fixture: &Fixture, file: &str, wanted: &[&str]) {
    let report = differs(fixture, file, wanted, None);
    let all = report.0["needed"].as_array().expect("an array");
    let ours: BTreeSet<String> = all
        .iter()
        .filter(|it| it["name"] != LOADER)
        .map(|it| {
            let name = it["name"].as_str().expect("a string");
            let path = it["path"].as_str().unwrap_or("not found");
            format!("{name} => {path}")
        })
        .collect();
    assert_eq!(ours, loader(fixture, file), "ours and the loader's");
}

/// Compares the report with `wanted`, and what the loader finds with `theirs`.
#[track_caller]
fn differs(fixture: &Fixture, file: &str, wanted: &[&str], theirs: Option<&[&str]>) -> Report {
    let report = report(fixture);
    assert_eq!(libraries(fixture, &report), wanted);
    if let Some(theirs) = theirs {
        let theirs: BTreeSet<String> = theirs.iter().map(ToString::to_string).collect();
        assert_eq!(loader(fixture, file), theirs, "the loader's");
    }
    report
}

const EXT: &str = "/venv/ext.so";

test!(
    the_default_directories_are_lib_usr_local_lib_and_usr_lib,
    needs = NEEDS
);
fn the_default_directories_are_lib_usr_local_lib_and_usr_lib() {
    let fixture = root();
    library(&fixture, "/usr/lib/liba.so.1", &[], &[]);
    library(&fixture, "/usr/local/lib/liba.so.1", &[], &[]);
    library(&fixture, "/usr/lib/libb.so.1", &[], &[]);
    library(&fixture, "/usr/lib/libd.so.1", &[], &[]);
    library(&fixture, "/lib/libd.so.1", &[], &[]);
    module(
        &fixture,
        &["liba.so.1", "libb.so.1", "libc0.so.1", "libd.so.1"],
        &[],
    );
    proves(
        &fixture,
        EXT,
        &[
            "liba.so.1: unowned /usr/local/lib/liba.so.1 (default)",
            "libb.so.1: unowned /usr/lib/libb.so.1 (default)",
            "libc0.so.1: package",
            "libd.so.1: unowned /lib/libd.so.1 (default)",
        ],
    );
}

test!(
    the_path_file_replaces_the_default_directories,
    needs = NEEDS
);
fn the_path_file_replaces_the_default_directories() {
    let fixture = root();
    fixture.file(
        "root/etc/ld-musl-x86_64.path",
        "/opt/a:/opt/b\n\n:/opt/c\nopt/d\n",
    );
    for (path, name) in [
        ("/opt/a", "liba.so.1"),
        ("/opt/b", "liba.so.1"),
        ("/opt/b", "libb.so.1"),
        ("/opt/c", "libe.so.1"),
        ("/usr/lib", "libd.so.1"),
    ] {
        library(&fixture, &format!("{path}/{name}"), &[], &[]);
    }
    module(
        &fixture,
        &["liba.so.1", "libb.so.1", "libd.so.1", "libe.so.1"],
        &[],
    );
    proves(
        &fixture,
        EXT,
        &[
            "liba.so.1: unowned /opt/a/liba.so.1 (default)",
            "libb.so.1: unowned /opt/b/libb.so.1 (default)",
            "libd.so.1: package",
            "libe.so.1: unowned /opt/c/libe.so.1 (default)",
        ],
    );
    // A copy of the files needs it, too; `--files` fails while something is missing.
    module(&fixture, &["liba.so.1"], &[]);
    let files = Run::new(PROGRAM).arg("--root").arg(fixture.path("root"));
    files.args(["--files", "/venv"]).said().is(
        0,
        "/etc/ld-musl-x86_64.path\n/opt/a/liba.so.1\n",
        "",
    );
}

test!(an_empty_path_file_leaves_nothing_to_search, needs = NEEDS);
fn an_empty_path_file_leaves_nothing_to_search() {
    let fixture = root();
    fixture.file("root/etc/ld-musl-x86_64.path", "");
    library(&fixture, "/lib/liba.so.1", &[], &[]);
    module(&fixture, &["liba.so.1"], &[]);
    proves(&fixture, EXT, &["liba.so.1: package"]);
}

test!(
    rpath_and_runpath_are_one_thing_that_what_is_loaded_inherits,
    needs = NEEDS
);
fn rpath_and_runpath_are_one_thing_that_what_is_loaded_inherits() {
    for (option, by) in [
        (rpath("$ORIGIN/libs"), "rpath"),
        (runpath("$ORIGIN/libs"), "runpath"),
    ] {
        let fixture = root();
        library(&fixture, "/usr/lib/libb.so.1", &[], &[]);
        library(&fixture, "/venv/libs/liba.so.1", &["libb.so.1"], &[]);
        library(&fixture, "/venv/libs/libb.so.1", &["libd.so.1"], &[]);
        module(&fixture, &["liba.so.1"], &[&option]);
        proves(
            &fixture,
            EXT,
            &[
                &format!("liba.so.1: bundled /venv/libs/liba.so.1 ({by})"),
                &format!("libb.so.1: bundled /venv/libs/libb.so.1 ({by})"),
                "libd.so.1: package",
            ],
        );
    }
}

test!(an_object_searches_its_own_path_first, needs = NEEDS);
fn an_object_searches_its_own_path_first() {
    let fixture = root();
    let own = runpath("$ORIGIN/own");
    library(&fixture, "/venv/libs/liba.so.1", &["libb.so.1"], &[&own]);
    library(&fixture, "/venv/libs/libb.so.1", &[], &[]);
    library(&fixture, "/venv/libs/own/libb.so.1", &[], &[]);
    module(&fixture, &["liba.so.1"], &[&rpath("$ORIGIN/libs")]);
    proves(
        &fixture,
        EXT,
        &[
            "liba.so.1: bundled /venv/libs/liba.so.1 (rpath)",
            "libb.so.1: bundled /venv/libs/own/libb.so.1 (runpath)",
        ],
    );
}

test!(a_path_with_another_token_than_origin_is_void, needs = NEEDS);
fn a_path_with_another_token_than_origin_is_void() {
    let fixture = root();
    library(&fixture, "/opt/libs/liba.so.1", &[], &[]);
    module(&fixture, &["liba.so.1"], &[&runpath("/opt/libs:$LIB")]);
    proves(&fixture, EXT, &["liba.so.1: package"]);
    // The name of the token ends where it ends.
    library(&fixture, "/venvs/liba.so.1", &[], &[]);
    module(
        &fixture,
        &["liba.so.1"],
        &[&runpath("${ORIGIN}/x:$ORIGINs")],
    );
    proves(
        &fixture,
        EXT,
        &["liba.so.1: unowned /venvs/liba.so.1 (runpath)"],
    );
}

test!(needed_names_have_no_tokens, needs = NEEDS);
fn needed_names_have_no_tokens() {
    let fixture = root();
    library(&fixture, "/venv/libs/liba.so.1", &[], &[]);
    module(&fixture, &["$ORIGIN/libs/liba.so.1"], &[]);
    proves(&fixture, EXT, &["$ORIGIN/libs/liba.so.1: missing"]);
}

test!(
    a_library_satisfies_the_name_of_its_file_and_not_its_soname,
    needs = NEEDS
);
fn a_library_satisfies_the_name_of_its_file_and_not_its_soname() {
    let fixture = root();
    let other = soname("libb.so.1");
    let stub = stub(&fixture, "liba.so.1");
    fixture.library("root/venv/libs/liba.so.1", "int x;", &[&other]);
    fixture.library(
        "root/venv/ext.so",
        "int x;",
        &[
            &stub,
            &crate::oracle::needing(&fixture, "libb.so.1"),
            &runpath("$ORIGIN/libs"),
        ],
    );
    proves(
        &fixture,
        EXT,
        &[
            "liba.so.1: bundled /venv/libs/liba.so.1 (runpath)",
            "libb.so.1: package",
        ],
    );
    // With glibc, the SONAME of a bundled library would do; and no package is named for its file.
    fixture.library(
        "root/venv/other/libd.so.1",
        "int x;",
        &[&soname("libd.so.1")],
    );
    module(&fixture, &["libd.so.1"], &[]);
    proves(&fixture, EXT, &["libd.so.1: missing"]);
}

test!(
    another_name_of_a_loaded_file_is_searched_for_again,
    needs = NEEDS
);
fn another_name_of_a_loaded_file_is_searched_for_again() {
    let fixture = root();
    library(&fixture, "/venv/libs/liba.so.1", &[], &[]);
    fixture.link("liba.so.1", "root/venv/libs/libb.so.1");
    // Loaded after both, and with neither on its path.
    library(&fixture, "/opt/libd.so.1", &["liba.so.1", "libb.so.1"], &[]);
    module(
        &fixture,
        &["libe.so.1", "/opt/libd.so.1"],
        &[&runpath("/opt/e")],
    );
    library(
        &fixture,
        "/opt/e/libe.so.1",
        &["liba.so.1", "libb.so.1"],
        &[&runpath("/venv/libs")],
    );
    // Breadth first: /opt/libd.so.1 is loaded before the needs of libe.so.1 are.
    differs(
        &fixture,
        EXT,
        &[
            "/opt/libd.so.1: unowned /opt/libd.so.1 (direct)",
            "liba.so.1: bundled /venv/libs/liba.so.1 (runpath)",
            "libb.so.1: package",
            "libb.so.1: bundled /venv/libs/liba.so.1 (runpath)",
            "libe.so.1: unowned /opt/e/libe.so.1 (runpath)",
        ],
        Some(&[
            "/opt/libd.so.1 => /opt/libd.so.1",
            "liba.so.1 => /venv/libs/liba.so.1",
            "libb.so.1 => not found",
            "libe.so.1 => /opt/e/libe.so.1",
        ]),
    );
}

test!(
    subdirectories_for_some_processors_are_not_searched,
    needs = NEEDS
);
fn subdirectories_for_some_processors_are_not_searched() {
    let fixture = root();
    library(
        &fixture,
        "/usr/lib/glibc-hwcaps/x86-64-v2/liba.so.1",
        &[],
        &[],
    );
    module(&fixture, &["liba.so.1"], &[]);
    proves(&fixture, EXT, &["liba.so.1: package"]);
}

test!(reserved_names_are_the_loader_itself, needs = NEEDS);
fn reserved_names_are_the_loader_itself() {
    let fixture = root();
    let all = ["c.musl-x86_64", "pthread", "rt", "m", "dl", "util", "xnet"];
    let all = all.map(|part| format!("lib{part}.so.1"));
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    // One on the search path is not used.
    library(&fixture, "/venv/libs/libm.so.1", &[], &[]);
    module(&fixture, &names, &[&runpath("$ORIGIN/libs")]);
    let mut wanted = all.map(|name| format!("{name}: package {LOADER} (direct)"));
    wanted.sort();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    proves(&fixture, EXT, &wanted);
}

test!(
    a_program_of_musl_needs_its_package_and_no_more,
    needs = NEEDS
);
fn a_program_of_musl_needs_its_package_and_no_more() {
    let fixture = root();
    // As gcompat has it: none of this is glibc.
    fixture.file("root/lib/libgcompat.so.0", "");
    fixture.link("libgcompat.so.0", "root/lib/libc.so.6");
    fixture.file("main.c", "int main(void) { return 0; }\n");
    let program = fixture.path("root/venv/main");
    let mut build = Run::new("musl-gcc").arg(fixture.path("main.c"));
    build = build.arg("-o").arg(&program);
    build.must();
    proves(
        &fixture,
        "/venv/main",
        &["libc.so: package /lib/ld-musl-x86_64.so.1 (direct)"],
    );
    let list = Run::new(PROGRAM).arg("--root").arg(fixture.path("root"));
    list.args(["--strict", "/venv"]).said().is(0, "musl\n", "");
    let check = Run::new(PROGRAM).arg("--root").arg(fixture.path("root"));
    check.args(["--check", "/venv"]).said().is(0, "", "");
    Run::new("chroot")
        .arg(fixture.path("root"))
        .arg("/venv/main")
        .must();
}

test!(
    what_a_search_for_another_module_loads_satisfies_its_name_for_all,
    needs = NEEDS
);
fn what_a_search_for_another_module_loads_satisfies_its_name_for_all() {
    let fixture = root();
    library(&fixture, "/venv/libs/liba.so.1", &[], &[]);
    let own = runpath("$ORIGIN/libs");
    library(&fixture, "/venv/other.so", &["liba.so.1"], &[&own]);
    module(&fixture, &["liba.so.1"], &[]);
    differs(
        &fixture,
        EXT,
        &[
            "liba.so.1: bundled /venv/libs/liba.so.1 (runpath)",
            "liba.so.1: bundled /venv/libs/liba.so.1 (soname)",
        ],
        Some(&["liba.so.1 => not found"]),
    );
    let code = "#include <dlfcn.h>\n#include <stdio.h>\n\
                int main(int count, char **names) {\n\
                for (int at = 1; at < count; at++) printf(\"%d\", !!dlopen(names[at], RTLD_NOW));\n}\n";
    fixture.file("run.c", code);
    let mut build = Run::new("musl-gcc").arg(fixture.path("run.c"));
    build = build.arg("-o").arg(fixture.path("root/run"));
    build.must();
    let opened = |names: &[&str]| {
        let run = Run::new("chroot").arg(fixture.path("root")).arg("/run");
        run.args(names).must()
    };
    assert_eq!(opened(&["/venv/other.so", EXT]), "11");
    assert_eq!(opened(&[EXT, "/venv/other.so"]), "01");
}

test!(
    a_program_whose_loader_is_not_there_fails_a_check,
    needs = NEEDS
);
fn a_program_whose_loader_is_not_there_fails_a_check() {
    let fixture = root();
    module(&fixture, &[], &[]);
    // A helper that a distribution ships is no program of the virtualenv.
    let helper = "/venv/lib/python3.12/site-packages/tool/bin/tool";
    for path in ["/venv/bin/tool", helper] {
        let program = fixture.path(format!("root{path}"));
        fs::create_dir_all(program.parent().expect("a directory")).expect("a directory");
        fs::copy("/bin/true", &program).expect("a copy");
    }
    let check = Run::new(PROGRAM).arg("--root").arg(fixture.path("root"));
    check.args(["--check", "/venv"]).said().is(
        1,
        "",
        "find-libdeps: refused: /venv/bin/tool: is built for glibc, not for this system with musl; install \
         its wheel with this system's pip; its needs are not listed\n",
    );
}

test!(
    ld_library_path_comes_first_and_ends_at_colons_and_lines,
    needs = &[Need::Musl, Need::Cc, Need::Root, Need::Ldd]
);
fn ld_library_path_comes_first_and_ends_at_colons_and_lines() {
    let fixture = root();
    library(&fixture, "/venv/libs/liba.so.1", &[], &[]);
    library(&fixture, "/opt/a;b/liba.so.1", &[], &[]);
    module(&fixture, &["liba.so.1"], &[&rpath("$ORIGIN/libs")]);
    let path = "x::/none\n/opt/a;b";
    let explained = inside(&fixture).env("LD_LIBRARY_PATH", path);
    explained
        .args(["-q", "--explain", "liba.so.1", "/venv"])
        .said()
        .is(
            0,
            "unowned: no package for an image ships these\n  liba.so.1 => /opt/a;b/liba.so.1 \
             (LD_LIBRARY_PATH)\n    needed by /venv/ext.so\n",
            "",
        );
    let run = Run::new("chroot").arg(fixture.path("root"));
    let run = run.env("LD_LIBRARY_PATH", path);
    let listed = run.args([LOADER, "--list", EXT]).must();
    assert!(
        listed.contains("liba.so.1 => /opt/a;b/liba.so.1 "),
        "{listed}"
    );
}

test!(
    wheels_for_musl_need_musl_and_what_they_do_not_bundle,
    needs = &[Need::Musl, Need::Cc, Need::Pip]
);
/// Pillow's finds zlib on the system; the others bundle all.
fn wheels_for_musl_need_musl_and_what_they_do_not_bundle() {
    let fixture = root();
    let site = fixture.path("root/venv/lib/python3.12/site-packages");
    Run::new(target_dir().join("pip/bin/pip"))
        .args(["-q", "install", "--no-deps", "--only-binary", ":all:"])
        .args(["--platform", "musllinux_1_2_x86_64"])
        .args(["--platform", "musllinux_1_1_x86_64"])
        .args(["--python-version", "3.12", "--target"])
        .arg(&site)
        .args(["numpy==2.1.2", "lxml==5.3.0", "psycopg2-binary==2.9.10"])
        .args(["pillow==11.0.0", "cryptography==43.0.3"])
        .must();
    let run = || Run::new(PROGRAM).arg("--root").arg(fixture.path("root"));
    let list = run().args(["--strict", "/venv"]).said();
    list.is(0, "musl\nso:libz.so.1\n", "");
    // None of them can be imported with glibc.
    let dir = "root/venv/lib/python3.12/site-packages";
    let line = |name: &str, count: usize, first: &str| {
        format!(
            "find-libdeps: warning: {dir}/{name}: {count} files such as {first} are built for musl, not \
             for this system with glibc; install its wheel with this system's pip; their needs are not \
             listed\n"
        )
    };
    let module = |name: &str| format!("{name}.cpython-312-x86_64-linux-musl.so");
    let lines = [
        line("PIL", 26, &module("_imaging")),
        line("cryptography", 2, "hazmat/bindings/_rust.abi3.so"),
        line("lxml", 6, &module("_elementpath")),
        line("numpy", 24, &module("_core/_multiarray_tests")),
        line("psycopg2", 13, &module("_psycopg")),
    ];
    let strict = fixture.run().args(["--strict", "root/venv"]);
    fixture.said(strict).is(1, "", &lines.concat());
}
