//! A fake `apt-get` before the real one on PATH, in a real root: it records its calls, and ends as
//! the test says. It installs nothing, so the tests request what only apt can interpret: a pattern.

use super::PROGRAM;
use super::support::needs::Need;
use super::support::sandbox::Sandbox;
use crate::support::harness::test;

const NEEDS: &[Need] = &[Need::Mmdebstrap, Need::Mounts];

/// A root in which `apt-get` is a script that records its call and goes on with `rest`.
fn root(rest: &str) -> Sandbox {
    let mut sandbox = Sandbox::new("bookworm", PROGRAM);
    let script = format!(
        "#!/bin/sh\nline=apt-get\nfor word; do line=\"$line $word\"; done\n\
         echo \"$line\" | sed 's,/proc/self/fd/[0-9]*,FD,' >>/calls\n{rest}"
    );
    sandbox
        .script("cat >/usr/local/bin/apt-get && chmod 755 /usr/local/bin/apt-get")
        .stdin(script)
        .must();
    sandbox.commit();
    sandbox
}

fn calls(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.upper().join("calls")).unwrap_or_default()
}

const UPDATE: &str = "apt-get update -o APT::Update::Error-Mode=any \
                      -o Acquire::Languages=none -o pkgCacheFile::Generate=false -c FD\n";
const INSTALL: &str = "apt-get install -y --no-upgrade --no-auto-remove --no-install-recommends \
                       --no-remove -o Dir::Log::Terminal=/dev/null -o Dir::Log::History=/dev/null \
                       -o Dir::Log::Planner= -o DPkg::Lock::Timeout=300 \
                       -o Dpkg::Options::=--force-confdef \
                       -o Dpkg::Options::=--force-confold \
                       -o Dpkg::Options::=--force-unsafe-io \
                       -o Dpkg::Options::=--log=/dev/null -c FD -- ~nnew\n";
const NOTHING_NEW: &str = "apt-install: installed nothing new; purged nothing\n";

test!(a_plain_run_updates_installs_and_purges, needs = NEEDS);
fn a_plain_run_updates_installs_and_purges() {
    let sandbox = root(
        "read answer && exit 9\necho out $1\necho err $1 >&2\n\
         echo $DEBIAN_FRONTEND $UCF_FORCE_CONFFOLD $HTTP_PROXY >>/calls\n\
         case $1 in update) echo 12345 >/var/lib/apt/lists/new;; esac\n",
    );
    sandbox
        .apt_install(&["~nnew"])
        .env("HTTP_PROXY", "kept")
        .said()
        .is(
            0,
            "out update\nout install\n",
            "err update\nerr install\n\
             apt-install: installed nothing new; purged 1 file (6 B)\n",
        );
    let environment = "noninteractive 1 kept\n";
    assert_eq!(
        calls(&sandbox),
        format!("{UPDATE}{environment}{INSTALL}{environment}")
    );
    assert_eq!(sandbox.files("/var"), [""; 0]);
}

test!(
    what_the_user_decided_for_ucf_is_not_overridden,
    needs = NEEDS
);
fn what_the_user_decided_for_ucf_is_not_overridden() {
    // ucf fails if both are set.
    let sandbox = root("echo \"old=$UCF_FORCE_CONFFOLD new=$UCF_FORCE_CONFFNEW\"\n");
    for (name, seen) in [
        ("UCF_FORCE_CONFFNEW", "old= new=yes\n"),
        ("UCF_FORCE_CONFFOLD", "old=yes new=\n"),
    ] {
        let said = sandbox
            .apt_install(&["--no-update", "~nnew"])
            .env(name, "yes")
            .said();
        said.is(0, seen, NOTHING_NEW);
    }
}

test!(options_are_passed_on_in_order, needs = NEEDS);
fn options_are_passed_on_in_order() {
    let sandbox = root("");
    sandbox.script(": >/z.deb").must();
    let said = sandbox
        .apt_install(&[
            "-qq",
            "-t",
            "sid",
            "-o",
            "A=b c",
            "-c",
            "/etc/apt/apt.conf.d/01autoremove",
            "-oD=e",
            "--install-recommends",
            "--no-auto-remove",
            "--allow-downgrades",
            "--allow-change-held-packages",
            "--reinstall",
            "--keep-lists",
            "--keep-cache",
            "--keep-logs",
            "--timeout=7",
            "--error-on=persistent",
            "-r",
            "-",
            "x=1.2*",
            "x/sid",
        ])
        .stdin("/z.deb\n~nq\n")
        .said();
    let error = "apt-install: error: `apt-get install` succeeded, but not everything requested is \
                 installed: `x=1.2*`, `x/sid`\n";
    said.is(100, "", &(error.to_owned() + NOTHING_NEW));
    assert_eq!(
        calls(&sandbox),
        "apt-get update -q -q -o APT::Update::Error-Mode=persistent \
         -o pkgCacheFile::Generate=false -o A=b c -c /etc/apt/apt.conf.d/01autoremove -o D=e -c FD\n\
         apt-get install -y --no-auto-remove --install-recommends --allow-downgrades \
         --allow-change-held-packages --reinstall --no-remove -q -q -t sid -o DPkg::Lock::Timeout=7 \
         -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
         -o Dpkg::Options::=--force-unsafe-io -o APT::Keep-Downloaded-Packages=true \
         -o A=b c -c /etc/apt/apt.conf.d/01autoremove -o D=e -c FD \
         -- x=1.2* x/sid /z.deb ~nq\n"
    );
}

