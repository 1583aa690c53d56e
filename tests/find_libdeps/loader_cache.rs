//! The cache, its configuration and the default directories, in roots of the tests' own.
//!
//! The oracles are `ldconfig -r ROOT`, and glibc's own loader run in the root by `chroot`.

use crate::fixture::{Fixture, PROGRAM, Report};
use crate::oracle::{libraries, rules, runpath, soname};
use crate::support::needs::Need;
use crate::support::run::Run;
use libtest_mimic::Trial;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The tests of this file.
pub fn tests() -> Vec<Trial> {
    let mut tests = rules![
        &[Need::Cc, Need::Ldd, Need::Dpkg, Need::Ldconfig, Need::Root];
        the_cache_serves_a_configured_directory,
        configured_directories_come_before_default_ones_in_the_cache,
        the_cache_comes_before_the_default_directories,
        runpath_comes_before_the_cache_of_a_root,
        the_default_directories_come_last_in_their_order,
        a_cached_file_that_is_gone_is_passed_over,
        a_library_that_ldconfig_has_not_seen_is_not_found,
        nodeflib_skips_the_default_directories,
        nodeflib_skips_what_the_cache_names_in_a_default_directory,
        nodeflib_takes_what_the_cache_names_elsewhere,
        the_environment_does_not_count_in_another_root,
        the_new_format_is_found_behind_the_old_one,
        a_file_that_is_no_cache_counts_for_none,
        the_loader_is_found_without_the_cache,
        a_library_that_nobody_owns_is_followed,
        a_library_of_a_package_is_not_followed,
        the_cache_gives_the_base_file_before_glibc_hwcaps,
        the_cache_gives_a_library_in_glibc_hwcaps_alone,
        without_a_cache_a_configured_directory_is_as_ldconfig_sees_it,
        without_a_cache_the_configuration_is_as_ldconfig_reads_it,
        without_a_cache_the_highest_version_counts,
        without_a_cache_a_link_that_is_there_counts_as_ldconfig_leaves_it,
        without_a_cache_the_first_directory_counts,
        without_a_cache_a_library_without_a_soname_goes_by_its_file_name,
        without_a_cache_a_link_for_the_linker_goes_by_its_own_name,
        without_a_cache_a_link_from_elsewhere_goes_by_its_own_name,
        without_a_cache_what_is_no_library_is_passed_over,
        without_a_cache_glibc_hwcaps_are_entered,
        without_a_cache_a_copy_of_this_machines_libraries_is_as_ldconfig_sees_it,
    ];
    tests.extend(rules![
        &[Need::Cc, Need::Ldd, Need::Dpkg, Need::Ldconfig, Need::Root, Need::Cc32];
        the_cache_gives_a_library_of_the_right_class,
    ]);
    tests
}

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";
const LIBA: &str = "liba.so.1";

