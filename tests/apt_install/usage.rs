//! Usage, lists, and errors before anything is done. No test here finds an `apt-get`, so that none can
//! change the machine.

use super::PROGRAM;
use super::support::needs::Need;
use super::support::run::Run;
use crate::support::harness::test;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

/// A name that is installed nowhere.
const NOWHERE: &str = "x-no-such-package";

fn apt_install() -> Run {
    Run::new(PROGRAM).env("PATH", "/nowhere")
}

const NOTHING: &str = "apt-install: no packages requested; nothing to do\n";

test!(nothing_asked_for_is_success);
fn nothing_asked_for_is_success() {
    apt_install().said().is(0, "", NOTHING);
    let dir = TempDir::new().expect("a directory");
    fs::write(dir.path().join("list"), "\r\n# only this\r\n").expect("a file");
    apt_install()
        .args(["-r", "list"])
        .dir(dir.path())
        .said()
        .is(0, "", NOTHING);
}

test!(a_list_from_stdin);
fn a_list_from_stdin() {
    apt_install()
        .args(["-r", "-"])
        .stdin("# nothing\n")
        .said()
        .is(0, "", NOTHING);
}

test!(an_option_in_a_list_is_refused);
fn an_option_in_a_list_is_refused() {
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

test!(a_requirements_file_of_pip_is_refused);
fn a_requirements_file_of_pip_is_refused() {
    let dir = TempDir::new().expect("a directory");
    fs::write(
        dir.path().join("requirements.txt"),
        "django==5.2\ngunicorn\n",
    )
    .expect("a file");
    apt_install()
        .args(["-r", "requirements.txt"])
        .dir(dir.path())
        .said()
        .is(
            2,
            "",
            "apt-install: error: requirements.txt:1: `django==5.2` is a Python requirement, not a \
             Debian package; pass the list that find-libdeps wrote\n",
        );
}

test!(an_unreadable_list_is_named);
fn an_unreadable_list_is_named() {
    apt_install().args(["-r", "/nowhere/list"]).said().is(
        2,
        "",
        "apt-install: error: cannot read the list `/nowhere/list`: No such file or directory \
         (os error 2); write it in the builder with `find-libdeps PATH > FILE`, and copy it into this \
         stage\n",
    );
    // With both streams in it.
    let list = "find-libdeps: missing: libb.so.1, needed by a 1 (a.so)\nlibc6\n";
    apt_install().args(["-r-"]).stdin(list).said().is(
        2,
        "",
        "apt-install: error: standard input:1: a message of find-libdeps, not a package; write only \
         its standard output to the list\n",
    );
}

/// A usage error as clap lays it out.
fn usage(message: &str) -> String {
    format!(
        "error: {message}\n\n\
         Usage: apt-install [OPTIONS] -r FILE\n\
         \x20      apt-install [OPTIONS] PACKAGE...\n\n\
         For more information, try '--help'.\n"
    )
}

test!(an_unknown_option_is_reported);
fn an_unknown_option_is_reported() {
    apt_install().arg("--purge").said().is(
        2,
        "",
        &usage(
            "unexpected argument '--purge' found\n\n  \
             tip: a similar argument exists: '--purge-only'",
        ),
    );
}

test!(an_option_as_a_package_is_refused);
fn an_option_as_a_package_is_refused() {
    apt_install()
        .args(["--", "-x"])
        .said()
        .is(2, "", &usage("`-x` is not a package name"));
}

test!(a_carriage_return_in_an_argument_is_shown);
fn a_carriage_return_in_an_argument_is_shown() {
    let dir = TempDir::new().expect("a directory");
    fs::write(dir.path().join("list"), "libpq5\r\nlibxml2\r\n").expect("a file");
    let message = usage(
        "package name `libpq5\\r` contains a carriage return, probably from a list with Windows line \
         endings; pass the list with `-r FILE`, which accepts them",
    );
    Run::new("/usr/bin/xargs")
        .args(["-ra", "list", PROGRAM])
        .dir(dir.path())
        .env("PATH", "/nowhere")
        .said()
        .is(123, "", &message);
}

test!(several_packages_in_one_argument_are_refused);
fn several_packages_in_one_argument_are_refused() {
    apt_install().args(["bc", "libpq5 bc"]).said().is(
        2,
        "",
        "apt-install: error: package name `libpq5 bc` contains white space; pass each package as a \
         separate argument\n",
    );
}

test!(a_path_is_checked_before_anything_is_done);
fn a_path_is_checked_before_anything_is_done() {
    let dir = TempDir::new().expect("a directory");
    fs::create_dir(dir.path().join("d")).expect("a directory");
    for file in ["a_1_all.deb", "d/b c.deb", "list", "list.txt", "name"] {
        fs::write(dir.path().join(file), "").expect("a file");
    }
    let run = |word: &str| apt_install().args(["name", word]).dir(dir.path()).said();
    let absent =
        "does not exist; check the path, and copy the file into the image before this step";
    for (word, message) in [
        ("./none.deb", format!("`./none.deb` {absent}")),
        ("/nowhere/list", format!("`/nowhere/list` {absent}")),
        (
            "a_1_all.deb",
            "`a_1_all.deb` is a file: write `./a_1_all.deb`".to_owned(),
        ),
        (
            "d/b c.deb",
            "`d/b c.deb` is a file: write `./d/b c.deb`".to_owned(),
        ),
        (
            "./list",
            "`./list` is a file: to install the packages that it lists, pass `-r ./list`"
                .to_owned(),
        ),
        (
            "list.txt",
            "`list.txt` is a file: to install the packages that it lists, pass `-r list.txt`"
                .to_owned(),
        ),
    ] {
        let message = format!("apt-install: error: {message}\n");
        run(word).is(2, "", &message);
    }
    // In a list, too.
    let list = apt_install().arg("-r-").stdin("./none.deb\n");
    list.said().is(
        2,
        "",
        &format!("apt-install: error: `./none.deb` {absent}\n"),
    );
    // What apt-get may accept reaches it.
    for word in [
        "./a_1_all.deb",
        "./a_1_all.deb/sid",
        "./d/b c.deb",
        "list",
        "none.deb",
    ] {
        assert_eq!(run(word).status, 127, "{word}");
    }
}

test!(a_bad_epoch_is_reported);
fn a_bad_epoch_is_reported() {
    apt_install()
        .arg(NOWHERE)
        .env("SOURCE_DATE_EPOCH", "today")
        .said()
        .is(
            2,
            "",
            &usage("SOURCE_DATE_EPOCH is `today`; expected seconds since 1970-01-01"),
        );
}

test!(purge_only_takes_no_packages);
fn purge_only_takes_no_packages() {
    let said = apt_install().args(["--purge-only", "a"]).said();
    said.is(
        2,
        "",
        &usage("the argument '--purge-only' cannot be used with '[PACKAGE]...'"),
    );
}

test!(no_apt_get_is_127);
fn no_apt_get_is_127() {
    apt_install().arg(NOWHERE).said().is(
        127,
        "",
        "apt-install: error: `apt-get` not found on PATH; apt-install requires Debian or a \
         derivative\n",
    );
}

test!(where_apk_is_the_error_names_it);
fn where_apk_is_the_error_names_it() {
    let dir = TempDir::new().expect("a directory");
    let apk = dir.path().join("apk");
    fs::write(&apk, "#!/bin/sh\n").expect("a file");
    fs::set_permissions(&apk, fs::Permissions::from_mode(0o755)).expect("it can be set");
    apt_install()
        .arg(NOWHERE)
        .env("PATH", dir.path())
        .said()
        .is(
            127,
            "",
            "apt-install: error: `apt-get` not found on PATH; apt-install requires Debian or a \
             derivative; this system has apk: run `apk add --no-cache PACKAGE...`, or `xargs -ra FILE \
             apk add --no-cache` for a list\n",
        );
}

test!(apt_get_not_executable_is_126);
fn apt_get_not_executable_is_126() {
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

test!(
    a_missing_root_is_reported_before_anything_is_done,
    needs = &[Need::Root]
);
fn a_missing_root_is_reported_before_anything_is_done() {
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

test!(version_and_help);
fn version_and_help() {
    let version = concat!("apt-install ", env!("PROGRAM_VERSION"), "\n");
    apt_install().arg("--version").said().is(0, version, "");
    let long = include_str!("help-long.txt");
    apt_install().arg("--help").said().is(0, long, "");
    let short = include_str!("help-short.txt");
    apt_install().arg("-h").said().is(0, short, "");
}