test!(no_update_skips_the_update, needs = NEEDS);
fn no_update_skips_the_update() {
    let sandbox = root("");
    sandbox
        .apt_install(&["--no-update", "~nnew"])
        .said()
        .is(0, "", NOTHING_NEW);
    assert_eq!(calls(&sandbox), INSTALL);
}

/// What apt-get says if an archive changes while it is read.
const CHANGED: &str = "E: Failed to fetch http://localhost/Packages  Hash Sum mismatch\n";

test!(a_changed_archive_is_read_again, needs = NEEDS);
fn a_changed_archive_is_read_again() {
    // A second update must find no remains of the first.
    let sandbox = root(&format!(
        "cd /var/lib/apt/lists/partial\nls >>/calls\n: >half\necho '{}' >&2\nexit 100\n",
        CHANGED.trim_end()
    ));
    let failed = "`apt-get update` failed with exit status 100";
    sandbox.apt_install(&["--retries=1", "~nnew"]).said().is(
        100,
        "",
        &format!(
            "{CHANGED}apt-install: {failed}; retrying (retries left: 1)\n{CHANGED}\
             apt-install: error: {failed}; the archive changed during the download, or a mirror is \
             incomplete\n{NOTHING_NEW}"
        ),
    );
    assert_eq!(calls(&sandbox), [UPDATE, UPDATE].concat());
    assert_eq!(sandbox.files("/var"), [""; 0]);
}

test!(a_lock_lost_to_another_apt_is_waited_for, needs = NEEDS);
fn a_lock_lost_to_another_apt_is_waited_for() {
    // It was free before, and is free again.
    let lost = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 2 (apt-get)\n";
    let sandbox = root(&format!(
        "test $(wc -l </calls) -gt 1 && exit\necho '{}' >&2\nexit 100\n",
        lost.trim_end()
    ));
    let said = sandbox.apt_install(&["~nnew"]).said();
    said.is(0, "", &format!("{lost}{NOTHING_NEW}"));
    assert_eq!(calls(&sandbox), [UPDATE, UPDATE, INSTALL].concat());
}

test!(a_failed_install_is_reported_once, needs = NEEDS);
fn a_failed_install_is_reported_once() {
    let sandbox = root("test $1 = update\n");
    sandbox.apt_install(&["~nnew"]).said().is(
        1,
        "",
        &format!("apt-install: error: `apt-get install` failed with exit status 1\n{NOTHING_NEW}"),
    );
    // It is asked what it would remove, and tried no more.
    let simulation = INSTALL.replace("--no-remove", "--simulate -qq");
    assert_eq!(calls(&sandbox), [UPDATE, INSTALL, &simulation].concat());
}

test!(the_status_is_that_of_apt_get, needs = NEEDS);
fn the_status_is_that_of_apt_get() {
    let sandbox = root("exit 42\n");
    sandbox
        .apt_install(&["--error-on=persistent", "--retries=0", "~nnew"])
        .said()
        .is(
            42,
            "",
            &format!(
                "apt-install: error: `apt-get update` failed with exit status 42\n{NOTHING_NEW}"
            ),
        );
}

test!(a_signal_that_ends_apt_get_is_128_plus_n, needs = NEEDS);
fn a_signal_that_ends_apt_get_is_128_plus_n() {
    let sandbox = root("test $1 = update || kill -9 $$\n");
    let said = sandbox.apt_install(&["~nnew"]).said();
    said.is(
        137,
        "",
        &format!(
            "apt-install: error: `apt-get install` was killed by signal 9 (SIGKILL)\n{NOTHING_NEW}"
        ),
    );
}

