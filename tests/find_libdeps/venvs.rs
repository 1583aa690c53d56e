//! Real virtualenvs, filled from the index by pip, and a sweep over the machine's own programs.

use crate::fixture::{PROGRAM, Report, ldd_all};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use crate::support::{debian, target_dir};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A virtualenv with what `pip install` makes of `arguments`, kept between runs.
fn venv(name: &str, arguments: &[&str]) -> PathBuf {
    let venv = target_dir().join(name);
    let _lock = crate::support::lock(name);
    let done = venv.join("done");
    if !done.exists() {
        let _ = fs::remove_dir_all(&venv);
        Run::new("python3").args(["-m", "venv"]).arg(&venv).must();
        pip(&venv.join("bin/pip"), arguments);
        fs::write(done, "").expect("a file");
    }
    venv
}

/// Runs pip with the whole environment, which may say how its index is reached.
pub fn pip(pip: &Path, arguments: &[&str]) {
    let mut run = Run::new(pip).args(["install", "--quiet", "--disable-pip-version-check"]);
    for (name, value) in std::env::vars() {
        run = run.env(&name, value);
    }
    run.args(arguments).must();
}

fn psycopg2() -> PathBuf {
    let arguments = ["--no-binary=psycopg2", "psycopg2==2.9.10"];
    venv("venv-psycopg2", &arguments)
}

pub fn pillow() -> PathBuf {
    venv("venv-pillow", &["--only-binary=:all:", "pillow==11.0.0"])
}

test!(
    the_notes_of_a_wheel_are_possible,
    needs = &[Need::Mmdebstrap, Need::Ldd, Need::Pip]
);
/// tcod bundles SDL, whose notes name what it can use. In a plain root hardly any of that is there.
fn the_notes_of_a_wheel_are_possible() {
    let venv = venv("venv-tcod", &["--only-binary=:all:", "tcod==21.2.2"]);
    let root = debian::root("bookworm", &[]);
    Run::new("cp")
        .arg("-a")
        .arg(&venv)
        .arg(root.path().join("venv"))
        .must();
    let run = Run::new(PROGRAM).arg("--root").arg(root.path());
    let report = Report::of(run, "/venv").0;
    let possible = report["possible"].as_array().expect("an array");
    let told: Vec<String> = possible
        .iter()
        .map(|library| {
            let text = |name: &str| library[name].as_str().unwrap_or_default().to_owned();
            assert_eq!(text("evidence"), "note");
            let (soname, package) = (text("name"), text("package"));
            format!("{soname} {package}").trim_end().to_owned()
        })
        .collect();
    let wanted = [
        "libEGL.so.1",
        "libGL.so.1",
        "libGLES_CM.so.1",
        "libGLESv1_CM.so.1",
        "libGLESv2.so.2",
        "libX11-xcb.so.1",
        "libX11.so.6",
        "libXcursor.so.1",
        "libXext.so.6",
        "libXfixes.so.3",
        "libXi.so.6",
        "libXrandr.so.2",
        "libXss.so.1",
        "libXtst.so.6",
        "libasound.so.2",
        "libdbus-1.so.3",
        "libdrm.so.2",
        "libfribidi.so.0",
        "libpulse.so.0",
        "libsteam_api.so",
        "libthai.so.0",
        "libudev.so.1 libudev1",
        "libusb-1.0.so.0",
        "libvulkan.so.1",
        "libwayland-client.so.0",
        "libwayland-cursor.so.0",
        "libwayland-egl.so.1",
        "libxkbcommon.so.0",
    ];
    assert_eq!(told, wanted);
}

test!(
    psycopg2_from_source_needs_libpq5_and_never_libc6_dev,
    needs = &[Need::Dpkg, Need::Ldd, Need::Pip, Need::Psycopg2]
);
fn psycopg2_from_source_needs_libpq5_and_never_libc6_dev() {
    let said = Run::new(PROGRAM).arg(psycopg2()).said();
    said.is(0, "libc6\nlibpq5\n", "");
}

test!(
    a_wheel_needs_nothing_of_what_it_bundles,
    needs = &[Need::Dpkg, Need::Ldd, Need::Pip]
);
fn a_wheel_needs_nothing_of_what_it_bundles() {
    let venv = pillow();
    // zlib is left to the system by manylinux's rules.
    Run::new(PROGRAM)
        .arg(&venv)
        .said()
        .is(0, "libc6\nzlib1g\n", "");

    let libs: Vec<_> = fs::read_dir(libs_of(&venv))
        .expect("the wheel brings its libraries")
        .map(|entry| entry.expect("readable").file_name())
        .collect();
    assert!(libs.len() > 10, "{libs:?}");
    let report = Report::of(Run::new(PROGRAM), &venv.to_string_lossy());
    for library in report.0["needed"].as_array().expect("an array") {
        let soname = library["name"].as_str().expect("a string");
        let is_in_libs = libs.iter().any(|name| name.to_string_lossy() == soname);
        let wanted = if is_in_libs { "bundled" } else { "package" };
        assert_eq!(library["provider"], wanted, "{soname}");
    }
}

fn libs_of(venv: &Path) -> PathBuf {
    let lib = venv.join("lib");
    let python = fs::read_dir(lib)
        .expect("a virtualenv")
        .next()
        .expect("a version of Python")
        .expect("readable");
    python.path().join("site-packages/pillow.libs")
}

