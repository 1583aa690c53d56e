//! Real apt of both releases, in real roots, with an archive that the test makes: versions and
//! holds, failures on build machines, locks, signals, and what is left in the layer.

use super::PROGRAM;
use super::fake::HOLD;
use super::support::archive::{Archive, Deb};
use super::support::needs::Need;
use super::support::run::Said;
use super::support::sandbox::{Sandbox, own_lines};
use crate::support::harness::test;

pub(super) const NEEDS: &[Need] = &[Need::Mmdebstrap, Need::Mounts, Need::Archive];

/// A root whose only source is the archive's `main`, with `app` 1 and `lib` 1 installed where
/// `installed` says so.
pub(super) struct Root {
    pub(super) sandbox: Sandbox,
    pub(super) archive: Archive,
}

fn app(version: &str) -> Deb {
    Deb::new("app", version)
        .field("Depends: lib")
        .file("/etc/app.conf", &format!("version {version}\n"))
        .control("conffiles", "/etc/app.conf\n")
}

impl Root {
    pub(super) fn new(release: &str) -> Self {
        let archive = Archive::new();
        archive.add(
            "main",
            &[
                app("1"),
                Deb::new("lib", "1"),
                Deb::new("other", "1").field("Provides: virtual"),
            ],
        );
        let mut sandbox = Sandbox::new(release, PROGRAM);
        sandbox.bind(archive.path(), "/srv");
        let mut root = Self { sandbox, archive };
        root.sources(&["main"]);
        root.sandbox.commit();
        root
    }

    /// With `app` and `lib` in version 1 installed, and 2 in the archive.
    fn with_app(release: &str) -> Self {
        let mut root = Self::new(release);
        root.succeeds(&["app"]);
        root.sandbox.commit();
        root.archive.add("main", &[app("2"), Deb::new("lib", "2")]);
        root
    }

    pub(crate) fn sources(&mut self, suites: &[&str]) {
        let sources: String = suites.iter().map(|suite| Archive::source(suite)).collect();
        self.sandbox
            .script("cat >/etc/apt/sources.list")
            .stdin(sources)
            .must();
    }

    pub(super) fn apt_install(&self, arguments: &[&str]) -> Said {
        self.sandbox.apt_install(arguments).said()
    }

    #[track_caller]
    pub(super) fn succeeds(&self, arguments: &[&str]) -> Vec<String> {
        self.ends(0, arguments)
    }

    /// Runs the program, expects this status, and returns its own lines, without what was purged.
    #[track_caller]
    pub(crate) fn ends(&self, status: i32, arguments: &[&str]) -> Vec<String> {
        let said = self.apt_install(arguments);
        assert_eq!(said.status, status, "{}{}", said.stdout, said.stderr);
        own(&said)
    }

    pub(super) fn script(&self, script: &str) -> String {
        self.sandbox.script(script).must()
    }

    /// The installed packages of the tests, as `name=version`, and their state.
    pub(super) fn installed(&self) -> String {
        let script = "dpkg-query -W -f '${db:Status-Abbrev}${Package}=${Version}\\n' | \
                      sed -En 's/^(h|i)i +((app|lib|other|bad|ask|slow)=.*)/\\2/p; t; \
                      /^.[^i]/p' | xargs";
        self.script(script).trim_end().to_owned()
    }

    /// What the layer has below `/var`, without dpkg's database.
    fn left_in_var(&self) -> Vec<String> {
        let mut files = self.sandbox.files("/var");
        files.retain(|file| !file.starts_with("/var/lib/dpkg/"));
        files
    }
}

/// What the program said itself; what was purged depends on the release, and is cut off.
pub(crate) fn own(said: &Said) -> Vec<String> {
    own_lines(said)
        .into_iter()
        .map(|line| {
            let line = line.trim_start_matches("apt-install: ");
            line.split("; purged").next().unwrap_or(line).to_owned()
        })
        .collect()
}

/// What is left in the layer by any install: apt's marks, and the locks that the base has, as
/// apt opens them for writing.
pub(super) const LEFT: [&str; 1] = ["/var/lib/apt/extended_states"];

pub(super) fn left_without_locks(root: &Root) -> Vec<String> {
    let mut left = root.left_in_var();
    left.retain(|file| !file.ends_with("/lock"));
    left
}

