//! Commands under the loader's debug output: real programs, and what real loaders wrote.

use crate::fixture::{COPY_HINT, Fixture};
use crate::support::harness::test;
use crate::support::needs::Need::{Cc, Dpkg, Ldd, Python3, Root};
use crate::support::run::Run;
use find_libdeps::trace::command::{self, Trace, TraceError, TracedProgram};
use find_libdeps::trace::ld_debug::{
    self, DebugOutput, FailedLoad, LoadedObject, Program, Requester,
};
use find_libdeps::trace::select;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

/// The output for a program that loads libraries by name, by path and into another namespace, opens
/// missing, incomplete and already loaded ones, forks, and is replaced by another program; without
/// empty lines and most of the search.
const RECORDED: [(&str, &[u8]); 2] = [
    ("2.36", include_bytes!("ld_debug-2.36.txt")),
    ("2.41", include_bytes!("ld_debug-2.41.txt")),
];

/// Loads each of its arguments. `-fork` goes on in a child, `-exec` in another program.
const OPENER: &str = r#"
#include <dlfcn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int count, char **words) {
    for (int i = 1; i < count; i++) {
        if (!strcmp(words[i], "-exec")) { execv(words[i + 1], words + i + 1); return 9; }
        if (!strcmp(words[i], "-fork")) { if (fork()) { wait(0); return 0; } continue; }
        if (!dlopen(words[i], RTLD_NOW)) return 1;
    }
    return 0;
}"#;

fn traced<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: &[S]) -> Trace {
    let program = program.as_ref().to_owned();
    let arguments: Vec<OsString> = arguments.iter().map(|word| word.as_ref().into()).collect();
    command::run(&program, &arguments).expect("it can be traced")
}

/// What is selected of `trace`, where nothing in `fixture` has a package, and its `venv` is given.
fn libraries(fixture: &Fixture, trace: &Trace) -> Vec<String> {
    let inside = fixture.path("venv");
    let all = fixture.path("");
    let selection = select::select(
        trace,
        &|path| {
            path.canonicalize()
                .is_ok_and(|path| path.starts_with(&inside))
        },
        &|path| !path.starts_with(&all),
    );
    let text = |object: &&LoadedObject| fixture.relative(&object.path.display().to_string());
    selection.libraries.iter().map(text).collect()
}

/// The one process that was started as `name`.
fn process(trace: &Trace, name: impl AsRef<OsStr>) -> &TracedProgram {
    let mut named = trace
        .processes
        .iter()
        .filter(|process| process.name == name.as_ref());
    let (Some(process), None) = (named.next(), named.next()) else {
        panic!("not one process: {trace:#?}");
    };
    process
}

/// What `process` loaded, without the C library.
fn loaded(process: &TracedProgram) -> Vec<LoadedObject> {
    let is_other = |object: &&LoadedObject| object.requested != "libc.so.6";
    process.loaded.iter().filter(is_other).cloned().collect()
}

fn object(
    path: &Path,
    requested: impl AsRef<OsStr>,
    by: Requester,
    is_dlopen: bool,
) -> LoadedObject {
    LoadedObject {
        path: path.to_owned(),
        requested: requested.as_ref().to_owned(),
        by,
        is_dlopen,
    }
}

test!(the_output_of_two_releases_of_glibc_is_understood);
fn the_output_of_two_releases_of_glibc_is_understood() {
    let dir = Path::new("/lib/x86_64-linux-gnu");
    let needed = |name, by| object(&dir.join(name), name, by, false);
    let asked = |name| object(&dir.join(name), name, Requester::Program, true);
    let libc = dir.join("libc.so.6");
    let failed = |name: &str, by, is_dlopen, tried: Option<&str>| FailedLoad {
        requested: name.into(),
        by,
        is_dlopen,
        tried: tried.map(PathBuf::from),
    };
    let first = Program {
        name: "./r".into(),
        loaded: vec![
            needed("libc.so.6", Requester::Program),
            asked("libz.so.1"),
            object(
                Path::new("./lib with space.so"),
                "./lib with space.so",
                Requester::Program,
                true,
            ),
            object(
                Path::new("/t/libdata.so"),
                "$ORIGIN/libdata.so",
                Requester::Program,
                true,
            ),
            object(&libc, &libc, Requester::Unknown, true),
            needed("libc.so.6", Requester::Object(dir.join("libbz2.so.1.0"))),
            asked("libbz2.so.1.0"),
            asked("liblzma.so.5"),
        ],
        failed: vec![
            failed(
                "libnothere.so.7",
                Requester::Program,
                true,
                Some("/usr/lib/libnothere.so.7"),
            ),
            // The loader knows by then which directories do not exist.
            failed(
                "libmissing.so.1",
                Requester::Object("/t/liba.so".into()),
                false,
                None,
            ),
        ],
    };
    let second = Program {
        name: "other".into(),
        loaded: vec![needed("libc.so.6", Requester::Program), asked("libz.so.1")],
        failed: vec![],
    };
    let wanted = DebugOutput {
        programs: vec![first, second],
        is_cut_off: false,
        not_understood: None,
    };
    for (release, text) in RECORDED {
        let output = ld_debug::read(4711, text).expect("it can be read");
        assert_eq!(output, wanted, "{release}");
        let output = ld_debug::read(4711, &text[..text.len() - 1]).expect("it can be read");
        assert!(output.is_cut_off, "{release}");
    }
}

