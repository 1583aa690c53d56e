//! Libraries that code loads by name at run time: notes in ELF files, the table of distributions,
//! and calls in Python sources, in roots that the tests make.

use crate::fixture::{COPY_HINT, Fixture, INSTALL_HINT};
use crate::oracle::needing;
use crate::own_root::{self, run, said_without_cache};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Said;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

const NEEDS: &[Need] = &[Need::Dpkg, Need::Cc];

const LIB: &str = "/usr/lib/x86_64-linux-gnu";
const SITE: &str = "/venv/lib/python3/site-packages";

/// A root in which these packages ship a library each: `libfoo.so.1` is `libfoo.so.1.2` in the
/// package `libfoo1`.
fn root(sonames: &[&str]) -> Fixture {
    let fixture = own_root::root("");
    fixture.elf(&format!("root{SITE}/own.so"));
    for soname in sonames {
        let (stem, version) = soname.split_once(".so.").expect("it has a version");
        let own = format!("-Wl,-soname,{soname}");
        let file = format!("{LIB}/{soname}.2");
        fixture.library(&format!("root{file}"), "int x;", &[&own]);
        let link = format!("{LIB}/{soname}");
        fixture.link(format!("{soname}.2"), &format!("root{link}"));
        package(&fixture, &format!("{stem}{version}"), &[&file, &link]);
    }
    fixture
}

/// Adds a package with these files to the database of dpkg.
fn package(fixture: &Fixture, name: &str, files: &[&str]) {
    let mut status = OpenOptions::new()
        .append(true)
        .open(fixture.path("root/var/lib/dpkg/status"))
        .expect("the database is there");
    write!(
        status,
        "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\
         Maintainer: nobody\nDescription: none\n\n"
    )
    .expect("it can be written");
    let list = format!("/.\n{}\n", files.join("\n"));
    fixture.file(&format!("root/var/lib/dpkg/info/{name}.list"), list);
}

/// An extension in the virtualenv with a `.note.dlopen` of this text.
fn note(fixture: &Fixture, name: &str, text: &str, arguments: &[&str]) {
    let mut bytes = String::new();
    for byte in text.bytes().chain([0]) {
        let _ = write!(bytes, ".byte {byte};");
    }
    let source = format!(
        "__asm__(\".pushsection .note.dlopen,\\\"a\\\",%note;.balign 4;.long 4;.long 2f-1f;\
         .long 0x407c0c0a;.asciz \\\"FDO\\\";1:{bytes}2:.balign 4;.popsection\");"
    );
    fixture.library(&format!("root{SITE}/{name}"), &source, arguments);
}

/// A distribution with a module of this content, and more files in its RECORD.
fn distribution(fixture: &Fixture, name: &str, source: &str, more: &[&str]) {
    let module = name.replace('-', "_");
    let info = format!("{module}-1.dist-info");
    fixture.file(
        &format!("root{SITE}/{info}/METADATA"),
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"),
    );
    let mut record = format!("{module}.py,,\n{info}/METADATA,,\n{info}/RECORD,,\n");
    for file in more {
        let _ = writeln!(record, "{file},,");
    }
    fixture.file(&format!("root{SITE}/{info}/RECORD"), record);
    fixture.file(&format!("root{SITE}/{module}.py"), source);
}

fn said(fixture: &Fixture, arguments: &[&str]) -> Said {
    let run = run(fixture, "root").args(arguments);
    // Nothing is said of the cache then.
    if arguments.contains(&"--quiet") {
        return run.arg("/venv").said();
    }
    said_without_cache(run.arg("/venv"))
}

