//! Options, formats and statuses.

use crate::fixture::{Fixture, INSTALL_HINT, PROGRAM};
use crate::oracle::TOOLS;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use serde_json::json;
use std::process::{Command, Stdio};

/// A virtualenv with one extension that needs the system's C library, a bundled one, the
/// interpreter's, the driver's, and a missing one.
fn venv() -> Fixture {
    let fixture = Fixture::new();
    let mut stubs = Vec::new();
    for soname in [
        "libc.so.6",
        "libpython3.0.so.1.0",
        "libcuda.so.1",
        "libnone.so.7",
    ] {
        let stub = format!("stubs/{soname}");
        fixture.library(&stub, "int s;", &[&format!("-Wl,-soname,{soname}")]);
        stubs.push(stub);
    }
    let bundled = "venv/libs/libown.so.1";
    fixture.library(bundled, "int o;", &["-Wl,-soname,libown.so.1"]);
    let mut arguments: Vec<&str> = stubs.iter().map(String::as_str).collect();
    arguments.extend([bundled, "-Wl,--disable-new-dtags,-rpath,$ORIGIN/libs"]);
    fixture.library("venv/ext.so", "int e;", &arguments);
    fixture.file("venv/pyvenv.cfg", "home = /usr/bin\n");
    fixture
}

fn missing() -> String {
    format!("find-libdeps: missing: libnone.so.7, needed by venv/ext.so\n{INSTALL_HINT}")
}

test!(the_list_has_names_only, needs = TOOLS);
fn the_list_has_names_only() {
    let fixture = venv();
    let said = fixture.said(fixture.run().arg("venv"));
    said.is(0, "libc6\n", &missing());
}

fn dpkg_query(format: &str, package: &str) -> String {
    Run::new("dpkg-query")
        .args(["-W", &format!("-f={format}"), package])
        .must()
}

test!(json_has_the_whole_report, needs = TOOLS);
fn json_has_the_whole_report() {
    let fixture = venv();
    let path = |name: &str| fixture.text(name);
    let os_release = |name: &str| {
        let text = std::fs::read_to_string("/etc/os-release").expect("Debian has one");
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_owned())
    };
    let library = |soname: &str, provider: &str, at: Option<String>, found_by: Option<&str>| {
        json!({
            "name": soname,
            "kind": "library",
            "evidence": "header",
            "provider": provider,
            "path": at,
            "found_by": found_by,
            "package": (provider == "package").then_some("libc6"),
            "not_chosen": [],
            "needed_by": [path("venv/ext.so")],
            "distributions": [],
            "reason": null,
        })
    };
    let libc = "/lib/x86_64-linux-gnu/libc.so.6".to_owned();
    let file = |path: &str| {
        let soname = path.rsplit('/').next();
        json!({"path": path, "soname": soname, "package": "libc6"})
    };
    let wanted = json!({
        "format": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "release": {
            "id": os_release("ID"),
            "version_codename": os_release("VERSION_CODENAME"),
            "architecture": "amd64",
        },
        "packages": [{
            "name": "libc6",
            "architecture": "amd64",
            "version": dpkg_query("${Version}", "libc6:amd64"),
            "installed": true,
            "listed_for": ["libc.so.6"],
        }],
        "needed": [
            library("libc.so.6", "package", Some(libc), Some("cache")),
            library("libcuda.so.1", "host", None, None),
            library("libnone.so.7", "missing", None, None),
            library("libown.so.1", "bundled", Some(path("venv/libs/libown.so.1")), Some("rpath")),
            library("libpython3.0.so.1.0", "interpreter", None, None),
        ],
        "possible": [],
        // What libc.so.6 needs in turn, too.
        "files": [
            file("/lib/x86_64-linux-gnu/libc.so.6"),
            file("/lib64/ld-linux-x86-64.so.2"),
        ],
        "started": [],
        "warnings": [],
        "counts": {"files": 3, "elf": 2},
    });
    let report = fixture.report("venv").0;
    assert_eq!(report, wanted);
}