/// `venv/libinner.so` needs `far/libdep.so`, which needs `far/libmore.so`; all without the C
/// library.
fn chain(fixture: &Fixture) {
    let far = fixture.text("far");
    let rpath = format!("-Wl,-rpath,{far}");
    let stub = |name: &str| fixture.text(&format!("far/{name}"));
    fixture.library("far/libmore.so", "int m;", &["-Wl,-soname,libmore.so"]);
    let arguments = [&*stub("libmore.so"), &rpath, "-Wl,-soname,libdep.so"];
    fixture.library("far/libdep.so", "int d;", &arguments);
    fixture.library("venv/libinner.so", "int i;", &[&stub("libdep.so"), &rpath]);
}

fn opener(fixture: &Fixture) -> PathBuf {
    fixture.compile("opener", OPENER, &[])
}

test!(
    libraries_that_a_program_opens_are_traced,
    needs = &[Cc, Ldd]
);
fn libraries_that_a_program_opens_are_traced() {
    let fixture = Fixture::new();
    chain(&fixture);
    let opener = opener(&fixture);
    let inner = fixture.path("venv/libinner.so");
    let trace = traced(&opener, &[&inner]);
    assert_eq!((trace.status.code(), trace.warnings.len()), (Some(0), 0));
    let process = process(&trace, &opener);
    assert_eq!(process.program.as_deref(), Some(&*opener));
    let dep = fixture.path("far/libdep.so");
    let wanted = [
        object(
            &fixture.path("far/libmore.so"),
            "libmore.so",
            Requester::Object(dep.clone()),
            false,
        ),
        object(&dep, "libdep.so", Requester::Object(inner.clone()), false),
        object(&inner, &inner, Requester::Program, true),
    ];
    assert_eq!(loaded(process), wanted);
    // No package has libdep.so, so what it needs counts.
    let wanted = ["far/libdep.so", "far/libmore.so"];
    assert_eq!(libraries(&fixture, &trace), wanted);
}

test!(
    children_and_replaced_programs_are_traced,
    needs = &[Cc, Ldd]
);
fn children_and_replaced_programs_are_traced() {
    let fixture = Fixture::new();
    let opener = opener(&fixture);
    let library = |name: &str| fixture.library(name, "int x;", &[]);
    let [a, b, c] = ["a.so", "b.so", "c.so"].map(library);
    let words: [&OsStr; 6] = [
        a.as_ref(),
        "-fork".as_ref(),
        b.as_ref(),
        "-exec".as_ref(),
        opener.as_ref(),
        c.as_ref(),
    ];
    let trace = traced(&opener, &words);
    let loaded: Vec<Vec<LoadedObject>> = trace.processes.iter().map(loaded).collect();
    let asked = |path: &PathBuf| object(path, path, Requester::Program, true);
    let [parent, replaced] = [vec![asked(&a), asked(&b)], vec![asked(&c)]];
    // By number of the process, which may begin anew.
    assert!(
        loaded == [parent.clone(), replaced.clone()] || loaded == [replaced, parent],
        "{trace:#?}"
    );
}

test!(
    a_library_that_the_loader_refuses_is_not_loaded,
    needs = &[Cc, Ldd]
);
fn a_library_that_the_loader_refuses_is_not_loaded() {
    let fixture = Fixture::new();
    chain(&fixture);
    fs::remove_file(fixture.path("far/libmore.so")).expect("it is there");
    let opener = opener(&fixture);
    let trace = traced(&opener, &[fixture.path("venv/libinner.so")]);
    assert_eq!(trace.status.code(), Some(1));
    assert_eq!(loaded(process(&trace, &opener)), []);
}

