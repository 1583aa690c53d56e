//! Usage, lists, and what is said where nothing can be done. No test here finds an `apt-get`, so
//! that none can change the machine.

use super::PROGRAM;
use super::support::needs::Need;
use super::support::run::Run;
use super::support::test;
use libtest_mimic::Trial;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("usage::nothing_asked_for_is_success", &[], nothing),
        test("usage::a_list_from_stdin", &[], stdin),
        test("usage::an_option_in_a_list_is_refused", &[], option),
        test("usage::an_unreadable_list_is_named", &[], unreadable),
        test("usage::an_unknown_option_is_told", &[], unknown),
        test("usage::an_option_as_a_package_is_refused", &[], dashes),
        test("usage::a_bad_epoch_is_told", &[], epoch),
        test("usage::purge_only_takes_no_packages", &[], purge_only),
        test("usage::no_apt_get_is_127", &[], no_apt_get),
        test("usage::apt_get_not_executable_is_126", &[], not_executable),
        test("usage::not_root_is_said_first", &[Need::Root], not_root),
        test("usage::version_and_help", &[], texts),
    ]
}

/// A name that is installed nowhere.
const NOWHERE: &str = "x-no-such-package";

fn apt_install() -> Run {
    Run::new(PROGRAM).env("PATH", "/nowhere")
}

const NOTHING: &str = "apt-install: no packages requested; nothing to do\n";

fn nothing() {
    apt_install().said().is(0, "", NOTHING);
    let dir = TempDir::new().expect("a directory");
    fs::write(dir.path().join("list"), "\r\n# only this\r\n").expect("a file");
    apt_install()
        .args(["-r", "list"])
        .dir(dir.path())
        .said()
        .is(0, "", NOTHING);
}

fn stdin() {
    apt_install()
        .args(["-r", "-"])
        .stdin("# nothing\n")
        .said()
        .is(0, "", NOTHING);
}

fn option() {
    let dir = TempDir::new().expect("a directory");
    fs::write(dir.path().join("a"), "fine\n").expect("a file");
    fs::write(dir.path().join("b"), "fine # -o\r\n  --force-yes\r\n").expect("a file");
    apt_install()
        .args(["-r", "a", "--requirements", "b"])
        .dir(dir.path())
        .said()
        .is(
            2,
            "",
            "apt-install: error: b:2: `--force-yes` looks like an option; a list may contain only \
             packages, so pass options on the command line\n",
        );
    apt_install().args(["-r-"]).stdin("-y").said().is(
        2,
        "",
        "apt-install: error: standard input:1: `-y` looks like an option; a list may contain only \
         packages, so pass options on the command line\n",
    );
}

fn unreadable() {
    apt_install().args(["-r", "/nowhere/list"]).said().is(
        2,
        "",
        "apt-install: error: cannot read the list `/nowhere/list`: No such file or directory \
         (os error 2)\n",
    );
}

fn unknown() {
    apt_install().arg("--purge").said().is(
        2,
        "",
        "apt-install: error: unexpected argument '--purge' found\n\n  \
         tip: a similar argument exists: '--purge-only'\n\n\
         Usage: apt-install [OPTIONS] PACKAGE...\n\n\
         For more information, try '--help'.\n",
    );
}

fn dashes() {
    apt_install().args(["--", "-y"]).said().is(
        2,
        "",
        "apt-install: error: `-y` is not a package name; see `apt-install --help`\n",
    );
}

fn epoch() {
    apt_install()
        .arg(NOWHERE)
        .env("SOURCE_DATE_EPOCH", "today")
        .said()
        .is(
            2,
            "",
            "apt-install: error: SOURCE_DATE_EPOCH is `today`; expected seconds since 1970-01-01\n",
        );
}

fn purge_only() {
    let said = apt_install().args(["--purge-only", "a"]).said();
    said.is(
        2,
        "",
        "apt-install: error: the argument '--purge-only' cannot be used with '[PACKAGE]...'\n\n\
         Usage: apt-install [OPTIONS] PACKAGE...\n\n\
         For more information, try '--help'.\n",
    );
}

fn no_apt_get() {
    apt_install().arg(NOWHERE).said().is(
        127,
        "",
        "apt-install: error: `apt-get` not found on PATH; apt-install requires Debian or a \
         derivative\n",
    );
}

fn not_executable() {
    let dir = TempDir::new().expect("a directory");
    fs::write(dir.path().join("apt-get"), "#!/bin/sh\n").expect("a file");
    apt_install()
        .arg(NOWHERE)
        .env("PATH", dir.path())
        .said()
        .is(
            126,
            "",
            "apt-install: error: `apt-get` on PATH is not executable; check its permissions\n",
        );
}

fn not_root() {
    let dir = TempDir::new().expect("a directory");
    let open = || fs::Permissions::from_mode(0o755);
    fs::set_permissions(dir.path(), open()).expect("permissions");
    fs::write(dir.path().join("apt-get"), "#!/bin/sh\necho run\n").expect("a file");
    fs::set_permissions(dir.path().join("apt-get"), open()).expect("permissions");
    fs::copy(PROGRAM, dir.path().join("apt-install")).expect("a copy");
    let nobody = |arguments: &[&str]| {
        Run::new("/usr/bin/setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(dir.path().join("apt-install"))
            .args(arguments)
            .env("PATH", dir.path())
            .said()
    };
    nobody(&[NOWHERE]).is(
        100,
        "",
        "apt-install: error: only root can install packages; run this as root (in a Dockerfile, \
         after `USER root`)\n",
    );
    nobody(&["--purge-only"]).is(
        100,
        "",
        "apt-install: error: only root can purge; run this as root (in a Dockerfile, after \
         `USER root`)\n",
    );
    nobody(&["--dry-run", NOWHERE]).is(0, "run\n", "");
}

fn texts() {
    let version = concat!("apt-install ", env!("CARGO_PKG_VERSION"), "\n");
    apt_install().arg("--version").said().is(0, version, "");
    let long = include_str!("help-long.txt");
    apt_install().arg("--help").said().is(0, long, "");
    let short = include_str!("help-short.txt");
    apt_install().arg("-h").said().is(0, short, "");
}
