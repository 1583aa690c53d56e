//! `--check`: what fails in the root where the tree runs, held against that root's own loader.

use crate::fixture::{Fixture, PROGRAM, Report};
use crate::oracle::{needing, runpath, soname};
use crate::own_root::{LOADER, add, inside, ldconfig, loader, root, run, said_without_cache};
use crate::schema;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::{Run, Said};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

const TOOLS: &[Need] = &[Need::Cc, Need::Ldd];
const LIB: &str = "/usr/lib/x86_64-linux-gnu";
const MISSING_HINT: &str = "find-libdeps: hint: install the packages that find-libdeps listed in the \
                            builder, or pass `--ignore REGEX`; with `--expect`, its `--json` report \
                            names them\n";
const DEFAULTS: &str = "/etc/ld.so.cache, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, \
                        /usr/lib";

/// A program that exits with 0 and needs nothing that it is not given.
const EXIT: &str = r#"void _start(void) { __asm__("mov $60, %eax; xor %edi, %edi; syscall"); }"#;

fn check(fixture: &Fixture, arguments: &[&str]) -> Said {
    let run = run(fixture, "root").args(["--check", "/venv"]);
    run.args(arguments).said()
}

/// Both the check and the root's loader accept the extension.
#[track_caller]
fn both_accept(fixture: &Fixture) {
    check(fixture, &[]).is(0, "", "");
    let said = loader(fixture);
    assert!(said.iter().all(|line| line.contains(" => ")), "{said:?}");
}

/// Both refuse it: the check with these lines, the loader with an error that ends so.
#[track_caller]
fn both_refuse(fixture: &Fixture, lines: &str, error: &str) {
    check(fixture, &[]).is(1, "", lines);
    let said = loader(fixture);
    assert!(said.iter().any(|line| line.ends_with(error)), "{said:?}");
}

/// An extension that needs `liba.so.1`, and that library, which needs `libb.so.1`.
fn chain(fixture: &Fixture) {
    let stub = needing(fixture, "liba.so.1");
    fixture.library("root/venv/ext.so", "int x;", &[&stub]);
    let stub = needing(fixture, "libb.so.1");
    let name = inside(&format!("{LIB}/liba.so.1"));
    fixture.library(&name, "int x;", &[&soname("liba.so.1"), &stub]);
}

test!(what_a_packaged_library_needs_is_checked, needs = TOOLS);
fn what_a_packaged_library_needs_is_checked() {
    let fixture = root("");
    chain(&fixture);
    let text = format!(
        "libb.so.1, needed by {LIB}/liba.so.1 (loaded for /venv/ext.so): not in {DEFAULTS}"
    );
    both_refuse(
        &fixture,
        &format!("find-libdeps: missing: {text}\n{MISSING_HINT}"),
        "libb.so.1: cannot open shared object file",
    );
    check(&fixture, &["--ignore", "^libb"]).is(0, "", "");
    check(&fixture, &["--exclude", "ext.so$"]).is(0, "", "");
    let line = format!("find-libdeps: missing: {text}\n");
    check(&fixture, &["--quiet"]).is(1, "", &line);

    let report = r#"{"packages": [{"name": "liba1", "version": "1-2", "listed_for": ["liba.so.1"]}],
        "needed": [{"name": "liba.so.1", "path": "/usr/lib/x86_64-linux-gnu/liba.so.1",
        "provider": "package", "package": "liba1"}]}"#;
    let report = fixture.file("report.json", report);
    let report = report.to_str().expect("UTF-8");
    let line = format!("find-libdeps: missing: {text}; install liba1 with its dependencies\n");
    check(&fixture, &["--expect", report]).is(1, "", &line);
    let missing = r#"{"packages": [], "needed": [{"name": "libb.so.1", "path": null,
        "provider": "missing", "package": null}]}"#;
    let missing = fixture.file("missing.json", missing);
    let known = format!(
        "find-libdeps: warning: {LIB}/liba.so.1: libb.so.1, needed by it, was missing in the builder, \
         too\n"
    );
    let missing = missing.to_str().expect("UTF-8");
    check(&fixture, &["--expect", missing]).is(0, "", &known);
    let said = check(&fixture, &["--expect", missing, "--json"]);
    let json: Value = serde_json::from_str(&said.stdout).expect("JSON");
    schema::holds("check.schema.json", &json);
    let warnings = serde_json::json!([{
        "path": format!("{LIB}/liba.so.1"),
        "message": "libb.so.1, needed by it, was missing in the builder, too",
    }]);
    assert_eq!(
        (&json["failures"], &json["warnings"]),
        (&serde_json::json!([]), &warnings)
    );
    fs::remove_file(fixture.path(inside(&format!("{LIB}/liba.so.1")))).expect("it was made");
    let text = format!("liba.so.1, needed by /venv/ext.so: not in {DEFAULTS}");
    let other = format!(
        "find-libdeps: missing: {text}\nfind-libdeps: hint: the builder's report does not name the \
         packages of what is missing: make it from the same files, or pass `--ignore REGEX`\n"
    );
    check(&fixture, &["--expect", missing]).is(1, "", &other);
    let text = format!("{text}; install liba1");
    let line = format!("find-libdeps: missing: {text}\n");
    let said = check(&fixture, &["--expect", report, "--json"]);
    assert_eq!((said.status, said.stderr), (1, line));
    let json: Value = serde_json::from_str(&said.stdout).expect("JSON");
    schema::holds("check.schema.json", &json);
    let places: Vec<&str> = DEFAULTS.split(", ").collect();
    let expected = serde_json::json!([{
        "failure": "missing",
        "kind": "library",
        "name": "liba.so.1",
        "versions": [],
        "path": null,
        "needed_by": ["/venv/ext.so"],
        "loaded_for": null,
        "searched": places,
        "message": text,
    }]);
    assert_eq!(json["failures"], expected);
    assert_eq!(json["format"], 1);

    chain(&fixture);
    add(&fixture, &format!("{LIB}/libb.so.1"), "libb.so.1");
    both_accept(&fixture);
}

