//! The cache and the default directories, in roots that the tests make.
//!
//! The oracles are `ldconfig -r ROOT -p`, and glibc's own loader run in the root by `chroot`.

use crate::fixture::{Fixture, INSTALL_HINT, Report};
use crate::oracle::{libraries, runpath, soname};
use crate::own_root::{
    LIBA, LOADER, add, both_find, cached, extension, inside, ldconfig, liba, loader, neither_finds,
    report, root, run,
};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use std::collections::BTreeMap;
use std::fs;

/// What it takes to make a root with a cache, and to run its loader.
const ROOT: &[Need] = &[Need::Cc, Need::Ldd, Need::Dpkg, Need::Ldconfig, Need::Root];

test!(the_cache_serves_a_configured_directory, needs = ROOT);
fn the_cache_serves_a_configured_directory() {
    let fixture = root("include /etc/ld.so.conf.d/*.conf\n");
    fixture.file("root/etc/ld.so.conf.d/a.conf", "/opt/lib/ # ours\n");
    liba(&fixture, "/opt/lib");
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    both_find(&fixture, "/opt/lib/liba.so.1", "cache");
}

test!(
    configured_directories_come_before_default_ones_in_the_cache,
    needs = ROOT
);
fn configured_directories_come_before_default_ones_in_the_cache() {
    let fixture = root("/opt/two\n/opt/one\n");
    for dir in ["/usr/lib", "/opt/one", "/opt/two"] {
        liba(&fixture, dir);
    }
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    both_find(&fixture, "/opt/two/liba.so.1", "cache");
}

test!(the_cache_comes_before_the_default_directories, needs = ROOT);
fn the_cache_comes_before_the_default_directories() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    liba(&fixture, "/lib/x86_64-linux-gnu");
    both_find(&fixture, "/opt/lib/liba.so.1", "cache");
}

test!(runpath_comes_before_the_cache_of_a_root, needs = ROOT);
fn runpath_comes_before_the_cache_of_a_root() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    liba(&fixture, "/opt/other");
    extension(&fixture, &[&runpath("/opt/other")]);
    ldconfig(&fixture, "root");
    both_find(&fixture, "/opt/other/liba.so.1", "runpath");
}

test!(
    the_default_directories_come_last_in_their_order,
    needs = ROOT
);
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
    neither_finds(&fixture, &format!("\n{INSTALL_HINT}"));
}

test!(a_cached_file_that_was_deleted_is_skipped, needs = ROOT);
fn a_cached_file_that_was_deleted_is_skipped() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    fs::remove_file(fixture.path("root/opt/lib/liba.so.1")).expect("it is there");
    liba(&fixture, "/usr/lib");
    both_find(&fixture, "/usr/lib/liba.so.1", "default");
}

test!(a_library_missing_in_the_cache_is_not_found, needs = ROOT);
fn a_library_missing_in_the_cache_is_not_found() {
    let fixture = root("/opt/lib\n");
    extension(&fixture, &[]);
    ldconfig(&fixture, "root");
    liba(&fixture, "/opt/lib");
    neither_finds(
        &fixture,
        ": /opt/lib/liba.so.1 exists but is not in the loader's cache\n\
         find-libdeps: hint: run `ldconfig`\n",
    );
}

const NODEFLIB: &str = "-Wl,-z,nodefaultlib";

/// The end of the message about a library at `path`.
fn nodeflib(path: &str) -> String {
    format!(
        ": {path} exists, but the file is marked `DF_1_NODEFLIB`, so the loader skips the default \
         directories\nfind-libdeps: hint: link it without `-z nodefaultlib`\n"
    )
}

test!(nodeflib_skips_the_default_directories, needs = ROOT);
fn nodeflib_skips_the_default_directories() {
    let fixture = root("");
    extension(&fixture, &[NODEFLIB]);
    ldconfig(&fixture, "root");
    liba(&fixture, "/usr/lib");
    neither_finds(&fixture, &nodeflib("/usr/lib/liba.so.1"));
}

test!(
    nodeflib_skips_what_the_cache_names_in_a_default_directory,
    needs = ROOT
);
fn nodeflib_skips_what_the_cache_names_in_a_default_directory() {
    let fixture = root("");
    extension(&fixture, &[NODEFLIB]);
    liba(&fixture, "/usr/lib/x86_64-linux-gnu");
    ldconfig(&fixture, "root");
    neither_finds(&fixture, &nodeflib("/usr/lib/x86_64-linux-gnu/liba.so.1"));
}

