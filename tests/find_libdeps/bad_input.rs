//! Malformed files and incomplete machines: each with its message and its status, and never a
//! partial list.

use crate::elf::{
    CLASS, DATA, DT_NEEDED, DT_SONAME, DT_STRTAB, DT_VERNEED, DT_VERNEEDNUM, Elf, PAGE,
    PROGRAM_HEADER_COUNT, PROGRAM_HEADER_SIZE, PROGRAM_HEADERS, SEGMENT_ADDRESS, SEGMENT_OFFSET,
    TYPE, needing,
};
use crate::fixture::{COPY_HINT, Fixture, INSTALL_HINT, PROGRAM};
use crate::oracle::TOOLS;
use crate::own_root::{self, LIBA, NO_CACHE};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::{Run, Said};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// An extension that needs a library and versions of it.
fn extension(fixture: &Fixture, name: &str) -> Elf {
    fixture.file("map", "V1 { a; };");
    let library = "stubs/liba.so.1";
    fixture.library(
        library,
        "int a;",
        &["-Wl,-soname,liba.so.1", "-Wl,--version-script,map"],
    );
    let path = fixture.library(
        name,
        "extern int a; int *e(void) { return &a; }",
        &[library, "-Wl,-rpath,/nowhere", "-Wl,-soname,e.so", "-s"],
    );
    Elf::read(&path)
}

test!(
    a_file_cut_off_before_its_last_page_is_malformed,
    needs = TOOLS
);
fn a_file_cut_off_before_its_last_page_is_malformed() {
    let fixture = Fixture::new();
    let whole = extension(&fixture, "ext.so");
    let end = (whole.loaded_end() - 1) / PAGE * PAGE;
    for length in 0..=end {
        fixture.file(&format!("venv/{length:06}.so"), &whole.0[..length]);
    }
    let report = fixture.report("venv");
    let malformed: Vec<String> = report
        .warnings()
        .iter()
        .map(|warning| warning.split(": ").next().unwrap_or_default().to_owned())
        .collect();
    let wanted: Vec<String> = (4..=end)
        .map(|length| fixture.text(&format!("venv/{length:06}.so")))
        .collect();
    assert_eq!(malformed, wanted);
    let read = usize::try_from(report.0["counts"]["elf"].as_u64().expect("a number"));
    assert_eq!(read, Ok(end + 1 - 4));

    let warnings = report.warnings().into_iter();
    let lines = warnings.map(|warning| format!("find-libdeps: warning: {warning}\n"));
    let lines: String = lines.collect();
    // Nothing loads it.
    fixture.file("venv/kernel.ir", &whole.0[..5]);
    let strict = fixture.run().args(["--strict", "--quiet", "venv"]).said();
    strict.is(1, "", &lines);
}