test!(
    without_a_cache_only_default_directories_are_searched,
    needs = TOOLS
);
fn without_a_cache_only_default_directories_are_searched() {
    let fixture = root("/opt/lib\n");
    let stub = needing(&fixture, "liba.so.1");
    fixture.library("root/venv/ext.so", "int x;", &[&stub]);
    add(&fixture, "/opt/lib/liba.so.1", "liba.so.1");
    both_refuse(
        &fixture,
        "find-libdeps: missing: liba.so.1, needed by /venv/ext.so: /opt/lib/liba.so.1 exists but is \
         not in the loader's cache\nfind-libdeps: hint: run `ldconfig`\n",
        "liba.so.1: cannot open shared object file",
    );
    ldconfig(&fixture, "root");
    both_accept(&fixture);
}

/// A library in `name` that defines `versions`, each with a function: `f2_38` for `GLIBC_2.38`.
fn versioned(fixture: &Fixture, name: &str, own_name: &str, versions: &[&str]) {
    let lines = |line: &dyn Fn(&str, String) -> String| -> String {
        let function = |it: &str| it.trim_start_matches("GLIBC_").replace('.', "_");
        versions.iter().map(|it| line(it, function(it))).collect()
    };
    let script = lines(&|version, function| format!("{version} {{ f{function}; }};\n"));
    fixture.file("versions", script);
    let source = lines(&|_, function| format!("void f{function}(void) {{}}\n"));
    let arguments = ["-Wl,--version-script=versions", &soname(own_name)];
    fixture.library(name, &source, &arguments);
}

test!(
    a_version_of_a_newer_builder_fails_once_for_all_files,
    needs = TOOLS
);
fn a_version_of_a_newer_builder_fails_once_for_all_files() {
    let fixture = root("");
    let liba = inside(&format!("{LIB}/liba.so.1"));
    versioned(&fixture, "newer", "liba.so.1", &["V1", "V2"]);
    versioned(&fixture, &liba, "liba.so.1", &["V1"]);
    let source = "void fV2(void); void g(void) { fV2(); }";
    for name in ["root/venv/ext.so", "root/venv/other.so"] {
        fixture.library(name, source, &["newer"]);
    }
    let hint = "find-libdeps: hint: the builder's system is newer than this one; build on the same \
                release\n";
    let text = format!("{LIB}/liba.so.1 does not define it\n{hint}");
    both_refuse(
        &fixture,
        &format!(
            "find-libdeps: version: V2 of liba.so.1, required by 2 files such as /venv/ext.so: {text}"
        ),
        "version `V2' not found (required by /venv/ext.so)",
    );
    // Through a library of another package.
    fs::remove_file(fixture.path("root/venv/other.so")).expect("it was made");
    let name = inside(&format!("{LIB}/libb.so.1"));
    fixture.library(&name, source, &["newer", &soname("libb.so.1")]);
    fixture.library("root/venv/ext.so", "int x;", &[&name]);
    both_refuse(
        &fixture,
        &format!(
            "find-libdeps: version: V2 of liba.so.1, required by {LIB}/libb.so.1 (loaded for \
             /venv/ext.so): {text}"
        ),
        "version `V2' not found (required by /usr/lib/x86_64-linux-gnu/libb.so.1)",
    );
    fs::copy(fixture.path("newer"), fixture.path(liba)).expect("a copy");
    both_accept(&fixture);
}

test!(
    no_package_is_suggested_where_the_c_library_is_of_an_older_release,
    needs = TOOLS
);
fn no_package_is_suggested_where_the_c_library_is_of_an_older_release() {
    let fixture = root("");
    let libc = inside(&format!("{LIB}/libc.so.6"));
    let versions = ["GLIBC_2.2.5", "GLIBC_2.38"];
    versioned(&fixture, "newer", "libc.so.6", &versions);
    versioned(&fixture, &libc, "libc.so.6", &versions[..1]);
    let stub = needing(&fixture, "liba.so.1");
    let source = "void f2_38(void); void g(void) { f2_38(); }";
    fixture.library("root/venv/ext.so", source, &["newer", &stub]);
    let version = |package: &str| {
        format!(
            "find-libdeps: version: GLIBC_2.38 of libc.so.6, required by /venv/ext.so: {LIB}/libc.so.6 \
             does not define it{package}\n"
        )
    };
    let missing =
        format!("find-libdeps: missing: liba.so.1, needed by /venv/ext.so: not in {DEFAULTS}\n");
    let hint = "find-libdeps: hint: the builder's system is newer than this one; build on the same \
                release\n";
    check(&fixture, &[]).is(1, "", &[&version(""), &missing, hint].concat());
    let report = r#"{"packages": [
        {"name": "liba1", "version": "1-2", "listed_for": ["liba.so.1"]},
        {"name": "libc6", "version": "2.41-12", "listed_for": ["libc.so.6"]}], "needed": []}"#;
    let report = fixture.file("report.json", report);
    let report = report.to_str().expect("UTF-8");
    let known = version("; the builder has libc6 2.41-12");
    let known = [&known, &missing, hint].concat();
    check(&fixture, &["--expect", report]).is(1, "", &known);

    add(&fixture, &format!("{LIB}/liba.so.1"), "liba.so.1");
    both_refuse(
        &fixture,
        &[&version(""), hint].concat(),
        "version `GLIBC_2.38' not found (required by /venv/ext.so)",
    );
}

