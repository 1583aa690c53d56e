//! The program for arm64 in a root for arm64, with apt and dpkg run by an emulator. The archive is of the
//! test: to read Debian's, the emulator takes minutes.

use super::support::archive::{Archive, Deb};
use super::support::debian;
use super::support::harness::test;
use super::support::needs::Need;
use super::support::programs;
use super::support::sandbox::{Sandbox, own_lines};

test!(
    a_layer_for_arm64_is_the_same_each_time,
    needs = &[
        Need::Archive,
        Need::Arm64,
        Need::Cargo,
        Need::Mmdebstrap,
        Need::Mounts
    ],
    limit = 1800
);
fn a_layer_for_arm64_is_the_same_each_time() {
    let program = programs::arm64().join("apt-install");
    let archive = Archive::new();
    let app = Deb::new("app", "1").of("arm64").field("Depends: lib");
    archive.add("main", &[app, Deb::new("lib", "1").of("arm64")]);
    let mut sandbox = Sandbox::over(&debian::arm64_tar("trixie")).with(&program);
    sandbox.bind(archive.path(), "/srv");
    let sources = sandbox.script("cat >/etc/apt/sources.list");
    sources.stdin(Archive::source("main")).must();
    sandbox.commit();
    let mut layers = Vec::new();
    for _ in 0..2 {
        sandbox.reset();
        let install = sandbox.apt_install(&["app"]);
        let said = install.env("SOURCE_DATE_EPOCH", "1700000000").said();
        assert_eq!(said.status, 0, "{}", said.stderr);
        let lines = own_lines(&said);
        let (installed, purged) = lines[0].split_once("; ").expect("a closing line");
        assert_eq!(installed, "apt-install: installed app, lib (20.4 kB)");
        assert!(purged.starts_with("purged "), "{purged}");
        assert_eq!(lines.len(), 1, "{lines:?}");
        let lists = ["/var/lib/apt/lists/", "/var/cache/apt/"].map(|place| sandbox.files(place));
        assert_eq!(
            lists.concat(),
            ["/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock"]
        );
        layers.push(sandbox.tar());
    }
    assert!(layers[0] == layers[1]);
    sandbox.apt_install(&["app:arm64"]).said().is(
        0,
        "",
        "apt-install: all requested packages are already installed; nothing to do\n",
    );
}