test!(versions_are_printed_as_apt_takes_them, needs = TOOLS);
fn versions_are_printed_as_apt_takes_them() {
    let fixture = venv();
    let list = format!("libc6={}\n", dpkg_query("${Version}", "libc6:amd64"));
    let run = fixture.run().args(["-q", "--versions", "venv"]);
    run.said().is(0, &list, "");
    let run = fixture.run().args(["--versions", "--json", "venv"]);
    assert_eq!(run.said().status, 2);
}

test!(two_runs_print_the_same_bytes, needs = TOOLS);
fn two_runs_print_the_same_bytes() {
    let fixture = venv();
    let run = |arguments: &[&str]| fixture.run().arg("--json").args(arguments).said();
    let once = run(&["venv"]);
    assert_eq!(once, run(&["venv"]));
    assert_eq!(once, run(&["-j1", "venv"]));
    assert_eq!(once, run(&["venv/", "./venv/libs", "venv/ext.so", "venv"]));
}

test!(explain_prints_the_reason_for_each_package, needs = TOOLS);
fn explain_prints_the_reason_for_each_package() {
    let fixture = venv();
    let version = dpkg_query("${Version}", "libc6:amd64");
    let said =
        fixture.said(
            fixture
                .run()
                .args(["-q", "--ignore", "^libpython", "--explain", "venv"]),
        );
    let text = format!(
        "libc6 {version}  venv/ext.so

missing: the loader does not find these
  libnone.so.7  venv/ext.so

bundled: shipped below the given paths
  libown.so.1  venv/ext.so

host: provided by its driver at run time
  libcuda.so.1  venv/ext.so
"
    );
    said.is(0, &text, "");
}

