//! Two runs at once, with real apt of both releases: the second waits for the end of the first.

use super::fake::HOLD;
use super::local::{NEEDS, Root, left_without_locks};
use crate::support::harness::test;
use tempfile::TempDir;

/// Starts a run that stops after its update until a line is written to `go`.
fn first(place: &str) -> String {
    format!(
        "mkfifo {place}/updated {place}/go\n\
         /mnt/apt-install -o APT::Update::Post-Invoke::='echo >{place}/updated; \
         read line <{place}/go' app >/dev/null 2>&1 & first=$!\n"
    )
}

/// Starts another when the first has updated its lists, and lets the first go on when this one waits
/// or has ended. Prints what it says itself.
fn second(place: &str, words: &str) -> String {
    format!(
        "read line <{place}/updated\nmkfifo /tmp/err\n\
         /mnt/apt-install {words} >/dev/null 2>/tmp/err & second=$!\n\
         {{ while read line; do echo \"${{line%%purged [0-9]*}}\"; case $line in *waiting*) \
         echo >{place}/go; gone=yes;; esac; done; test \"$gone\" || echo >{place}/go; }} </tmp/err\n\
         wait $second; echo status $?\n"
    )
}

fn waiting(lock: &str) -> String {
    format!("apt-install: `{lock}` is held by another process; waiting for up to 300 s\n")
}

test!(
    a_second_run_waits_for_the_first,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_second_run_waits_for_the_first(release: &str) {
    let mut root = Root::new(release);
    let waiting = waiting("/var/lib/dpkg");
    for (words, end) in [
        (
            "other",
            "apt-install: installed other (10.2 kB); \nstatus 0\n",
        ),
        // It does again what the first did, unless it looks only after its wait.
        (
            "app",
            "apt-install: all requested packages are already installed; nothing to do\nstatus 0\n",
        ),
        ("--purge-only", "apt-install: \nstatus 0\n"),
    ] {
        let script = first("/tmp") + &second("/tmp", words) + "wait $first; echo first $?\n";
        let said = root.sandbox.script(&script).said();
        said.is(0, &format!("{waiting}{end}first 0\n"), "");
        assert!(root.installed().starts_with("app=1 lib=1"), "{words}");
        let mut left = left_without_locks(&root);
        // --purge-only deletes debconf's backups, which the base has.
        left.retain(|file| !file.ends_with("-old!"));
        assert_eq!(left, ["/var/lib/apt/extended_states"], "{words}");
        root.sandbox.reset();
    }
    // As they come.
    let run = |name: &str| format!("/mnt/apt-install {name} >/tmp/{name} 2>&1 & {name}=$!\n");
    let script = run("app") + &run("other") + "wait $app && wait $other || cat /tmp/app /tmp/other";
    for _ in 0..3 {
        root.sandbox.script(&script).said().is(0, "", "");
        assert_eq!(root.installed(), "app=1 lib=1 other=1");
        root.sandbox.reset();
    }
}

test!(
    a_wait_for_another_run_ends,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_wait_for_another_run_ends(release: &str) {
    let root = Root::new(release);
    let script = first("/tmp")
        + "read line </tmp/updated\n\
           /mnt/apt-install --timeout=0 other; echo status $?\n\
           mkfifo /tmp/err; /mnt/apt-install other 2>/tmp/err & second=$!\n\
           { read line; echo \"$line\"; kill -TERM $second; cat; } </tmp/err\n\
           wait $second; echo status $?\n\
           echo >/tmp/go; wait $first; echo first $?\n";
    root.sandbox.script(&script).said().is(
        0,
        &format!(
            "status 100\n{}apt-install: error: stopped by SIGTERM\nstatus 143\nfirst 0\n",
            waiting("/var/lib/dpkg")
        ),
        "apt-install: error: `/var/lib/dpkg` is still held by another process after 0 s; wait for \
         that process to end, or pass a longer `--timeout`\n",
    );
}

test!(
    the_purge_waits_for_another_apt,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn the_purge_waits_for_another_apt(release: &str) {
    let mut root = Root::new(release);
    let lock = "/var/lib/apt/lists/lock";
    let function = HOLD.trim_end_matches("mkfifo /tmp/held /tmp/let-go\n");
    // Another apt takes the lock while packages are installed, or before --purge-only.
    for (hold, words) in [
        (format!("hold {lock}\n"), "--purge-only".to_owned()),
        (
            String::new(),
            "app -o DPkg::Pre-Invoke::=/tmp/hold".to_owned(),
        ),
    ] {
        let script = format!(
            "{HOLD}cat >/tmp/hold <<'END'\n#!/bin/sh\n{function}hold {lock}\nEND\n\
             chmod 755 /tmp/hold; mkfifo /tmp/err\n{hold}\
             /mnt/apt-install {words} >/dev/null 2>/tmp/err & pid=$!\n\
             {{ while read line; do echo \"${{line%%purged [0-9]*}}\"; case $line in *waiting*) \
             echo >/tmp/let-go;; esac; done; }} </tmp/err\nwait $pid; echo status $?\n"
        );
        let said = root.sandbox.script(&script).said();
        let installed = if hold.is_empty() {
            "installed app, lib (20.4 kB); "
        } else {
            ""
        };
        let waiting = waiting(lock);
        said.is(
            0,
            &format!("{waiting}apt-install: {installed}\nstatus 0\n"),
            "",
        );
        root.sandbox.reset();
    }
}

test!(
    runs_in_two_roots_share_the_lists_on_a_mount,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn runs_in_two_roots_share_the_lists_on_a_mount(release: &str) {
    let (mut one, mut two) = (Root::new(release), Root::new(release));
    let lists = TempDir::new_in(one.archive.path()).expect("a directory");
    for root in [&mut one, &mut two] {
        root.sandbox.bind(lists.path(), "/var/lib/apt/lists");
    }
    // An update deletes lists of sources that it does not know.
    two.archive
        .add("extra", &[super::support::archive::Deb::new("other", "2")]);
    two.sources(&["extra"]);
    two.sandbox.bind(one.archive.path(), "/media");
    let script = first("/srv") + "wait $first; echo first $?\n";
    std::thread::scope(|scope| {
        let first = scope.spawn(|| one.sandbox.script(&script).said());
        let said = two
            .sandbox
            .script(
                &("until test -p /media/go; do :; done\n".to_owned() + &second("/media", "other")),
            )
            .said();
        let waits = waiting("/var/lib/apt/lists");
        said.is(
            0,
            &format!(
                "{waits}apt-install: mounted directories are used and not purged: \
                 /var/lib/apt/lists\napt-install: installed other (10.2 kB); \nstatus 0\n"
            ),
            "",
        );
        let first = first.join().expect("the first run has ended");
        first.is(0, "first 0\n", "");
    });
    assert_eq!(
        (one.installed(), two.installed()),
        ("app=1 lib=1".to_owned(), "other=2".to_owned())
    );
}