test!(through_xargs, needs = NEEDS, on = [bookworm, trixie]);
fn through_xargs(release: &str) {
    let root = Root::new(release);
    let said = root
        .sandbox
        .script("printf 'app\\n\\nother\\n' >/tmp/pkgdeps.txt; xargs -ra /tmp/pkgdeps.txt /mnt/apt-install")
        .said();
    assert_eq!(
        (said.status, own(&said)),
        (0, vec!["installed app, lib, other (30.7 kB)".to_owned()])
    );
    let empty = root
        .sandbox
        .script(": >/tmp/list; xargs -ra /tmp/list /mnt/apt-install; /mnt/apt-install -r /tmp/list")
        .said();
    empty.is(0, "", "apt-install: no packages requested; nothing to do\n");
}

const INSTALLED: &str =
    "apt-install: all requested packages are already installed; nothing to do\n";

test!(
    installed_means_nothing_is_written,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn installed_means_nothing_is_written(release: &str) {
    let mut root = Root::with_app(release);
    // Whatever the network does.
    root.sources(&["nowhere"]);
    root.sandbox.commit();
    for arguments in [
        &["app"][..],
        &["app=1", "app:all", "dpkg", "perl-base"],
        &["--no-update", "--install-recommends", "app"],
        &["--dry-run", "app"],
    ] {
        root.apt_install(arguments).is(0, "", INSTALLED);
    }
    assert!(root.sandbox.layer().is_empty());
}

test!(
    automatic_becomes_manual,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn automatic_becomes_manual(release: &str) {
    let mut root = Root::with_app(release);
    assert_eq!(root.script("apt-mark showauto"), "lib\n");
    root.sandbox.reset();
    root.apt_install(&["lib", "app"]).is(
        0,
        "lib set to manually installed.\n",
        "apt-install: all requested packages are already installed; marked as manually installed: \
         lib\n",
    );
    assert_eq!(root.left_in_var(), LEFT);
    assert_eq!(root.script("apt-mark showauto"), "");
    // An install of something else that names it does the same.
    root.sandbox.reset();
    root.succeeds(&["lib", "other"]);
    assert_eq!(root.script("apt-mark showauto"), "");
    root.sandbox.commit();
    root.apt_install(&["lib", "app"]).is(0, "", INSTALLED);
    assert!(root.sandbox.layer().is_empty());
}

test!(
    held_packages_do_not_fail_the_build,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn held_packages_do_not_fail_the_build(release: &str) {
    let mut root = Root::with_app(release);
    root.script("apt-mark hold app");
    root.sandbox.commit();
    let other = ["installed other (10.2 kB)"];
    assert_eq!(root.succeeds(&["app", "other"]), other);
    assert_eq!(root.installed(), "app=1 lib=1 other=1");
    root.sandbox.reset();
    // With another wish for a version that leaves --no-upgrade out.
    assert_eq!(
        root.succeeds(&["app", "lib=2", "other"]),
        ["installed other (10.2 kB); changed lib"]
    );
    root.sandbox.reset();
    let stays = "`app` is on hold and will not be changed; to change it, pass \
                 `--allow-change-held-packages`";
    assert_eq!(
        root.succeeds(&["--upgrade", "app", "other"]),
        [stays, other[0]]
    );
    root.sandbox.reset();
    // A version asked of a held package is no wish to lose in silence.
    assert_eq!(
        root.ends(100, &["app=2"]),
        [
            "error: `apt-get install` failed with exit status 100",
            "installed nothing new"
        ]
    );
    assert_eq!(left_without_locks(&root), [""; 0]);
    root.succeeds(&["--allow-change-held-packages", "app=2"]);
    assert_eq!(root.installed(), "app=2 lib=1");
}

test!(
    a_version_is_honoured,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_version_is_honoured(release: &str) {
    let mut root = Root::with_app(release);
    for version in ["app=2", "app=2*", "app:all=2"] {
        if version != "app:all=2" {
            assert_eq!(
                root.succeeds(&["lib", version]),
                ["installed nothing new; changed app"],
                "{version}"
            );
            // Asked for without a version and there already: as it is, and manual now.
            assert_eq!(root.installed(), "app=2 lib=1", "{version}");
            assert_eq!(root.script("apt-mark showauto"), "", "{version}");
            root.sandbox.reset();
        }
    }
    // A pattern that what is installed meets changes nothing.
    assert_eq!(root.succeeds(&["app=1*"]), ["installed nothing new"]);
    assert_eq!(root.installed(), "app=1 lib=1");
    root.succeeds(&["--upgrade", "app"]);
    assert_eq!(root.installed(), "app=2 lib=1");
    // Back again is allowed where it is asked for.
    root.ends(100, &["app=1"]);
    assert_eq!(root.installed(), "app=2 lib=1");
    root.succeeds(&["--allow-downgrades", "app=1"]);
    assert_eq!(root.installed(), "app=1 lib=1");
    root.ends(100, &["app=7"]);
    assert_eq!(root.installed(), "app=1 lib=1");
}

test!(
    a_release_is_honoured,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_release_is_honoured(release: &str) {
    let mut root = Root::with_app(release);
    root.archive.add("extra", &[app("3"), Deb::new("lib", "3")]);
    root.sources(&["main", "extra"]);
    root.script(
        "printf 'Package: *\\nPin: release n=extra\\nPin-Priority: 100\\n' \
         >/etc/apt/preferences.d/extra",
    );
    root.sandbox.commit();
    for arguments in [
        &["app/extra", "lib"][..],
        &["-t", "extra", "app"],
        &["-o", "APT::Default-Release=extra", "app"],
    ] {
        root.succeeds(arguments);
        let installed = root.installed();
        assert!(installed.starts_with("app=3 lib="), "{installed}");
        root.sandbox.reset();
    }
}

test!(
    a_local_package_is_honoured,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_local_package_is_honoured(release: &str) {
    let root = Root::with_app(release);
    app("5").build(root.archive.path());
    let script = "cd /srv && /mnt/apt-install ./app_5_all.deb lib";
    let said = root.sandbox.script(script).said();
    assert_eq!(
        (said.status, own(&said)),
        (0, vec!["installed nothing new; changed app".to_owned()])
    );
    assert_eq!(root.installed(), "app=5 lib=1");
}

test!(all_of_apts_names, needs = NEEDS, on = [bookworm, trixie]);
fn all_of_apts_names(release: &str) {
    let mut root = Root::new(release);
    for (name, installed) in [
        ("virtual", "other=1"),
        ("app=1*", "app=1 lib=1"),
        ("app/main", "app=1 lib=1"),
        ("app:all", "app=1 lib=1"),
        ("?exact-name(other)", "other=1"),
        ("~n^other$", "other=1"),
        ("other+", "other=1"),
        ("/srv/main/lib_1_all.deb", "lib=1"),
    ] {
        root.succeeds(&[name]);
        assert_eq!(root.installed(), installed, "{name}");
        root.sandbox.reset();
    }
    root.succeeds(&["app"]);
    assert_eq!(
        root.succeeds(&["app-", "other"]),
        ["installed other (10.2 kB); removed app, lib"]
    );
}

test!(unneeded_packages_go, needs = NEEDS, on = [bookworm, trixie]);
fn unneeded_packages_go(release: &str) {
    let mut root = Root::with_app(release);
    root.archive.add("main", &[Deb::new("app", "3")]);
    assert_eq!(
        root.succeeds(&["app=3"]),
        ["installed nothing new; changed app; removed lib"]
    );
    root.sandbox.reset();
    assert_eq!(
        root.succeeds(&["--no-auto-remove", "app=3"]),
        ["installed nothing new; changed app"]
    );
}

/// The packages of a build: `tool-dev` and all it brings, and `app`.
fn build(root: &Root) {
    root.archive.add(
        "main",
        &[
            Deb::new("tool-dev", "1").field("Depends: tool, tool-headers"),
            Deb::new("tool-headers", "1"),
            Deb::new("tool", "1")
                .field("Depends: tool-base")
                .field("Recommends: tool-data")
                .file("/usr/lib/tool.so", "library\n"),
            Deb::new("tool-base", "1"),
            Deb::new("tool-data", "1"),
            Deb::new("user", "1").field("Depends: tool-base, tool-alone"),
            Deb::new("tool-alone", "1"),
        ],
    );
}

/// The installed packages of [`build`].
fn built(root: &Root) -> String {
    root.script(
        "dpkg-query -W -f '${db:Status-Abbrev}${Package}\\n' 'tool*' user | \
         sed -n 's/^ii *//p' | xargs",
    )
}

test!(
    what_an_earlier_layer_left_unneeded_stays,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn what_an_earlier_layer_left_unneeded_stays(release: &str) {
    let mut root = Root::with_app(release);
    build(&root);
    // A build installs headers and removes them; its program goes on using the library.
    root.succeeds(&["--install-recommends", "tool-dev"]);
    root.script("apt-get remove -y tool-dev; rm /var/log/dpkg.log /var/log/apt/*");
    // Configuration of the image for which even more is unneeded.
    root.script(
        "echo 'APT::AutoRemove::RecommendsImportant \"false\"; \
         APT::Get::AutomaticRemove \"true\";' >/etc/apt/apt.conf.d/99remove",
    );
    root.sandbox.commit();
    let before = "tool tool-base tool-data tool-headers\n";
    assert_eq!(built(&root), before);
    assert_eq!(root.succeeds(&["other"]), ["installed other (10.2 kB)"]);
    assert_eq!(built(&root), before);
    assert_eq!(left_without_locks(&root), LEFT);
    root.sandbox.reset();
    // Nor does it go with what this run makes unneeded.
    assert_eq!(
        root.succeeds(&["app-", "other"]),
        ["installed other (10.2 kB); removed app, lib"]
    );
    assert_eq!(built(&root), before);
    assert_eq!(left_without_locks(&root), LEFT);
    root.sandbox.reset();
    assert_eq!(
        root.succeeds(&["--auto-remove", "app-", "other"]),
        ["installed other (10.2 kB); removed app, lib, tool, tool-base, tool-data, tool-headers"]
    );
}

test!(
    what_an_unneeded_package_depends_on_stays,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn what_an_unneeded_package_depends_on_stays(release: &str) {
    let mut root = Root::new(release);
    build(&root);
    root.succeeds(&["tool", "user"]);
    root.script("apt-mark auto tool");
    root.sandbox.commit();
    // Nothing needs `tool-base` and `tool-alone` now, but `tool`, which was unneeded before,
    // depends on one of them.
    assert_eq!(
        root.succeeds(&["user-", "other"]),
        ["installed other (10.2 kB); removed tool-alone, user"]
    );
    assert_eq!(built(&root), "tool tool-base\n");
    root.sandbox.reset();
    assert_eq!(
        root.succeeds(&["--no-auto-remove", "user-", "other"]),
        ["installed other (10.2 kB); removed user"]
    );
}

test!(an_unknown_name, needs = NEEDS, on = [bookworm, trixie]);
fn an_unknown_name(release: &str) {
    let root = Root::new(release);
    assert_eq!(
        root.ends(100, &["app", "x-no-such-package"]),
        [
            "error: `apt-get install` failed with exit status 100; no source has \
             `x-no-such-package`: check the name, or that the list is of this release",
            "installed nothing new"
        ]
    );
    assert_eq!(left_without_locks(&root), [""; 0]);
}

test!(dead_sources, needs = NEEDS, on = [bookworm, trixie]);
fn dead_sources(release: &str) {
    let root = Root::new(release);
    let dead = "deb [trusted=yes] http://127.0.0.1:9/x ./";
    root.script(&format!("echo '{dead}' >>/etc/apt/sources.list"));
    let failed = "error: `apt-get update` failed with exit status 100; a server could not be reached: \
                  check its address, the network and the proxy (to ignore it, pass \
                  `--error-on=persistent`)";
    let fast = ["-o", "Acquire::Retries=0"];
    let arguments = [&fast[..], &["app"]].concat();
    assert_eq!(
        root.ends(100, &arguments),
        [failed, "installed nothing new"]
    );
    assert_eq!(left_without_locks(&root), [""; 0]);
    let arguments = [&fast[..], &["--error-on=persistent", "app"]].concat();
    assert_eq!(root.succeeds(&arguments), ["installed app, lib (20.4 kB)"]);
    // Every source dead: the update says so, not "Unable to locate package" afterwards.
    root.script(&format!("echo '{dead}' >/etc/apt/sources.list"));
    let arguments = [&fast[..], &["other"]].concat();
    assert_eq!(
        root.ends(100, &arguments),
        [failed, "installed nothing new"]
    );
}

test!(a_full_disk, needs = NEEDS, on = [bookworm, trixie]);
fn a_full_disk(release: &str) {
    let mut root = Root::new(release);
    let long = format!("X-Long: {}", "x".repeat(200_000));
    root.archive
        .add("main", &[Deb::new("long", "1").field(&long)]);
    root.sandbox
        .before("mount -t tmpfs -o size=64k tmpfs $m/var/lib/apt/lists");
    let said = root
        .sandbox
        .script("/mnt/apt-install app; echo status $?; ls /var/lib/apt/lists/partial")
        .said();
    assert!(said.stdout.ends_with("status 100\n"), "{}", said.stdout);
    let failed = "error: `apt-get update` failed with exit status 100; the disk is full";
    assert_eq!(
        own(&said),
        [
            "mounted directories are used and not purged: /var/lib/apt/lists",
            failed,
            "installed nothing new"
        ]
    );
}

test!(a_lock_is_waited_for, needs = NEEDS, on = [bookworm, trixie]);
fn a_lock_is_waited_for(release: &str) {
    let mut root = Root::new(release);
    for lock in ["/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock"] {
        let script = format!(
            "mkdir -p {directory}\n{HOLD}hold {lock}\nmkfifo /tmp/err\n\
             /mnt/apt-install app >/tmp/out 2>/tmp/err & pid=$!\n\
             {{ while read line; do echo \"$line\"; case $line in *waiting*) \
             echo >/tmp/let-go;; esac; done; }} </tmp/err\nwait $pid; echo status $?\n",
            directory = lock.trim_end_matches("/lock")
        );
        let said = root.sandbox.script(&script).said();
        let lines: Vec<&str> = said
            .stdout
            .lines()
            .filter(|line| line.starts_with("apt-install: ") || line.starts_with("status"))
            .map(|line| line.split("; purged").next().unwrap_or(line))
            .collect();
        assert_eq!(
            lines,
            [
                &format!(
                    "apt-install: `{lock}` is held by another process; waiting for up to 300 s"
                ),
                "apt-install: installed app, lib (20.4 kB)",
                "status 0"
            ]
        );
        root.sandbox.reset();
    }
    // dpkg's own is apt's to wait for: freed when the update is done, asked for afterwards.
    let script = format!(
        "{HOLD}hold /var/lib/dpkg/lock-frontend\n\
         /mnt/apt-install --timeout=0 app 2>/dev/null; echo status $?\n\
         /mnt/apt-install -o APT::Update::Post-Invoke::='echo >/tmp/let-go' app; echo status $?\n"
    );
    let said = root.sandbox.script(&script).said();
    let statuses: Vec<&str> = said
        .stdout
        .lines()
        .filter(|line| line.starts_with("status"))
        .collect();
    assert_eq!(statuses, ["status 100", "status 0"], "{}", said.stderr);
}

test!(a_failing_postinst, needs = NEEDS, on = [bookworm, trixie]);
fn a_failing_postinst(release: &str) {
    let root = Root::new(release);
    root.archive.add(
        "main",
        &[Deb::new("bad", "1").control("postinst", "#!/bin/sh\nexit 3\n")],
    );
    let failed = "error: `apt-get install` failed with exit status 100";
    assert_eq!(
        root.ends(100, &["bad", "app"]),
        [failed, "installed app, lib (20.4 kB)"]
    );
    assert_eq!(left_without_locks(&root), LEFT);
    assert_eq!(root.installed(), "app=1 iF bad=1 lib=1");
    // What is half-way is no "installed already", and every later install fails with it.
    assert_eq!(root.ends(100, &["app"]), [failed, "installed nothing new"]);
}

test!(
    a_question_is_not_asked,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_question_is_not_asked(release: &str) {
    let mut root = Root::new(release);
    root.script("rm /var/cache/debconf/*-old");
    root.sandbox.commit();
    root.archive.add(
        "main",
        &[Deb::new("ask", "1")
            .field("Depends: debconf")
            .control(
                "templates",
                "Template: ask/colour\nType: string\nDefault: blue\n\
                 Description: Which colour?\n Any.\n",
            )
            .control(
                "config",
                "#!/bin/sh\nset -e\n. /usr/share/debconf/confmodule\n\
                 db_input critical ask/colour || true\ndb_go\n",
            )
            .control(
                "postinst",
                "#!/bin/sh\nset -e\n. /usr/share/debconf/confmodule\n\
                 db_get ask/colour\necho \"$RET\" >/etc/colour\n",
            )],
    );
    let said = root.apt_install(&["ask"]);
    assert_eq!(
        (said.status, own(&said)),
        (0, vec!["installed ask (10.2 kB)".to_owned()])
    );
    assert_eq!(root.script("cat /etc/colour"), "blue\n");
    assert!(!said.stdout.contains("debconf"), "{}", said.stdout);
    // debconf wrote its databases for the package; its backups of them are gone.
    let mut left = left_without_locks(&root);
    left.retain(|file| file.ends_with("-old"));
    assert_eq!(left, [""; 0]);
}

test!(
    a_changed_conffile_stays,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_changed_conffile_stays(release: &str) {
    let mut root = Root::with_app(release);
    root.script("echo changed >/etc/app.conf");
    root.sandbox.commit();
    root.succeeds(&["app=2"]);
    assert_eq!(root.script("cat /etc/app.conf"), "changed\n");
    assert_eq!(root.installed(), "app=2 lib=1");
}

test!(
    an_interrupted_dpkg_is_finished,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn an_interrupted_dpkg_is_finished(release: &str) {
    let root = Root::with_app(release);
    root.script(
        "dpkg-query -s app | sed 's/ok installed/ok half-configured/' \
         >/var/lib/dpkg/updates/0000",
    );
    assert_eq!(
        root.succeeds(&["other"]),
        [
            "dpkg was interrupted earlier; running `dpkg --configure -a` first",
            "installed app, other (20.4 kB)"
        ]
    );
    assert_eq!(root.installed(), "app=1 lib=1 other=1");
}

test!(
    sigterm_lets_dpkg_finish,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn sigterm_lets_dpkg_finish(release: &str) {
    dpkg_finishes(release, "TERM", 143);
}

test!(
    sigint_lets_dpkg_finish,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn sigint_lets_dpkg_finish(release: &str) {
    dpkg_finishes(release, "INT", 130);
}

test!(
    sighup_lets_dpkg_finish,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn sighup_lets_dpkg_finish(release: &str) {
    dpkg_finishes(release, "HUP", 129);
}

test!(
    sigquit_lets_dpkg_finish,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn sigquit_lets_dpkg_finish(release: &str) {
    dpkg_finishes(release, "QUIT", 131);
}

fn dpkg_finishes(release: &str, signal: &str, status: i32) {
    let root = Root::new(release);
    root.archive.add(
        "main",
        &[Deb::new("slow", "1").control(
            "postinst",
            "#!/bin/sh\necho ready >/tmp/ready\nread line </tmp/go\n",
        )],
    );
    let script = format!(
        "mkfifo /tmp/ready /tmp/go /tmp/err\n\
         env --default-signal=HUP /mnt/apt-install slow >/tmp/out 2>/tmp/err & pid=$!\n\
         {{ read line </tmp/ready; kill -{signal} $pid; }} &\n\
         {{ while read line; do echo \"$line\"; case $line in *received*) echo >/tmp/go;; \
         esac; done; }} </tmp/err\nwait $pid; echo status $?\n"
    );
    let said = root.sandbox.script(&script).said();
    let lines: Vec<&str> = said
        .stdout
        .lines()
        .map(|line| line.split("; purged").next().unwrap_or(line))
        .filter(|line| line.starts_with("apt-install: ") || line.starts_with("status"))
        .collect();
    assert_eq!(
        lines,
        [
            format!(
                "apt-install: received SIG{signal}; waiting for apt and dpkg to finish the current step"
            ),
            format!("apt-install: error: stopped by SIG{signal}"),
            "apt-install: installed slow (10.2 kB)".to_owned(),
            format!("status {status}")
        ]
    );
    assert!(said.stdout.ends_with(&format!("status {status}\n")));
    assert_eq!(root.installed(), "slow=1");
    assert_eq!(left_without_locks(&root), LEFT);
}

test!(
    sigint_ends_an_update,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn sigint_ends_an_update(release: &str) {
    let root = Root::new(release);
    let script = "mkfifo /tmp/ready /tmp/never\n\
         /mnt/apt-install -o APT::Update::Pre-Invoke::='echo ready >/tmp/ready; \
         read line </tmp/never' app 2>/tmp/err & pid=$!\n\
         read line </tmp/ready; kill -INT $pid; wait $pid; echo status $?; cat /tmp/err >&2\n";
    let said = root.sandbox.script(script).said();
    said.is(
        0,
        "status 130\n",
        "apt-install: received SIGINT; waiting for apt and dpkg to finish the current step\n\
         apt-install: error: stopped by SIGINT\n\
         apt-install: installed nothing new; purged nothing\n",
    );
    assert_eq!(root.installed(), "");
}

test!(
    an_early_end_of_the_reader_is_no_failure,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn an_early_end_of_the_reader_is_no_failure(release: &str) {
    let mut root = Root::new(release);
    // The reader is gone before dpkg begins, and the output is longer than a pipe holds.
    root.archive.add(
        "main",
        &[Deb::new("slow", "1").control(
            "postinst",
            "#!/bin/sh\nread line </tmp/go\nset -e\nseq 20000\necho on stderr >&2\n",
        )],
    );
    for redirection in ["2>/tmp/err", "2>&1"] {
        let script = format!(
            "mkfifo /tmp/go\n\
             {{ /mnt/apt-install slow {redirection}; echo $? >/tmp/status; }} | \
             {{ head -1; exec <&- >&-; echo >/tmp/go; }}\n\
             until test -s /tmp/status; do sleep 0.1; done; cat /tmp/status\n"
        );
        let said = root.sandbox.script(&script).said();
        assert!(
            said.stdout.ends_with("\n0\n"),
            "{}{}",
            said.stdout,
            said.stderr
        );
        assert_eq!(root.installed(), "slow=1");
        assert_eq!(left_without_locks(&root), LEFT);
        root.sandbox.reset();
    }
}

test!(
    a_dry_run_changes_nothing,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_dry_run_changes_nothing(release: &str) {
    let mut root = Root::new(release);
    assert_eq!(
        root.ends(100, &["--dry-run", "app"]),
        [
            "error: `apt-get install` failed with exit status 100; a dry run does not download \
             package lists: run `apt-get update` first"
        ]
    );
    root.script("apt-get update; apt-get clean");
    root.sandbox.commit();
    let said = root.apt_install(&["-s", "app"]);
    assert_eq!((said.status, said.stderr.as_str()), (0, ""));
    assert!(said.stdout.contains("Inst app (1 "), "{}", said.stdout);
    let nobody = root
        .sandbox
        .run("/usr/bin/setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args(["/mnt/apt-install", "-s", "app"])
        .said();
    assert_eq!(nobody.status, 0, "{}", nobody.stderr);
    assert_eq!(root.sandbox.files("/"), [""; 0]);
}

test!(
    mounts_are_kept_and_used,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn mounts_are_kept_and_used(release: &str) {
    let mut root = Root::with_app(release);
    // The marks on the mount are from another image, in which `lib` was installed automatically.
    // This image has requested it, and `app` needs it no more.
    root.script("apt-mark manual lib; rm /etc/apt/apt.conf.d/70debconf");
    root.archive.add("main", &[Deb::new("app", "3")]);
    root.sandbox.commit();
    root.sandbox.before(
        "mount -t tmpfs tmpfs $m/var/cache/apt; mount -t tmpfs tmpfs $m/var/lib/apt\n\
         printf 'Package: lib\\nArchitecture: amd64\\nAuto-Installed: 1\\n' \
         >$m/var/lib/apt/extended_states",
    );
    let script = "/mnt/apt-install app=3 other; echo status $?; ls /var/cache/apt/archives/*.deb \
                  /var/lib/apt/lists/*Packages";
    let said = root.sandbox.script(script).said();
    assert_eq!(
        own(&said),
        [
            "mounted directories are used and not purged: /var/cache/apt, \
             /var/cache/apt/archives, /var/lib/apt, /var/lib/apt/lists; unneeded packages are not \
             removed, because apt's marks on the mount may belong to other images",
            "installed other (10.2 kB); changed app"
        ]
    );
    assert!(
        said.stdout.ends_with(
            "status 0\n/var/cache/apt/archives/app_3_all.deb\n\
             /var/cache/apt/archives/other_1_all.deb\n\
             /var/lib/apt/lists/_srv_main_._Packages\n"
        ),
        "{}",
        said.stdout
    );
    assert_eq!(root.installed(), "app=3 lib=1 other=1");
}