test!(
    libraries_that_ctypes_opens_are_traced,
    needs = &[Cc, Ldd, Python3]
);
fn libraries_that_ctypes_opens_are_traced() {
    let fixture = Fixture::new();
    chain(&fixture);
    let script = format!(
        "import ctypes, socket, subprocess, sys\n\
         ctypes.CDLL('{}')\n\
         subprocess.run([sys.executable, '-c', 'import ctypes; ctypes.CDLL(\"{}\")'], check=True)\n\
         subprocess.run(['/bin/true'], check=True)\n",
        fixture.text("far/libdep.so"),
        fixture.text("venv/libinner.so"),
    );
    let trace = traced("/usr/bin/python3", &["-c", &script]);
    assert_eq!((trace.status.code(), trace.warnings.len()), (Some(0), 0));
    // Once asked for by ctypes, once needed by the library inside; and nothing of Python's own.
    let wanted = ["far/libdep.so", "far/libdep.so", "far/libmore.so"];
    assert_eq!(libraries(&fixture, &trace), wanted);
    let programs = select::select(&trace, &|_| false, &|_| true).programs;
    assert_eq!(Vec::from_iter(programs), [Path::new("/bin/true")]);
}

test!(commands_of_a_shell_script_are_traced, needs = &[Cc, Ldd]);
fn commands_of_a_shell_script_are_traced() {
    let fixture = Fixture::new();
    let opener = opener(&fixture);
    let library = fixture.library("venv/x.so", "int x;", &[]);
    let text = "#!/bin/sh\n\"$1\" \"$2\"\nexit 3\n";
    let script = fixture.file("script", text);
    Run::new("chmod").arg("+x").arg(&script).must();
    let trace = traced(&script, &[&opener, &library]);
    assert_eq!(trace.status.code(), Some(3));
    let wanted = [object(&library, &library, Requester::Program, true)];
    assert_eq!(loaded(process(&trace, &opener)), wanted);
    let sh = process(&trace, "/bin/sh");
    assert_eq!(sh.program.as_deref(), Some(Path::new("/bin/sh")));
}

test!(names_that_are_not_utf_8_are_traced, needs = &[Cc, Ldd]);
fn names_that_are_not_utf_8_are_traced() {
    let fixture = Fixture::new();
    let opener = opener(&fixture);
    let library = fixture.library("x.so", "int x;", &[]);
    let [odd, broken] = [&b"lib\xff [0];.so"[..], b"li\nb.so"].map(|name| {
        let path = fixture.path(OsStr::from_bytes(name));
        fs::copy(&library, &path).expect("a copy");
        path
    });
    let trace = traced(&opener, &[&odd]);
    assert_eq!(trace.warnings.len(), 0);
    let wanted = [object(&odd, &odd, Requester::Program, true)];
    assert_eq!(loaded(process(&trace, &opener)), wanted);

    let trace = traced(&opener, &[&broken]);
    let text = Vec::from_iter(trace.warnings).join("\n");
    let wanted = "opener: unexpected line in the loader's output, so a library that it loaded may be \
                  missing: `b.so [0];  dynamically loaded by opener [0]`";
    assert_eq!(fixture.relative(&text), wanted);
}

test!(
    a_relative_path_in_a_changed_directory_is_a_warning,
    needs = &[Cc, Ldd]
);
fn a_relative_path_in_a_changed_directory_is_a_warning() {
    let fixture = Fixture::new();
    opener(&fixture);
    fixture.library("lib/x.so", "int x;", &[]);
    let command = format!("cd {} && exec ../opener ./x.so", fixture.text("lib"));
    let trace = traced("sh", &["-c", &command]);
    let warning = "./x.so: loaded by ../opener relative to a directory that is not known";
    assert_eq!(Vec::from_iter(&trace.warnings), [warning]);
    let process = process(&trace, "../opener");
    assert_eq!(process.program, None);
    let asked = object(Path::new("./x.so"), "./x.so", Requester::Program, true);
    assert_eq!(loaded(process), [asked]);
}

test!(
    a_command_of_another_user_is_traced,
    needs = &[Ldd, Python3, Root]
);
fn a_command_of_another_user_is_traced() {
    let script = "import subprocess; subprocess.run(['true'], user=65534, check=True)";
    let trace = traced("/usr/bin/python3", &["-c", script]);
    assert_eq!((trace.status.code(), trace.warnings.len()), (Some(0), 0));
    assert!(!process(&trace, "true").loaded.is_empty());
}

