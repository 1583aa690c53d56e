//! The image of the two programs, and the way without one.

use crate::IMAGES;
use crate::support::docker::Shared;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::programs;
use crate::support::target_dir;
use crate::venvs;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The README's line, and a look at what came.
const IMAGE: &str = "FROM python:bookworm
COPY --from=tools-of-the-test /find-libdeps /apt-install /usr/local/bin/
COPY --from=tools-of-the-test / /all/
";

/// The README's line that leaves not even the program in the image; all that it installs is there.
const MOUNT: &str = "FROM python:bookworm
RUN mkdir /venv && echo libc6 > /venv/pkgdeps.txt
RUN --mount=from=tools,target=/mnt xargs -ra /venv/pkgdeps.txt /mnt/apt-install
";

const DIST: &str = "FROM python:bookworm
COPY dist/bin/ /usr/local/bin/
COPY dist/bin/ /all/
";

test!(
    the_image_holds_both_programs,
    needs = &[Need::Docker, Need::Mmdebstrap],
    limit = IMAGES
);
fn the_image_holds_both_programs() {
    let docker = Shared::engine();
    docker.import_python("bookworm");
    // The default is an image of a registry. This archive is also that of the tests of install.sh.
    let packages = ["cargo", "gcc"];
    docker.import_online("trixie", &packages, "rust:trixie", &[]);
    let arguments = [
        "--build-arg=RUST_IMAGE=rust:trixie",
        "--tag=tools-of-the-test",
    ];
    let said = docker.build_in(&programs::stand_in(), &arguments);
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_eq!(docker.layers("tools-of-the-test").len(), 1);
    let context = TempDir::new_in(target_dir()).expect("a directory");
    check(&docker, IMAGE, context.path(), "with-image");
}

test!(
    a_mounted_program_leaves_nothing_in_the_image,
    needs = &[Need::Docker, Need::Mmdebstrap, Need::Cargo],
    limit = IMAGES
);
fn a_mounted_program_leaves_nothing_in_the_image() {
    let docker = venvs::engine();
    let context = TempDir::new_in(target_dir()).expect("a directory");
    fs::write(context.path().join("Dockerfile"), MOUNT).expect("a file");
    let said = docker.build_in(context.path(), &["--tag", "with-mount"]);
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_eq!(docker.top_layer("with-mount"), 0);
}

test!(
    the_programs_run_from_a_copied_directory,
    needs = &[Need::Docker, Need::Mmdebstrap, Need::Cargo],
    limit = IMAGES
);
fn the_programs_run_from_a_copied_directory() {
    let docker = Shared::engine();
    docker.import_python("bookworm");
    let context = TempDir::new_in(target_dir()).expect("a directory");
    programs::install_sh()
        .args(["--prefix", "dist"])
        .dir(context.path())
        .must();
    check(&docker, DIST, context.path(), "with-dist");
}

/// Builds `dockerfile`, and runs what it brought.
fn check(docker: &Shared, dockerfile: &str, context: &Path, name: &str) {
    fs::write(context.join("Dockerfile"), dockerfile).expect("a file");
    let said = docker.build_in(context, &["--tag", name]);
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_eq!(
        docker.script(
            name,
            "find-libdeps --version; apt-install --version; \
             find /all -type f -printf '%M %u %f\\n' | sort"
        ),
        format!(
            "{}\n{}\n\
             -rwxr-xr-x root apt-install\n-rwxr-xr-x root find-libdeps\n",
            programs::version("find-libdeps"),
            programs::version("apt-install")
        )
    );
}