/// A root with the least that dpkg, ldconfig and the loader ask for.
fn root(conf: &str) -> Fixture {
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

fn inside(name: &str) -> String {
    format!("root{name}")
}

/// `liba.so.1` in a directory of the root.
fn liba(fixture: &Fixture, dir: &str) {
    let name = inside(&format!("{dir}/{LIBA}"));
    fixture.library(&name, "int x;", &[&soname(LIBA)]);
}

/// The extension in the root, which needs `liba.so.1`.
fn extension(fixture: &Fixture, arguments: &[&str]) {
    let stub = crate::oracle::needing(fixture, LIBA);
    let all = [&[stub.as_str()], arguments].concat();
    fixture.library("root/venv/ext.so", "int x;", &all);
}

fn ldconfig(fixture: &Fixture, root: &str) {
    Run::new("ldconfig")
        .arg("-r")
        .arg(fixture.path(root))
        .must();
}

fn run(fixture: &Fixture, root: &str) -> Run {
    Run::new(PROGRAM).arg("--root").arg(fixture.path(root))
}

/// What `find-libdeps` says of the tree in the root.
fn report(fixture: &Fixture) -> Report {
    Report::of(run(fixture, "root"), "/venv")
}

/// What the root's own loader says of the extension: `name => path`, or why it stops.
fn loader(fixture: &Fixture) -> Vec<String> {
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

/// Both find `liba.so.1` at `path`.
#[track_caller]
fn both_find(fixture: &Fixture, path: &str, found_by: &str) {
    assert_eq!(
        libraries(fixture, &report(fixture)),
        [format!("{LIBA}: unowned {path} ({found_by})")]
    );
    assert_eq!(report(fixture).warnings(), [""; 0]);
    assert_eq!(loader(fixture), [format!("{LIBA} => {path}")]);
}

/// Neither finds it; the message has this for what to do next.
#[track_caller]
fn neither_finds(fixture: &Fixture, what_next: &str) {
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
    assert_eq!(
        run(fixture, "root").arg("/venv").said().stderr,
        format!("find-libdeps: missing: {LIBA}: /venv/ext.so needs it; {what_next}\n")
    );
}

const INSTALL: &str = "install the package that has it (see `apt-file search liba.so.1`) and run \
                       this again, or pass `--ignore`";

fn the_cache_serves_a_configured_directory() {
    let fixture = root("include /etc/ld.so.conf.d/*.conf\n");
    fixture.file("root/etc/ld.so.conf.d/a.conf", "/opt/lib/ # ours\n");
    liba(&fixture, "/opt/lib");
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    both_find(&fixture, "/opt/lib/liba.so.1", "cache");
}

fn configured_directories_come_before_default_ones_in_the_cache() {
    let fixture = root("/opt/two\n/opt/one\n");
    for dir in ["/usr/lib", "/opt/one", "/opt/two"] {
        liba(&fixture, dir);
    }
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    both_find(&fixture, "/opt/two/liba.so.1", "cache");
}

fn the_cache_comes_before_the_default_directories() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    liba(&fixture, "/lib/x86_64-linux-gnu");
    both_find(&fixture, "/opt/lib/liba.so.1", "cache");
}

fn runpath_comes_before_the_cache_of_a_root() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    liba(&fixture, "/opt/other");
    extension(&fixture, &[&runpath("/opt/other")]);
    ldconfig(&fixture, "root");
    both_find(&fixture, "/opt/other/liba.so.1", "runpath");
}

fn the_default_directories_come_last_in_their_order() {
    let fixture = root("");
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    // After ldconfig, so that the cache has none of them.
    let order = [
        "/lib/x86_64-linux-gnu",
        "/usr/lib/x86_64-linux-gnu",
        "/lib",
        "/usr/lib",
    ];
    for dir in order {
        liba(&fixture, dir);
    }
    for dir in order {
        let path = format!("{dir}/{LIBA}");
        both_find(&fixture, &path, "default");
        fs::remove_file(fixture.path(inside(&path))).expect("it is there");
    }
    neither_finds(&fixture, INSTALL);
}

fn a_cached_file_that_is_gone_is_passed_over() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    fs::remove_file(fixture.path("root/opt/lib/liba.so.1")).expect("it is there");
    liba(&fixture, "/usr/lib");
    both_find(&fixture, "/usr/lib/liba.so.1", "default");
}

fn a_library_that_ldconfig_has_not_seen_is_not_found() {
    let fixture = root("/opt/lib\n");
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    liba(&fixture, "/opt/lib");
    neither_finds(
        &fixture,
        "/opt/lib/liba.so.1 is there, but not in the loader's cache: run `ldconfig`",
    );
}

const NODEFLIB: &str = "-Wl,-z,nodefaultlib";

fn nodeflib_skips_the_default_directories() {
    let fixture = root("");
    extension(&fixture, &[NODEFLIB]);
    ldconfig(&fixture, "root");
    liba(&fixture, "/usr/lib");
    neither_finds(&fixture, INSTALL);
}

fn nodeflib_skips_what_the_cache_names_in_a_default_directory() {
    let fixture = root("");
    extension(&fixture, &[NODEFLIB]);
    liba(&fixture, "/usr/lib/x86_64-linux-gnu");
    ldconfig(&fixture, "root");
    neither_finds(&fixture, INSTALL);
}

fn nodeflib_takes_what_the_cache_names_elsewhere() {
    let fixture = root("/opt/lib\n");
    extension(&fixture, &[NODEFLIB]);
    liba(&fixture, "/opt/lib");
    ldconfig(&fixture, "root");
    both_find(&fixture, "/opt/lib/liba.so.1", "cache");
}