test!(a_static_program_is_a_warning, needs = &[Cc, Ldd]);
fn a_static_program_is_a_warning() {
    let fixture = Fixture::new();
    let program = fixture.compile(
        "static",
        "void _start(void) { *(volatile int *)0; }",
        &["-nostdlib", "-static"],
    );
    let trace = traced(&program, &[""; 0]);
    assert_eq!(trace.status.signal(), Some(11));
    let warning = "the loader wrote no output: the command is a static program, or sets its own \
                   environment";
    assert_eq!(Vec::from_iter(&trace.warnings), [warning]);
}

test!(
    a_full_disk_for_the_output_is_a_warning,
    needs = &[Ldd, Dpkg]
);
fn a_full_disk_for_the_output_is_a_warning() {
    let fixture = Fixture::new();
    // The loader makes its files, and may not write to them.
    let script = "trap '' XFSZ; ulimit -f 0; env true; exec env true";
    cli(&fixture, script).env("TMPDIR", "/tmp").said().is(
        0,
        "",
        "find-libdeps: warning: sh: the loader could not write its output for 1 program; free \
         space in /tmp, or set TMPDIR to another directory\n",
    );
}

test!(the_status_of_the_command_is_kept, needs = &[Ldd]);
fn the_status_of_the_command_is_kept() {
    let status = |script| traced("sh", &["-c", script]).status;
    assert_eq!(status("exit 0").code(), Some(0));
    assert_eq!(status("exit 7").code(), Some(7));
    assert_eq!(status("kill -9 $$").signal(), Some(9));
}

test!(a_command_that_cannot_be_run_is_126_or_127);
fn a_command_that_cannot_be_run_is_126_or_127() {
    let fixture = Fixture::new();
    let plain = fixture.file("plain", "");
    let told = |program: &Path| {
        let error = command::run(&program.as_os_str().to_owned(), &[]).expect_err("no program");
        (error.status(), fixture.relative(&error.to_string()))
    };
    let wanted = (Some(127), "cannot run gone: no such program".to_owned());
    assert_eq!(told(&fixture.path("gone")), wanted);
    let wanted = "cannot run plain: Permission denied (os error 13)".to_owned();
    assert_eq!(told(&plain), (Some(126), wanted));
    let error = command::run(&"no-such-program-anywhere".into(), &[]);
    assert!(matches!(error, Err(TraceError::NotFound { .. })));
}

test!(the_output_of_the_loader_is_removed, needs = &[Ldd]);
fn the_output_of_the_loader_is_removed() {
    let fixture = Fixture::new();
    let script = format!("echo \"$LD_DEBUG_OUTPUT\" >{}", fixture.text("name"));
    traced("sh", &["-c", &script]);
    let name = fs::read_to_string(fixture.path("name")).expect("the command ran");
    let dir = Path::new(name.trim_end()).parent().expect("a directory");
    assert!(dir.is_absolute());
    assert!(!dir.exists(), "{}", dir.display());
}

/// A run of the program on a tree with nothing in it, tracing a shell script.
fn cli(fixture: &Fixture, script: &str) -> Run {
    fixture.elf("venv/a.so");
    let words = ["--trace", "venv", "--", "sh", "-c", script];
    fixture.run().args(words)
}

test!(
    standard_output_of_the_command_goes_to_standard_error,
    needs = &[Ldd, Dpkg]
);
fn standard_output_of_the_command_goes_to_standard_error() {
    let fixture = Fixture::new();
    let said = cli(&fixture, "echo out; echo err >&2; cat >&2; exit 3");
    said.stdin("in\n").said().is(
        3,
        "",
        "out\nerr\nin\nfind-libdeps: error: the command failed with exit status 3; no list is \
         printed, because it could be incomplete\n",
    );
}

