//! Virtualenvs of well-known packages on Debian 12: built from source in one stage, copied into
//! another, and their list installed there as the README says. Each is a directory below `venvs/`:
//! what pip installs, what that is built with, and what has to start in the slim image.

use crate::support::docker::{Docker, Shared};
use crate::support::needs::Need;
use crate::support::programs;
use crate::support::{target_dir, test};
use libtest_mimic::Trial;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

pub(crate) fn tests() -> Vec<Trial> {
    let needs = &[Need::Docker, Need::Mmdebstrap, Need::Cargo, Need::Pip];
    vec![
        test("venvs::service", needs, service),
        test("venvs::protocols", needs, protocols),
        test("venvs::science", needs, science),
        test("venvs::small", needs, small),
    ]
}

fn venvs() -> PathBuf {
    programs::checkout().join("tests/docker/venvs")
}

/// An engine with the base, and with both programs as the image `tools`.
pub(crate) fn engine() -> Shared {
    let docker = Shared::engine();
    docker.import_python("bookworm");
    let context = TempDir::new_in(target_dir()).expect("a directory");
    let bin = programs::installed();
    for name in ["find-libdeps", "apt-install"] {
        fs::copy(bin.join(name), context.path().join(name)).expect("a copy");
    }
    let dockerfile = "FROM scratch\nCOPY find-libdeps apt-install /\n";
    fs::write(context.path().join("Dockerfile"), dockerfile).expect("a file");
    let said = docker.build_in(context.path(), &["--tag=tools"]);
    assert_eq!(said.status, 0, "{}", said.stderr);
    docker
}

/// Builds the target `target` of the virtualenv `name`, with apt configured as `apt` says, and
/// gives the image's name.
pub(crate) fn build(docker: &Docker, name: &str, target: &str, apt: &str) -> String {
    let image = format!("{name}-{target}-{apt}");
    let arguments = [
        "--build-arg=BASE=python:bookworm",
        "--build-arg=TOOLS=tools",
        &format!("--build-arg=VENV={name}"),
        &format!("--build-arg=APT={apt}"),
        &format!("--target={target}"),
        "--tag",
        &image,
    ];
    let said = docker.build_in(&venvs(), &arguments);
    assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
    image
}

/// Builds the virtualenv `name`, compares the list, and starts what has to start, which says
/// `stdout`. Gives the size of apt's layer.
fn slim(name: &str, list: &[&str], stdout: &str) -> u64 {
    let docker = engine();
    let image = build(&docker, name, "toolkit", "plain");
    let got = docker.script(&image, "cat /venv/pkgdeps.txt");
    assert_eq!(got.lines().collect::<Vec<_>>(), list);
    let check = fs::read_to_string(venvs().join(name).join("check.sh")).expect("a script");
    assert_eq!(docker.script(&image, &check), stdout);
    docker.top_layer(&image)
}

fn service() {
    let list = [
        "libc6",
        "libfreetype6",
        "libgcc-s1",
        "libjpeg62-turbo",
        "liblcms2-2",
        "libmariadb3",
        "libopenjp2-7",
        "libpq5",
        "libpython3.11",
        "libssl3",
        "libtiff6",
        "libwebp7",
        "libwebpdemux2",
        "libwebpmux3",
        "libxml2",
        "libxslt1.1",
        "zlib1g",
    ];
    slim("service", &list, "2.0.28\n");
}

fn protocols() {
    let list = [
        "libc6",
        "libcurl4",
        "libgcc-s1",
        "libgssapi-krb5-2",
        "libldap-2.5-0",
        "libodbc2",
        "libportaudio2",
        "libssl3",
        "libstdc++6",
        "libxml2",
        "libxmlsec1",
        "libxmlsec1-openssl",
        "libxslt1.1",
    ];
    slim("protocols", &list, "");
}

fn science() {
    let list = ["libc6", "libgcc-s1", "libstdc++6", "zlib1g"];
    // The base has all of them.
    assert_eq!(slim("science", &list, ""), 0);
}

fn small() {
    let list = [
        "libc6",
        "libjpeg62-turbo",
        "libpq5",
        "libxml2",
        "libxslt1.1",
        "zlib1g",
    ];
    let layer = slim("small", &list, "");
    assert!(layer <= 45_000_000, "apt's layer has {layer} bytes");
}
