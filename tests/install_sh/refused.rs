//! What is refused, before anything is changed: usage errors, missing tools, a place that cannot
//! be written to, programs that are not static.

use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::programs::{checkout, with_cargo};
use crate::support::run::Run;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const USAGE: &str = "Usage: ./install.sh [OPTIONS]

Build find-libdeps and apt-install as static binaries, and install them with manuals and completions.

Options:
  --prefix DIR     install into DIR/bin and DIR/share [default: /usr/local]
  --target TRIPLE  build for this target of rustc's [default: the host's]
  --uninstall      remove what was installed instead
  -h, --help       print this

Environment:
  DESTDIR            put before the prefix, as packagers expect it
  SOURCE_DATE_EPOCH  the date of the manuals [default: the commit's]
";

fn install_sh() -> Run {
    Run::new(checkout().join("install.sh"))
}

test!(usage_errors_are_status_2);
fn usage_errors_are_status_2() {
    for (arguments, message) in [
        (
            &["--prefx", "/x"][..],
            "`--prefx` is no option of this script",
        ),
        (&["/x"], "`/x` is no option of this script"),
        (&["--prefix"], "--prefix needs a value"),
        (&["--prefix", ""], "--prefix needs a value"),
        (&["--prefix="], "--prefix needs a value"),
        (&["--uninstall", "--target"], "--target needs a value"),
    ] {
        let stderr = format!("install.sh: {message}\n{USAGE}");
        install_sh().args(arguments).said().is(2, "", &stderr);
    }
    for help in ["-h", "--help"] {
        install_sh().arg(help).said().is(0, USAGE, "");
    }
}

/// A directory for PATH: the programs of the machine that the script runs, those of `more`, and
/// the scripts of `stand_ins`.
fn path(more: &[&str], stand_ins: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().expect("a directory");
    let tools = [
        "sh", "dirname", "sed", "mkdir", "cp", "chmod", "mv", "rm", "cat", "date",
    ];
    for name in tools.iter().chain(more) {
        symlink(found(name), dir.path().join(name)).expect("a link");
    }
    for (name, script) in stand_ins {
        let path = dir.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    dir
}

fn found(program: &str) -> PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").expect("a PATH"))
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("no {program}"))
}

test!(missing_tools_are_named);
fn missing_tools_are_named() {
    let there = |name| (name, "exit 0");
    let all = ["cargo", "rustc", "cc", "readelf"];
    for (missing, message) in [
        (
            0,
            "no `cargo`: apt-get install cargo, or install Rust 1.85 or later",
        ),
        (
            1,
            "no `rustc`: apt-get install rustc, or install Rust 1.85 or later",
        ),
        (2, "no `cc`: apt-get install gcc"),
        (3, "no `readelf`: apt-get install binutils"),
    ] {
        let path = path(&[], &all.map(there)[..missing]);
        let prefix = TempDir::new().expect("a directory");
        install_sh()
            .arg("--prefix")
            .arg(prefix.path())
            .env("PATH", path.path())
            .said()
            .is(1, "", &format!("install.sh: {message}\n"));
        untouched(prefix.path());
    }
}

test!(a_missing_libc_a_is_named, needs = &[Need::Cargo]);
fn a_missing_libc_a_is_named() {
    let path = path(
        &["cargo", "rustc", "readelf"],
        &[("cc", "echo \"${1#-print-file-name=}\"")],
    );
    with_cargo(install_sh()).env("PATH", path.path()).said().is(
        1,
        "",
        "install.sh: no libc.a, which a static binary is made of: apt-get install libc6-dev\n",
    );
}

test!(a_copy_outside_a_checkout_is_refused);
fn a_copy_outside_a_checkout_is_refused() {
    let dir = TempDir::new().expect("a directory");
    let copy = dir.path().join("install.sh");
    fs::copy(checkout().join("install.sh"), &copy).expect("a copy");
    Run::new(&copy).said().is(
        1,
        "",
        &format!(
            "install.sh: {} is no checkout: run the install.sh that is in one\n",
            dir.path().display()
        ),
    );
}