test!(
    packages_of_loaded_libraries_are_listed,
    needs = &[Ldd, Dpkg, Cc]
);
fn packages_of_loaded_libraries_are_listed() {
    let fixture = Fixture::new();
    let source = "#include <dlfcn.h>\nint main(void) { return !dlopen(\"libz.so.1\", RTLD_NOW); }";
    let program = fixture.compile("venv/bin/load", source, &[]);
    let program = program.to_str().expect("ASCII");
    let script = format!("{program} && /usr/bin/env true");
    // Neither the shell nor `env` is in the tree: what they load is not listed.
    let said = cli(&fixture, &script).said();
    said.is(0, "libc6\nzlib1g\n", "");
    let words = ["--trace", "--ignore", "^libz", "venv", "--", program];
    fixture.run().args(words).said().is(0, "libc6\n", "");
    fixture.elf("venv/a.so");
    let words = ["--trace", "--exclude", "bin/load", "venv", "--", program];
    fixture.run().args(words).said().is(0, "", "");
    let words = ["--trace", "--explain", "zlib1g", "venv", "--", program];
    let said = fixture.said(fixture.run().args(words));
    let version = Run::new("dpkg-query")
        .args(["-W", "-f=${Version}", "zlib1g"])
        .must();
    said.is(
        0,
        &format!(
            "zlib1g {version}  venv/bin/load\n  libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (as the command loaded it)\n    \
             loaded at run time by venv/bin/load\n"
        ),
        "",
    );
    let words = ["--trace", "--json", "venv", "--", "sh", "-c", &script];
    let report: serde_json::Value =
        serde_json::from_str(&fixture.run().args(words).must()).expect("the report is JSON");
    let started = report["started"].as_array().expect("an array");
    let paths: Vec<&str> = started
        .iter()
        .filter_map(|program| program["path"].as_str())
        .collect();
    // Sorted by path: which directory of PATH each was found in depends on the machine.
    let mut ends: Vec<&str> = paths
        .iter()
        .filter_map(|path| path.rsplit('/').next())
        .collect();
    ends.sort_unstable();
    assert_eq!(ends, ["env", "sh", "true"]);
}

test!(
    a_loaded_library_that_was_deleted_is_a_warning,
    needs = &[Ldd, Dpkg, Cc, Python3]
);
fn a_loaded_library_that_was_deleted_is_a_warning() {
    let fixture = Fixture::new();
    let library = fixture.library("made/x.so", "int x;", &[]);
    let library = library.to_str().expect("ASCII");
    let python = format!("import ctypes, os; ctypes.CDLL('{library}'); os.remove('{library}')");
    let words = [
        "--trace",
        "--strict",
        "venv",
        "--",
        "/usr/bin/python3",
        "-c",
        &python,
    ];
    fixture.elf("venv/a.so");
    let said = fixture.said(fixture.run().args(words));
    said.is(
        0,
        "",
        "find-libdeps: warning: made/x.so: the command loaded it, but it no longer exists; copy it \
         into the image, unless the command creates it\n",
    );
}

test!(
    signals_reach_the_command_and_leave_nothing_behind,
    needs = &[Ldd, Dpkg]
);
fn signals_reach_the_command_and_leave_nothing_behind() {
    let fixture = Fixture::new();
    let dir = fixture.text("tmp");
    fs::create_dir(&dir).expect("a directory");
    for (script, status) in [
        ("kill -TERM $$", 143),
        // Handed on. A shell that blocks could miss a signal that comes just before.
        (
            "trap 'exit 5' TERM; kill -TERM $PPID; while :; do :; done",
            5,
        ),
        ("kill -HUP $PPID; while :; do :; done", 129),
        // As a terminal sends it, to both.
        ("trap 'exit 6' INT; kill -INT $PPID $$; exit 7", 6),
        // It outlives what is for the command.
        ("kill -INT $PPID; kill -QUIT $PPID", 0),
    ] {
        let said = cli(&fixture, script).env("TMPDIR", &dir).said();
        assert_eq!(
            (said.status, said.stdout),
            (status, String::new()),
            "{script}"
        );
        let left = fs::read_dir(&dir).expect("a directory").count();
        assert_eq!(left, 0, "{script}");
    }
}