test!(nodeflib_takes_what_the_cache_names_elsewhere, needs = ROOT);
fn nodeflib_takes_what_the_cache_names_elsewhere() {
    let fixture = root("/opt/lib\n");
    extension(&fixture, &[NODEFLIB]);
    liba(&fixture, "/opt/lib");
    ldconfig(&fixture, "root");
    both_find(&fixture, "/opt/lib/liba.so.1", "cache");
}

test!(the_environment_does_not_count_in_another_root, needs = ROOT);
fn the_environment_does_not_count_in_another_root() {
    let fixture = root("");
    extension(&fixture, &[]);
    liba(&fixture, "/opt/lib");
    ldconfig(&fixture, "root");
    let run = run(&fixture, "root").env("LD_LIBRARY_PATH", "/opt/lib");
    let report = Report::of(run, "/venv");
    assert_eq!(libraries(&fixture, &report), ["liba.so.1: missing"]);
    neither_finds(&fixture, &format!("\n{INSTALL_HINT}"));
}

test!(the_new_format_is_found_behind_the_old_one, needs = ROOT);
fn the_new_format_is_found_behind_the_old_one() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    extension(&fixture, &[]);
    let ldconfig = Run::new("ldconfig").args(["-c", "compat", "-r"]);
    ldconfig.arg(fixture.path("root")).must();
    both_find(&fixture, "/opt/lib/liba.so.1", "cache");
}

test!(a_file_that_is_not_a_cache_counts_as_none, needs = ROOT);
fn a_file_that_is_not_a_cache_counts_as_none() {
    let fixture = root("/opt/lib\n");
    liba(&fixture, "/opt/lib");
    extension(&fixture, &[]);
    fixture.file("root/etc/ld.so.cache", "no cache\n");
    // The loader works without a cache. The image that the list is for will have one, so the list
    // is as if it existed.
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

test!(the_loader_is_found_without_the_cache, needs = ROOT);
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

test!(the_needs_of_an_unowned_library_are_followed, needs = ROOT);
fn the_needs_of_an_unowned_library_are_followed() {
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

test!(
    the_needs_of_a_packaged_library_are_not_followed,
    needs = ROOT
);
fn the_needs_of_a_packaged_library_are_not_followed() {
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
    // What it needs in turn, apt installs with its package.
    assert_eq!(
        libraries(&fixture, &report(&fixture)),
        ["liba.so.1: package /opt/lib/liba.so.1 (cache)"]
    );
    assert_eq!(loader(&fixture), BOTH);
}

test!(
    the_cache_gives_the_base_file_before_glibc_hwcaps,
    needs = ROOT
);
fn the_cache_gives_the_base_file_before_glibc_hwcaps() {
    let fixture = root("/opt/lib\n");
    extension(&fixture, &[]);
    liba(&fixture, "/opt/lib");
    liba(&fixture, "/opt/lib/glibc-hwcaps/x86-64-v2");
    ldconfig(&fixture, "root");
    // The loader decides for the processor that it runs on; the list must be right for all.
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

test!(
    the_cache_gives_a_library_in_glibc_hwcaps_alone,
    needs = ROOT
);
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

test!(
    the_cache_gives_a_library_of_the_right_class,
    needs = &[
        Need::Cc,
        Need::Ldd,
        Need::Dpkg,
        Need::Ldconfig,
        Need::Root,
        Need::Cc32
    ]
);
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

test!(
    the_cache_gives_no_library_in_glibc_hwcaps_of_other_processors,
    needs = ROOT
);
fn the_cache_gives_no_library_in_glibc_hwcaps_of_other_processors() {
    let fixture = root("/opt/libs\n");
    liba(&fixture, "/opt/libs/glibc-hwcaps/power10");
    extension(&fixture, &[]);
    // Without a cache the libraries are those that it would have.
    neither_finds(&fixture, &format!("\n{INSTALL_HINT}"));
    ldconfig(&fixture, "root");
    assert_eq!(cached(&fixture, "root").len(), 1, "ldconfig enters it");
    neither_finds(&fixture, &format!("\n{INSTALL_HINT}"));
}

test!(
    numbers_in_names_in_the_cache_are_compared_as_numbers,
    needs = ROOT
);
fn numbers_in_names_in_the_cache_are_compared_as_numbers() {
    let fixture = root("/opt/libs\n");
    liba(&fixture, "/opt/libs");
    ldconfig(&fixture, "root");
    let stub = crate::oracle::needing(&fixture, "liba.so.01");
    fixture.library("root/venv/ext.so", "int x;", &[&stub]);
    assert_eq!(
        libraries(&fixture, &report(&fixture)),
        ["liba.so.01: unowned /opt/libs/liba.so.1 (cache)"]
    );
    assert_eq!(loader(&fixture), ["liba.so.01 => /opt/libs/liba.so.1"]);
}