test!(explain_of_a_name_is_limited_to_it, needs = TOOLS);
fn explain_of_a_name_is_limited_to_it() {
    let fixture = venv();
    let version = dpkg_query("${Version}", "libc6:amd64");
    let about_libc = format!(
        "libc6 {version}  venv/ext.so
  libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (the loader's cache)
    needed by venv/ext.so
"
    );
    for name in ["libc6", "libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6"] {
        let said = fixture.said(fixture.run().args(["-q", "--explain", name, "venv"]));
        said.is(0, &about_libc, "");
    }
    let said = fixture.said(fixture.run().args(["-q", "venv", "--explain=libcuda.so.1"]));
    said.is(
        0,
        "host: provided by its driver at run time\n  libcuda.so.1\n    needed by venv/ext.so\n",
        "",
    );
    let said = fixture.said(fixture.run().args(["-q", "venv", "--explain=libnone.so.7"]));
    let searched = "missing: the loader does not find these
  libnone.so.7
    needed by venv/ext.so
    searched venv/libs (RPATH)
    searched /etc/ld.so.cache (the loader's cache)
    searched /lib/x86_64-linux-gnu (default directory)
    searched /usr/lib/x86_64-linux-gnu (default directory)
    searched /lib (default directory)
    searched /usr/lib (default directory)
";
    said.is(0, searched, "");
    let file = fixture.text("venv/ext.so");
    let said = fixture.said(fixture.run().args(["-q", "venv", "--explain", &file]));
    assert_eq!(said.stdout.matches("needed by venv/ext.so").count(), 5);
    let said = fixture
        .run()
        .args(["-q", "--explain=nothing", "venv"])
        .said();
    let error = "find-libdeps: error: `nothing` is not a listed package, a needed library, or a file or \
                 distribution that needs one";
    let lookup = "; pass `--lookup` to search for the packages of what is missing, too";
    said.is(2, "", &format!("{error}{lookup}\n"));
    // A distribution may have the name of a directory, so that is a PATH only if there is no other.
    std::fs::create_dir(fixture.path("nothing")).expect("a directory");
    let explained = || fixture.run().args(["-q", "--explain", "nothing"]);
    let active = explained().env("VIRTUAL_ENV", fixture.text("venv")).said();
    active.is(
        2,
        "",
        &format!("{error}; pass the directory as `./nothing`\n"),
    );
    explained().said().is(0, "", "");
}

test!(distributions_are_named_with_their_version, needs = TOOLS);
fn distributions_are_named_with_their_version() {
    let fixture = venv();
    let site = "venv/lib/python3.11/site-packages";
    for (name, version) in [("Foo_Bar", "1.0"), ("libc6", "2.0rc1")] {
        let info = format!("{site}/{name}-{version}.dist-info");
        let metadata = format!("Name: {name}\nVersion: {version}\n\nA text\n");
        fixture.file(&format!("{info}/METADATA"), metadata);
        let record = format!("{name}/ext.so,,\n../../../own-{name}.so,,\n");
        fixture.file(&format!("{info}/RECORD"), record);
        std::fs::create_dir_all(fixture.path(format!("{site}/{name}"))).expect("a directory");
        for copy in [
            format!("{site}/{name}/ext.so"),
            format!("venv/own-{name}.so"),
        ] {
            std::fs::copy(fixture.path("venv/ext.so"), fixture.path(copy)).expect("a copy");
        }
    }
    std::fs::remove_file(fixture.path("venv/ext.so")).expect("it is there");
    let ignore = ["--ignore=own|cuda|python", "venv"];
    let said = fixture.said(fixture.run().args(ignore));
    let missing = format!(
        "find-libdeps: missing: libnone.so.7, needed by foo-bar 1.0, libc6 2.0rc1 (4 files such as \
         {site}/Foo_Bar/ext.so)\n"
    );
    said.is(0, "libc6\n", &(missing + INSTALL_HINT));
    let version = dpkg_query("${Version}", "libc6:amd64");
    let explained = |name: &[&str]| {
        let run = fixture.run().args(["-q", "--explain"]).args(name);
        fixture.said(run.args(ignore))
    };
    let overview = format!(
        "libc6 {version}  foo-bar 1.0, libc6 2.0rc1

missing: the loader does not find these
  libnone.so.7  foo-bar 1.0, libc6 2.0rc1
"
    );
    explained(&[]).is(0, &overview, "");
    let of_distribution = explained(&["foo.bar"]);
    let expected = format!(
        "libc6 {version}  foo-bar 1.0, libc6 2.0rc1
  libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (the loader's cache)
    needed by {site}/Foo_Bar/ext.so
    needed by venv/own-Foo_Bar.so

missing: the loader does not find these
  libnone.so.7
    needed by {site}/Foo_Bar/ext.so
    needed by venv/own-Foo_Bar.so
"
    );
    // The search is that of the first file.
    let without_search = |stdout: &str| -> String {
        let lines = stdout.split_inclusive('\n');
        lines.filter(|line| !line.contains("searched ")).collect()
    };
    assert_eq!(without_search(&of_distribution.stdout), expected);
    // A package and a distribution may have the same name.
    let of_both = format!(
        "libc6 {version}  foo-bar 1.0, libc6 2.0rc1
  libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (the loader's cache)
    needed by {site}/Foo_Bar/ext.so
    needed by {site}/libc6/ext.so
    needed by venv/own-Foo_Bar.so
    needed by venv/own-libc6.so

missing: the loader does not find these
  libnone.so.7
    needed by {site}/libc6/ext.so
    needed by venv/own-libc6.so
"
    );
    assert_eq!(without_search(&explained(&["libc6"]).stdout), of_both);
    let report = fixture.report("venv").0;
    assert_eq!(
        report["needed"][0]["distributions"],
        json!([{"name": "foo-bar", "version": "1.0"}, {"name": "libc6", "version": "2.0rc1"}])
    );
}

test!(ignored_sonames_are_not_reported, needs = TOOLS);
fn ignored_sonames_are_not_reported() {
    let fixture = venv();
    let run = fixture.run().args(["--ignore", "^libnone", "--ignore=own"]);
    let said = run.args(["--strict", "venv"]).said();
    said.is(0, "libc6\n", "");
}

test!(excluded_paths_are_not_read, needs = TOOLS);
fn excluded_paths_are_not_read() {
    let fixture = venv();
    let said = fixture
        .run()
        .args(["--exclude", "/ext[.]so$", "venv"])
        .said();
    said.is(0, "", "");
    let run = fixture
        .run()
        .args(["-v", "--exclude=/libs", "--exclude=cfg$"]);
    let said = fixture.said(run.arg("venv"));
    // What is not read is still there: the library is found where it lies.
    assert_eq!(said.stdout, "libc6\n");
    assert!(
        said.stderr.contains("1 file, 1 ELF, 5 needed names"),
        "{}",
        said.stderr
    );
}

test!(
    quiet_prints_errors_only_and_verbose_adds_counts,
    needs = TOOLS
);
fn quiet_prints_errors_only_and_verbose_adds_counts() {
    let fixture = venv();
    fixture
        .run()
        .args(["-q", "venv"])
        .said()
        .is(0, "libc6\n", "");
    let said = fixture.said(fixture.run().args(["-v", "venv"]));
    let (summary, time) = said.stderr.rsplit_once(", ").expect("a time at the end");
    assert_eq!(
        summary,
        format!(
            "{}find-libdeps: read: 3 files, 2 ELF, 5 needed names, 1 missing, 1 package, 0 \
             warnings",
            missing()
        )
    );
    let seconds = time.strip_suffix(" s\n").expect("seconds");
    assert!(seconds.parse::<f64>().is_ok(), "{time}");
}

test!(equal_warnings_of_a_directory_are_one_line, needs = TOOLS);
fn equal_warnings_of_a_directory_are_one_line() {
    let fixture = Fixture::new();
    for name in ["a/one.so", "b/one.so", "b/two.so"] {
        fixture.library(&format!("venv/{name}"), "int x;", &["-Wl,-rpath,libs"]);
    }
    let line = |files: &str| {
        format!(
            "find-libdeps: warning: venv/{files}: its RUNPATH names `libs`, which is relative to the working \
             directory; skipped\n"
        )
    };
    let lines = line("a/one.so") + &line("b/one.so and 1 other");
    fixture.said(fixture.run().arg("venv")).is(0, "", &lines);
    let names = ["a/one.so", "b/one.so", "b/two.so"];
    let said = fixture.said(fixture.run().args(["-v", "venv"]));
    let (lines, _) = said
        .stderr
        .rsplit_once("find-libdeps: read")
        .expect("a summary");
    assert_eq!(lines, names.map(line).concat());
}

test!(strict_fails_where_a_library_is_missing, needs = TOOLS);
fn strict_fails_where_a_library_is_missing() {
    let fixture = venv();
    let said = fixture.said(fixture.run().args(["--strict", "venv"]));
    said.is(1, "libc6\n", &missing());
}

test!(color_always_and_never_are_honoured, needs = TOOLS);
fn color_always_and_never_are_honoured() {
    let fixture = venv();
    let said = fixture.said(fixture.run().args(["--color", "always", "venv"]));
    let coloured = &missing().replacen("missing", "\u{1b}[1m\u{1b}[31mmissing\u{1b}[0m", 1);
    said.is(0, "libc6\n", coloured);
    let said = fixture.said(fixture.run().args(["--color=never", "venv"]));
    said.is(0, "libc6\n", &missing());
}

test!(the_default_path_is_the_virtualenv, needs = TOOLS);
fn the_default_path_is_the_virtualenv() {
    let fixture = venv();
    let run = || fixture.run().env("VIRTUAL_ENV", fixture.path("venv"));
    run().arg("-q").said().is(0, "libc6\n", "");
    run().args(["-q", "--explain", "libcuda.so.1"]).said().is(
        0,
        &format!(
            "host: provided by its driver at run time\n  libcuda.so.1\n    needed by {}\n",
            fixture.text("venv/ext.so")
        ),
        "",
    );
    // Without the variable, it is the one in the working directory.
    fixture.file(".venv", "");
    assert_eq!(fixture.run().said().status, 2);
    std::fs::remove_file(fixture.path(".venv")).expect("it is there");
    fixture.link("venv", ".venv");
    fixture.run().arg("-q").said().is(0, "libc6\n", "");
    run()
        .args(["-q", "--exclude=/venv/ext"])
        .said()
        .is(0, "", "");
    fixture.run().args(["--root", "/"]).said().is(
        2,
        "",
        "error: no PATH given, and --root ignores $VIRTUAL_ENV and ./.venv\n\n\
         Usage: find-libdeps [OPTIONS] [PATH]... [-- <COMMAND>...]\n\n\
         For more information, try '--help'.\n",
    );
}

test!(a_closed_pipe_is_no_error, needs = TOOLS);
fn a_closed_pipe_is_no_error() {
    let fixture = venv();
    let mut child = Command::new(PROGRAM)
        .args(["-q", "venv"])
        .current_dir(fixture.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it was started");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

test!(a_full_disk_is_an_error, needs = TOOLS);
fn a_full_disk_is_an_error() {
    let fixture = venv();
    let run = |arguments: &str| {
        let script = format!("exec \"$0\" {arguments} > /dev/full");
        let run = Run::new("sh").dir(fixture.path(""));
        run.args(["-c", &script, PROGRAM]).said()
    };
    let error = |what: &str| {
        format!("find-libdeps: error: cannot write {what}: No space left on device (os error 28)\n")
    };
    run("-q venv").is(2, "", &error("the list"));
    for option in ["--help", "-h", "--version"] {
        run(option).is(2, "", &error("to standard output"));
    }
}

test!(usage_errors_are_status_2);
fn usage_errors_are_status_2() {
    let run = || Run::new(PROGRAM);
    let status = |run: Run| (run.said().status, String::new());
    for arguments in [
        &["--nothing"][..],
        &["--json", "--explain", "x", "/usr"],
        &["--ignore", "[", "/usr"],
        &["-j", "many", "/usr"],
        &["-j", "257", "/usr"],
        &["-q", "-v", "/usr"],
        &[],
    ] {
        assert_eq!(status(run().args(arguments)).0, 2, "{arguments:?}");
    }
    run().said().is(
        2,
        "",
        "error: no PATH given, $VIRTUAL_ENV is not set, and there is no directory ./.venv\n\n\
         Usage: find-libdeps [OPTIONS] [PATH]... [-- <COMMAND>...]\n\n\
         For more information, try '--help'.\n",
    );
}

test!(version_and_help);
fn version_and_help() {
    let program = |argument| Run::new(PROGRAM).arg(argument).said();
    let version = concat!("find-libdeps ", env!("PROGRAM_VERSION"), "\n");
    program("--version").is(0, version, "");
    program("--help").is(0, include_str!("help-long.txt"), "");
    program("-h").is(0, include_str!("help-short.txt"), "");
}

test!(
    an_interpreter_that_does_not_fit_is_reported,
    needs = &[Need::Dpkg]
);
fn an_interpreter_that_does_not_fit_is_reported() {
    let fixture = Fixture::new();
    fixture.elf("venv/lib/python3.11/site-packages/a.so");
    fixture.file("venv/pyvenv.cfg", "home = /opt/python/bin\n");
    let said = || fixture.said(fixture.run().args(["--strict", "venv"]));
    said().is(0, "", "");
    fixture.link("/nowhere/bin/python3.11", "venv/bin/python3");
    let gone = "find-libdeps: warning: venv/bin/python3: leads to /nowhere/bin/python3.11, which does \
                not exist; the virtualenv needs the interpreter that it was made with, at the same \
                path\n";
    said().is(1, "", gone);
    assert_eq!(fixture.run().arg("venv").said().status, 0);
    let exclude = ["--strict", "--exclude=bin/python3$", "venv"];
    fixture.run().args(exclude).said().is(0, "", "");
    std::fs::remove_file(fixture.path("venv/bin/python3")).expect("it is there");
    let python = fixture.script("opt/python3.12", "");
    fixture.link(python, "venv/bin/python3");
    let other = "find-libdeps: warning: venv/bin/python3: is Python 3.12 (opt/python3.12), but the \
                 virtualenv was made for Python 3.11\n";
    said().is(1, "", other);
}

test!(
    advice_for_many_missing_libraries_is_printed_once,
    needs = TOOLS
);
fn advice_for_many_missing_libraries_is_printed_once() {
    let fixture = Fixture::new();
    let stubs: Vec<String> = (1..=26)
        .map(|number| format!("liba{number:02}.so.1"))
        .collect();
    for name in &stubs {
        fixture.library(
            &format!("stubs/{name}"),
            "int x;",
            &[&format!("-Wl,-soname,{name}")],
        );
    }
    let paths: Vec<String> = stubs
        .iter()
        .map(|name| fixture.text(&format!("stubs/{name}")))
        .collect();
    let mut arguments = vec!["-Wl,--no-as-needed"];
    arguments.extend(paths.iter().map(String::as_str));
    fixture.library("venv/ext.so", "int y;", &arguments);
    let lines: Vec<String> = stubs
        .iter()
        .map(|name| format!("find-libdeps: missing: {name}, needed by venv/ext.so\n"))
        .collect();
    let said = fixture.said(fixture.run().arg("venv"));
    said.is(0, "", &(lines.concat() + INSTALL_HINT));
}

test!(
    distributions_that_are_links_or_archives_are_reported,
    needs = &[Need::Dpkg]
);
fn distributions_that_are_links_or_archives_are_reported() {
    let fixture = Fixture::new();
    let site = "venv/lib/python3.99/site-packages";
    for dir in ["cache/a-1.dist-info", "store/b-1.dist-info"] {
        fixture.file(&format!("{dir}/METADATA"), "Name: a\n");
    }
    // As uv links each file, and Nix each directory.
    let metadata = fixture.text("cache/a-1.dist-info/METADATA");
    fixture.link(metadata, &format!("{site}/a-1.dist-info/METADATA"));
    let directory = fixture.text("store/b-1.dist-info");
    fixture.link(directory, &format!("{site}/b-1.dist-info"));
    fixture.file(&format!("{site}/c-1.dist-info/METADATA"), "Name: c\n");
    fixture.file(&format!("{site}/d-1.egg"), zip(&["d/x.so", "d/libd.so.1"]));
    fixture.file(&format!("{site}/e-1.egg"), zip(&["e.py"]));
    fixture.file("venv/z.pyz", zip(&["__main__.py", "f.so"]));
    fixture.elf("cache/a.so");
    fixture.elf("store/b.so");
    let links = format!(
        "find-libdeps: warning: {site}: links lead out of the PATHs for 2 distributions such as \
         a-1.dist-info; they are not followed, so the needs behind them are not listed; install \
         copies (`uv --link-mode=copy`), or pass the targets as PATHs\n"
    );
    let archives = format!(
        "find-libdeps: warning: {site}/d-1.egg: is an archive with 2 shared objects such as d/x.so, \
         whose needs are not listed; install the distribution unpacked\n\
         find-libdeps: warning: venv/z.pyz: is an archive with 1 shared object such as f.so, whose \
         needs are not listed; install the distribution unpacked\n"
    );
    let said = fixture.said(fixture.run().args(["--strict", "venv"]));
    said.is(1, "", &[links.as_str(), &archives].concat());
    let said = fixture.said(fixture.run().args(["--strict", "venv", "cache", "store"]));
    said.is(0, "", &archives);

    // As PDM links packages, and a link that stays inside.
    let site = "pdm/lib/python3.99/site-packages";
    fixture.file(&format!("{site}/a-1.dist-info/METADATA"), "Name: a\n");
    fixture.link(fixture.text("store"), &format!("{site}/a"));
    fixture.link("a-1.dist-info", &format!("{site}/b"));
    let links = format!(
        "find-libdeps: warning: {site}: links lead out of the PATHs for 1 distribution such as a; they \
         are not followed, so the needs behind them are not listed; install copies (`uv \
         --link-mode=copy`), or pass the targets as PATHs\n"
    );
    let said = fixture.said(fixture.run().args(["--strict", "pdm"]));
    said.is(1, "", &links);
}

/// A zip file with these empty files, as far as its directory goes.
fn zip(names: &[&str]) -> Vec<u8> {
    let mut directory = Vec::new();
    for name in names {
        let mut entry = b"PK\x01\x02".to_vec();
        entry.resize(46, 0);
        entry[28] = u8::try_from(name.len()).expect("a short name");
        directory.extend([&entry, name.as_bytes()].concat());
    }
    let size = u32::try_from(directory.len()).expect("a small directory");
    let end = [&b"PK\x05\x06"[..], &[0; 8], &size.to_le_bytes(), &[0; 6]].concat();
    [directory, end].concat()
}