test!(
    a_library_that_the_command_does_not_get_is_reported,
    needs = &[Ldd, Dpkg, Cc, Python3]
);
fn a_library_that_the_command_does_not_get_is_reported() {
    let fixture = Fixture::new();
    let opener = fixture.compile("venv/bin/opener", OPENER, &[]);
    let opener = opener.to_str().expect("ASCII");
    chain(&fixture);
    // Whether a library is loaded (`RTLD_NOLOAD`), a path relative to the working directory, and a name of
    // another system, are no requests that a package meets.
    let python = "import ctypes; x = ctypes.CDLL\n\
                  names = ('./libown.so', 'libown.so.3', 'libown.dylib', 'own-3.0')\n\
                  for name, mode in ('libbz2.so.1.0', 4), *((name, 2) for name in names):\n \
                  try: x(name, mode)\n except OSError: pass";
    let words = ["--trace", "venv", "--", "sh", "-c"];
    let script = format!(
        "{opener} libnone.so.7 || {opener} libnone.so.7 || {opener} /nowhere/libz.so.1 || \
         {opener} $PWD/link/libz.so.1 || {opener} $PWD/link/x/libz.so.1; \
         exec /usr/bin/python3 -c \"{python}\""
    );
    // The needs of the tree are resolved without a trace, and found. What lies below a PATH, also by way
    // of a link, is in no package.
    fixture.link("venv", "link");
    let said = fixture.said(fixture.run().args(words).arg(&script));
    let possible = "find-libdeps: possible: venv/bin: /nowhere/libz.so.1 (venv/bin/opener), libnone.so.7 \
                    (venv/bin/opener), not installed, the command asked for it and did not get it\n\
                    find-libdeps: possible: libown.so.3, not installed (/usr/bin/python3; the command asked \
                    for it and did not get it)\n";
    let unowned = "find-libdeps: unowned: far/libdep.so, needed by venv/libinner.so: no package ships it\n\
                   find-libdeps: unowned: far/libmore.so, needed by far/libdep.so: no package ships it\n";
    // The messages have the order of the paths, and that of the tree depends on where the checkout is.
    let sorted = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!((said.status, &*said.stdout), (0, "libc6\n"));
    let all = [unowned, possible, COPY_HINT].concat();
    assert_eq!(sorted(&said.stderr), sorted(&all));
    let ignore = ["--ignore=^lib(none|own|z|dep|more)[.]"];
    fixture
        .run()
        .args(ignore)
        .args(words)
        .arg(&script)
        .said()
        .is(0, "libc6\n", "");

    // What it did not get and is found now is listed with the rest of what is possible.
    let script = format!("{opener} liblate.so.1 || cp far/libmore.so far/liblate.so.1");
    let late = fixture.run().env("LD_LIBRARY_PATH", fixture.text("far"));
    let late = late.args(["--dlopen=all", "--ignore=^lib(dep|more)[.]"]);
    let said = fixture.said(late.args(words).arg(&script));
    let line =
        "find-libdeps: unowned: far/liblate.so.1, loaded by venv/bin/opener: no package ships it\n";
    said.is(0, "libc6\n", &[line, COPY_HINT].concat());

    // An error that ends the command names the library.
    fs::remove_file(fixture.path("far/libmore.so")).expect("it is there");
    let inner = fixture.text("venv/libinner.so");
    let script = format!("{opener} libnone.so.7 || {opener} {inner}");
    let said = fixture.said(fixture.run().args(words).arg(&script));
    said.is(
        1,
        "",
        "find-libdeps: error: the command failed with exit status 1; no list is printed, because it \
         could be incomplete\n\
         find-libdeps: error: it did not find libnone.so.7, asked for by venv/bin/opener\n\
         find-libdeps: error: it did not find libmore.so, needed by far/libdep.so\n",
    );
}

test!(usage_errors_are_status_2, needs = &[Dpkg]);
fn usage_errors_are_status_2() {
    let fixture = Fixture::new();
    let said = |words: &[&str]| {
        let said = fixture.run().args(words).said();
        assert_eq!((said.status, said.stdout), (2, String::new()));
        let (what, _) = said.stderr.split_once("\n\n").expect("usage follows");
        what.to_owned()
    };
    let no_command = "error: the following required arguments were not provided:\n  <COMMAND>...";
    assert_eq!(said(&["--trace", "/venv"]), no_command);
    assert_eq!(said(&["--trace", "/venv", "--"]), no_command);
    assert_eq!(
        said(&["/venv", "--", "true"]),
        "error: the following required arguments were not provided:\n  --trace"
    );
    assert_eq!(
        said(&["--trace", "--root", "/", "/venv", "--", "true"]),
        "error: the argument '--trace' cannot be used with '--root <DIR>'"
    );
    let script = "exec no-such-program";
    let said = fixture.run().args(["--trace", "--", "sh", "-c", script]);
    let said = said.env("VIRTUAL_ENV", fixture.path("")).said();
    assert_eq!(said.status, 127);
    let said = fixture
        .run()
        .args(["--trace", ".", "--", "./gone", "--root"]);
    said.said().is(
        127,
        "",
        "find-libdeps: error: cannot run ./gone: no such program\n",
    );
    let run = fixture.run().args(["--trace", ".", "--", "gone"]);
    let line = "find-libdeps: error: cannot run gone: no such program in PATH; pass its path, such as \
                /venv/bin/gone\n";
    run.said().is(127, "", line);
}
