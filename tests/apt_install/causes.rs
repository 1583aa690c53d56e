//! Why apt fails, with real apt of both releases: the error names the cause, and a download is tried
//! again only where this can help. (apt itself tries again after a failed connection.)

use super::local::{NEEDS, Root, left_without_locks};
use super::support::http::{Fault, Http};
use crate::support::harness::test;
use std::fs;
use std::path::Path;

const TRUSTED: &str = "[trusted=yes]";
const UPDATE: &str = "error: `apt-get update` failed with exit status 100";
const INSTALL: &str = "error: `apt-get install` failed with exit status 100";
const CHANGED: &str = "; the archive changed during the download, or a mirror is incomplete";
const REFUSED: &str = "; a repository is unsigned, expired or not valid yet, or there is none at its \
                       address: check its entry in `/etc/apt`, its key and the clock";
const UNREACHABLE: &str = "; a server could not be reached: check its address, the network and the \
                           proxy";
const NOTHING: &str = "installed nothing new";
const DONE: &str = "installed app, lib (20.4 kB)";

fn retrying(error: &str, left: usize) -> String {
    let failed = error.trim_start_matches("error: ");
    format!("{failed}; retrying (retries left: {left})")
}

/// A root with one source.
fn root(release: &str) -> Root {
    let mut root = Root::new(release);
    root.sources(&[]);
    root.sandbox.commit();
    root
}

fn is_package(path: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|extension| extension == "deb")
}

fn source(root: &Root, line: &str) {
    root.sandbox
        .script("cat >/etc/apt/sources.list")
        .stdin(line)
        .must();
}

test!(
    a_changed_archive_is_read_again,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_changed_archive_is_read_again(release: &str) {
    let mut root = root(release);
    for (file, fault, failed) in [
        ("Packages", Fault::Longer, UPDATE),
        ("app_1_all.deb", Fault::Changed, INSTALL),
        ("lib_1_all.deb", Fault::Status("404 Not Found"), INSTALL),
    ] {
        let http = Http::serve(root.archive.path(), move |path, count| {
            (path.ends_with(file) && count == 1).then_some(fault)
        });
        source(&root, &http.source("main", TRUSTED));
        let said = root.succeeds(&["app"]);
        assert_eq!(said, [&*retrying(failed, 2), DONE], "{file} {fault:?}");
        root.sandbox.reset();
    }
    // It stays as it is.
    let http = Http::serve(root.archive.path(), |path, _| {
        is_package(path).then_some(Fault::Status("404 Not Found"))
    });
    source(&root, &http.source("main", TRUSTED));
    assert_eq!(
        root.ends(100, &["--retries=1", "app"]),
        [
            retrying(INSTALL, 1),
            format!("{INSTALL}{CHANGED}"),
            NOTHING.to_owned()
        ]
    );
    assert_eq!(left_without_locks(&root), [""; 0]);
}

test!(
    apt_itself_connects_again,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn apt_itself_connects_again(release: &str) {
    let root = root(release);
    let http = Http::serve(root.archive.path(), |path, count| {
        let fails = path.ends_with("Packages") || is_package(path);
        (fails && count == 1).then_some(Fault::Status("503 Service Unavailable"))
    });
    source(&root, &http.source("main", TRUSTED));
    assert_eq!(root.succeeds(&["app"]), [DONE]);
}

test!(
    what_stays_as_it_is_is_not_tried_again,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn what_stays_as_it_is_is_not_tried_again(release: &str) {
    let root = root(release);
    let main = root.archive.path().join("main");
    let served = Http::serve(root.archive.path(), |path, _| {
        let gone = path.starts_with("/gone/") && is_package(path);
        gone.then_some(Fault::Status("503 Service Unavailable"))
    });
    for (suite, release_file) in [
        (
            "expired",
            "Date: Sun, 01 Jan 2023 00:00:00 UTC\nValid-Until: Mon, 02 Jan 2023 00:00:00 UTC\n",
        ),
        ("early", "Date: Fri, 01 Jan 2100 00:00:00 UTC\n"),
        ("gone", ""),
    ] {
        let dir = root.archive.path().join(suite);
        fs::create_dir(&dir).expect("a directory");
        let text = fs::read_to_string(main.join("Release")).expect("a file");
        let hashes = &text[text.find("MD5Sum:").expect("hashes")..];
        fs::write(dir.join("Release"), format!("{release_file}{hashes}")).expect("a file");
        fs::copy(main.join("Packages"), dir.join("Packages")).expect("a copy");
    }
    let ignore = " (to ignore it, pass `--error-on=persistent`)";
    for (line, error) in [
        (served.source("main", ""), format!("{UPDATE}{REFUSED}")),
        (served.source("none", ""), format!("{UPDATE}{REFUSED}")),
        (
            served.source("expired", TRUSTED),
            format!("{UPDATE}{REFUSED}"),
        ),
        (
            served.source("early", TRUSTED),
            format!("{UPDATE}{REFUSED}"),
        ),
        (
            "deb http://127.0.0.1:9/x ./\n".to_owned(),
            format!("{UPDATE}{UNREACHABLE}{ignore}"),
        ),
        (
            served.source("main", TRUSTED) + "deb http://nowhere.invalid/x ./\n",
            format!("{UPDATE}{UNREACHABLE}{ignore}"),
        ),
        (
            served.source("gone", TRUSTED),
            format!("{INSTALL}{UNREACHABLE}"),
        ),
    ] {
        source(&root, &line);
        let arguments = ["-oAcquire::Retries=0", "-oAcquire::Max-FutureTime=9", "app"];
        assert_eq!(
            root.ends(100, &arguments),
            [error, NOTHING.to_owned()],
            "{line}"
        );
        assert_eq!(left_without_locks(&root), [""; 0]);
    }
    // Nor are packages, versions and releases that no source has.
    source(&root, &served.source("main", TRUSTED));
    let check = "check the name, or that the list is of this release";
    let add = "or add a source of it to `/etc/apt/sources.list.d`";
    for (requests, hint) in [
        (
            &["app", "libmagic1t64"][..],
            format!("`libmagic1t64`: {check} (names in `t64` are of Debian 13 and later)"),
        ),
        (&["none", "app"], format!("`none`: {check}")),
        (
            &["app=9", "lib"],
            "`app=9`: the list may be of another release, or older than an update of the archive"
                .to_owned(),
        ),
        (
            &["install", "app"],
            format!("`install`: {check}; apt-install takes names of packages only, no commands"),
        ),
        (
            &["app:s390x"],
            format!(
                "`app:s390x`: {check}; for another architecture, run `dpkg --add-architecture s390x` \
                 first"
            ),
        ),
        (
            &["-t", "none", "app"],
            format!("the release `none`: check the name, {add}"),
        ),
        (
            &["app/none"],
            format!("`app/none`: check the release, {add}"),
        ),
    ] {
        let said = root.ends(100, requests);
        let error = format!("{INSTALL}; no source has {hint}");
        assert_eq!(said, [&*error, NOTHING]);
    }
}

test!(
    a_read_only_root_is_named,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_read_only_root_is_named(release: &str) {
    let mut root = Root::new(release);
    root.sandbox.before("mount -o remount,ro $m");
    let said = root.ends(100, &["app"]);
    let error = format!("{UPDATE}; a file system is mounted read-only");
    assert_eq!(said, [&*error, NOTHING]);
}