test!(a_required_note_is_listed, needs = NEEDS);
fn a_required_note_is_listed() {
    let fixture = root(&["libfoo.so.1"]);
    let text =
        r#"[{"soname":["libnone.so.2","libfoo.so.1"],"feature":"foo","priority":"required"}]"#;
    note(&fixture, "ext.so", text, &[]);
    said(&fixture, &[]).is(0, "libfoo1\n", "");
    said(&fixture, &["--dlopen=off"]).is(0, "", "");
    said(&fixture, &["--explain", "libfoo1"]).is(
        0,
        "libfoo1 1  /venv/lib/python3/site-packages/ext.so\n  libfoo.so.1 => /usr/lib/x86_64-linux-gnu/libfoo.so.1 (the loader's cache)\n    \
         loaded at run time by /venv/lib/python3/site-packages/ext.so\n",
        "",
    );
}

test!(a_recommended_note_is_possible, needs = NEEDS);
fn a_recommended_note_is_possible() {
    let fixture = root(&["libfoo.so.1", "libbar.so.1"]);
    // What is no array is taken for one, and no priority for `recommended`.
    let text = r#"{"soname":"libfoo.so.1","feature":"foo","unknown":[{}]}"#;
    note(&fixture, "ext.so", text, &[]);
    let text = r#"[{"soname":["libbar.so.1"],"priority":"suggested"}]"#;
    note(&fixture, "more.so", text, &[]);
    let named = "find-libdeps: possible: /venv/lib/python3/site-packages: libbar1 (more.so), libfoo1 \
                 (ext.so)\n";
    said(&fixture, &[]).is(0, "", named);
    said(&fixture, &["--strict"]).is(0, "", named);
    said(&fixture, &["--dlopen=all"]).is(0, "libbar1\nlibfoo1\n", "");
}

test!(a_note_is_resolved_by_the_rpath_of_its_file, needs = NEEDS);
fn a_note_is_resolved_by_the_rpath_of_its_file() {
    let fixture = root(&["libfoo.so.1"]);
    let text = r#"[{"soname":["libfoo.so.1"],"priority":"required"}]"#;
    note(&fixture, "ext.so", text, &["-Wl,-rpath,$ORIGIN/own"]);
    fixture.library(
        &format!("root{SITE}/own/libfoo.so.1"),
        "int x;",
        &["-Wl,-soname,libfoo.so.1"],
    );
    said(&fixture, &[]).is(0, "", "");
}