test!(absurd_counts_and_offsets_are_malformed, needs = TOOLS);
#[allow(clippy::too_many_lines)] // a table
fn absurd_counts_and_offsets_are_malformed() {
    type Patch = fn(&mut Elf);
    const HUGE: [u8; 8] = [0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    let patches: [(&str, Patch, &str); 15] = [
        (
            "class",
            |elf| elf.put(CLASS, [9]),
            "class 9, byte order 1, version 1 in the ELF header",
        ),
        (
            "data",
            |elf| elf.put(DATA, [0]),
            "class 2, byte order 0, version 1 in the ELF header",
        ),
        (
            "type",
            |elf| elf.put(TYPE, [77, 0]),
            "unknown object type 77",
        ),
        (
            "phentsize",
            |elf| elf.put(PROGRAM_HEADER_SIZE, [1, 0]),
            "program headers of 1 bytes instead of 56",
        ),
        (
            "phnum",
            |elf| elf.put(PROGRAM_HEADER_COUNT, [0xff, 0xff]),
            "65535 program headers",
        ),
        (
            "phoff",
            |elf| elf.put(PROGRAM_HEADERS, HUGE),
            "the file ends before program headers",
        ),
        (
            "dynamic_address",
            |elf| elf.put(elf.dynamic().header + SEGMENT_ADDRESS, HUGE),
            "PT_DYNAMIC lies outside the file's segments",
        ),
        (
            "segment_offset",
            |elf| {
                let at = elf.last_loaded().header + SEGMENT_OFFSET;
                elf.put(at, HUGE);
            },
            "a segment's address and offset differ within a page",
        ),
        (
            "strtab",
            |elf| elf.put_entry(DT_STRTAB, 1 << 60),
            "DT_STRTAB lies outside the file's segments",
        ),
        (
            "no_strtab",
            |elf| {
                let at = elf.entry(DT_STRTAB);
                elf.put(at, 0x6000_0000_u64.to_le_bytes());
            },
            "names without a string table",
        ),
        (
            "needed",
            |elf| elf.put_entry(DT_NEEDED, 1 << 60),
            "a name lies outside the string table",
        ),
        (
            "soname",
            |elf| elf.put_entry(DT_SONAME, u64::MAX),
            "a name lies outside the string table",
        ),
        (
            "verneed",
            |elf| elf.put_entry(DT_VERNEED, 0x7fff_ffff),
            "DT_VERNEED lies outside the file's segments",
        ),
        (
            "verneed_count",
            |elf| {
                let at = elf.version_records();
                // The next record is this one again.
                elf.put(at + 12, u32::MAX.to_le_bytes());
                elf.put_entry(DT_VERNEEDNUM, u64::MAX);
            },
            "version records without an end",
        ),
        (
            "verneed_file",
            |elf| {
                let at = elf.version_records();
                elf.put(at + 4, u32::MAX.to_le_bytes());
            },
            "a name lies outside the string table",
        ),
    ];
    let fixture = Fixture::new();
    let whole = extension(&fixture, "ext.so");
    let mut wanted = Vec::new();
    for (name, patch, message) in patches {
        let mut elf = whole.clone();
        patch(&mut elf);
        let path = fixture.file(&format!("venv/{name}.so"), elf.0);
        wanted.push(format!(
            "{}: malformed ELF: {message}; its needs are not listed",
            path.display()
        ));
    }
    wanted.sort();
    assert_eq!(fixture.report("venv").warnings(), wanted);
}

test!(
    what_a_file_states_does_not_multiply,
    needs = &[Need::Dpkg, Need::Ldd]
);
/// With 64 MiB for data: names with many tokens, many names in many directories, names that overlap,
/// and a source of assignments.
fn what_a_file_states_does_not_multiply() {
    let fixture = Fixture::new();
    let platforms = "$PLATFORM".repeat(20);
    let file = |name: &str, needed: &mut dyn Iterator<Item = usize>, runpath, strings: &str| {
        fixture.file(
            &format!("venv/{name}"),
            needing(needed, runpath, strings.as_bytes()),
        );
    };
    let strings = format!("\0liba.so.1\0/lib{platforms}\0/{platforms}:$ORIGIN{platforms}\0");
    let runpath = 16 + platforms.len();
    file("platform.so", &mut [1, 11].into_iter(), runpath, &strings);

    let names: Vec<String> = (0..4000).map(|name| format!("n{name:04}\0")).collect();
    let names = names.concat();
    let dirs: Vec<String> = (0..6000).map(|dir| format!("/{dir:04}")).collect();
    let strings = format!("{names}{}\0", dirs.join(":"));
    file(
        "search.so",
        &mut (0..4000).map(|name| 6 * name),
        24_000,
        &strings,
    );
    // The same directory, spelled in many ways.
    let up = |bit: usize| if bit == 0 { "/../usr" } else { "/./../usr/." };
    let spelled = (0..256).map(|dir| (0..8).map(|at| up(dir >> at & 1)).collect::<String>());
    let dirs: Vec<String> = spelled.map(|dir| format!("/usr{dir}")).collect();
    let strings = format!("{names}{}\0", dirs.join(":"));
    file(
        "tries.so",
        &mut (0..1000).map(|name| 6 * name),
        24_000,
        &strings,
    );

    let overlapping = format!("{}\0\0", "x".repeat(4000));
    for number in 0..30 {
        let name = format!("overlap-{number:02}.so");
        file(&name, &mut (0..4000), 4001, &overlapping);
    }
    let assignments = format!("import ctypes\nCDLL\n{}1\n", "a=".repeat(520_000));
    fixture.file("venv/a.py", assignments);

    let malformed = (0..30).map(|number| {
        format!(
            "find-libdeps: warning: venv/overlap-{number:02}.so: malformed ELF: names of more than \
             262144 bytes; its needs are not listed\n"
        )
    });
    let mut wanted = malformed.collect::<Vec<_>>().concat();
    wanted += "find-libdeps: warning: venv/tries.so: needs 1000 libraries, and its search path has \
               261 directories; only the first 131 and those of the system are searched\n";
    let missing = |name: &str, by: &str| format!("find-libdeps: missing: {name}, needed by {by}\n");
    wanted += &missing(&format!("/lib{platforms}"), "venv/platform.so");
    wanted += &missing("liba.so.1", "venv/platform.so");
    for name in 0..4000 {
        let by = if name < 1000 {
            "2 files such as venv/search.so"
        } else {
            "venv/search.so"
        };
        wanted += &missing(&format!("n{name:04}"), by);
    }
    wanted += INSTALL_HINT;
    let run = Run::new("/bin/sh")
        .dir(fixture.path(""))
        .args(["-c", "ulimit -d 65536; exec \"$0\" \"$@\"", PROGRAM])
        .arg("venv");
    fixture.said(run).is(0, "", &wanted);
}

test!(
    files_without_the_elf_magic_are_skipped,
    needs = &[Need::Dpkg]
);
fn files_without_the_elf_magic_are_skipped() {
    let fixture = Fixture::new();
    fixture.file("venv/empty.so", "");
    fixture.file("venv/script.so", "/* GNU ld script */ INPUT(-la)\n");
    fixture.file("venv/short.so", b"\x7fEL");
    fixture.file("venv/magic.so", b"\x7fELG\x02\x01\x01");
    fixture.file("venv/archive.a", "!<arch>\n");
    let said = fixture.said(fixture.run().args(["--strict", "venv"]));
    said.is(1, "", NO_ELF);
}

/// The warning about a directory without an ELF file.
const NO_ELF: &str = "find-libdeps: warning: venv: no ELF file in it, and it is not a virtualenv; \
                      check the path\n";

test!(a_tree_without_elf_is_an_empty_list, needs = &[Need::Dpkg]);
fn a_tree_without_elf_is_an_empty_list() {
    let fixture = Fixture::new();
    fixture.file("venv/pyvenv.cfg", "home = /usr/bin\n");
    let line = |path: &str, text: &str| format!("find-libdeps: warning: {path}: {text}\n");
    let pure = "no ELF file in it, which is right only if its distributions are pure \
                Python";
    let said = fixture.said(fixture.run().args(["--strict", "venv"]));
    said.is(0, "", &line("venv", pure));
    // Each PATH is checked.
    let file = "not an ELF file; pass the virtualenv instead";
    fixture.file("requirements.txt", "six\n");
    fixture.elf("other/a.so");
    fixture.file("python/lib/python3.11/site-packages/six.py", "");
    let paths = ["python", "requirements.txt", "other", "venv/pyvenv.cfg"];
    let said = fixture.said(fixture.run().args(paths));
    let lines = [
        ("python", pure),
        ("requirements.txt", file),
        ("venv/pyvenv.cfg", file),
    ];
    said.is(0, "", &lines.map(|(path, text)| line(path, text)).concat());
    // Where an incomplete list is an error, so is a wrong PATH. An application may be pure Python.
    fixture.file("app/app.py", "");
    let python = "no ELF file in it, which is right only if it is pure Python";
    let said = fixture.said(fixture.run().args(["--strict", "app"]));
    said.is(0, "", &line("app", python));
    fixture.file("plain/index.js", "");
    let plain = "plain: no ELF file in it, and it is not a virtualenv; check the path\n";
    for (option, kind) in [("--strict", "warning"), ("--check", "unread")] {
        let app = line("app", python);
        for (more, app) in [(&[][..], &*app), (&["--quiet"], "")] {
            let run = fixture.run().arg(option).args(more).args(["app", "plain"]);
            let lines = format!("{app}find-libdeps: {kind}: {plain}");
            fixture.said(run).is(1, "", &lines);
        }
    }
    let report = fixture.report("venv");
    assert_eq!(report.0["needed"], serde_json::json!([]));
    assert_eq!(
        report.0["counts"],
        serde_json::json!({"files": 1, "elf": 0})
    );
}

test!(a_tree_of_another_language_is_read_too, needs = TOOLS);
fn a_tree_of_another_language_is_read_too() {
    let fixture = Fixture::new();
    let addon = "node_modules/addon/build/Release/addon.node";
    fixture.library(addon, "int a;", &["-lc"]);
    fixture.file("plain/index.js", "");
    let said = fixture.said(fixture.run().args(["node_modules", "plain"]));
    let warning = "find-libdeps: warning: plain: no ELF file in it, and it is not a \
                   virtualenv; check the path\n";
    said.is(0, "libc6\n", warning);
}

test!(fifos_sockets_and_loops_are_not_read, needs = &[Need::Dpkg]);
fn fifos_sockets_and_loops_are_not_read() {
    let fixture = Fixture::new();
    fixture.file("venv/a", "");
    Run::new("mkfifo").arg(fixture.path("venv/fifo.so")).must();
    let _socket = UnixListener::bind(fixture.path("venv/socket.so")).expect("a socket");
    fixture.link("loop", "venv/loop");
    fixture.link("nowhere", "venv/dangling.so");
    fixture.link(".", "venv/self");
    fixture.link("/dev/zero", "venv/device.so");
    fixture.said(fixture.run().arg("venv")).is(0, "", NO_ELF);
    let report = fixture.report("venv");
    assert_eq!(
        report.0["counts"],
        serde_json::json!({"files": 1, "elf": 0})
    );
}

test!(
    the_kernels_file_systems_are_skipped,
    needs = &[Need::Dpkg, Need::Mounts]
);
fn the_kernels_file_systems_are_skipped() {
    let fixture = Fixture::new();
    fixture.file("venv/a", "");
    for name in ["venv/proc", "venv/sys"] {
        fs::create_dir(fixture.path(name)).expect("a directory");
    }
    let script = "mount -t proc proc venv/proc && mount -t sysfs sysfs venv/sys && exec \"$@\"";
    let run = |arguments: &[&str]| {
        let run = Run::new("unshare").dir(fixture.path(""));
        let run = run.args(["--mount", "sh", "-c", script, "sh", PROGRAM]);
        fixture.said(run.args(arguments))
    };
    let skipped = |name: &str| {
        format!("find-libdeps: warning: venv/{name}: a file system of the kernel; skipped\n")
    };
    run(&["venv"]).is(0, "", &skipped("proc and 1 other"));
    run(&["--exclude=/proc", "venv"]).is(0, "", &skipped("sys"));
}

test!(a_named_special_file_is_refused, needs = &[Need::Dpkg]);
fn a_named_special_file_is_refused() {
    let fixture = Fixture::new();
    Run::new("mkfifo").arg(fixture.path("fifo")).must();
    fixture.link("loop", "loop");
    for (path, reason) in [
        ("fifo", "neither a directory nor a regular file"),
        ("/dev/null", "neither a directory nor a regular file"),
        ("loop", "Too many levels of symbolic links (os error 40)"),
    ] {
        let said = fixture.run().arg(path).said();
        let error = format!("find-libdeps: error: cannot read {path}: {reason}\n");
        said.is(2, "", &error);
    }
}

test!(a_path_that_is_not_there_is_refused, needs = &[Need::Dpkg]);
fn a_path_that_is_not_there_is_refused() {
    let fixture = Fixture::new();
    fixture.file("venv/a", "");
    let said = fixture.run().args(["venv", "nowhere"]).said();
    said.is(
        2,
        "",
        "find-libdeps: error: cannot read nowhere: No such file or directory (os error 2); pass a \
         virtualenv, or another tree of binaries, that exists here\n",
    );
    // The value of `--lookup` takes `=`.
    let said = fixture.run().args(["--lookup", "nowhere", "venv"]).said();
    said.is(
        2,
        "",
        "find-libdeps: error: cannot read nowhere: No such file or directory (os error 2); pass a \
         virtualenv, or another tree of binaries, that exists here; to keep the index there, pass \
         `--lookup=nowhere`\n",
    );
    fs::create_dir(fixture.path("index")).expect("a directory");
    let run = fixture.run().args(["--lookup", "index", "venv/a"]);
    let lines = "find-libdeps: warning: index: no ELF file in it, and it is not a virtualenv; check the \
                 path; to keep the index there, pass `--lookup=index`\n\
                 find-libdeps: warning: venv/a: not an ELF file; pass the virtualenv instead\n";
    fixture.said(run).is(0, "", lines);
    let root = fixture.text("venv");
    let said = fixture.run().args(["--root", &root, "/x"]).said();
    let error = format!(
        "find-libdeps: error: cannot read /x: No such file or directory (os error 2) (below the \
         root {root})\n"
    );
    said.is(2, "", &error);
    let outer = fixture.text("venv/x");
    for outer in [&*outer, "venv/x", "./venv/x"] {
        let said = fixture.run().args(["--root", "venv", outer]).said();
        let error = format!(
            "find-libdeps: error: cannot read {outer}: No such file or directory (os error 2) (below \
             the root venv); PATHs are inside the root, so pass /x\n"
        );
        said.is(2, "", &error);
    }
    let said = fixture.run().args(["--root", "nowhere", "/x"]).said();
    said.is(
        2,
        "",
        "find-libdeps: error: cannot use nowhere as the root: No such file or directory (os error \
         2)\n",
    );
}

test!(
    an_unreadable_directory_leaves_no_list,
    needs = &[Need::Dpkg, Need::Root]
);
/// Runs as the user `nobody`, in a directory that this user can reach.
fn an_unreadable_directory_leaves_no_list() {
    let dir = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in("/tmp")
        .expect("a directory");
    let at = |name: &str| dir.path().join(name);
    fs::copy(PROGRAM, at("find-libdeps")).expect("a copy");
    fs::create_dir_all(at("venv/closed")).expect("directories");
    fs::write(at("venv/closed.so"), "x").expect("a file");
    fs::write(at("venv/open"), needing([], 0, b"/\0")).expect("a file");
    let close = |name: &str| {
        let mode = fs::Permissions::from_mode(0o000);
        fs::set_permissions(at(name), mode).expect("it is ours");
    };
    close("venv/closed");
    close("venv/closed.so");
    let run = |arguments: &[&str]| -> Said {
        Run::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(at("find-libdeps"))
            // dpkg warns about its configuration there.
            .env("HOME", at("venv/closed"))
            .args(arguments)
            .arg(at("venv"))
            .said()
    };
    let venv = at("venv").display().to_string();
    let denied = "Permission denied (os error 13)";
    let line = |name: &str| {
        format!(
            "find-libdeps: error: cannot read {venv}/{name}: {denied}; make it readable, or pass \
             `--exclude '^{}/{}(/|$)'`\n",
            venv.replace('.', "\\."),
            name.replace('.', "\\.")
        )
    };
    let error = format!(
        "{}{}find-libdeps: error: nothing is printed, because the result could be incomplete\n",
        line("closed"),
        line("closed.so")
    );
    run(&[]).is(2, "", &error);
    run(&["-q"]).is(2, "", &error);
    run(&["--exclude", "/closed"]).is(0, "", "");
    // The proposed options exclude these files, and nothing else.
    let proposed: Vec<&str> = error.split('\'').skip(1).step_by(2).collect();
    let options = ["--exclude", proposed[0], "--exclude", proposed[1]];
    fs::write(at("venv/closed_not"), "x").expect("a file");
    let said = run(&[&["-v"], &options[..]].concat());
    assert_eq!(said.status, 0);
    assert!(said.stderr.contains("read: 2 files, "), "{}", said.stderr);
}

test!(no_dpkg_leaves_no_list);
fn no_dpkg_leaves_no_list() {
    let fixture = Fixture::new();
    fixture.file("venv/a", "");
    let said = fixture
        .run()
        .env("PATH", fixture.path("venv"))
        .arg("venv")
        .said();
    said.is(
        2,
        "",
        "find-libdeps: error: no `dpkg` on PATH; the list names packages of dpkg or apk, \
         so run find-libdeps on Debian or Alpine\n",
    );
}

test!(without_path_programs_are_in_bin, needs = &[Need::Dpkg]);
fn without_path_programs_are_in_bin() {
    let fixture = Fixture::new();
    fixture.elf("venv/a");
    let run = Run::new("env").dir(fixture.path(""));
    run.args(["-u", "PATH", PROGRAM, "venv"])
        .said()
        .is(0, "", "");
}

/// The output where `dpkg` is this shell script.
fn with_dpkg(script: &str) -> Said {
    let fixture = Fixture::new();
    fixture.elf("venv/a");
    let dpkg = fixture.file("bin/dpkg", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&dpkg, fs::Permissions::from_mode(0o755)).expect("it is ours");
    fixture.said(
        fixture
            .run()
            .env("PATH", fixture.path("bin"))
            // The machine's database may not be there: this dpkg has another.
            .env("DPKG_ADMINDIR", "/nowhere")
            .arg("venv"),
    )
}

test!(
    lists_of_files_that_dpkg_lacks_are_one_warning,
    needs = TOOLS
);
fn lists_of_files_that_dpkg_lacks_are_one_warning() {
    let fixture = own_root::root("");
    let lib = "/usr/lib/x86_64-linux-gnu";
    own_root::liba(&fixture, lib);
    own_root::extension(&fixture, &[]);
    for name in ["liba1", "libb1"] {
        own_root::package(&fixture, name, &[&format!("{lib}/{LIBA}")]);
        let list = fixture.path(format!("root/var/lib/dpkg/info/{name}.list"));
        fs::remove_file(list).expect("a file");
    }
    let run = fixture.run().arg("--root").arg(fixture.path("root"));
    let lines = format!(
        "find-libdeps: warning: {NO_CACHE}\n\
         find-libdeps: warning: /var/lib/dpkg: lacks the lists of files of 2 packages such as liba1; the \
         packages of their files are not known\n\
         find-libdeps: unowned: {lib}/{LIBA}, needed by /venv/ext.so: no package ships it\n{COPY_HINT}"
    );
    fixture.said(run.arg("/venv")).is(0, "", &lines);
}

test!(a_failing_dpkg_leaves_no_list);
fn a_failing_dpkg_leaves_no_list() {
    let native = "[ \"$1\" = --print-architecture ] && echo amd64 && exit 0\n";
    let said = with_dpkg("echo broken >&2; exit 2");
    said.is(
        2,
        "",
        "find-libdeps: error: `dpkg --print-architecture` failed with exit status 2: broken\n",
    );
    for printed in ["", "echo; "] {
        let said = with_dpkg(&format!("{printed}exit 0"));
        said.is(
            2,
            "",
            "find-libdeps: error: `dpkg --print-architecture` printed an unexpected line: ``\n",
        );
    }
    let said = with_dpkg(&format!("{native}echo 'no database' >&2; exit 2"));
    said.is(
        2,
        "",
        "find-libdeps: error: `dpkg -S` failed with exit status 2: no database\n",
    );
    let said = with_dpkg(&format!("{native}kill -9 $$"));
    said.is(
        2,
        "",
        "find-libdeps: error: `dpkg -S` was killed by signal 9 (SIGKILL)\n",
    );
    let said = with_dpkg(&format!("{native}echo 'what is this'"));
    said.is(
        2,
        "",
        "find-libdeps: error: `dpkg -S` printed an unexpected line: `what is this`\n",
    );
    let said = with_dpkg(&format!("{native}echo 'a list is gone' >&2; exit 1"));
    said.is(
        0,
        "",
        "find-libdeps: warning: /var/lib/dpkg: a list is gone\n",
    );
}

test!(
    a_root_without_dpkgs_database_leaves_no_list,
    needs = &[Need::Dpkg]
);
fn a_root_without_dpkgs_database_leaves_no_list() {
    let fixture = Fixture::new();
    fixture.file("root/venv/a", "");
    let said = fixture.said(fixture.run().args(["--root", "root", "/venv"]));
    said.is(
        2,
        "",
        "find-libdeps: error: no package database: neither root/var/lib/dpkg/status nor \
         apk's exists; is this the root of a Debian or Alpine system?\n",
    );
    fixture.file("root/var/lib/dpkg/status", "");
    let said = fixture.said(fixture.run().args(["--root", "root", "/venv"]));
    said.is(
        2,
        "",
        "find-libdeps: error: dpkg's database has no packages: root/var/lib/dpkg/status is empty; is \
         this the root of a Debian system?\n",
    );
}

test!(a_long_list_of_arguments_is_split, needs = TOOLS);
/// Three thousand libraries in the loader's configuration, and a stack so small that the kernel
/// takes few arguments (a quarter of it, execve(2)).
fn a_long_list_of_arguments_is_split() {
    let fixture = Fixture::new();
    let library = fixture.library("root/usr/local/lib/libany.so", "int a;", &["-s"]);
    for number in 0..3000 {
        let name = format!("libwith-a-name-that-is-quite-long-{number:04}.so");
        fs::hard_link(&library, library.with_file_name(name)).expect("a link");
    }
    fixture.file("root/etc/ld.so.conf", "/usr/local/lib\n");
    fixture.file("root/var/lib/dpkg/status", "Package: dpkg\n");
    fixture.elf("root/venv/a");
    let script = format!(
        "#!/bin/sh\n[ \"$2\" = -S ] && shift 2 && echo $# >> {0}/calls && \
         printf '%s\\n' \"$@\" >> {0}/asked\n[ \"$2\" = --print-architecture ] && echo amd64 && \
         exit 0\nexit 1\n",
        fixture.text("")
    );
    for name in ["bin/dpkg", "bin/dpkg-query"] {
        let path = fixture.file(name, &script);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let warnings = format!(
        "find-libdeps: warning: {NO_CACHE}\n\
         find-libdeps: warning: /var/lib/dpkg: neither dpkg nor libc6 is installed; the architecture \
         is taken to be amd64\n"
    );
    let run = |limit: &str| {
        for name in ["calls", "asked"] {
            let _ = fs::remove_file(fixture.path(name));
        }
        Run::new("/bin/sh")
            .dir(fixture.path(""))
            .args(["-c", &format!("{limit}exec \"$0\" \"$@\""), PROGRAM])
            .args(["--root", "root", "/venv"])
            .env("PATH", fixture.path("bin"))
            .said()
            .is(0, "", &warnings);
        let read = |name: &str| fs::read_to_string(fixture.path(name)).expect("dpkg was called");
        (read("calls"), read("asked"))
    };
    let (calls, asked) = run("");
    assert_eq!(calls, "3001\n");
    let (more_calls, asked_again) = run("ulimit -S -s 512; ");
    assert!(more_calls.lines().count() > 1, "{more_calls}");
    assert_eq!(asked, asked_again);
}

test!(names_need_not_be_utf_8, needs = TOOLS);
fn names_need_not_be_utf_8() {
    let fixture = Fixture::new();
    let name =
        <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"od\xffd\n[*]\x1b.so");
    let built = fixture.library("stubs/e.so", "int e;", &[]);
    fixture.library("stubs/gone", "int g;", &["-Wl,-soname,gone\n*\x1b.so"]);
    let odd = fixture.library("stubs/odd", "int e;", &["stubs/gone"]);
    fs::create_dir(fixture.path("venv")).expect("a directory");
    fs::copy(built, fixture.path("venv").join(name)).expect("a copy");
    fs::copy(
        odd,
        fixture
            .path("venv")
            .join(Path::new(name).with_extension("2")),
    )
    .expect("a copy");
    let said = fixture.said(fixture.run().arg("venv"));
    said.is(
        0,
        "",
        &[
            "find-libdeps: missing: gone\\n*\\u{1b}.so, needed by venv/od\\xffd\\n[*]\\u{1b}.2\n",
            INSTALL_HINT,
        ]
        .concat(),
    );
    let report = fixture.report("venv");
    let needed_by = &report.0["needed"][0]["needed_by"][0];
    assert_eq!(
        needed_by.as_str(),
        Some(fixture.text("venv/od\\xffd\\n[*]\\u{1b}.2").as_str())
    );
}