test!(the_loader_of_a_program_must_exist, needs = TOOLS);
fn the_loader_of_a_program_must_exist() {
    let fixture = root("");
    fixture.program("root/venv/bin/p", &["-pie"]);
    check(&fixture, &[]).is(0, "", "");
    fs::remove_file(fixture.path(inside(LOADER))).expect("it was copied");
    let line = format!(
        "find-libdeps: missing: {LOADER}, needed by /venv/bin/p: it does not exist, or is for another \
         architecture\n{MISSING_HINT}"
    );
    check(&fixture, &[]).is(1, "", &line);
    let said = Run::new("chroot")
        .arg(fixture.path("root"))
        .arg("/venv/bin/p")
        .said();
    assert_eq!(said.status, 127, "{}", said.stderr);
}

test!(
    the_interpreter_must_exist_and_be_the_one_of_the_tree,
    needs = TOOLS
);
fn the_interpreter_must_exist_and_be_the_one_of_the_tree() {
    let fixture = root("");
    let site = "root/venv/lib/python3.12/site-packages";
    fixture.file("root/venv/pyvenv.cfg", "home = /usr/bin\n");
    fixture.link("/usr/bin/python3", "root/venv/bin/python3");
    for name in [
        "x.cpython-311-x86_64-linux-gnu.so",
        "y.cpython-312-x86_64-linux-gnu.so",
    ] {
        fixture.library(&format!("{site}/{name}"), "int x;", &[]);
    }
    let modules = "find-libdeps: interpreter: /venv/lib/python3.12: Python 3.12 does not import modules \
                   for Python 3.11, of which there are 1, such as \
                   site-packages/x.cpython-311-x86_64-linux-gnu.so\n";
    let absent = "find-libdeps: interpreter: /venv/bin/python3: leads to /usr/bin/python3, which does \
                  not exist; the virtualenv needs the interpreter that it was made with, at the same \
                  path\n";
    // The cause of what scripts lack is reported once.
    fixture.script("root/venv/bin/tool", "#!/venv/bin/python3\n");
    check(&fixture, &[]).is(1, "", &[absent, modules].concat());
    // The module for the right version stands in for the other.
    fixture.library(
        &format!("{site}/x.cpython-312-x86_64-linux-gnu.so"),
        "int x;",
        &[],
    );
    check(&fixture, &[]).is(1, "", absent);

    // What the program of the interpreter needs is needed, too.
    fixture.link("python3.12", "root/usr/bin/python3");
    fixture.file("root/usr/lib/python3.12/os.py", "");
    let stub = needing(&fixture, "liba.so.1");
    fixture.program("root/usr/bin/python3.12", &["-pie", &stub]);
    let line = format!(
        "find-libdeps: missing: liba.so.1, needed by /usr/bin/python3.12: not in {DEFAULTS}\n\
         {MISSING_HINT}"
    );
    check(&fixture, &[]).is(1, "", &line);
    // What it has loaded satisfies the extension modules.
    let path = runpath("$ORIGIN/../libexec");
    fixture.program("root/usr/bin/python3.12", &["-pie", &stub, &path]);
    add(&fixture, "/usr/libexec/liba.so.1", "liba.so.1");
    fixture.library(&format!("{site}/z.abi3.so"), "int x;", &[&stub]);
    check(&fixture, &[]).is(0, "", "");

    fs::rename(
        fixture.path("root/usr/bin/python3.12"),
        fixture.path("root/usr/bin/python3.13"),
    )
    .expect("it was made");
    fs::remove_file(fixture.path("root/usr/bin/python3")).expect("it was made");
    fixture.link("python3.13", "root/usr/bin/python3");
    let other = "find-libdeps: interpreter: /venv/bin/python3: is Python 3.13 (/usr/bin/python3.13), \
                 but the virtualenv was made for Python 3.12\n";
    check(&fixture, &[]).is(1, "", other);
}

test!(
    a_plugin_that_cannot_be_loaded_anyway_does_not_fail,
    needs = TOOLS
);
fn a_plugin_that_cannot_be_loaded_anyway_does_not_fail() {
    let fixture = root("");
    let qt = "root/venv/PyQt5/Qt5";
    fixture.library(
        &format!("{qt}/lib/libQt5Core.so.5"),
        "int x;",
        &[&soname("libQt5Core.so.5")],
    );
    let stubs = ["libQt5Core.so.5", "libQt5Gamepad.so.5"].map(|name| needing(&fixture, name));
    let path = runpath("$ORIGIN/../lib");
    let arguments = [stubs[0].as_str(), &stubs[1], &path];
    fixture.library(&format!("{qt}/plugins/libp.so"), "int x;", &arguments);
    check(&fixture, &[]).is(0, "", "");
    // What Python imports is meant to work.
    fixture.library(&format!("{qt}/plugins/m.abi3.so"), "int x;", &arguments);
    let line = format!(
        "find-libdeps: missing: libQt5Gamepad.so.5, needed by /venv/PyQt5/Qt5/plugins/m.abi3.so: not \
         in /venv/PyQt5/Qt5/plugins/../lib, {DEFAULTS}\n{MISSING_HINT}"
    );
    check(&fixture, &[]).is(1, "", &line);
}