test!(
    root_gives_what_chroot_gives,
    needs = &[Need::Mmdebstrap, Need::Ldd, Need::Pip]
);
fn root_gives_what_chroot_gives() {
    for (release, python, openssl) in [
        ("bookworm", "python3.11", "libssl3"),
        ("trixie", "python3.13", "libssl3t64"),
    ] {
        let root = debian::root(release, &["python3"]);
        let copy = |from: &Path, to: &str| {
            Run::new("cp")
                .arg("-a")
                .arg(from)
                .arg(root.path().join(to))
                .must();
        };
        copy(&pillow(), "venv");
        // The interpreter of this machine, which the root may lack.
        fs::remove_dir_all(root.path().join("venv/bin")).expect("a directory");
        let modules = root.path().join("usr/lib").join(python).join("lib-dynload");
        let module = fs::read_dir(modules).expect("a directory").find_map(|it| {
            let entry = it.expect("an entry");
            let name = entry.file_name().into_string().expect("UTF-8");
            name.starts_with("_ssl.").then(|| entry.path())
        });
        copy(&module.expect("a module"), "venv");
        copy(Path::new(PROGRAM), "usr/local/bin/find-libdeps");
        for format in [&[][..], &["--json"], &["--explain", "-q"]] {
            let below = Run::new(PROGRAM)
                .arg("--root")
                .arg(root.path())
                // It counts for the machine, not for the root.
                .env("LD_LIBRARY_PATH", "/nowhere:")
                .args(format)
                .arg("/venv")
                .said();
            let inside = Run::new("chroot")
                .arg(root.path())
                .args(["find-libdeps"])
                .args(format)
                .arg("/venv")
                .said();
            assert_eq!(below, inside, "{release} {format:?}");
            assert_eq!(below.status, 0);
            if format.is_empty() {
                below.is(0, &format!("libc6\n{openssl}\nzlib1g\n"), "");
            }
        }
    }
}

test!(
    a_tree_of_a_newer_release_fails_as_the_loader_does,
    needs = &[Need::Mmdebstrap, Need::Ldd]
);
/// The modules of Debian 13's Python in a root of Debian 12.
fn a_tree_of_a_newer_release_fails_as_the_loader_does() {
    let root = debian::root("bookworm", &["python3"]);
    let dir = "usr/lib/python3.13/lib-dynload";
    Run::new("tar")
        .args(["--transform", &format!("s,^./{dir},tree,"), "-xf"])
        .arg(debian::tar("trixie", &["python3"]))
        .arg("-C")
        .arg(root.path())
        .arg(format!("./{dir}"))
        .must();
    let said = Run::new(PROGRAM)
        .arg("--root")
        .arg(root.path())
        .args(["--check", "--json", "/tree"]);
    let said = said.said();
    assert_eq!(said.status, 1);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    let failures = json["failures"].as_array().expect("an array");
    let mut ours: BTreeSet<String> = BTreeSet::new();
    for failure in failures {
        assert_eq!(failure["failure"], "version", "{failure}");
        let files = failure["needed_by"].as_array().expect("an array").iter();
        ours.extend(files.map(|file| file.as_str().expect("a string").to_owned()));
    }
    let text = failures
        .iter()
        .map(|failure| failure["message"].to_string())
        .collect::<String>();
    assert!(text.contains("GLIBC_2.38 of libc.so.6"), "{text}");
    let theirs = fs::read_dir(root.path().join("tree"))
        .expect("a directory")
        .filter_map(|entry| {
            let file = format!(
                "/tree/{}",
                entry.expect("an entry").file_name().to_string_lossy()
            );
            let list = Run::new("chroot").arg(root.path());
            let said = list.args([crate::own_root::LOADER, "--list", &file]).said();
            said.stderr.contains("not found").then_some(file)
        });
    assert_eq!(ours, theirs.collect());
}

test!(
    every_direct_need_in_usr_bin_is_found_where_ldd_finds_it,
    needs = &[Need::Dpkg, Need::Ldd]
);
fn every_direct_need_in_usr_bin_is_found_where_ldd_finds_it() {
    sweep("/usr/bin");
}

test!(
    every_direct_need_in_usr_lib_python3_is_found_where_ldd_finds_it,
    needs = &[Need::Dpkg, Need::Ldd, Need::Python3]
);
fn every_direct_need_in_usr_lib_python3_is_found_where_ldd_finds_it() {
    sweep("/usr/lib/python3");
}

/// Compares each need of each ELF file below `dir` with `ldd`: both find the same file, or none.
fn sweep(dir: &str) {
    let report = Report::of(Run::new(PROGRAM).arg("-q"), dir);
    let mut compared = 0;
    let mut differences = Vec::new();
    let libraries = report.0["needed"].as_array().expect("an array");
    for library in libraries.iter().filter(|it| it["evidence"] == "header") {
        let soname = library["name"].as_str().expect("a string");
        let ours = library["path"].as_str().map(real);
        for file in library["needed_by"].as_array().expect("an array") {
            let file = file.as_str().expect("a string");
            let theirs = ldd_all(Path::new(file)).get(soname).map(real);
            compared += 1;
            if ours != theirs {
                differences.push(format!("{file} {soname}: {ours:?}, ldd: {theirs:?}"));
            }
        }
    }
    assert!(compared > 0, "nothing was compared below {dir}");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn real(path: impl AsRef<Path>) -> PathBuf {
    path.as_ref().canonicalize().expect("it is there")
}