fn the_environment_does_not_count_in_another_root() {
    let fixture = root("");
    extension(&fixture, &[]);
    liba(&fixture, "/opt/lib");
    ldconfig(&fixture, "root");
    let run = run(&fixture, "root").env("LD_LIBRARY_PATH", "/opt/lib");
    let report = Report::of(run, "/venv");
    assert_eq!(libraries(&fixture, &report), ["liba.so.1: missing"]);
    neither_finds(&fixture, INSTALL);
}

fn the_new_format_is_found_behind_the_old_one() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    extension(&fixture, &[]);
    let ldconfig = Run::new("ldconfig").args(["-c", "compat", "-r"]);
    ldconfig.arg(fixture.path("root")).must();
    both_find(&fixture, "/opt/lib/liba.so.1", "cache");
}

fn a_file_that_is_no_cache_counts_for_none() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    extension(&fixture, &[]);
    fixture.file("root/etc/ld.so.cache", "no cache\n");
    // The loader does without one. The image that the list is for will have one, so we go on as
    // if it were made.
    assert_eq!(
        libraries(&fixture, &report(&fixture)),
        ["liba.so.1: unowned /opt/lib/liba.so.1 (cache)"]
    );
    assert_eq!(
        loader(&fixture),
        [
            "/venv/ext.so: error while loading shared libraries: liba.so.1: cannot open shared \
             object file"
        ]
    );
}

fn the_loader_is_found_without_the_cache() {
    let fixture = root("");
    let name = "ld-linux-x86-64.so.2";
    let stub = crate::oracle::needing(&fixture, name);
    fixture.library("root/venv/ext.so", "int x;", &[&stub]);
    let report = report(&fixture);
    assert_eq!(
        libraries(&fixture, &report),
        [format!("{name}: unowned {LOADER} (direct)")]
    );
    // It lists itself as a path that nothing led to, and misses nothing.
    assert_eq!(loader(&fixture), [""; 0]);
}

/// An extension that needs `liba.so.1`, which needs `libb.so.1`.
fn two_levels() -> Fixture {
    let fixture = root("/opt/lib\n");
    add(&fixture, "/opt/lib/libb.so.1", "libb.so.1");
    let arguments = ["root/opt/lib/libb.so.1", &soname(LIBA)];
    fixture.library("root/opt/lib/liba.so.1", "int x;", &arguments);
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    fixture
}

const BOTH: [&str; 2] = [
    "liba.so.1 => /opt/lib/liba.so.1",
    "libb.so.1 => /opt/lib/libb.so.1",
];

fn a_library_that_nobody_owns_is_followed() {
    let fixture = two_levels();
    assert_eq!(
        libraries(&fixture, &report(&fixture)),
        [
            "liba.so.1: unowned /opt/lib/liba.so.1 (cache)",
            "libb.so.1: unowned /opt/lib/libb.so.1 (cache)"
        ]
    );
    assert_eq!(loader(&fixture), BOTH);
}

fn a_library_of_a_package_is_not_followed() {
    let fixture = two_levels();
    let status = fixture.path("root/var/lib/dpkg/status");
    let mut text = fs::read_to_string(&status).expect("it was made");
    text.push_str(
        "Package: liba1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\
         Maintainer: nobody\nDescription: none\n\n",
    );
    fs::write(&status, text).expect("it can be written");
    let list = "/.\n/opt\n/opt/lib\n/opt/lib/liba.so.1\n";
    fixture.file("root/var/lib/dpkg/info/liba1.list", list);
    // What it needs in its turn is its package's business.
    assert_eq!(
        libraries(&fixture, &report(&fixture)),
        ["liba.so.1: package /opt/lib/liba.so.1 (cache)"]
    );
    assert_eq!(loader(&fixture), BOTH);
}

fn the_cache_gives_the_base_file_before_glibc_hwcaps() {
    let fixture = root("/opt/lib\n");
    extension(&fixture, &[]);
    liba(&fixture, "/opt/lib");
    liba(&fixture, "/opt/lib/glibc-hwcaps/x86-64-v2");
    ldconfig(&fixture, "root");
    // The loader answers for the processor that it runs on; a list must hold on others too.
    assert_eq!(
        libraries(&fixture, &report(&fixture)),
        ["liba.so.1: unowned /opt/lib/liba.so.1 (cache)"]
    );
    let help = Run::new(LOADER).arg("--help").must();
    let theirs = if help.contains("x86-64-v2 (supported") {
        "liba.so.1 => /opt/lib/glibc-hwcaps/x86-64-v2/liba.so.1"
    } else {
        "liba.so.1 => /opt/lib/liba.so.1"
    };
    assert_eq!(loader(&fixture), [theirs]);
}