test!(
    what_the_table_requires_is_checked_and_what_is_possible_is_not,
    needs = &[Need::Cc, Need::Ldd, Need::Ldconfig]
);
fn what_the_table_requires_is_checked_and_what_is_possible_is_not() {
    let fixture = root("");
    let site = "/venv/lib/python3/site-packages";
    for name in ["pytidylib", "python-magic"] {
        let file = format!("root{site}/{name}-1.dist-info/METADATA");
        fixture.file(&file, format!("Name: {name}\n"));
    }
    fixture.file(
        &format!("root{site}/a.py"),
        "import ctypes\nctypes.CDLL('libx.so.1')\n",
    );
    add(&fixture, &format!("{LIB}/libtidy.so.5"), "libtidy.so.5");
    ldconfig(&fixture, "root");
    let magic = format!(
        "find-libdeps: missing: libmagic.so.1, loaded by {site}/python-magic-1.dist-info: not in \
         {DEFAULTS}\n"
    );
    // The root has the cache, but nothing that prints it.
    let tidy = format!(
        "find-libdeps: missing: libtidy.so.*, loaded by {site}/pytidylib-1.dist-info: `find_library` \
         does not find it, as `/sbin/ldconfig -p` does not print it\n"
    );
    check(&fixture, &[]).is(1, "", &[magic.as_str(), &tidy, MISSING_HINT].concat());
    fixture.file("root/sbin/ldconfig", "");
    check(&fixture, &[]).is(1, "", &[magic.as_str(), MISSING_HINT].concat());
    check(&fixture, &["--dlopen=off"]).is(0, "", "");
    add(&fixture, &format!("{LIB}/libmagic.so.1"), "libmagic.so.1");
    check(&fixture, &[]).is(0, "", "");

    // A program may lie in the virtualenv around the PATH.
    let file = format!("root{site}/gitpython-1.dist-info/METADATA");
    fixture.file(&file, "Name: gitpython\n");
    fixture.script("root/venv/bin/git", "");
    fixture.compile("root/venv/bin/python3", EXIT, &["-nostdlib", "-static"]);
    let check = || run(&fixture, "root").args(["--check", site]).said();
    let git = format!(
        "find-libdeps: missing: program git, run by {site}/gitpython-1.dist-info: not in /usr/sbin, \
         /usr/bin, /sbin, /bin, /usr/local/sbin, /usr/local/bin\n{MISSING_HINT}"
    );
    check().is(1, "", &git);
    fixture.file("root/venv/pyvenv.cfg", "");
    check().is(0, "", "");
}

test!(java_home_says_where_java_is_in_an_image);
fn java_home_says_where_java_is_in_an_image() {
    let fixture = Fixture::new();
    fixture.file(
        "site-packages/jpype1-1.dist-info/METADATA",
        "Name: jpype1\n",
    );
    fixture.file("java/lib/server/libjvm.so", "");
    let check = |option: &str| {
        let run = fixture.run().env("JAVA_HOME", fixture.text("java"));
        run.args([option, "-q", "site-packages"]).said()
    };
    check("--check").is(0, "", "");
    let java = fixture.text("java/lib/server/libjvm.so\n");
    check("--files").is(0, &java, "");
    // Java 8.
    fs::remove_file(fixture.path("java/lib/server/libjvm.so")).expect("it was made");
    for library in [
        "jre/lib/amd64/server/libjvm.so",
        "lib/amd64/server/libjvm.so",
    ] {
        let path = fixture.file(&format!("java/{library}"), "");
        let java = fixture.text(&format!("java/{library}\n"));
        check("--files").is(0, &java, "");
        fs::remove_file(path).expect("it was made");
    }
}

/// A Python 3.12 that exits at once.
fn python(fixture: &Fixture) {
    fixture.file(&inside("/usr/lib/python3.12/os.py"), "");
    fixture.compile("root/usr/bin/python3.12", EXIT, &["-nostdlib", "-static"]);
    fixture.link("python3.12", "root/usr/bin/python3");
}

fn virtualenv(fixture: &Fixture, venv: &str) {
    fixture.link("/usr/bin/python3", &inside(&format!("{venv}/bin/python3")));
    fixture.file(&inside(&format!("{venv}/pyvenv.cfg")), "home = /usr/bin\n");
}

test!(a_link_to_a_virtualenv_elsewhere_is_reported, needs = TOOLS);
fn a_link_to_a_virtualenv_elsewhere_is_reported() {
    let fixture = root("");
    python(&fixture);
    virtualenv(&fixture, "/srv/venv");
    virtualenv(&fixture, "/opt/versions/1");
    fixture.library("root/opt/versions/1/ext.so", "int x;", &[]);
    fixture.link("versions/1", "root/opt/current");
    let check = |arguments: &[&str]| {
        let run = run(&fixture, "root").args(["--check", "/opt"]);
        run.args(arguments).said()
    };
    check(&[]).is(0, "", "");
    fixture.link("/srv/venv", "root/opt/venv");
    let line = "find-libdeps: unread: /opt/venv: links to the virtualenv /srv/venv, which is outside the \
                PATHs and not read; pass that, too, or exclude the link\n";
    check(&[]).is(1, "", line);
    check(&["/srv/venv"]).is(0, "", "");
    check(&["--exclude=^/opt/venv$"]).is(0, "", "");
}

test!(
    a_python_source_among_programs_is_a_script_too,
    needs = TOOLS
);
fn a_python_source_among_programs_is_a_script_too() {
    let fixture = root("");
    python(&fixture);
    virtualenv(&fixture, "/venv");
    let source = "#!/usr/bin/perl\nimport ctypes\nctypes.CDLL('libx.so.1')\n";
    fixture.script("root/venv/bin/a.py", source);
    let said = said_without_cache(run(&fixture, "root").arg("/venv"));
    let report = "find-libdeps: missing: program /usr/bin/perl, run by /venv/bin/a.py\n\
                  find-libdeps: possible: libx.so.1, not installed (/venv/bin/a.py:3)\n";
    assert!(said.stderr.starts_with(report), "{}", said.stderr);
    let line = format!(
        "find-libdeps: missing: program /usr/bin/perl, run by /venv/bin/a.py: it does not exist, or is not \
         executable\n{MISSING_HINT}"
    );
    check(&fixture, &[]).is(1, "", &line);
    check(&fixture, &["--dlopen=off"]).is(0, "", "");
}

