//! The scripts of a release and the workflows that call them. How a file is packaged is tested
//! elsewhere: stand-ins for these scripts write files of the same names.

use crate::support::harness::test;
use crate::support::programs::checkout;
use crate::support::run::{Run, Said};
use crate::support::target_dir;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

const CHANGELOG: &str = "# Changelog

## [Unreleased]

### Added

- Not yet.

## [1.2.3] - 2026-01-31

### Added

- One thing,
  on two lines.

### Fixed

- Another.

## [1.2] - 2026-01-01

- Not this.
";

const NOTES: &str = "### Added

- One thing,
  on two lines.

### Fixed

- Another.
";

/// Writes its arguments into the release, and the time that it is told.
const PACK: &str = "#!/bin/sh
for out; do :; done
echo \"$SOURCE_DATE_EPOCH $*\" >\"$out/$(basename \"$0\")-$1\"
echo \"$out/$(basename \"$0\")-$1\"
";

/// Says what it gets.
const GH: &str = "#!/bin/sh
echo \"$*\"
cat
";

/// A checkout with the scripts of a release, and stand-ins for those that package.
fn prepared() -> TempDir {
    let dir = TempDir::new_in(target_dir()).expect("a directory");
    let at = |name: &str| dir.path().join(name);
    for name in ["packaging", "bin"] {
        fs::create_dir(at(name)).expect("a directory");
    }
    for name in ["common.sh", "notes.sh", "publish.sh", "release.sh"] {
        let name = Path::new("packaging").join(name);
        fs::copy(checkout().join(&name), dir.path().join(name)).expect("a copy");
    }
    for name in ["tarball.sh", "deb.sh", "wheel.sh", "image.sh"] {
        script(&dir.path().join("packaging").join(name), PACK);
    }
    script(&at("bin/gh"), GH);
    fs::write(at("CHANGELOG.md"), CHANGELOG).expect("a file");
    fs::write(
        at("Cargo.toml"),
        "[workspace.package]\nversion = \"1.2.3\"\n",
    )
    .expect("a file");
    dir
}

fn script(path: &Path, content: &str) {
    fs::write(path, content).expect("a file");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("permissions");
}

/// What a script of `dir` says, as if `dir` were the root directory.
fn said(dir: &TempDir, name: &str, arguments: &[&str]) -> Said {
    let path = std::env::var("PATH").expect("a PATH");
    let run = Run::new(dir.path().join("packaging").join(name)).args(arguments);
    let run = run.dir(dir.path());
    let mut said = run
        .env("PATH", format!("{}/bin:{path}", dir.path().display()))
        .said();
    said.stderr = said.stderr.replace(&dir.path().display().to_string(), "");
    said
}

test!(wrong_arguments_of_a_script_are_status_2);
fn wrong_arguments_of_a_script_are_status_2() {
    let one_target = "[TARGET [OUTDIR]]";
    for (name, arguments, wanted) in [
        ("deb.sh", &["a", "b", "c"][..], one_target),
        ("tarball.sh", &["a", "b", "c"], one_target),
        ("wheel.sh", &["a", "b", "c"], one_target),
        ("image.sh", &["a"], "TARGET... OUTDIR"),
        ("release.sh", &["a"], "TAG OUTDIR"),
        ("publish.sh", &["a"], "TAG OUTDIR"),
        ("notes.sh", &[], "VERSION"),
        ("cross.sh", &[], "TARGET"),
    ] {
        let run = Run::new(checkout().join("packaging").join(name)).args(arguments);
        let usage = format!("Usage: packaging/{name} {wanted}\n");
        run.said().is(2, "", &usage);
    }
}

test!(the_notes_of_a_release_are_its_section_of_the_changelog);
fn the_notes_of_a_release_are_its_section_of_the_changelog() {
    let dir = prepared();
    said(&dir, "notes.sh", &["1.2.3"]).is(0, NOTES, "");
    said(&dir, "notes.sh", &["1.2"]).is(0, "- Not this.\n", "");
    for version in ["1.2.4", "1", "Unreleased", ".*"] {
        let message =
            format!("notes.sh: CHANGELOG.md says nothing below `## [{version}] - DATE`\n");
        said(&dir, "notes.sh", &[version]).is(1, "", &message);
    }
}