fn the_cache_gives_a_library_in_glibc_hwcaps_alone() {
    let fixture = root("/opt/lib\n");
    extension(&fixture, &[]);
    let place = "/opt/lib/glibc-hwcaps/x86-64-v2";
    liba(&fixture, place);
    ldconfig(&fixture, "root");
    assert_eq!(
        libraries(&fixture, &report(&fixture)),
        [format!("liba.so.1: unowned {place}/liba.so.1 (cache)")]
    );
    assert_eq!(
        cached(&fixture, "root"),
        BTreeMap::from([(LIBA.to_owned(), format!("{place}/liba.so.1"))])
    );
}

fn the_cache_gives_a_library_of_the_right_class() {
    let fixture = root("/opt/lib32\n/opt/lib\n");
    extension(&fixture, &[]);
    liba(&fixture, "/opt/lib");
    fixture.library(
        "root/opt/lib32/liba.so.1",
        "int x;",
        &["-m32", &soname(LIBA)],
    );
    ldconfig(&fixture, "root");
    both_find(&fixture, "/opt/lib/liba.so.1", "cache");
}

/// What `ldconfig -p` says of the cache: for each name of this architecture the first path, that
/// of a `glibc-hwcaps` directory only where there is no other.
fn cached(fixture: &Fixture, root: &str) -> BTreeMap<String, String> {
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

/// The files in the root to which names lead, links resolved.
fn resolved<'a>(
    fixture: &Fixture,
    root: &str,
    found: impl Iterator<Item = (&'a String, &'a String)>,
) -> BTreeMap<String, String> {
    let root = fixture.path(root);
    found
        .map(|(name, path)| {
            let outer = root.join(path.trim_start_matches('/'));
            let real = outer.canonicalize().expect("the library is there");
            let real = real.strip_prefix(&root).expect("it is in the root");
            (name.clone(), real.to_str().expect("ASCII").to_owned())
        })
        .collect()
}

/// What `find-libdeps` finds by the cache of `root`, or by doing without.
fn found(fixture: &Fixture, root: &str) -> BTreeMap<String, String> {
    let report = Report::of(run(fixture, root), "/venv");
    let all = report.0["libraries"].as_array().expect("an array");
    all.iter()
        .filter(|library| library["found_by"] == "cache")
        .map(|library| {
            let text = |name: &str| library[name].as_str().expect("a string").to_owned();
            (text("soname"), text("path"))
        })
        .collect()
}

/// Whether a root without a cache is to `find-libdeps` what it becomes by `ldconfig`: every name
/// that stands in one of `dirs` then leads to the same file. Answers those that lead to any.
#[track_caller]
fn emulates(fixture: &Fixture, dirs: &[&str]) -> BTreeMap<String, String> {
    let copy = fixture.path("after");
    let cp = Run::new("cp").arg("-a").arg(fixture.path("root"));
    cp.arg(&copy).must();
    ldconfig(fixture, "after");
    let mut names: BTreeSet<String> = cached(fixture, "after").into_keys().collect();
    for dir in dirs {
        for entry in fs::read_dir(copy.join(dir)).expect("a directory") {
            let name = entry.expect("an entry").file_name();
            names.insert(name.into_string().expect("ASCII"));
        }
    }
    // Each in a process of its own, where no library of another name is loaded.
    let spare = "N".repeat(200);
    let stub = crate::oracle::needing(fixture, &spare);
    let file = fixture.library("template.so", "int x;", &[&stub]);
    let template = fs::read(file).expect("a fixture");
    let mut places = 0..template.len();
    let place = places.find(|&at| template[at..].starts_with(spare.as_bytes()));
    let place = place.expect("the name is there");
    for (number, name) in names.iter().enumerate() {
        let mut bytes = template.clone();
        bytes[place..=place + name.len()].copy_from_slice(format!("{name}\0").as_bytes());
        for root in ["root", "after"] {
            fixture.file(&format!("{root}/venv/{number}.so"), &bytes);
        }
    }

    let theirs = cached(fixture, "after");
    same(
        &found(fixture, "after"),
        &theirs,
        "with the cache, and ldconfig -p",
    );
    let theirs = resolved(fixture, "after", theirs.iter());
    let ours = found(fixture, "root");
    let ours = resolved(fixture, "root", ours.iter());
    same(&ours, &theirs, "without the cache, and with it");
    theirs
}