/// A script, its first line and, if nothing starts it, which program is missing and why.
type Script = (
    &'static str,
    &'static [u8],
    Option<(&'static str, &'static str)>,
);

const CARRIAGE_RETURN: &str = "the interpreter's name ends in a carriage return";
const SCRIPTS: [Script; 7] = [
    ("args", b"#!/usr/bin/python3 -u -x \t\n", None),
    ("env-s", b"#!/usr/bin/env -S python3 -u\r\n", None),
    (
        "relative",
        b"#!python3\n",
        Some((
            "./python3",
            "the interpreter's path is relative to the directory in which the script is started",
        )),
    ),
    (
        "encoding",
        b"#!/opt/\xff/python3\n",
        Some((
            "/opt/\\xff/python3",
            "it does not exist, or is not executable",
        )),
    ),
    (
        "cr",
        b"#!/usr/bin/python3\r\n",
        Some(("/usr/bin/python3\\r", CARRIAGE_RETURN)),
    ),
    (
        "env-cr",
        b"#!/usr/bin/env python3\r\n",
        Some(("python3\\r", CARRIAGE_RETURN)),
    ),
    (
        "env-words",
        b"#!/usr/bin/env python3 -u\n",
        Some((
            "python3 -u",
            "env takes all that follows it in a `#!` line for one name",
        )),
    ),
];

/// A root with these scripts, and two with lines longer than the kernel reads, the interpreter's name of
/// one of which has `length` bytes.
fn with_scripts(length: usize) -> (Fixture, String) {
    let fixture = root("");
    python(&fixture);
    virtualenv(&fixture, "/venv");
    // The real one, with what it needs.
    for path in ["/usr/bin/env", &format!("{LIB}/libc.so.6")] {
        fs::copy(path, fixture.path(inside(path))).expect("a copy");
    }
    for (name, content, _) in SCRIPTS {
        fixture.script(&format!("root/venv/bin/{name}"), content);
    }
    let line = format!("#!/usr/bin/python3 {}", "x".repeat(300));
    fixture.script("root/venv/bin/long-argument", line);
    let long = format!("/{}/python3", "x".repeat(length - "//python3".len()));
    fixture.script("root/venv/bin/long", format!("#!{long}\n"));
    (fixture, long)
}

/// Whether the kernel, the root's env and its loader start the script.
fn starts(fixture: &Fixture, name: &str) -> bool {
    let run = Run::new("chroot").arg(fixture.path("root"));
    run.arg(format!("/venv/bin/{name}")).said().status == 0
}

test!(
    a_first_line_that_no_system_can_start_is_a_failure,
    needs = TOOLS
);
fn a_first_line_that_no_system_can_start_is_a_failure() {
    let (fixture, _) = with_scripts(254);
    let missing = SCRIPTS.iter().filter_map(|(name, _, failure)| {
        let (program, why) = failure.as_ref()?;
        let path = format!("/venv/bin/{name}");
        Some(format!(
            "find-libdeps: missing: program {program}, run by {path}: {why}\n"
        ))
    });
    let unused = "or pass `--exclude REGEX` for scripts that are not used\n";
    let lines = [
        missing.collect(),
        "find-libdeps: refused: /venv/bin/long: the kernel does not start it, as the interpreter's name \
         in its `#!` line does not end within 256 bytes; pass `--exclude REGEX` for scripts that are not \
         used\n"
            .to_owned(),
        format!(
            "find-libdeps: hint: end the lines of the script with a line feed alone (`dos2unix`), {unused}"
        ),
        "find-libdeps: hint: the scripts of a virtualenv name its path; build it at the path where it \
         runs, or pass `--exclude REGEX` for scripts that are not used\n"
            .to_owned(),
        format!("find-libdeps: hint: write `env -S` in the `#!` line, {unused}"),
        format!("find-libdeps: hint: write an absolute path in the `#!` line, {unused}"),
    ];
    check(&fixture, &[]).is(1, "", &lines.concat());
    for (name, _, failure) in SCRIPTS {
        assert_eq!(starts(&fixture, name), failure.is_none(), "{name}");
    }
    assert!(starts(&fixture, "long-argument"));
    assert!(!starts(&fixture, "long"));
}

test!(
    env_needs_a_program_and_busyboxs_has_no_s,
    needs = &[Need::Cc, Need::Ldd, Need::Root, Need::Program("busybox")]
);
fn env_needs_a_program_and_busyboxs_has_no_s() {
    let (fixture, _) = with_scripts(253);
    for (name, ..) in SCRIPTS.iter().filter(|(name, ..)| *name != "env-s") {
        fs::remove_file(fixture.path(format!("root/venv/bin/{name}"))).expect("it was made");
    }
    fs::remove_file(fixture.path("root/venv/bin/long")).expect("it was made");
    check(&fixture, &[]).is(0, "", "");
    assert!(starts(&fixture, "env-s"));

    fixture.script("root/venv/bin/bare", "#!/usr/bin/env\n");
    let endless = "find-libdeps: refused: /venv/bin/bare: its `#!` line names no program, so env runs the \
                   script itself, without end; name one, or pass `--exclude REGEX` for scripts that are \
                   not used\n";
    check(&fixture, &[]).is(1, "", endless);
    let limited = "ulimit -t 1; exec chroot root /venv/bin/bare";
    let killed = || {
        Run::new("sh")
            .args(["-c", limited])
            .dir(fixture.path(""))
            .said()
    };
    // It runs until its processor time is up.
    killed().is(128 + 9, "", "");

    let busybox = Run::new("sh").args(["-c", "command -v busybox"]).must();
    fs::create_dir(fixture.path("root/bin")).expect("a directory");
    for (from, to) in [
        (busybox.trim_end(), "root/bin/busybox"),
        (
            &format!("{LIB}/libresolv.so.2"),
            &inside(&format!("{LIB}/libresolv.so.2")),
        ),
    ] {
        fs::copy(from, fixture.path(to)).expect("a copy");
    }
    fs::remove_file(fixture.path("root/usr/bin/env")).expect("it is there");
    fixture.link("/bin/busybox", "root/usr/bin/env");
    let splits = "find-libdeps: refused: /venv/bin/env-s: BusyBox's env has no `-S`, as in its `#!` line; \
                  install coreutils, or pass `--exclude REGEX` for scripts that are not used\n";
    check(&fixture, &[]).is(1, "", &[endless, splits].concat());
    assert!(!starts(&fixture, "env-s"));
    killed().is(128 + 9, "", "");
}

