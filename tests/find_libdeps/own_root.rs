//! Roots that the tests make, with a cache, a configuration and default directories, and the output
//! of `ldconfig -r ROOT` and of the root's loader.

use crate::fixture::{Fixture, PROGRAM, Report};
use crate::oracle::{libraries, soname};
use crate::support::run::{Run, Said};
use std::collections::BTreeMap;
use std::fs;

pub const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";
pub const LIBA: &str = "liba.so.1";

/// The warning about a root without a cache.
pub const NO_CACHE: &str = "/etc/ld.so.cache: does not exist; libraries are searched for as if \
                            `ldconfig` had been run";

/// A root with the minimum that dpkg, ldconfig and the loader need.
pub fn root(conf: &str) -> Fixture {
    let fixture = Fixture::new();
    let dpkg = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\
                Maintainer: nobody\nDescription: none\n\n";
    for (name, content) in [
        ("root/etc/ld.so.conf", conf),
        ("root/var/lib/dpkg/status", dpkg),
        ("root/var/lib/dpkg/info/format", "1\n"),
        ("root/var/lib/dpkg/info/dpkg.list", "/.\n"),
        ("root/var/lib/dpkg/diversions", ""),
        ("root/var/lib/dpkg/statoverride", ""),
    ] {
        fixture.file(name, content);
    }
    for name in [
        "lib/x86_64-linux-gnu",
        "usr/lib/x86_64-linux-gnu",
        "lib64",
        "venv",
    ] {
        fs::create_dir_all(fixture.path("root").join(name)).expect("a directory");
    }
    let loader = fixture.text(&format!("root{LOADER}"));
    fs::copy(LOADER, loader).expect("the loader is there");
    fixture
}

pub fn inside(name: &str) -> String {
    format!("root{name}")
}

/// `liba.so.1` in a directory of the root.
pub fn liba(fixture: &Fixture, dir: &str) {
    let name = inside(&format!("{dir}/{LIBA}"));
    fixture.library(&name, "int x;", &[&soname(LIBA)]);
}

/// The extension in the root, which needs `liba.so.1`.
pub fn extension(fixture: &Fixture, arguments: &[&str]) {
    let stub = crate::oracle::needing(fixture, LIBA);
    let all = [&[stub.as_str()], arguments].concat();
    fixture.library("root/venv/ext.so", "int x;", &all);
}

pub fn ldconfig(fixture: &Fixture, root: &str) {
    Run::new("ldconfig")
        .arg("-r")
        .arg(fixture.path(root))
        .must();
}

pub fn run(fixture: &Fixture, root: &str) -> Run {
    Run::new(PROGRAM).arg("--root").arg(fixture.path(root))
}

/// What `find-libdeps` says of the tree in the root.
pub fn report(fixture: &Fixture) -> Report {
    Report::of(run(fixture, "root"), "/venv")
}

/// What the root's own loader says of the extension: `name => path`, or why it stops.
pub fn loader(fixture: &Fixture) -> Vec<String> {
    let said = Run::new("chroot")
        .arg(fixture.path("root"))
        .args([LOADER, "--list", "/venv/ext.so"])
        .said();
    let found = said.stdout.lines().filter_map(|line| {
        let (found, _) = line.trim().split_once(" (0x")?;
        found.contains(" => ").then(|| found.to_owned())
    });
    // Whether the reason follows depends on what was tried last.
    let reason = ": No such file or directory";
    let errors = said.stderr.lines();
    let errors = errors.map(|line| line.strip_suffix(reason).unwrap_or(line).to_owned());
    found.chain(errors).collect()
}

/// What `run` says in a root without a cache, except that there is none.
#[track_caller]
pub fn said_without_cache(run: Run) -> Said {
    let mut said = run.said();
    let warning = format!("find-libdeps: warning: {NO_CACHE}\n");
    assert!(said.stderr.contains(&warning), "{}", said.stderr);
    said.stderr = said.stderr.replacen(&warning, "", 1);
    said
}

/// What `find-libdeps` warns about, except a cache that does not exist.
pub fn other_warnings(fixture: &Fixture) -> Vec<String> {
    let mut warnings = report(fixture).warnings();
    warnings.retain(|warning| warning != NO_CACHE);
    warnings
}

/// Both find `liba.so.1` at `path`.
#[track_caller]
pub fn both_find(fixture: &Fixture, path: &str, found_by: &str) {
    assert_eq!(
        libraries(fixture, &report(fixture)),
        [format!("{LIBA}: unowned {path} ({found_by})")]
    );
    assert_eq!(other_warnings(fixture), [""; 0]);
    assert_eq!(loader(fixture), [format!("{LIBA} => {path}")]);
}

/// Neither finds it; the message ends with `end`.
#[track_caller]
pub fn neither_finds(fixture: &Fixture, end: &str) {
    assert_eq!(
        libraries(fixture, &report(fixture)),
        [format!("{LIBA}: missing")]
    );
    assert_eq!(
        loader(fixture),
        [format!(
            "/venv/ext.so: error while loading shared libraries: {LIBA}: cannot open shared \
             object file"
        )]
    );
    let said = run(fixture, "root").arg("/venv").said().stderr;
    let no_cache = format!("find-libdeps: warning: {NO_CACHE}\n");
    assert_eq!(
        said.strip_prefix(&no_cache).unwrap_or(&said),
        format!("find-libdeps: missing: {LIBA}, needed by /venv/ext.so{end}")
    );
}

/// A library in the root with this SONAME.
pub fn add(fixture: &Fixture, path: &str, name: &str) {
    fixture.library(&inside(path), "int x;", &[&soname(name)]);
}

/// Makes the files at `paths` those of a package in the root.
pub fn package(fixture: &Fixture, name: &str, paths: &[&str]) {
    let status = fixture.path("root/var/lib/dpkg/status");
    let stanza = format!(
        "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\
         Maintainer: nobody\nDescription: none\n\n"
    );
    let all = fs::read_to_string(&status).expect("the root has it") + &stanza;
    fs::write(status, all).expect("it can be written");
    let list = format!("root/var/lib/dpkg/info/{name}.list");
    fixture.file(&list, format!("{}\n", paths.join("\n")));
}

/// What `ldconfig -p` says of the cache: for each name of this architecture the first path, that
/// of a `glibc-hwcaps` directory only where there is no other.
pub fn cached(fixture: &Fixture, root: &str) -> BTreeMap<String, String> {
    let said = Run::new("ldconfig")
        .arg("-r")
        .arg(fixture.path(root))
        .arg("-p")
        .must();
    let entries: Vec<(&str, &str, &str)> = said
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.trim().split_once(" (")?;
            let (kind, path) = rest.split_once(") => ")?;
            Some((name, kind, path))
        })
        .filter(|(_, kind, _)| kind.starts_with("libc6,x86-64"))
        // The loader that every root has is not the tests' subject.
        .filter(|(.., path)| !path.starts_with("/lib64/"))
        .collect();
    let mut all = BTreeMap::new();
    for is_hwcaps in [false, true] {
        for (name, kind, path) in &entries {
            if (*kind != "libc6,x86-64") == is_hwcaps {
                let entry = all.entry((*name).to_owned());
                entry.or_insert_with(|| (*path).to_owned());
            }
        }
    }
    all
}
