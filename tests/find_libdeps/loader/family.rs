//! Libraries that a wheel left out, and that no package can replace.

use crate::fixture::{Fixture, INSTALL_HINT};
use crate::oracle::{TOOLS, differs, library, messages, needing, runpath, soname};
use crate::support::harness::test;
use std::path::PathBuf;

const QT: &str = "venv/lib/python3/site-packages/PyQt5/Qt5";
const LACKS: &str = "venv/lib/python3/site-packages/PyQt5: lacks libQt5Gamepad.so.5; 1 file such as \
                     Qt5/plugins/libp.so cannot be loaded, and no package changes that";

/// A plugin that needs a bundled library and one of the same family.
fn plugin(fixture: &Fixture, arguments: &[&str]) -> PathBuf {
    let core = library(fixture, &format!("{QT}/lib/libQt5Core.so.5"), &[]);
    let gamepad = needing(fixture, "libQt5Gamepad.so.5");
    let all = [&[core.as_str(), &gamepad], arguments].concat();
    fixture.library(&format!("{QT}/plugins/libp.so"), "int x;", &all)
}

test!(a_library_of_a_bundled_family_is_left_out, needs = TOOLS);
fn a_library_of_a_bundled_family_is_left_out() {
    let fixture = Fixture::new();
    let file = plugin(&fixture, &[&runpath("$ORIGIN/../lib")]);
    let core = format!("libQt5Core.so.5: bundled {QT}/lib/libQt5Core.so.5 (runpath)");
    differs(
        &fixture,
        &file,
        &[&core, "libQt5Gamepad.so.5: left_out"],
        &[LACKS],
        &[
            &format!("libQt5Core.so.5 => {QT}/lib/libQt5Core.so.5"),
            "libQt5Gamepad.so.5 => not found",
        ],
    );
    assert_eq!(
        messages(&fixture, &["--strict"]),
        format!("find-libdeps: warning: {LACKS}\n")
    );
    // What Python imports is meant to work.
    let module = format!("{QT}/m.abi3.so");
    std::fs::rename(file, fixture.path(module)).expect("it was made");
    library(
        &fixture,
        "venv/lib/python3/site-packages/PyQt5/lib/libQt5Core.so.5",
        &[],
    );
    assert_eq!(
        messages(&fixture, &[]),
        format!(
            "find-libdeps: missing: libQt5Gamepad.so.5, needed by {QT}/m.abi3.so\n{INSTALL_HINT}"
        )
    );
}

test!(
    a_library_that_only_its_vendor_has_is_left_out,
    needs = TOOLS
);
fn a_library_that_only_its_vendor_has_is_left_out() {
    let fixture = Fixture::new();
    let dir = "venv/lib/python3/site-packages/casadi";
    let names = ["libknitro.so", "libconopt.so.4"];
    let needed = names.map(|name| needing(&fixture, name));
    let needed = needed.each_ref().map(String::as_str);
    fixture.library(&format!("{dir}/libplugin.so"), "int x;", &needed);
    let lacks = format!(
        "find-libdeps: warning: {dir}: lacks libconopt.so.4 and 1 more; 1 file such as libplugin.so \
         cannot be loaded, and no package changes that\n"
    );
    assert_eq!(messages(&fixture, &["--strict"]), lacks);
    // What Python imports is meant to work.
    fixture.library(&format!("{dir}/m.abi3.so"), "int x;", &needed[..1]);
    let missing =
        format!("find-libdeps: missing: libknitro.so, needed by {dir}/m.abi3.so\n{INSTALL_HINT}");
    assert_eq!(messages(&fixture, &[]), format!("{lacks}{missing}"));
}

test!(
    a_plugin_for_a_framework_that_is_not_installed_is_left_out,
    needs = TOOLS
);
fn a_plugin_for_a_framework_that_is_not_installed_is_left_out() {
    let fixture = Fixture::new();
    let site = "venv/lib/python3/site-packages";
    let names = ["libtorch_cpu.so", "libcudart.so.12"];
    let needed = names.map(|name| needing(&fixture, name));
    let needed = needed.each_ref().map(String::as_str);
    fixture.library(&format!("{site}/open3d/torch_ops.so"), "int x;", &needed);
    let lacks = format!(
        "find-libdeps: warning: {site}/open3d: lacks libcudart.so.12 and 1 more; 1 file such as \
         torch_ops.so cannot be loaded, and no package changes that\n"
    );
    assert_eq!(messages(&fixture, &["--strict"]), lacks);
    // With the framework, the plugin is meant to work.
    let torch = format!("{site}/torch/libtorch_cpu.so");
    fixture.library(&torch, "int x;", &[&soname("libtorch_cpu.so")]);
    let lines = format!(
        "find-libdeps: warning: {torch}: provides `libtorch_cpu.so` by its SONAME alone (needed by \
         {site}/open3d/torch_ops.so), so it must be loaded first\n\
         find-libdeps: missing: libcudart.so.12, needed by {site}/open3d/torch_ops.so\n{INSTALL_HINT}"
    );
    assert_eq!(messages(&fixture, &[]), lines);
}

/// The library of the family, in no wheel, that requires `version` of the bundled one.
fn gamepad(fixture: &Fixture, version: &str) {
    fixture.file("versions", format!("{version} {{ f; }};\n"));
    let script = "-Wl,--version-script=versions";
    let own = soname("libQt5Core.so.5");
    fixture.library("stubs/core", "void f(void) {}", &[script, &own]);
    let own = soname("libQt5Gamepad.so.5");
    let source = "void f(void); void g(void) { f(); }";
    fixture.library("system/libQt5Gamepad.so.5", source, &["stubs/core", &own]);
}

test!(
    a_library_of_a_bundled_family_counts_if_its_versions_fit,
    needs = TOOLS
);
fn a_library_of_a_bundled_family_counts_if_its_versions_fit() {
    let fixture = Fixture::new();
    let path = runpath(&format!("$ORIGIN/../lib:{}", fixture.text("system")));
    let file = plugin(&fixture, &[&path]);
    gamepad(&fixture, "Qt_5.15");
    let core = format!("{QT}/lib/libQt5Core.so.5");
    std::fs::copy(fixture.path("stubs/core"), fixture.path(&core)).expect("a copy");
    let wanted = format!("libQt5Core.so.5: bundled {core} (runpath)");
    let theirs = format!("libQt5Core.so.5 => {core}");
    let found = "libQt5Gamepad.so.5 => system/libQt5Gamepad.so.5";
    differs(
        &fixture,
        &file,
        &[
            &wanted,
            "libQt5Gamepad.so.5: unowned system/libQt5Gamepad.so.5 (runpath)",
        ],
        &[],
        &[&theirs, found],
    );
    gamepad(&fixture, "Qt_5.16");
    let refused = format!(
        "{QT}/plugins/libp.so: {QT}/plugins/../lib/libQt5Core.so.5: version `Qt_5.16' not found (required by \
         system/libQt5Gamepad.so.5)"
    );
    differs(
        &fixture,
        &file,
        &[&wanted, "libQt5Gamepad.so.5: left_out"],
        &[LACKS],
        &[&theirs, found, &refused],
    );
}
