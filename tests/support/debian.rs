//! Real Debian roots, made by `mmdebstrap` from Debian's own packages and kept under the
//! workspace's build products, so that a second run of the tests starts from the archive file.

use super::run::Run;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The releases that the tests run on.
pub const RELEASES: [&str; 2] = ["bookworm", "trixie"];

/// The archive of a plain root of `release` (dpkg and apt, and the packages of `include`), made once.
pub fn tar(release: &str, include: &[&str]) -> PathBuf {
    let name = [&[release][..], include].concat().join("+");
    let _lock = super::lock(&name);
    let tar = super::target_dir().join(format!("{name}.tar"));
    if !tar.exists() {
        // Under another name until it is complete: an interrupted run leaves nothing that looks done.
        let half = tar.with_extension("half.tar");
        let mut run = Run::new("mmdebstrap").args(["--quiet", "--variant=apt"]);
        if !include.is_empty() {
            run = run.arg(format!("--include={}", include.join(",")));
        }
        run.arg(release).arg(&half).must();
        fs::rename(&half, &tar).expect("the archive can be renamed");
    }
    tar
}

/// A root of `release` in a new directory, removed with the value.
pub fn root(release: &str, include: &[&str]) -> TempDir {
    let dir = TempDir::new_in(super::target_dir()).expect("a directory for the root");
    unpack(&tar(release, include), dir.path());
    dir
}

fn unpack(tar: &Path, into: &Path) {
    Run::new("tar")
        .args(["--numeric-owner", "-xf"])
        .arg(tar)
        .arg("-C")
        .arg(into)
        .must();
}