/// Compares two sets, and shows no more than what differs.
#[track_caller]
fn same(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>, what: &str) {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differ: Vec<_> = names
        .into_iter()
        .map(|name| (name, one.get(name), other.get(name)))
        .filter(|(_, one, other)| one != other)
        .collect();
    assert!(differ.is_empty(), "{what}: {differ:#?}");
}

/// Names and files as they are compared.
fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, path): &(&str, &str)| ((*name).to_owned(), (*path).to_owned());
    pairs.iter().map(owned).collect()
}

/// A library in the root with this SONAME.
fn add(fixture: &Fixture, path: &str, name: &str) {
    fixture.library(&inside(path), "int x;", &[&soname(name)]);
}

fn without_a_cache_a_configured_directory_is_as_ldconfig_sees_it() {
    let fixture = root("/opt/lib\n");
    add(&fixture, "/opt/lib/liba.so.1.2.3", LIBA);
    assert_eq!(
        emulates(&fixture, &["opt/lib"]),
        pairs(&[(LIBA, "opt/lib/liba.so.1.2.3")])
    );
}

fn without_a_cache_the_configuration_is_as_ldconfig_reads_it() {
    let fixture = root(
        "# a comment\n  /opt/a/ # ours\ninclude ld.so.conf.d/*.conf more/?.list\n\
         include none/*.conf\nhwcap 1 nosegneg\n/opt/none\n",
    );
    fixture.file("root/etc/ld.so.conf.d/b.conf", "/opt/b//\n");
    fixture.file("root/etc/ld.so.conf.d/.c.conf", "/opt/c\n");
    fixture.file("root/etc/more/d.list", "include deeper/e\n\t/opt/d\n");
    fixture.file("root/etc/more/deeper/e", "/opt/e");
    for name in ["a", "b", "c", "d", "e"] {
        let file = format!("lib{name}.so.1");
        add(&fixture, &format!("/opt/{name}/{file}"), &file);
    }
    assert_eq!(
        emulates(&fixture, &["opt/c"]),
        pairs(&[
            ("liba.so.1", "opt/a/liba.so.1"),
            ("libb.so.1", "opt/b/libb.so.1"),
            ("libd.so.1", "opt/d/libd.so.1"),
            ("libe.so.1", "opt/e/libe.so.1"),
        ])
    );
}

fn without_a_cache_the_highest_version_counts() {
    let fixture = root("/opt/lib\n");
    for name in ["liba.so.1.9", "liba.so.1.10", "liba.so.1.2"] {
        add(&fixture, &format!("/opt/lib/{name}"), LIBA);
    }
    assert_eq!(
        emulates(&fixture, &["opt/lib"]),
        pairs(&[(LIBA, "opt/lib/liba.so.1.10")])
    );
}

fn without_a_cache_a_link_that_is_there_counts_as_ldconfig_leaves_it() {
    let fixture = root("/opt/lib\n");
    add(&fixture, "/opt/lib/liba.so.1.1", LIBA);
    add(&fixture, "/opt/lib/liba.so.1.2", LIBA);
    // It is out of date, and ldconfig sets it right.
    fixture.link("liba.so.1.1", "root/opt/lib/liba.so.1");
    assert_eq!(
        emulates(&fixture, &["opt/lib"]),
        pairs(&[(LIBA, "opt/lib/liba.so.1.2")])
    );
}

fn without_a_cache_the_first_directory_counts() {
    let fixture = root("/opt/b\n/opt/a\n");
    for dir in ["/opt/a", "/opt/b", "/usr/lib", "/usr/lib/x86_64-linux-gnu"] {
        liba(&fixture, dir);
    }
    add(&fixture, "/usr/lib/libc1.so.1", "libc1.so.1");
    add(
        &fixture,
        "/usr/lib/x86_64-linux-gnu/libc1.so.1",
        "libc1.so.1",
    );
    assert_eq!(emulates(&fixture, &["opt/a"])[LIBA], "opt/b/liba.so.1");
}