test!(sigterm_reaches_apt_as_sigint, needs = NEEDS);
fn sigterm_reaches_apt_as_sigint() {
    // As apt-get while dpkg runs: it hears SIGINT, and goes on to its end. It counts the signals, also
    // those after the first, until the test has seen the message. It never blocks, as a shell that
    // does could miss a signal that comes just before.
    let sandbox = root(
        "test $1 = update && exit\n\
         heard=\ntrap 'echo heard SIGINT; heard=yes' INT\n\
         trap 'echo heard SIGTERM; exit' TERM\n\
         : >/var/cache/apt/pkgcache.bin\n\
         echo ready >/tmp/ready\nuntil test \"$heard\" && test -e /tmp/said; do :; done\n\
         echo finished\n",
    );
    let script = "mkfifo /tmp/ready /tmp/err\n\
         /mnt/apt-install '~nnew' >/tmp/out 2>/tmp/err & pid=$!\n\
         { read line </tmp/ready; kill -TERM $pid; } &\n\
         { while read line; do : >/tmp/said; echo \"$line\" >&2; done; } </tmp/err\n\
         wait $pid\necho status $?\ncat /tmp/out\n";
    sandbox.script(script).said().is(
        0,
        "status 143\nheard SIGINT\nfinished\n",
        "apt-install: received SIGTERM; waiting for apt and dpkg to finish the current step\n\
         apt-install: error: stopped by SIGTERM\n\
         apt-install: installed nothing new; purged 1 file (0 B)\n",
    );
    assert_eq!(sandbox.files("/var"), [""; 0]);
}

test!(a_list_given_as_a_package_is_named, needs = NEEDS);
fn a_list_given_as_a_package_is_named() {
    let sandbox = root("test $1 = update || exit 100\n");
    let failed = "`apt-get install` failed with exit status 100";
    let hint = "; `pkgdeps` is a file: to install the packages that it lists, pass `-r pkgdeps`";
    for (options, words, hint, end) in [
        ("-y", "new pkgdeps", hint, NOTHING_NEW),
        ("--yes --dry-run", "pkgdeps", hint, ""),
        // Files that apt-get accepts.
        ("", "./new.deb", "", NOTHING_NEW),
    ] {
        let script = format!(
            "cd /root && touch pkgdeps new.deb && /mnt/apt-install {options} {words} 2>&1; echo $?"
        );
        let expected = format!("apt-install: error: {failed}{hint}\n{end}100\n");
        sandbox.script(&script).said().is(0, &expected, "");
    }
}

test!(nohup_is_respected, needs = NEEDS);
fn nohup_is_respected() {
    let sandbox = root("kill -HUP $PPID\n");
    let script = "nohup /mnt/apt-install --no-update '~nnew' 2>&1";
    let said = sandbox.script(script).said();
    assert_eq!((said.status, said.stdout.as_str()), (0, NOTHING_NEW));
}

/// A line of Perl that holds the lock of a file: `lock FILE`, then a line on /tmp/held.
pub(crate) const HOLD: &str = "\
hold() { perl -e 'use Fcntl; open my $f, \"+>>\", $ARGV[0] or die; \
my $k = pack \"ssx4qqix4\", F_WRLCK, 0, 0, 0, 0; fcntl $f, F_SETLK, $k or die; \
open my $r, \">\", \"/tmp/held\" or die; print $r \"held\\n\"; close $r; \
open my $l, \"<\", \"/tmp/let-go\" or die; <$l>' \"$1\" & read line </tmp/held; }\n\
mkfifo /tmp/held /tmp/let-go\n";

test!(sigint_ends_the_wait_for_a_lock, needs = NEEDS);
fn sigint_ends_the_wait_for_a_lock() {
    let sandbox = root("");
    let script = format!(
        "{HOLD}hold /var/lib/apt/lists/lock\nmkfifo /tmp/err\n\
         /mnt/apt-install '~nnew' 2>/tmp/err & pid=$!\n\
         {{ read line; echo \"$line\"; kill -INT $pid; cat; }} </tmp/err\n\
         wait $pid; echo status $?\n"
    );
    sandbox.script(&script).said().is(
        0,
        "apt-install: `/var/lib/apt/lists/lock` is held by another process; waiting for up to \
         300 s\n\
         apt-install: error: stopped by SIGINT\n\
         apt-install: warning: `/var/lib/apt/lists` is in use by another process and was not \
         purged; to purge it later, run `apt-install --purge-only`\n\
         apt-install: installed nothing new; purged nothing\n\
         status 130\n",
        "",
    );
    assert_eq!(calls(&sandbox), "");
}

test!(a_lock_held_past_the_timeout_is_an_error, needs = NEEDS);
fn a_lock_held_past_the_timeout_is_an_error() {
    let sandbox = root("");
    let script = format!(
        "{HOLD}hold /var/lib/apt/lists/lock\n/mnt/apt-install --timeout=0 '~nnew'; echo status $?\n"
    );
    sandbox.script(&script).said().is(
        0,
        "status 100\n",
        "apt-install: error: `/var/lib/apt/lists/lock` is still held by another process after 0 s; \
         wait for that process to end, or pass a longer `--timeout`\n\
         apt-install: warning: `/var/lib/apt/lists` is in use by another process and was not \
         purged; to purge it later, run `apt-install --purge-only`\n\
         apt-install: installed nothing new; purged nothing\n",
    );
}

