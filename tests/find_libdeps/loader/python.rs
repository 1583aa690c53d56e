//! What the python of a virtualenv lends to the extensions that it loads.

use crate::fixture::Fixture;
use crate::oracle::{TOOLS, differs, ldd, library, needing, proves, rpath, runpath};
use crate::support::harness::test;
use crate::support::run::Run;
use std::path::PathBuf;

/// A virtualenv with a python that has this search path, and an extension in it.
fn python(fixture: &Fixture, path: &str) -> PathBuf {
    let needed = needing(fixture, "liba.so.1");
    library(fixture, "python/lib/liba.so.1", &[]);
    fixture.program("python/bin/python3.99", &[path]);
    fixture.file("python/lib/python3.99/os.py", "");
    fixture.file("venv/pyvenv.cfg", "home = /nowhere\n");
    fixture.link("../../python/bin/python3.99", "venv/bin/python");
    fixture.link("python", "venv/bin/python3");
    let name = "venv/lib/python3.99/site-packages/a.cpython-399-x86_64-linux-gnu.so";
    fixture.library(name, "int x;", &[&needed])
}

test!(
    rpath_of_the_pythons_executable_counts_for_an_extension,
    needs = TOOLS
);
fn rpath_of_the_pythons_executable_counts_for_an_extension() {
    let fixture = Fixture::new();
    let file = python(&fixture, &rpath("$ORIGIN/../lib"));
    let wanted = "liba.so.1: unowned python/lib/liba.so.1 (rpath)";
    // ldd loads the extension without a python.
    differs(&fixture, &file, &[wanted], &[], &["liba.so.1 => not found"]);
    // A python that has the extension loaded shows what its RPATH is good for.
    let extension = file.to_str().expect("ASCII");
    let arguments = [extension, &rpath("$ORIGIN/../lib")];
    let process = fixture.program("python/bin/process", &arguments);
    let theirs = ldd(&fixture, Run::new("ldd"), &process);
    let found = "liba.so.1 => python/lib/liba.so.1".to_owned();
    assert!(theirs.contains(&found), "{theirs:?}");
}

test!(
    runpath_of_the_pythons_executable_does_not_count,
    needs = TOOLS
);
fn runpath_of_the_pythons_executable_does_not_count() {
    let fixture = Fixture::new();
    let file = python(&fixture, &runpath("$ORIGIN/../lib"));
    proves(&fixture, &file, &["liba.so.1: missing"], &[]);
    let extension = file.to_str().expect("ASCII");
    let arguments = [extension, &runpath("$ORIGIN/../lib")];
    let process = fixture.program("python/bin/process", &arguments);
    let theirs = ldd(&fixture, Run::new("ldd"), &process);
    let missing = "liba.so.1 => not found".to_owned();
    assert!(theirs.contains(&missing), "{theirs:?}");
}

test!(rpath_of_libpython_counts_for_an_extension, needs = TOOLS);
fn rpath_of_libpython_counts_for_an_extension() {
    let fixture = Fixture::new();
    let file = python(&fixture, "-Wl,-O1");
    // It is libpython that calls dlopen, so the extension is loaded by it.
    let libpython = library(
        &fixture,
        "python/lib/libpython3.99.so.1.0",
        &[&rpath("$ORIGIN")],
    );
    let path = runpath("$ORIGIN/../lib");
    fixture.program("python/bin/python3.99", &[&libpython, &path]);
    // ldd loads the extension without a python.
    differs(
        &fixture,
        &file,
        &["liba.so.1: unowned python/lib/liba.so.1 (rpath)"],
        &[],
        &["liba.so.1 => not found"],
    );
    // A libpython that has the extension loaded shows what its RPATH is good for.
    let extension = file.to_str().expect("ASCII");
    let loading = library(
        &fixture,
        "python/lib/libloading.so",
        &[extension, &rpath("$ORIGIN")],
    );
    let process = fixture.program("python/bin/process", &[&loading, &path]);
    let theirs = ldd(&fixture, Run::new("ldd"), &process);
    let found = "liba.so.1 => python/lib/liba.so.1".to_owned();
    assert!(theirs.contains(&found), "{theirs:?}");
}

test!(
    an_extension_in_the_prefix_of_a_python_is_loaded_by_it,
    needs = TOOLS
);
fn an_extension_in_the_prefix_of_a_python_is_loaded_by_it() {
    let fixture = Fixture::new();
    let file = python(&fixture, &rpath("$ORIGIN/../lib"));
    std::fs::remove_file(fixture.path("venv/pyvenv.cfg")).expect("it was made");
    let wanted = "liba.so.1: unowned python/lib/liba.so.1 (rpath)";
    // ldd loads the extension without a python.
    differs(&fixture, &file, &[wanted], &[], &["liba.so.1 => not found"]);
}

test!(
    each_of_several_virtualenvs_has_its_own_python,
    needs = TOOLS
);
fn each_of_several_virtualenvs_has_its_own_python() {
    let fixture = Fixture::new();
    python(&fixture, &rpath("$ORIGIN/../lib"));
    // The fixture itself lies above the virtualenv and in none.
    let (outcome, path, _) = fixture.report("").library("liba.so.1");
    assert_eq!(outcome, "bundled");
    assert_eq!(path, Some(fixture.text("python/lib/liba.so.1")));
}

test!(
    an_extension_outside_a_virtualenv_has_no_python,
    needs = TOOLS
);
fn an_extension_outside_a_virtualenv_has_no_python() {
    let fixture = Fixture::new();
    let file = python(&fixture, &rpath("$ORIGIN/../lib"));
    let outside = fixture.path("outside/a.cpython-399-x86_64-linux-gnu.so");
    std::fs::create_dir(fixture.path("outside")).expect("a directory");
    std::fs::rename(file, &outside).expect("it was made");
    assert_eq!(fixture.report("outside").library("liba.so.1").0, "missing");
    let theirs = ldd(&fixture, Run::new("ldd"), &outside);
    assert_eq!(theirs, ["liba.so.1 => not found"]);
}

test!(
    an_extension_with_a_runpath_ignores_the_pythons_rpath,
    needs = TOOLS
);
fn an_extension_with_a_runpath_ignores_the_pythons_rpath() {
    let fixture = Fixture::new();
    let first = python(&fixture, &rpath("$ORIGIN/../lib"));
    std::fs::remove_file(first).expect("it was made");
    let file = fixture.library(
        "venv/b.cpython-399-x86_64-linux-gnu.so",
        "int x;",
        &[&needing(&fixture, "liba.so.1"), &runpath("$ORIGIN/none")],
    );
    proves(&fixture, &file, &["liba.so.1: missing"], &[]);
    let extension = file.to_str().expect("ASCII");
    let arguments = [extension, &rpath("$ORIGIN/../lib")];
    let process = fixture.program("python/bin/process", &arguments);
    let theirs = ldd(&fixture, Run::new("ldd"), &process);
    let missing = "liba.so.1 => not found".to_owned();
    assert!(theirs.contains(&missing), "{theirs:?}");
}