test!(
    a_strange_name_is_the_interpreters_if_that_exists,
    needs = TOOLS
);
fn a_strange_name_is_the_interpreters_if_that_exists() {
    let (fixture, long) = with_scripts(253);
    for name in [
        b"usr/bin/python3\r",
        &b"usr/bin/python3 -u"[..],
        b"opt/\xff/python3",
        &long.as_bytes()[1..],
    ] {
        let to = fixture.path("root").join(OsStr::from_bytes(name));
        fs::create_dir_all(to.parent().expect("a directory")).expect("a directory");
        fs::copy(fixture.path("root/usr/bin/python3.12"), to).expect("a copy");
    }
    fs::remove_file(fixture.path("root/venv/bin/relative")).expect("it was made");
    check(&fixture, &[]).is(0, "", "");
    let names = SCRIPTS.iter().map(|(name, ..)| *name);
    for name in names.filter(|it| *it != "relative").chain(["long"]) {
        assert!(starts(&fixture, name), "{name}");
    }
}

test!(
    scripts_that_another_virtualenv_runs_are_one_warning,
    needs = TOOLS
);
fn scripts_that_another_virtualenv_runs_are_one_warning() {
    let fixture = root("");
    python(&fixture);
    for name in ["/bin/sh", "/usr/bin/env"] {
        fixture.compile(&inside(name), EXIT, &["-nostdlib", "-static"]);
    }
    virtualenv(&fixture, "/srv/original");
    virtualenv(&fixture, "/srv/copy");
    fixture.library("root/srv/copy/ext.so", "int x;", &[]);
    fixture.link("copy", "root/srv/current");
    let relocatable = "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python3' \"$0\" \
                       \"$@\"\n' '''\n";
    for (name, content) in [
        ("env", "#!/usr/bin/env python3\n"),
        ("other", "#!/usr/bin/python3\n"),
        ("own", "#!/srv/current/bin/python3\n"),
        ("relocatable", relocatable),
    ] {
        fixture.script(&format!("root/srv/copy/bin/{name}"), content);
    }
    let check = |arguments: &[&str]| {
        let run = run(&fixture, "root").args(["--check", "/srv/copy"]);
        run.args(arguments).said()
    };
    check(&[]).is(0, "", "");

    fixture.script("root/srv/copy/bin/tool", "#!/srv/original/bin/python3\n");
    fixture.script(
        "root/srv/copy/bin/shell",
        "#!/bin/sh\n'''exec' \"/srv/original/bin/python3\" \"$0\" \"$@\"\n' '''\n",
    );
    let line = "find-libdeps: warning: /srv/copy: the Python of another virtualenv, /srv/original, runs 2 \
                scripts such as bin/shell; a copy keeps the paths of the original, so make the virtualenv \
                at its final path\n";
    check(&[]).is(0, "", line);
    check(&["--quiet"]).is(0, "", "");
    check(&["--dlopen=off"]).is(0, "", "");
    let list = || run(&fixture, "root").args(["--strict", "/srv/copy"]);
    said_without_cache(list()).is(0, "", line);

    fs::remove_dir_all(fixture.path("root/srv/original")).expect("it was made");
    said_without_cache(list()).is(0, "", "");
    let lines = "find-libdeps: missing: program /srv/original/bin/python3, run by 2 files such as \
                 /srv/copy/bin/shell: it does not exist, or is not executable\n\
                 find-libdeps: hint: the scripts of a virtualenv name its path; build it at the path where \
                 it runs, or pass `--exclude REGEX` for scripts that are not used\n";
    check(&[]).is(1, "", lines);
}