test!(a_release_has_all_files_and_their_checksums);
fn a_release_has_all_files_and_their_checksums() {
    let dir = prepared();
    let files = [
        "deb.sh-aarch64-unknown-linux-gnu",
        "deb.sh-x86_64-unknown-linux-gnu",
        "image.sh-x86_64-unknown-linux-gnu",
        "tarball.sh-aarch64-unknown-linux-gnu",
        "tarball.sh-x86_64-unknown-linux-gnu",
        "wheel.sh-aarch64-unknown-linux-gnu",
        "wheel.sh-x86_64-unknown-linux-gnu",
    ];
    let release = said(&dir, "release.sh", &["v1.2.3", "out"]);
    let all = format!("SHA256SUMS\n{}\n", files.join("\n"));
    assert_eq!((release.status, release.stdout), (0, all));
    let mut made: Vec<&str> = release.stderr.lines().collect();
    made.sort_unstable();
    assert_eq!(made, files.map(|name| format!("/out/{name}")));

    let out = dir.path().join("out");
    let sums = Run::new("sha256sum").args(["--check", "--strict", "--quiet", "SHA256SUMS"]);
    sums.dir(&out).said().is(0, "", "");
    let text = |name: &str| fs::read_to_string(out.join(name)).expect("a file");
    let written = text(files[2]).replace(&dir.path().display().to_string(), "");
    // The day in the changelog.
    assert_eq!(
        written,
        "1769817600 x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu /out\n"
    );

    let assets = files.map(|name| format!(" out/{name}")).concat();
    said(&dir, "publish.sh", &["v1.2.3", "out"]).is(
        0,
        &format!(
            "release create v1.2.3 --verify-tag --title v1.2.3 --notes-file - out/SHA256SUMS\
             {assets}\n{NOTES}"
        ),
        "",
    );
}

test!(a_release_whose_version_is_not_agreed_on_is_refused);
fn a_release_whose_version_is_not_agreed_on_is_refused() {
    let dir = prepared();
    let refused = |tag: &str, message: &str| {
        said(&dir, "release.sh", &[tag, "out"]).is(1, "", message);
        let mut left = fs::read_dir(dir.path().join("out")).expect("a directory");
        assert!(left.next().is_none());
    };
    for tag in ["1.2.3", "v1.2.4", "v1.2"] {
        refused(
            tag,
            &format!("release.sh: the tag is {tag}, and Cargo.toml has version 1.2.3\n"),
        );
    }
    fs::write(dir.path().join("CHANGELOG.md"), "## [1.2.3]\n\n- x\n").expect("a file");
    refused(
        "v1.2.3",
        "notes.sh: CHANGELOG.md says nothing below `## [1.2.3] - DATE`\n",
    );
    fs::write(
        dir.path().join("CHANGELOG.md"),
        "## [1.2.3] - soon\n\n- x\n",
    )
    .expect("a file");
    refused("v1.2.3", "release.sh: CHANGELOG.md dates 1.2.3 as soon\n");
    fs::write(dir.path().join("CHANGELOG.md"), CHANGELOG).expect("a file");
    fs::write(dir.path().join("out/old"), "").expect("a file");
    said(&dir, "release.sh", &["v1.2.3", "out"]).is(1, "", "release.sh: /out is not empty\n");
}

test!(the_workflows_run_scripts_and_actions_of_known_commits);
fn the_workflows_run_scripts_and_actions_of_known_commits() {
    let mut steps = Vec::new();
    for name in ["check.yml", "release.yml"] {
        let path = checkout().join(".github/workflows").join(name);
        let text = fs::read_to_string(path).expect("a file");
        for line in text.lines() {
            let step = line.trim_start().trim_start_matches("- ");
            if let Some(command) = step.strip_prefix("run: ") {
                let script = command.split(' ').next().expect("a word");
                let data = checkout().join(script).metadata().expect("a script");
                assert!(data.permissions().mode() & 0o111 != 0, "{script}");
                steps.push(script.to_owned());
            } else if let Some(action) = step.strip_prefix("uses: ") {
                let (name, pin) = action.split_once('@').unwrap_or((action, ""));
                // A workflow of this repository comes from the same commit.
                if name.starts_with("./") {
                    assert!(checkout().join(name).exists(), "{line}");
                } else {
                    let (commit, version) = pin.split_once(" # v").expect("a version");
                    assert!(commit.len() == 40 && !version.is_empty(), "{line}");
                }
                steps.push(name.to_owned());
            }
        }
    }
    assert_eq!(
        steps,
        [
            "actions/checkout",
            ".ci/run",
            "./.github/workflows/check.yml",
            "actions/checkout",
            "packaging/tools.sh",
            "packaging/release.sh",
            "actions/upload-artifact",
            "actions/checkout",
            "actions/download-artifact",
            "actions/attest-build-provenance",
            "packaging/publish.sh",
        ]
    );
}