test!(nothing_runs_where_everything_is_installed, needs = NEEDS);
fn nothing_runs_where_everything_is_installed() {
    let sandbox = root("");
    let installed = "apt-install: all requested packages are already installed; nothing to do\n";
    sandbox
        .apt_install(&["dpkg", "perl-base:amd64", "apt"])
        .said()
        .is(0, "", installed);
    assert!(sandbox.layer().is_empty());
    // With options that may change what is to be done, apt decides.
    sandbox
        .apt_install(&["--update", "dpkg"])
        .said()
        .is(0, "", NOTHING_NEW);
    assert_eq!(
        calls(&sandbox),
        [UPDATE, &INSTALL.replace("-- ~nnew", "-- dpkg")].concat()
    );
}

test!(nothing_is_purged_without_proc, needs = NEEDS);
fn nothing_is_purged_without_proc() {
    let mut sandbox = root(": >/var/lib/apt/lists/new\n");
    sandbox.before("umount $m/proc");
    sandbox.apt_install(&["--auto-remove", "~nnew"]).said().is(
        1,
        "",
        "apt-install: warning: cannot read `/proc/self/mountinfo`: No such file or directory \
         (os error 2); mounts are unknown, so nothing will be purged and no unneeded packages \
         will be removed; to enable both, mount `/proc`\n\
         apt-install: error: not everything was purged (see the warnings); to try again in the same \
         layer, run `apt-install --purge-only`\n\
         apt-install: installed nothing new; purged nothing\n",
    );
    assert_eq!(sandbox.files("/var"), ["/var/lib/apt/lists/new"]);
    assert!(calls(&sandbox).contains(" --no-auto-remove "));
}

test!(lists_on_a_mount_are_used_and_kept, needs = NEEDS);
fn lists_on_a_mount_are_used_and_kept() {
    let mut sandbox =
        root("echo 123 >/var/lib/apt/lists/$1; echo 123 >/var/cache/apt/pkgcache.bin$1\n");
    sandbox.before("mount -t tmpfs tmpfs $m/var/lib/apt/lists");
    let said = sandbox
        .script("/mnt/apt-install '~nnew'; ls /var/lib/apt/lists")
        .said();
    said.is(
        0,
        "install\nupdate\n",
        "apt-install: mounted directories are used and not purged: /var/lib/apt/lists\n\
         apt-install: installed nothing new; purged 2 files (8 B)\n",
    );
    assert_eq!(
        calls(&sandbox),
        [UPDATE, INSTALL]
            .concat()
            .replace(" -o Acquire::Languages=none", "")
    );
}

test!(
    a_bind_mount_of_the_same_file_system_is_a_mount,
    needs = NEEDS
);
fn a_bind_mount_of_the_same_file_system_is_a_mount() {
    let mut sandbox = root(": >/var/cache/apt/$1\n");
    // On the same device: only mountinfo shows that it is a mount.
    sandbox.before("mkdir $m/cache && mount --bind $m/cache $m/var/cache/apt");
    sandbox.apt_install(&["~nnew"]).said().is(
        0,
        "",
        "apt-install: mounted directories are used and not purged: /var/cache/apt, \
         /var/cache/apt/archives\n\
         apt-install: installed nothing new; purged nothing\n",
    );
    assert_eq!(sandbox.files("/cache"), ["/cache/install", "/cache/update"]);
    assert!(calls(&sandbox).contains(" -o APT::Keep-Downloaded-Packages=true "));
}

test!(a_failed_purge_is_a_failure, needs = NEEDS);
fn a_failed_purge_is_a_failure() {
    // Links of before the run would be resolved.
    let sandbox = root(
        ": >/var/lib/apt/lists/$1; : >/var/cache/apt/pkgcache.bin\n\
         [ -L /var/cache/apt ] || { mv /var/cache/apt /elsewhere; ln -s /elsewhere /var/cache/apt; }\n",
    );
    // The installation itself has not failed.
    sandbox.apt_install(&["~nnew"]).said().is(
        1,
        "",
        "apt-install: warning: cannot purge `/var/cache/apt`: it is a symbolic link, or not a \
         directory; it remains in the layer\n\
         apt-install: error: not everything was purged (see the warnings); to try again in the same \
         layer, run `apt-install --purge-only`\n\
         apt-install: installed nothing new; purged 2 files (0 B)\n",
    );
    assert!(sandbox.upper().join("elsewhere/pkgcache.bin").exists());
}