test!(
    what_starts_a_script_of_a_virtualenv_must_exist,
    needs = TOOLS
);
fn what_starts_a_script_of_a_virtualenv_must_exist() {
    let fixture = root("");
    let venv = "/opt/services/app/venv";
    python(&fixture);
    virtualenv(&fixture, venv);
    let scripts = [
        ("a", "#!/build/venv/bin/python3\n"),
        (
            "b",
            "#!/bin/sh\n'''exec' \"/build/a b/bin/python\" \"$0\" \"$@\"\n' '''\n",
        ),
        ("c", "#!/usr/bin/env python3\n"),
        ("d", "#!/usr/bin/python3\n"),
    ];
    for (name, content) in scripts {
        fixture.script(&format!("root{venv}/bin/{name}"), content);
    }
    // A distribution ships it, as data of its tests.
    let data = format!("{venv}/lib/python3.12/site-packages/tests/venv");
    fixture.script(&format!("root{data}/bin/python3"), "#!/usr/bin/perl\n");
    fixture.file(&inside(&format!("{data}/pyvenv.cfg")), "");
    // `pip --target` writes the builder's interpreter into scripts, which are not run.
    fixture.script("root/opt/bin/f", "#!/usr/local/bin/python3.12\n");
    let check = |arguments: &[&str]| {
        let run = run(&fixture, "root").args(["--check", "/opt"]);
        run.args(arguments).said()
    };
    let starts = |name: &str| {
        let run = Run::new("chroot").arg(fixture.path("root"));
        run.arg(format!("{venv}/bin/{name}")).said().status == 0
    };
    let line = |program: &str, name: &str| {
        format!(
            "find-libdeps: missing: program {program}, run by {venv}/bin/{name}: it does not exist, or \
             is not executable\n"
        )
    };
    let moved = "find-libdeps: hint: the scripts of a virtualenv name its path; build it at the path \
                 where it runs, or pass `--exclude REGEX` for scripts that are not used\n";
    let lines = [
        line("/bin/sh", "b"),
        line("/build/a b/bin/python", "b"),
        line("/build/venv/bin/python3", "a"),
        line("/usr/bin/env", "c"),
        moved.to_owned(),
        "find-libdeps: hint: use a base image that has it, or pass `--exclude REGEX` for scripts that are \
         not used\n"
            .to_owned(),
    ];
    check(&[]).is(1, "", &lines.concat());
    assert_eq!(
        scripts.map(|(name, _)| starts(name)),
        [false, false, false, true]
    );
    let [_, b, a, ..] = &lines;
    let ignored = ["--ignore=^/bin/sh$", "--ignore=^/usr/bin/env$"];
    check(&ignored).is(1, "", &[b.as_str(), a, moved].concat());
    let excluded = [&ignored[..], &["--exclude=/bin/[ab]$"]].concat();
    check(&excluded).is(0, "", "");
    for name in ["/bin/sh", "/usr/bin/env"] {
        fixture.compile(&inside(name), EXIT, &["-nostdlib", "-static"]);
    }
    fixture.link(venv, "root/build/venv");
    fixture.link("../usr", "root/build/a b");
    fixture.link("python3", "root/usr/bin/python");
    check(&[]).is(0, "", "");
    assert_eq!(scripts.map(|(name, _)| starts(name)), [true; 4]);
}

test!(
    modules_for_a_python_that_the_image_lacks_fail_outside_a_virtualenv_too,
    needs = TOOLS
);
fn modules_for_a_python_that_the_image_lacks_fail_outside_a_virtualenv_too() {
    let fixture = root("");
    let site = "/usr/local/lib/python3.11/site-packages";
    for name in [
        "/app/deps/a/x.cpython-311-x86_64-linux-gnu.so",
        "/app/deps/a/y.abi3.so",
        "/app/deps/z.so",
        &format!("{site}/x.cpython-311-x86_64-linux-gnu.so"),
    ] {
        fixture.library(&inside(name), "int x;", &[]);
    }
    // In the image itself: with `--root` its `PATH` is not known.
    let copy = || Run::new("cp");
    copy()
        .arg(PROGRAM)
        .arg(fixture.path("root/find-libdeps"))
        .must();
    let libraries = ["libc.so.6", "libgcc_s.so.1", "libm.so.6"];
    copy()
        .args(libraries.map(|name| format!("{LIB}/{name}")))
        .arg(fixture.path(inside(LIB)))
        .must();
    let check = || {
        let run = Run::new("chroot").arg(fixture.path("root"));
        run.args(["/find-libdeps", "--check", "/app/deps", site])
            .said()
    };
    // Nothing shows who imports them.
    check().is(0, "", "");
    fixture.script("root/usr/bin/python3.12", "");
    fixture.link("python3.12", "root/usr/bin/python3");
    let line = |dir: &str, module: &str| {
        format!(
            "find-libdeps: interpreter: {dir}: the image has only Python 3.12, which does not import \
             modules for Python 3.11, of which there are 1, such as \
             {module}.cpython-311-x86_64-linux-gnu.so\n"
        )
    };
    let lines = [
        line("/app/deps", "a/x"),
        line("/usr/local/lib/python3.11", "site-packages/x"),
    ];
    check().is(1, "", &lines.concat());
    run(&fixture, "root")
        .args(["--check", "/app/deps", site])
        .said()
        .is(0, "", "");
    // A distribution has it for several versions, as a faster form of a source.
    let other = inside("/app/deps/a/x.cpython-310-x86_64-linux-gnu.so");
    fixture.library(&other, "int x;", &[]);
    check().is(1, "", &lines[1]);
    fs::remove_file(fixture.path(&other)).expect("it was made");
    // It may embed any version.
    fixture.program("root/app/deps/bin/p", &["-pie"]);
    check().is(0, "", "");
    fs::remove_file(fixture.path("root/app/deps/bin/p")).expect("it was made");
    // Its version may be the right one.
    fixture.script("root/usr/local/bin/python3", "");
    check().is(0, "", "");
    fs::remove_file(fixture.path("root/usr/local/bin/python3")).expect("it was made");
    fixture.script("root/usr/local/bin/python3.11", "");
    check().is(0, "", "");
}

