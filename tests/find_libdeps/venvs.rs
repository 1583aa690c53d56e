//! Real virtualenvs, filled from the index by pip, and a sweep over the machine's own programs.

use crate::fixture::{PROGRAM, Report, ldd_all};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use crate::support::{debian, target_dir};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The packages of the roots, besides those of a plain one.
const INCLUDED: [&str; 2] = ["libpq5", "python3"];

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

fn pillow() -> PathBuf {
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
    needs = &[Need::Mmdebstrap, Need::Ldd, Need::Pip, Need::Psycopg2]
);
fn root_gives_what_chroot_gives() {
    for release in debian::RELEASES {
        let root = debian::root(release, &INCLUDED);
        let copy = |from: &Path, to: &str| {
            Run::new("cp")
                .arg("-a")
                .arg(from)
                .arg(root.path().join(to))
                .must();
        };
        copy(&psycopg2(), "venv");
        copy(&pillow(), "venv/pillow");
        // The interpreters of this machine, which the root may lack.
        for bin in ["venv/bin", "venv/pillow/bin"] {
            fs::remove_dir_all(root.path().join(bin)).expect("a directory");
        }
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
                below.is(0, "libc6\nlibpq5\nzlib1g\n", "");
            }
        }
    }
}

test!(
    a_check_fails_exactly_if_a_program_does,
    needs = &[Need::Mmdebstrap, Need::Ldd, Need::Pip, Need::Psycopg2]
);
/// Each library of the root, and each program that starts Python, is taken away in turn; libraries that
/// nothing is loaded with, together.
fn a_check_fails_exactly_if_a_program_does() {
    let root = debian::root("bookworm", &INCLUDED);
    let path = |name: &str| root.path().join(name);
    for (venv, site) in [(psycopg2(), "psycopg2"), (pillow(), "PIL")] {
        let from = venv.join("lib/python3.11/site-packages");
        let to = path("venv/lib/python3.11/site-packages");
        fs::create_dir_all(&to).expect("directories");
        for name in [site, &format!("{}.libs", site.replace("PIL", "pillow"))] {
            if from.join(name).exists() {
                Run::new("cp")
                    .arg("-a")
                    .arg(from.join(name))
                    .arg(&to)
                    .must();
            }
        }
    }
    fs::write(path("venv/pyvenv.cfg"), "home = /usr/bin\n").expect("a file");
    fs::create_dir(path("venv/bin")).expect("a directory");
    std::os::unix::fs::symlink("/usr/bin/python3", path("venv/bin/python3")).expect("a link");
    let run = |mode: &str| {
        Run::new(PROGRAM)
            .arg("--root")
            .arg(root.path())
            .args([mode, "/venv"])
    };
    let import = "import psycopg2, PIL._imaging, PIL._imagingft, PIL._imagingcms, PIL._webp, \
                  PIL._imagingmath, PIL._imagingmorph";
    // As pip writes it where the path is long.
    let script = format!("#!/bin/sh\n'''exec' /venv/bin/python3 \"$0\" \"$@\"\n' '''\n{import}\n");
    fs::write(path("venv/bin/import"), script).expect("a file");
    fs::set_permissions(path("venv/bin/import"), fs::Permissions::from_mode(0o755))
        .expect("permissions");
    let agree = |what: &str, is_sound: bool| {
        let check = run("--check").said();
        let program = Run::new("chroot").arg(root.path());
        let program = program.arg("/venv/bin/import").said();
        assert_eq!(check.status == 0, is_sound, "{what}: {check:?}");
        assert_eq!(program.status == 0, is_sound, "{what}: {program:?}");
    };
    agree("all", true);
    let library = "find-libdeps: warning: /usr/lib/python3.11: the interpreter's standard library is \
                   outside the PATHs; its files are not printed, nor what they need; pass it as a \
                   PATH\n";
    let said = run("--files").said();
    assert_eq!((said.status, said.stderr.as_str()), (0, library));
    let files = said.stdout;
    // Neither a cache, nor /proc, nor rights.
    fs::remove_file(path("etc/ld.so.cache")).expect("it is there");
    agree("without a cache", true);
    fs::copy(PROGRAM, path("usr/local/bin/find-libdeps")).expect("a copy");
    let unprivileged = || {
        let chroot = Run::new("chroot").arg("--userspec=65534:65534");
        let run = chroot.arg(root.path()).args(["find-libdeps", "--check"]);
        run.arg("/venv").said()
    };
    unprivileged().is(0, "", "");
    let set_mode = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(path("usr/bin"), mode).expect("permissions");
    };
    set_mode(0o700);
    let lines = "find-libdeps: interpreter: /venv/bin/python3: leads to /usr/bin/python3, which this \
                 user may not access\n\
                 find-libdeps: missing: program /bin/sh, run by /venv/bin/import: it does not exist, or \
                 is not executable\n\
                 find-libdeps: hint: use a base image that has it, or pass `--exclude REGEX` for scripts \
                 that are not used\n";
    unprivileged().is(1, "", lines);
    set_mode(0o755);
    let libraries = path("usr/lib/x86_64-linux-gnu");
    let names = fs::read_dir(&libraries).expect("a directory");
    let names = names.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("UTF-8")
    });
    let names = names.filter(|name| name.contains(".so"));
    let is_loaded = |name: &String| files.contains(&format!("/{name}\n"));
    let (loaded, others): (Vec<_>, Vec<_>) = names.partition(is_loaded);
    assert!(
        loaded.len() > 40 && others.len() > 40,
        "{loaded:?} {others:?}"
    );
    let hidden = path("hidden");
    fs::create_dir(&hidden).expect("a directory");
    let hide = |name: &String| fs::rename(libraries.join(name), hidden.join(name)).expect("moved");
    others.iter().for_each(hide);
    agree("only what is loaded", true);
    let programs = ["sh", "dash", "python3", "python3.11"];
    let programs = programs.map(|name| path("usr/bin").join(name));
    for file in loaded
        .iter()
        .map(|name| libraries.join(name))
        .chain(programs)
    {
        let aside = hidden.join("file");
        fs::rename(&file, &aside).expect("moved");
        agree(&file.to_string_lossy(), false);
        fs::rename(aside, file).expect("moved back");
    }
}

test!(
    a_tree_of_a_newer_release_fails_as_the_loader_does,
    needs = &[Need::Mmdebstrap, Need::Ldd]
);
/// The modules of Debian 13's Python in a root of Debian 12.
fn a_tree_of_a_newer_release_fails_as_the_loader_does() {
    let root = debian::root("bookworm", &INCLUDED);
    let newer = debian::root("trixie", &INCLUDED);
    Run::new("cp")
        .arg("-a")
        .arg(newer.path().join("usr/lib/python3.13/lib-dynload"))
        .arg(root.path().join("tree"))
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
