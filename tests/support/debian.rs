//! Real Debian roots, made by `mmdebstrap` from Debian's own packages and kept under the
//! workspace's build products, so that a second run of the tests starts from the archive file. Those of
//! other architectures are only unpacked: an emulator takes minutes to configure them.

use super::run::Run;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The releases that the tests run on.
pub const RELEASES: [&str; 2] = ["bookworm", "trixie"];

/// Records the packages that mmdebstrap has unpacked as installed. `dpkg --unpack` would run their
/// scripts.
const RECORD: &str = r#"--extract-hook=set -e
cd "$1/var/lib/dpkg"
echo 1 >info/format
for deb in "$1"/var/cache/apt/archives/*.deb; do
    dpkg-deb --field "$deb" | sed '/^Package:/a Status: install ok installed' >>status
    echo >>status
    name=$(dpkg-deb --field "$deb" Package)
    if [ "$(dpkg-deb --field "$deb" Multi-Arch)" = same ]; then
        name=$name:$(dpkg-deb --field "$deb" Architecture)
    fi
    dpkg-deb --fsys-tarfile "$deb" | tar --list | sed 's,^\.,,; s,/$,,; s,^$,/.,' >"info/$name.list"
done"#;

/// What the scripts of the essential packages would have made: directories, users, the loader's cache.
const CONFIGURE: &str = r#"--extract-hook=set -e
mkdir "$1/mnt" "$1/srv"
for file in passwd group; do
    cp "$1/usr/share/base-passwd/$file.master" "$1/etc/$file"
done
echo '_apt:x:42:65534::/nonexistent:/usr/sbin/nologin' >>"$1/etc/passwd"
chroot "$1" ldconfig"#;

/// apt's marks, which all images of Debian have; where apt installs nothing by dependency, it makes none.
const MARKS: &str = r#"--customize-hook=touch "$1/var/lib/apt/extended_states""#;

/// The release proper: its updates have no packages that the tests need, and an index for each
/// architecture.
const NO_UPDATES: &str =
    r#"--setup-hook=sed -i '/-updates\|-security/d' "$1/etc/apt/sources.list""#;

/// What a root of Debian 13 on amd64 needs to build for arm64.
pub const CROSS: [&str; 5] = [
    "cargo",
    "gcc",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
    "libstd-rust-dev:arm64",
];

/// The archive of a plain root of `release` (dpkg and apt, and the packages of `include`, some maybe
/// for arm64), made once.
pub fn tar(release: &str, include: &[&str]) -> PathBuf {
    if include.is_empty() {
        return made(release, &["--variant=apt"], include, &[]);
    }
    // A library for arm64 may be newer than that of a kept archive, which dpkg refuses.
    if include.iter().any(|package| package.ends_with(":arm64")) {
        let options = ["--variant=apt", "--architectures=amd64,arm64"];
        return made(release, &options, include, &[]);
    }
    // Adding the packages to the archive without any takes half of the time.
    let plain = tar(release, &[]);
    let unpack = format!("--setup-hook=tar -C \"$1\" -xf '{}'", plain.display());
    made(release, &["--variant=custom", &unpack, MARKS], include, &[])
}

/// The same for arm64. No script of a package has run: the emulator would take two minutes.
pub fn arm64_tar(release: &str) -> PathBuf {
    unpacked_tar(release, "arm64", &["?essential", "apt"], &[CONFIGURE])
}

/// A root of `release` with nothing but the packages of `include` for `architecture` and what they
/// depend on, in a new directory. No script of a package has run.
pub fn unpacked(release: &str, architecture: &str, include: &[&str]) -> TempDir {
    root_of(&unpacked_tar(release, architecture, include, &[]))
}

fn unpacked_tar(release: &str, architecture: &str, include: &[&str], more: &[&str]) -> PathBuf {
    let architectures = format!("--architectures={architecture}");
    let options = ["--variant=extract", &architectures, NO_UPDATES, RECORD];
    let options = [&options, more].concat();
    made(release, &options, include, &[architecture, "unpacked"])
}

/// The archive that `mmdebstrap` makes with `options`, made once under a name of `release`, `include`
/// and `kind`.
fn made(release: &str, options: &[&str], include: &[&str], kind: &[&str]) -> PathBuf {
    // A colon separates the lower directories of an overlay.
    let name = [&[release][..], kind, include].concat().join("+");
    let name = name.replace(':', "_");
    let _lock = super::lock(&name);
    let tar = super::target_dir().join(format!("{name}.tar"));
    if !tar.exists() {
        // Under another name until it is complete: an interrupted run leaves nothing that looks done.
        let half = tar.with_extension("half.tar");
        let mut run = Run::new("mmdebstrap").arg("--quiet").args(options);
        // One option for each, as one may be a pattern of apt's.
        let include = include.iter().map(|package| format!("--include={package}"));
        run = run.args(include);
        run.arg(release).arg(&half).must();
        fs::rename(&half, &tar).expect("the archive can be renamed");
    }
    tar
}

/// A root of `release` in a new directory, removed with the value, without documentation and
/// translations: a third of the files.
pub fn root(release: &str, include: &[&str]) -> TempDir {
    root_of(&tar(release, include))
}

/// The root of an archive, likewise.
pub fn root_of(tar: &Path) -> TempDir {
    let dir = TempDir::new_in(super::target_dir()).expect("a directory for the root");
    let unused = ["doc", "locale", "man"].map(|it| format!("--exclude=./usr/share/{it}/*"));
    Run::new("tar")
        .args(unused)
        .args(["--numeric-owner", "-xf"])
        .arg(tar)
        .arg("-C")
        .arg(dir.path())
        .must();
    dir
}
