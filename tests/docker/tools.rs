//! The image of the two programs, and the way without one.

use crate::IMAGES;
use crate::support::debian;
use crate::support::docker::Shared;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::programs;
use crate::support::run::Run;
use crate::support::sandbox::Sandbox;
use crate::support::target_dir;
use crate::venvs;
use serde_json::Value;
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
    import_rust(&docker);
    let arguments = [
        "--build-arg=RUST_IMAGE=rust:trixie",
        "--tag=tools-of-the-test",
    ];
    // The classic builder, then BuildKit.
    let path = programs::stand_in();
    let build = docker.run(&["build", "--network=host"]).args(arguments);
    build.arg(path).env("DOCKER_BUILDKIT", "0").must();
    assert_eq!(docker.layers("tools-of-the-test").len(), 1);
    let said = docker.build_in(&programs::stand_in(), &arguments);
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_eq!(docker.layers("tools-of-the-test").len(), 1);
    let context = TempDir::new_in(target_dir()).expect("a directory");
    check(&docker, IMAGE, context.path(), "with-image", "");
}

test!(
    the_image_for_another_platform_is_cross_compiled,
    needs = &[Need::Docker, Need::Mmdebstrap],
    limit = IMAGES
);
/// The base has the compiler, so that nothing is installed.
fn the_image_for_another_platform_is_cross_compiled() {
    let docker = Shared::engine();
    import_rust(&docker);
    let context = TempDir::new_in(target_dir()).expect("a directory");
    let output = format!("--output={}", context.path().display());
    let arguments = [
        "--build-arg=RUST_IMAGE=rust:trixie",
        "--platform=linux/arm64",
        &output,
    ];
    let said = docker.build_in(&programs::stand_in(), &arguments);
    assert_eq!(said.status, 0, "{}", said.stderr);
    let mut machines = Vec::new();
    for entry in fs::read_dir(context.path()).expect("a directory") {
        let path = entry.expect("an entry").path();
        let header = fs::read(&path).expect("a file");
        let name = path.file_name().expect("a name").to_string_lossy();
        // EM_AARCH64
        machines.push((name.into_owned(), header[18..20] == 183u16.to_le_bytes()));
    }
    machines.sort();
    let arm64 = |name: &str| (name.to_owned(), true);
    assert_eq!(machines, [arm64("apt-install"), arm64("find-libdeps")]);
}

test!(
    the_image_for_both_platforms_is_the_same_each_time_and_loads,
    needs = &[Need::Docker, Need::Mmdebstrap, Need::Mounts],
    limit = IMAGES
);
/// `image.sh` in a root with a cross compiler. The engine loads the image of the first target.
fn the_image_for_both_platforms_is_the_same_each_time_and_loads() {
    let context = TempDir::new_in(target_dir()).expect("a directory");
    let mut sandbox = Sandbox::over(&debian::tar("trixie", &debian::CROSS));
    sandbox.bind(&programs::stand_in(), "/srv");
    sandbox.bind(context.path(), "/opt");
    let version = env!("CARGO_PKG_VERSION");
    let mut made = Vec::new();
    for out in ["/opt/one", "/opt/two"] {
        let run = sandbox.run("/srv/packaging/image.sh");
        let run = run.args(["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", out]);
        let run = run.env("CARGO_TARGET_DIR", "/tmp/target");
        let name = run.env("SOURCE_DATE_EPOCH", "1700000000").must();
        assert_eq!(name, format!("{out}/tools-{version}.oci.tar\n"));
        let path = name.trim_end().replace("/opt", "");
        made.push(context.path().join(&path[1..]));
    }
    let bytes = |path| fs::read(path).expect("a file");
    assert!(bytes(&made[0]) == bytes(&made[1]));
    let member = |name: &str| {
        let tar = Run::new("tar").arg("-xOf").arg(&made[0]).arg(name);
        serde_json::from_str::<Value>(&tar.must()).expect("JSON")
    };
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().expect("a digest");
        member(&format!("blobs/{}", digest.replace(':', "/")))
    };
    let index = blob(&member("index.json")["manifests"][0]);
    let manifests = index["manifests"].as_array().expect("an array");
    let platforms = manifests.iter().map(|manifest| {
        let config = blob(&blob(manifest)["config"]);
        assert_eq!(config["created"], "2023-11-14T22:13:20Z");
        assert_eq!(config["architecture"], manifest["platform"]["architecture"]);
        config["architecture"].as_str().expect("text").to_owned()
    });
    assert_eq!(platforms.collect::<Vec<_>>(), ["amd64", "arm64"]);

    let docker = Shared::engine();
    docker.import_python("bookworm");
    let image = format!("tools:{version}");
    let archive = made[0].to_string_lossy();
    docker
        .run(&["load", "--quiet", "--input", &archive])
        .said()
        .is(0, &format!("Loaded image: {image}\n"), "");
    let dockerfile = IMAGE.replace("tools-of-the-test", &image);
    check(
        &docker,
        &dockerfile,
        context.path(),
        "with-loaded",
        LICENCES,
    );
}

/// Makes `rust:trixie`, in place of the default, which is an image of a registry.
fn import_rust(docker: &Shared) {
    docker.import_online("trixie", &debian::CROSS, "rust:trixie", &[]);
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
    check(&docker, DIST, context.path(), "with-dist", "");
}

/// What the image of a release has beside the programs.
const LICENCES: &str = "-rw-r--r-- root COPYRIGHT\n-rw-r--r-- root LICENSE-APACHE\n\
                        -rw-r--r-- root LICENSE-LGPL\n-rw-r--r-- root LICENSE-MIT\n";

/// Builds `dockerfile`, runs what it brought, and looks at the files, of which `others` are no programs.
fn check(docker: &Shared, dockerfile: &str, context: &Path, name: &str, others: &str) {
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
            "{}\n{}\n{others}\
             -rwxr-xr-x root apt-install\n-rwxr-xr-x root find-libdeps\n",
            programs::version("find-libdeps"),
            programs::version("apt-install")
        )
    );
}