test!(
    an_unwritable_prefix_is_refused_before_the_build,
    needs = &[Need::Cargo]
);
fn an_unwritable_prefix_is_refused_before_the_build() {
    // A file where a directory should be: not even root can write there.
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("a file");
    let path = path(
        &["rustc", "cc", "readelf"],
        &[("cargo", "echo built; exit 1")],
    );
    with_cargo(install_sh())
        .env("PATH", path.path())
        .arg("--prefix")
        .arg(file.join("prefix"))
        .said()
        .is(
            1,
            "",
            &format!(
                "install.sh: cannot write into {}: run this as root, or choose another place with \
                 --prefix\n",
                file.display()
            ),
        );
}

test!(
    the_default_prefix_is_refused_for_an_ordinary_user,
    needs = &[Need::Cargo, Need::Root]
);
fn the_default_prefix_is_refused_for_an_ordinary_user() {
    let path = path(
        &["cc", "readelf"],
        &[
            ("cargo", "echo built; exit 1"),
            ("rustc", "echo host: this-one"),
        ],
    );
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path.path(), open.clone()).expect("permissions");
    let checkout = TempDir::new().expect("a directory");
    fs::set_permissions(checkout.path(), open).expect("permissions");
    let script = checkout.path().join("install.sh");
    fs::copy(
        super::support::programs::checkout().join("install.sh"),
        &script,
    )
    .expect("a copy");
    fs::write(checkout.path().join("Cargo.lock"), "").expect("a file");
    Run::new("/usr/bin/setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&script)
        .env("PATH", path.path())
        .said()
        .is(
            1,
            "",
            "install.sh: cannot write into /usr/local/bin: run this as root, or choose another \
             place with --prefix\n",
        );
}

/// A stand-in for cargo that puts `file` where the programs should be.
fn cargo_that_gives(file: &Path) -> String {
    format!(
        "while [ $# -gt 0 ]; do
            case $1 in --target) target=$2 ;; --target-dir) dir=$2 ;; esac
            shift
         done
         mkdir -p \"$dir/$target/release\"
         for program in find-libdeps apt-install; do
            cp {} \"$dir/$target/release/$program\"
         done",
        file.display()
    )
}

/// Installs `file` as if cargo had made it, over what is installed already, and gives what was
/// said of the first program's path.
fn install(file: &Path, message: &str) {
    let path = path(
        &["rustc", "cc", "readelf"],
        &[("cargo", &cargo_that_gives(file))],
    );
    let built = TempDir::new().expect("a directory");
    let prefix = TempDir::new().expect("a directory");
    let host = Run::new("sh").args(["-c", "rustc -vV | sed -n 's/^host: //p'"]);
    let host = with_cargo(host).must();
    let first = built.path().join(host.trim()).join("release/find-libdeps");
    with_cargo(install_sh())
        .env("PATH", path.path())
        .env("CARGO_TARGET_DIR", built.path())
        .arg("--prefix")
        .arg(prefix.path().join("new"))
        .said()
        .is(1, "", &message.replace("FILE", &first.to_string_lossy()));
    untouched(prefix.path());
}

test!(a_dynamic_program_is_not_installed, needs = &[Need::Cargo]);
fn a_dynamic_program_is_not_installed() {
    install(
        &found("sh").canonicalize().expect("it is there"),
        "install.sh: FILE is not static; nothing was installed. Is another linker configured for \
         cargo?\n",
    );
}

test!(
    a_file_that_readelf_cannot_read_is_not_installed,
    needs = &[Need::Cargo]
);
fn a_file_that_readelf_cannot_read_is_not_installed() {
    install(
        &checkout().join("install.sh"),
        "readelf: Error: Not an ELF file - it has the wrong magic bytes at the start\n\
         install.sh: cannot read FILE; nothing was installed\n",
    );
}

fn untouched(dir: &Path) {
    let count = fs::read_dir(dir).expect("a directory").count();
    assert_eq!(count, 0, "{}", dir.display());
}
