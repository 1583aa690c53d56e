//! What `find-libdeps` finds without a cache, compared with the cache that `ldconfig -r ROOT` writes.

use crate::elf::Elf;
use crate::fixture::{Fixture, Report};
use crate::own_root::{LIBA, add, cached, ldconfig, liba, root, run};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const LDCONFIG: &[Need] = &[Need::Cc, Need::Ldd, Need::Dpkg, Need::Ldconfig];

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
    let all = report.0["needed"].as_array().expect("an array");
    all.iter()
        .filter(|library| library["found_by"] == "cache")
        .map(|library| {
            let text = |name: &str| library[name].as_str().expect("a string").to_owned();
            (text("name"), text("path"))
        })
        .collect()
}

/// Checks that `find-libdeps` finds without a cache what it finds after `ldconfig`: every name
/// in one of `dirs` then leads to the same file. Returns those that lead to any.
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
    // Each is looked up in a separate process, which has loaded no other library.
    let spare = "N".repeat(200);
    let stub = crate::oracle::needing(fixture, &spare);
    let file = fixture.library("template.so", "int x;", &[&stub]);
    let template = Elf::read(&file);
    let place = template.find(spare.as_bytes());
    for (number, name) in names.iter().enumerate() {
        let mut elf = template.clone();
        elf.put(place, format!("{name}\0"));
        for root in ["root", "after"] {
            fixture.file(&format!("{root}/venv/{number}.so"), &elf.0);
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

test!(
    without_a_cache_a_configured_directory_is_as_ldconfig_sees_it,
    needs = LDCONFIG
);
fn without_a_cache_a_configured_directory_is_as_ldconfig_sees_it() {
    let fixture = root("/opt/lib\n");
    add(&fixture, "/opt/lib/liba.so.1.2.3", LIBA);
    assert_eq!(
        emulates(&fixture, &["opt/lib"]),
        pairs(&[(LIBA, "opt/lib/liba.so.1.2.3")])
    );
}

test!(
    without_a_cache_the_configuration_is_as_ldconfig_reads_it,
    needs = &[Need::Cc, Need::Ldd, Need::Dpkg, Need::Ldconfig, Need::Root]
);
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

test!(without_a_cache_the_highest_version_counts, needs = LDCONFIG);
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

test!(
    without_a_cache_a_link_that_is_there_counts_as_ldconfig_leaves_it,
    needs = LDCONFIG
);
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

test!(without_a_cache_the_first_directory_counts, needs = LDCONFIG);
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

test!(
    without_a_cache_a_library_without_a_soname_goes_by_its_file_name,
    needs = LDCONFIG
);
fn without_a_cache_a_library_without_a_soname_goes_by_its_file_name() {
    let fixture = root("/opt/lib\n");
    fixture.library("root/opt/lib/libplain.so", "int x;", &[]);
    assert_eq!(
        emulates(&fixture, &["opt/lib"]),
        pairs(&[("libplain.so", "opt/lib/libplain.so")])
    );
}

test!(
    without_a_cache_a_link_for_the_linker_goes_by_its_own_name,
    needs = LDCONFIG
);
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

test!(
    without_a_cache_a_link_from_elsewhere_goes_by_its_own_name,
    needs = LDCONFIG
);
fn without_a_cache_a_link_from_elsewhere_goes_by_its_own_name() {
    let fixture = root("/opt/lib\n");
    add(&fixture, "/opt/other/libreal.so.7", "libreal.so.7");
    fixture.link("../other/libreal.so.7", "root/opt/lib/libalias.so.3");
    fixture.link("../other/nothing", "root/opt/lib/libstale.so.3");
    emulates(&fixture, &["opt/lib"]);
}

test!(
    without_a_cache_what_is_no_library_is_passed_over,
    needs = LDCONFIG
);
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

test!(without_a_cache_glibc_hwcaps_are_entered, needs = LDCONFIG);
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

test!(
    without_a_cache_a_copy_of_this_machines_libraries_is_as_ldconfig_sees_it,
    needs = LDCONFIG
);
fn without_a_cache_a_copy_of_this_machines_libraries_is_as_ldconfig_sees_it() {
    let fixture = root("/opt/lib\n");
    let lib = fixture.path("root/opt/lib");
    fs::create_dir_all(&lib).expect("a directory");
    let mut copied = 0;
    for entry in fs::read_dir("/usr/lib/x86_64-linux-gnu").expect("a Debian machine") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_owned();
        // The loader's own name is never searched for.
        if name == "ld-linux-x86-64.so.2" {
            continue;
        }
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

/// Large libraries take time to copy, and show nothing that small ones do not.
fn is_small(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.len() < 512 << 10)
}