test!(a_bad_note_is_a_warning, needs = NEEDS);
fn a_bad_note_is_a_warning() {
    let fixture = root(&[]);
    note(&fixture, "a.so", "[{", &[]);
    note(&fixture, "b.so", "[7]", &[]);
    note(&fixture, "c.so", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", &[]);
    said(&fixture, &[]).is(
        0,
        "",
        "find-libdeps: warning: /venv/lib/python3/site-packages/a.so: malformed `.note.dlopen`: not \
         JSON: EOF while parsing an object at line 1 column 2\n\
         find-libdeps: warning: /venv/lib/python3/site-packages/b.so: malformed `.note.dlopen`: an \
         entry that is not an object\n\
         find-libdeps: warning: /venv/lib/python3/site-packages/c.so: malformed `.note.dlopen`: not \
         JSON: EOF while parsing a list at line 1 column 32\n",
    );
}

test!(a_required_library_of_the_table_is_listed, needs = NEEDS);
fn a_required_library_of_the_table_is_listed() {
    let fixture = root(&["libmagic.so.1"]);
    distribution(&fixture, "python-magic", "", &[]);
    said(&fixture, &[]).is(0, "libmagic1\n", "");
    said(&fixture, &["--dlopen=off"]).is(0, "", "");
    said(&fixture, &["--explain", "libmagic1"]).is(
        0,
        "libmagic1 1  python-magic 1\n  libmagic.so.1 => /usr/lib/x86_64-linux-gnu/libmagic.so.1 \
         (the loader's cache)\n    loaded at run time by \
         /venv/lib/python3/site-packages/python_magic-1.dist-info\n",
        "",
    );
}

test!(a_companion_distribution_provides_the_library, needs = NEEDS);
fn a_companion_distribution_provides_the_library() {
    let fixture = root(&["libpq.so.5"]);
    distribution(&fixture, "psycopg", "", &[]);
    said(&fixture, &[]).is(0, "libpq5\n", "");
    let own = "psycopg_binary.libs/libpq-9b38f5e3.so.5.17";
    distribution(&fixture, "psycopg-binary", "", &[own]);
    said(&fixture, &[]).is(0, "", "");
}

test!(a_bundled_copy_provides_the_library, needs = NEEDS);
fn a_bundled_copy_provides_the_library() {
    let fixture = root(&["libmagic.so.1"]);
    distribution(&fixture, "python-magic", "", &["magic/libmagic.so.1"]);
    said(&fixture, &[]).is(0, "", "");
}

test!(a_missing_library_of_the_table_is_missing, needs = NEEDS);
fn a_missing_library_of_the_table_is_missing() {
    let fixture = root(&[]);
    distribution(&fixture, "python-magic", "", &[]);
    let lines = format!(
        "find-libdeps: missing: libmagic.so.1, loaded by python-magic 1 \
         (/venv/lib/python3/site-packages/python_magic-1.dist-info)\n{INSTALL_HINT}"
    );
    said(&fixture, &[]).is(0, "", &lines);
    said(&fixture, &["--strict"]).is(1, "", &lines);
}

/// Rows of the table for a program, a file and a module of the standard library.
const OTHERS: [&str; 3] = ["pdf2image", "python-vlc", "easygui"];

test!(one_of_the_variants_of_a_module_is_enough, needs = NEEDS);
fn one_of_the_variants_of_a_module_is_enough() {
    let fixture = root(&["libmpi.so.40"]);
    let openmpi = needing(&fixture, "libmpi.so.40");
    let mpich = needing(&fixture, "libmpi.so.12");
    let module = |name: &str| format!("mpi4py/MPI.{name}.abi3.so");
    for (name, needed) in [("openmpi", &openmpi), ("mpich", &mpich)] {
        let path = format!("root{SITE}/{}", module(name));
        fixture.library(&path, "int x;", &[needed]);
    }
    distribution(
        &fixture,
        "mpi4py",
        "",
        &[&module("openmpi"), &module("mpich")],
    );
    // Without mpiexec, which the distribution needs in any case.
    let said = |fixture: &Fixture| said(fixture, &["--dlopen=off"]);
    said(&fixture).is(0, "libmpi40\n", "");
    fs::remove_file(fixture.path(format!("root{LIB}/libmpi.so.40.2"))).expect("it is there");
    let missing = format!(
        "find-libdeps: missing: libmpi.so.40, needed by mpi4py 1 ({SITE}/{})\n{INSTALL_HINT}",
        module("openmpi")
    );
    said(&fixture).is(0, "", &missing);
    // A module of another distribution needs its own.
    fixture.library(&format!("root{SITE}/other.abi3.so"), "int x;", &[&mpich]);
    let other = format!("find-libdeps: missing: libmpi.so.12, needed by {SITE}/other.abi3.so\n");
    said(&fixture).is(0, "", &format!("{other}{missing}"));
}

test!(
    programs_files_and_modules_of_the_table_are_listed,
    needs = NEEDS
);
fn programs_files_and_modules_of_the_table_are_listed() {
    let fixture = root(&["libvlc.so.5"]);
    for name in OTHERS {
        distribution(&fixture, name, "", &[]);
    }
    fixture.program("root/usr/bin/python3.11", &[]);
    fixture.file("root/usr/lib/python3.11/os.py", "");
    fixture.file("root/venv/pyvenv.cfg", "");
    fixture.link("/usr/bin/python3.11", "root/venv/bin/python3");
    // A link of update-alternatives, and merged /usr.
    let pdftoppm = "/usr/lib/poppler/pdftoppm";
    let plugin = format!("{LIB}/vlc/plugins/access/libfilesystem_plugin.so");
    let tkinter = "/usr/lib/python3.11/tkinter/__init__.py";
    // A package meets the need, even where another program comes before its own.
    let wrapper = "/usr/local/bin/pdfinfo";
    for file in [pdftoppm, &plugin, tkinter, "/usr/bin/pdfinfo", wrapper] {
        let path = fixture.file(&format!("root{file}"), "");
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("it can be set");
    }
    fixture.link("/etc/alternatives/pdftoppm", "root/usr/bin/pdftoppm");
    fixture.link(pdftoppm, "root/etc/alternatives/pdftoppm");
    fixture.link("usr/bin", "root/bin");
    package(&fixture, "poppler-utils", &[pdftoppm, "/bin/pdfinfo"]);
    package(&fixture, "vlc-plugin-base", &[&plugin]);
    package(&fixture, "python3-tk", &[tkinter]);
    said(&fixture, &[]).is(
        0,
        "libvlc5\npoppler-utils\npython3-tk\nvlc-plugin-base\n",
        "",
    );
}

test!(
    what_a_module_without_a_package_needs_is_listed,
    needs = NEEDS
);
fn what_a_module_without_a_package_needs_is_listed() {
    let fixture = root(&["libmagic.so.1"]);
    distribution(&fixture, "easygui", "", &[]);
    fixture.program("root/usr/local/bin/python3.11", &[]);
    fixture.file("root/usr/local/lib/python3.11/os.py", "");
    fixture.file("root/usr/local/lib/python3.11/tkinter/__init__.py", "");
    fixture.file("root/venv/pyvenv.cfg", "");
    fixture.link("/usr/local/bin/python3.11", "root/venv/bin/python3");
    said(&fixture, &[]).is(0, "", "");
    let module =
        "root/usr/local/lib/python3.11/lib-dynload/_tkinter.cpython-311-x86_64-linux-gnu.so";
    let library = needing(&fixture, "libmagic.so.1");
    fixture.library(module, "int y;", &[&library]);
    said(&fixture, &[]).is(0, "libmagic1\n", "");
}

test!(
    programs_files_and_modules_of_the_table_are_missing,
    needs = NEEDS
);
fn programs_files_and_modules_of_the_table_are_missing() {
    let fixture = root(&["libvlc.so.5"]);
    for name in OTHERS {
        distribution(&fixture, name, "", &[]);
    }
    distribution(&fixture, "choreographer", "", &[]);
    // A program must be executable, and what the virtualenv has comes first.
    fixture.file("root/usr/bin/pdfinfo", "");
    let own = fixture.file("root/venv/bin/pdftoppm", "");
    fs::set_permissions(own, Permissions::from_mode(0o755)).expect("it can be set");
    let lines = format!(
        "find-libdeps: missing: file /usr/lib/*/vlc/plugins/access/libfilesystem_plugin.so, read by \
         python-vlc 1 ({SITE}/python_vlc-1.dist-info)\n\
         find-libdeps: missing: program pdfinfo, run by pdf2image 1 ({SITE}/pdf2image-1.dist-info)\n\
         find-libdeps: missing: module tkinter, imported by easygui 1 ({SITE}/easygui-1.dist-info)\n\
         find-libdeps: possible: choreographer 1: program chromium, not installed, unless it \
         fetches one\n\
         {INSTALL_HINT}"
    );
    said(&fixture, &[]).is(0, "libvlc5\n", &lines);
    let ignored = [
        "--ignore=^pdfinfo$",
        "--ignore=^chromium$",
        "--ignore=^/usr/lib/",
    ];
    said(&fixture, &[&ignored[..], &["--ignore=^tkinter$"]].concat()).is(0, "libvlc5\n", "");
    let explained = format!(
        "bundled: shipped below the given paths\n  program pdftoppm => /venv/bin/pdftoppm (in PATH)\n    \
         run by {SITE}/pdf2image-1.dist-info\n"
    );
    said(&fixture, &["--quiet", "--explain", "pdftoppm"]).is(0, &explained, "");
    let json = said(&fixture, &["--quiet", "--json"]).stdout;
    let report: Value = serde_json::from_str(&json).expect("JSON");
    let kinds = |list: &str| -> Vec<String> {
        let all = report[list].as_array().into_iter().flatten();
        all.map(|one| format!("{} {} {}", one["kind"], one["name"], one["provider"]))
            .collect()
    };
    assert_eq!(
        kinds("needed"),
        [
            r#""file" "/usr/lib/*/vlc/plugins/access/libfilesystem_plugin.so" "missing""#,
            r#""library" "libvlc.so.5" "package""#,
            r#""program" "pdfinfo" "missing""#,
            r#""program" "pdftoppm" "bundled""#,
            r#""module" "tkinter" "missing""#,
        ]
    );
}

test!(
    a_program_that_a_distribution_brings_is_not_missing,
    needs = NEEDS
);
fn a_program_that_a_distribution_brings_is_not_missing() {
    let fixture = root(&[]);
    distribution(
        &fixture,
        "pytesseract",
        "",
        &["pytesseract/tesseract-linux-x86_64"],
    );
    distribution(&fixture, "gitpython", "", &["git/bin/git"]);
    said(&fixture, &[]).is(0, "", "");
}

test!(a_script_in_bin_needs_its_interpreter, needs = NEEDS);
fn a_script_in_bin_needs_its_interpreter() {
    let fixture = root(&[]);
    let executable = |name: &str, content: &str| {
        fixture.script(&format!("root{name}"), content);
    };
    executable("/usr/bin/perl", "");
    executable("/usr/bin/bash", "");
    fixture.link("usr/bin", "root/bin");
    package(&fixture, "perl-base", &["/usr/bin/perl"]);
    package(&fixture, "bash", &["/bin/bash"]);
    executable("/venv/bin/a", "#!/usr/bin/perl -w\n");
    executable("/venv/bin/b", "#!/usr/bin/bash\n");
    executable("/venv/bin/c", "#!/usr/bin/env -S node --x\n");
    executable("/venv/bin/d", "#!/usr/bin/env inner\n");
    executable("/venv/bin/inner", "#!/bin/sh\n");
    executable("/venv/bin/python3", "#!/opt/python3\n");
    // A virtualenv in the PATH has its own directory of programs.
    fixture.file("root/venv/tools/pyvenv.cfg", "");
    executable("/venv/tools/bin/g", "#!/usr/bin/env node\n");
    // These are no programs.
    executable(&format!("{SITE}/e"), "#!/usr/bin/ruby\n");
    fixture.file("root/venv/bin/activate", "#!/usr/bin/zsh\n");
    let missing = format!(
        "find-libdeps: missing: program node, run by 2 files such as /venv/bin/c\n{INSTALL_HINT}"
    );
    said(&fixture, &[]).is(0, "bash\nperl-base\n", &missing);
    said(&fixture, &["--dlopen=off"]).is(0, "", "");
    // The directory itself may be the PATH.
    let ignored = run(&fixture, "root").args(["--ignore=node", "/venv/bin"]);
    said_without_cache(ignored).is(0, "bash\nperl-base\n", "");
}

const CALLS: &str = "import ctypes\nfrom ctypes.util import find_library\n\n\
                     lib = ctypes.CDLL(find_library('foo'))\nbar = ctypes.CDLL(\"libbar.so.1\")\n";

test!(a_call_in_a_source_is_possible, needs = NEEDS);
fn a_call_in_a_source_is_possible() {
    let fixture = root(&["libfoo.so.1", "libbar.so.1"]);
    distribution(&fixture, "some-thing", CALLS, &[]);
    said(&fixture, &[]).is(
        0,
        "",
        "find-libdeps: possible: some-thing 1: libbar1 (some_thing.py:5), libfoo1 (some_thing.py:4)\n",
    );
    said(&fixture, &["--dlopen=all"]).is(0, "libbar1\nlibfoo1\n", "");
    said(&fixture, &["--dlopen=off"]).is(0, "", "");
    said(&fixture, &["--quiet"]).is(0, "", "");
    // So is one in a source that is a PATH itself.
    let file = format!("{SITE}/some_thing.py");
    said_without_cache(run(&fixture, "root").args(["--dlopen=all", &file])).is(
        0,
        "libbar1\nlibfoo1\n",
        "",
    );
    // Its own copy meets the need, except where `find_library` searches for it.
    let own = ["some/libfoo.so", "some/libbar.so"];
    distribution(&fixture, "some-thing", CALLS, &own);
    said(&fixture, &["--dlopen=all"]).is(0, "libfoo1\n", "");
}

test!(a_call_may_have_alternatives, needs = NEEDS);
fn a_call_may_have_alternatives() {
    let fixture = root(&["libfoo.so.1", "libbar.so.1"]);
    let source = "import ctypes\nctypes.CDLL(find_library('none') or 'libbar.so.1')\n";
    distribution(&fixture, "thing", source, &[]);
    said(&fixture, &["--dlopen=all"]).is(0, "libbar1\n", "");
}

test!(a_link_of_a_dev_package_provides_nothing, needs = NEEDS);
fn a_link_of_a_dev_package_provides_nothing() {
    let fixture = root(&["libfoo.so.1"]);
    let link = format!("{LIB}/libfoo.so");
    fixture.link("libfoo.so.1.2", &format!("root{link}"));
    package(&fixture, "libfoo-dev", &[&link]);
    let source = "import ctypes\nctypes.CDLL('libfoo.so')\n";
    distribution(&fixture, "thing", source, &[]);
    let named = "find-libdeps: possible: thing 1: libfoo.so (thing.py:2), not installed\n";
    said(&fixture, &["--dlopen=all"]).is(0, "", named);
}

test!(a_listed_package_is_not_also_possible, needs = NEEDS);
fn a_listed_package_is_not_also_possible() {
    let fixture = root(&["libfoo.so.1"]);
    distribution(&fixture, "thing", CALLS, &[]);
    let library = format!("root{LIB}/libfoo.so.1");
    fixture.library(
        &format!("root{SITE}/ext.so"),
        "int x;",
        &[fixture.text(&library).as_str()],
    );
    said(&fixture, &[]).is(
        0,
        "libfoo1\n",
        "find-libdeps: possible: thing 1: libbar.so.1 (thing.py:5), not installed\n",
    );
}

test!(what_is_missing_is_not_also_possible, needs = NEEDS);
/// As of numba, whose module needs libtbb and whose sources try to load it first.
fn what_is_missing_is_not_also_possible() {
    let fixture = root(&[]);
    let calls = "import ctypes\nctypes.CDLL('libfoo.so.1')\nctypes.util.find_library('foo')\n";
    distribution(&fixture, "thing", calls, &[]);
    let needs = needing(&fixture, "libfoo.so.1");
    fixture.library(&format!("root{SITE}/ext.so"), "int x;", &[&needs]);
    let missing =
        format!("find-libdeps: missing: libfoo.so.1, needed by {SITE}/ext.so\n{INSTALL_HINT}");
    said(&fixture, &[]).is(0, "", &missing);

    let own = "-Wl,-soname,libfoo.so.1";
    fixture.library("root/usr/local/lib/libfoo.so.1", "int x;", &[own]);
    fixture.file("root/etc/ld.so.conf", "/usr/local/lib\n");
    let unowned = format!(
        "find-libdeps: unowned: /usr/local/lib/libfoo.so.1, needed by {SITE}/ext.so: no package ships \
         it\n{COPY_HINT}"
    );
    said(&fixture, &[]).is(0, "", &unowned);
}

test!(an_ignored_name_is_not_loaded, needs = NEEDS);
fn an_ignored_name_is_not_loaded() {
    let fixture = root(&["libfoo.so.1"]);
    distribution(&fixture, "thing", CALLS, &[]);
    let arguments = ["--dlopen=all", "--ignore", "^libbar"];
    said(&fixture, &arguments).is(0, "libfoo1\n", "");
    // Of what is not there the name is shown without a version.
    let absent = "import ctypes.util\nctypes.util.find_library('none')\n";
    distribution(&fixture, "thing", absent, &[]);
    let possible = "find-libdeps: possible: thing 1: libnone.so.* (thing.py:2), not installed\n";
    said(&fixture, &[]).is(0, "", possible);
    said(&fixture, &["--ignore", r"^libnone\.so"]).is(0, "", "");
}

test!(
    the_needs_of_an_unowned_loaded_library_are_followed,
    needs = NEEDS
);
fn the_needs_of_an_unowned_loaded_library_are_followed() {
    let fixture = root(&["libfoo.so.1"]);
    let needs = fixture.text(&format!("root{LIB}/libfoo.so.1"));
    fixture.library(
        "root/usr/local/lib/libmagic.so.1",
        "int x;",
        &["-Wl,-soname,libmagic.so.1", &needs],
    );
    fixture.file("root/etc/ld.so.conf", "/usr/local/lib\n");
    distribution(&fixture, "python-magic", "", &[]);
    said(&fixture, &[]).is(
        0,
        "libfoo1\n",
        &format!(
            "find-libdeps: unowned: /usr/local/lib/libmagic.so.1, loaded by \
             python-magic 1 (/venv/lib/python3/site-packages/python_magic-1.dist-info): no package ships it\n\
             {COPY_HINT}"
        ),
    );
}

test!(an_unowned_possible_library_is_reported, needs = NEEDS);
fn an_unowned_possible_library_is_reported() {
    let fixture = root(&["libbar.so.1"]);
    let own = "-Wl,-soname,libfoo.so.1";
    fixture.library("root/usr/local/lib/libfoo.so.1", "int x;", &[own]);
    fixture.file("root/etc/ld.so.conf", "/usr/local/lib\n");
    distribution(&fixture, "thing", CALLS, &[]);
    said(&fixture, &["--strict"]).is(
        0,
        "",
        "find-libdeps: possible: thing 1: libbar1 (thing.py:5); /usr/local/lib/libfoo.so.1 \
         (thing.py:4), in no package\n",
    );
}

test!(hostile_sources_are_read_in_bounded_time, needs = NEEDS);
fn hostile_sources_are_read_in_bounded_time() {
    let fixture = root(&["libfoo.so.1"]);
    let call = "ctypes.CDLL('libfoo.so.1')\n";
    let deep = "CDLL(".repeat(1 << 20);
    let line = format!("x = '{}'\n", "CDLL(".repeat(10 << 20));
    let mut bytes = b"\xff\xfe\0'''\0".to_vec();
    bytes.extend(call.as_bytes());
    for (name, source) in [
        ("deep", [deep.as_bytes(), call.as_bytes()].concat()),
        ("line", [line.as_bytes(), call.as_bytes()].concat()),
        ("bytes", bytes),
        (
            "open",
            format!("dlopen = '''{}", "\"\"\"'".repeat(1 << 20)).into_bytes(),
        ),
    ] {
        fixture.file(&format!("root{SITE}/{name}.py"), source);
    }
    said(&fixture, &[]).is(
        0,
        "",
        "find-libdeps: warning: /venv/lib/python3/site-packages/deep.py: not searched for library names: \
         more than 1048576 tokens\n\
         find-libdeps: warning: /venv/lib/python3/site-packages/line.py: not searched for library names: \
         it has more than 8388608 bytes\n",
    );
}
