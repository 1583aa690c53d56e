//! What is purged after real apt, and what is not, with an archive that the test makes.

use super::local::{LEFT, NEEDS, Root, left_without_locks};
use super::support::archive::Deb;
use crate::support::harness::test;

/// Packages that keep files beside those that are purged.
fn services() -> [Deb; 2] {
    [
        Deb::new("service", "1").control(
            "postinst",
            "#!/bin/sh\nset -e\nmkdir -p /var/log/service\n\
             echo state >/var/log/service/state.db\n\
             install -o www-data /dev/null /var/log/service/access.log\n\
             update-alternatives --install /usr/bin/editor editor /bin/cat 1\n\
             ldconfig\n",
        ),
        Deb::new("shipper", "1")
            .file("/var/cache/apt/shipped", "shipped\n")
            .file("/var/cache/apt/archives/shipped_1_all.deb", "shipped\n")
            .file("/var/lib/apt/lists/shipped", "shipped\n")
            .file("/var/log/shipper.log", "shipped\n"),
    ]
}

test!(
    packages_and_nothing_else,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn packages_and_nothing_else(release: &str) {
    let root = Root::new(release);
    root.archive.add("main", &services());
    let said = root.succeeds(&["app", "service", "shipper"]);
    assert_eq!(said, ["installed app, lib, service, shipper (40.9 kB)"]);
    assert_eq!(
        left_without_locks(&root),
        [
            "/var/cache/apt/archives/shipped_1_all.deb",
            "/var/cache/apt/shipped",
            LEFT[0],
            "/var/lib/apt/lists/shipped",
            "/var/log/service/access.log",
            "/var/log/service/state.db",
            "/var/log/shipper.log",
        ]
    );
    assert_eq!(
        root.script("stat -c %U /var/log/service/access.log; dpkg --verify"),
        "www-data\n"
    );
    // The base has debconf's databases and no aux-cache: neither is in the layer.
    assert!(!root.sandbox.upper().join("var/cache/debconf").exists());
    // dpkg made a backup of a file that the base has a backup of: nothing is left in it.
    assert_eq!(root.sandbox.layer()["/var/lib/dpkg/status-old"], 0);
}

test!(
    what_was_there_before_stays,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn what_was_there_before_stays(release: &str) {
    let mut root = Root::new(release);
    root.archive.add("main", &services());
    root.script(
        "echo before >/var/cache/apt/pkgcache.bin; echo before >/var/cache/apt/archives/kept.deb\n\
         cd /var/log; for log in dpkg.log apt/history.log apt/term.log apt/eipp.log.xz; do\n\
         head -c 8000000 /dev/zero >$log; done\n\
         echo before >alternatives.log; touch -d @7 alternatives.log; ldconfig",
    );
    root.sandbox.commit();
    let said = root.succeeds(&["app", "service"]);
    assert_eq!(said, ["installed app, lib, service (30.7 kB)"]);
    // Only what cannot be switched off is copied.
    assert_eq!(
        left_without_locks(&root),
        [
            "/var/cache/ldconfig/aux-cache",
            LEFT[0],
            "/var/log/alternatives.log",
            "/var/log/service/access.log",
            "/var/log/service/state.db",
        ]
    );
    assert_eq!(root.sandbox.layer()["/var/cache/ldconfig/aux-cache"], 0);
    assert_eq!(
        root.script(
            "cd /var/log; cat /var/cache/apt/pkgcache.bin /var/cache/apt/archives/kept.deb \
             alternatives.log; stat -c %Y alternatives.log; \
             cat dpkg.log apt/history.log apt/term.log apt/eipp.log.xz | wc -c"
        ),
        "before\nbefore\nbefore\n7\n32000000\n"
    );
}
test!(what_is_kept_is_kept, needs = NEEDS, on = [bookworm, trixie]);
fn what_is_kept_is_kept(release: &str) {
    let mut root = Root::new(release);
    // The hooks of official images empty the cache; held off where it is to be kept.
    root.script(
        "echo 'DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb || true\"; \
         \"echo hook >>/hook\"; };' >/etc/apt/apt.conf.d/docker-clean",
    );
    root.sandbox.commit();
    root.succeeds(&["--keep-lists", "--keep-cache", "--keep-logs", "app"]);
    let left = left_without_locks(&root);
    for file in [
        "/var/lib/apt/lists/_srv_main_._Packages",
        "/var/cache/apt/archives/app_1_all.deb",
        "/var/cache/apt/pkgcache.bin",
        "/var/log/dpkg.log",
        "/var/log/apt/history.log",
    ] {
        assert!(left.iter().any(|left| left == file), "{file}: {left:?}");
    }
    assert!(root.sandbox.upper().join("hook").exists());
}

test!(purging_only, needs = NEEDS, on = [bookworm, trixie]);
fn purging_only(release: &str) {
    let root = Root::new(release);
    root.script("apt-get update; DEBIAN_FRONTEND=noninteractive apt-get install -y app");
    assert!(left_without_locks(&root).len() > 5);
    let said = root.apt_install(&["--purge-only"]);
    assert_eq!((said.status, said.stdout.as_str()), (0, ""));
    assert!(said.stderr.starts_with("apt-install: purged "));
    let mut left = left_without_locks(&root);
    // Opened for writing by dpkg-preconfigure: what was there before it is not known here.
    left.retain(|file| !file.starts_with("/var/cache/debconf/"));
    assert_eq!(left, LEFT);
}

test!(
    configured_directories_are_purged,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn configured_directories_are_purged(release: &str) {
    let mut root = Root::new(release);
    root.script("mkdir -p /moved/lists/partial /moved/cache/archives/partial");
    root.sandbox.commit();
    let configure = "cat >/etc/apt/apt.conf.d/moved <<.\nDir::";
    let link = "rm -r /var/lib/apt/lists /var/cache/apt; ln -s ../../../moved/lists /var/lib/apt/\n\
                ln -s /moved/cache /var/cache/apt";
    let options = [
        "-oDir::State::lists=/moved/lists",
        "-oDir::Cache=moved/cache",
    ];
    for (script, options) in [
        (
            &*format!("{configure}State::lists \"/moved/lists\";\n."),
            &[][..],
        ),
        (
            &*format!("{configure}Cache::archives \"/moved/cache\";\n."),
            &[],
        ),
        ("", &options),
        (link, &[]),
    ] {
        root.script(script);
        let said = root.succeeds(&[options, &["app"]].concat());
        assert_eq!(said, ["installed app, lib (20.4 kB)"]);
        let moved = root.sandbox.files("/moved");
        assert!(
            moved.iter().any(|file| file.ends_with("/lock")),
            "{moved:?}"
        );
        let mut left = left_without_locks(&root);
        left.extend(moved);
        left.retain(|file| {
            // Locks, links and what the links replaced.
            !file.ends_with("/lock") && !file.ends_with("/lists") && !file.ends_with("/apt")
        });
        assert_eq!(left, LEFT, "{script}{options:?}");
        root.sandbox.reset();
    }
}