test!(
    a_module_of_the_standard_library_may_lack_a_library_where_that_is_usual,
    needs = TOOLS
);
fn a_module_of_the_standard_library_may_lack_a_library_where_that_is_usual() {
    let fixture = root("");
    let library = "/usr/lib/python3.12";
    let module =
        |name: &str| format!("{library}/lib-dynload/{name}.cpython-312-x86_64-linux-gnu.so");
    for (name, soname) in [("_tkinter", "libtk8.6.so"), ("_ssl", "libssl.so.3")] {
        let stub = needing(&fixture, soname);
        fixture.library(&inside(&module(name)), "int x;", &[&stub]);
    }
    let site = "root/venv/lib/python3.12/site-packages";
    fixture.file(&format!("{site}/pure.py"), "");
    let said = |option: &str| {
        let run = run(&fixture, "root");
        run.args([option, library, "/venv"]).said()
    };
    let warning = |name: &str, soname: &str| {
        let module = module(name);
        format!("find-libdeps: warning: {module}: cannot be imported, as {soname} is missing\n")
    };
    let [ssl, tk] = [("_ssl", "libssl.so.3"), ("_tkinter", "libtk8.6.so")]
        .map(|(name, soname)| warning(name, soname));
    // In a builder the service does without them.
    said("--files").is(0, "", &[ssl, tk.clone()].concat());
    let failure = |name: &str, soname: &str| {
        let module = module(name);
        format!("find-libdeps: missing: {soname}, needed by {module}: not in {DEFAULTS}\n")
    };
    let ssl = failure("_ssl", "libssl.so.3");
    said("--check").is(1, "", &[&tk, ssl.as_str(), MISSING_HINT].concat());
    // Something needs it.
    fixture.file(
        &format!("{site}/easygui-1.dist-info/METADATA"),
        "Name: easygui\n",
    );
    let tk = failure("_tkinter", "libtk8.6.so");
    said("--check").is(1, "", &[&ssl, tk.as_str(), MISSING_HINT].concat());
}

test!(files_are_all_that_the_tree_is_loaded_with, needs = TOOLS);
fn files_are_all_that_the_tree_is_loaded_with() {
    let fixture = root("/opt/lib\n");
    let name = inside("/opt/lib/liba.so.1.2");
    fixture.library(&name, "int x;", &[&soname("liba.so.1")]);
    fixture.link("liba.so.1.2", &inside("/opt/lib/liba.so.1"));
    add(&fixture, "/opt/lib/unneeded.so.1", "unneeded.so.1");
    let stub = needing(&fixture, "liba.so.1");
    fixture.compile("root/venv/p", EXIT, &["-nostdlib", "-pie", &stub]);
    let files = |arguments: &[&str]| {
        let run = run(&fixture, "root").args(["--files", "/venv"]);
        run.args(arguments).said()
    };
    let said = files(&[]);
    assert_eq!(
        (said.status, said.stdout.as_str()),
        (1, ""),
        "{}",
        said.stderr
    );
    ldconfig(&fixture, "root");
    let list = format!("/etc/ld.so.cache\n{LOADER}\n/opt/lib/liba.so.1\n/opt/lib/liba.so.1.2\n");
    files(&[]).is(0, &list, "");
    fixture.file("list", &list);
    let script = "sed s,/,, list | tar -C root -cT - venv | tar --one-top-level=image -x && \
                  chroot image /venv/p";
    Run::new("sh")
        .args(["-c", script])
        .dir(fixture.path(""))
        .must();

    // A program that code runs, and what it needs.
    let metadata = "root/venv/lib/python3/site-packages/gitpython-1.dist-info/METADATA";
    fixture.file(metadata, "Name: gitpython\n");
    add(&fixture, "/opt/lib/libgit.so.1", "libgit.so.1");
    let stub = needing(&fixture, "libgit.so.1");
    fixture.compile("root/usr/bin/git", EXIT, &["-nostdlib", "-pie", &stub]);
    ldconfig(&fixture, "root");
    let git = format!("{list}/opt/lib/libgit.so.1\n/usr/bin/git\n");
    files(&[]).is(0, &git, "");
}

test!(what_cannot_be_checked_is_status_2, needs = TOOLS);
fn what_cannot_be_checked_is_status_2() {
    let fixture = root("");
    let error = |arguments: &[&str]| {
        let said = run(&fixture, "root").args(arguments).said();
        assert_eq!(
            (said.status, said.stdout.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        said.stderr
    };
    let absent = "find-libdeps: error: cannot read /nothing: No such file or directory (os error 2) \
                  (below the root ";
    assert!(error(&["--check", "/nothing"]).starts_with(absent));
    let report = fixture.file("report.json", "[]");
    let text = error(&[
        "--check",
        "/venv",
        "--expect",
        report.to_str().expect("UTF-8"),
    ]);
    let end = "; pass what `find-libdeps --json` printed in the builder\n";
    assert!(text.ends_with(end), "{text}");
    for option in ["--explain", "--lookup", "--strict", "--files"] {
        error(&["--check", option, "/venv"]);
    }
    for arguments in [
        &["--check", "--trace", "/venv", "--", "true"][..],
        &["--expect", "x", "/venv"],
        &["--files", "--json", "/venv"],
    ] {
        error(arguments);
    }
}

test!(
    an_ordinary_report_is_what_a_check_expects,
    needs = &[Need::Cc, Need::Ldd, Need::Dpkg]
);
fn an_ordinary_report_is_what_a_check_expects() {
    let fixture = root("");
    chain(&fixture);
    add(&fixture, &format!("{LIB}/libb.so.1"), "libb.so.1");
    crate::own_root::package(&fixture, "liba1", &[&format!("{LIB}/liba.so.1")]);
    let report = Report::of(run(&fixture, "root").arg("-q"), "/venv").0;
    let report = fixture.file("report.json", report.to_string());
    fs::remove_file(fixture.path(inside(&format!("{LIB}/liba.so.1")))).expect("it was made");
    let line = format!(
        "find-libdeps: missing: liba.so.1, needed by /venv/ext.so: not in {DEFAULTS}; install liba1\n"
    );
    check(&fixture, &["--expect", report.to_str().expect("UTF-8")]).is(1, "", &line);
}