fn without_a_cache_a_library_without_a_soname_goes_by_its_file_name() {
    let fixture = root("/opt/lib\n");
    fixture.library("root/opt/lib/libplain.so", "int x;", &[]);
    assert_eq!(
        emulates(&fixture, &["opt/lib"]),
        pairs(&[("libplain.so", "opt/lib/libplain.so")])
    );
}

fn without_a_cache_a_link_for_the_linker_goes_by_its_own_name() {
    let fixture = root("/opt/lib\n");
    add(&fixture, "/opt/lib/liba.so.1.2.3", LIBA);
    fixture.link("liba.so.1.2.3", "root/opt/lib/liba.so.1");
    fixture.link("liba.so.1", "root/opt/lib/liba.so");
    assert_eq!(
        emulates(&fixture, &["opt/lib"]),
        pairs(&[
            ("liba.so", "opt/lib/liba.so.1.2.3"),
            (LIBA, "opt/lib/liba.so.1.2.3"),
        ])
    );
}

fn without_a_cache_a_link_from_elsewhere_goes_by_its_own_name() {
    let fixture = root("/opt/lib\n");
    add(&fixture, "/opt/other/libreal.so.7", "libreal.so.7");
    fixture.link("../other/libreal.so.7", "root/opt/lib/libalias.so.3");
    fixture.link("../other/nothing", "root/opt/lib/libstale.so.3");
    emulates(&fixture, &["opt/lib"]);
}

fn without_a_cache_what_is_no_library_is_passed_over() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    add(&fixture, "/opt/lib/plugin.so", "plugin.so");
    add(&fixture, "/opt/lib/sub/libdeep.so.1", "libdeep.so.1");
    fixture.file("root/opt/lib/libscript.so", "GROUP ( liba.so.1 )\n");
    fixture.file("root/opt/lib/libempty.so", "");
    fixture.compile("root/opt/lib/libobject.so", "int x;", &["-c"]);
    fs::create_dir(fixture.path("root/opt/lib/libdir.so")).expect("a directory");
    assert_eq!(
        emulates(&fixture, &["opt/lib"]),
        pairs(&[(LIBA, "opt/lib/liba.so.1")])
    );
}

fn without_a_cache_glibc_hwcaps_are_entered() {
    let fixture = root("/opt/lib\n");
    let hwcaps = "/opt/lib/glibc-hwcaps/x86-64-v2";
    liba(&fixture, "/opt/lib");
    liba(&fixture, hwcaps);
    add(&fixture, &format!("{hwcaps}/libb.so.1"), "libb.so.1");
    assert_eq!(
        emulates(&fixture, &["opt/lib"]),
        pairs(&[
            (LIBA, "opt/lib/liba.so.1"),
            ("libb.so.1", "opt/lib/glibc-hwcaps/x86-64-v2/libb.so.1"),
        ])
    );
}

fn without_a_cache_a_copy_of_this_machines_libraries_is_as_ldconfig_sees_it() {
    let fixture = root("/opt/lib\n");
    let lib = fixture.path("root/opt/lib");
    fs::create_dir_all(&lib).expect("a directory");
    let mut copied = 0;
    for entry in fs::read_dir("/usr/lib/x86_64-linux-gnu").expect("a Debian machine") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_owned();
        let metadata = path.symlink_metadata().expect("it is there");
        let to = lib.join(&name);
        if metadata.is_symlink() {
            let target = fs::read_link(&path).expect("a link");
            // One that leads out of the directory would lead nowhere in the root.
            if target.components().count() == 1 {
                std::os::unix::fs::symlink(target, to).expect("a link");
            }
        } else if metadata.is_file() && is_small(&path) {
            fs::copy(&path, to).expect("a copy");
            copied += 1;
        }
    }
    assert!(copied > 10, "{copied} libraries");
    assert!(emulates(&fixture, &["opt/lib"]).len() > 10);
}

/// Large libraries have nothing to teach that small ones lack.
fn is_small(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.len() < 512 << 10)
}
