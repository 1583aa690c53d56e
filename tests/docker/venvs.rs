//! Virtualenvs of well-known packages: built from source in one stage, copied into
//! another, and their list installed there as the README says. Each is a directory below `venvs/`:
//! what pip installs, what that is built with, and what has to start in the slim image.

use crate::IMAGES;
use crate::markdown::block;
use crate::support::debian::RELEASES;
use crate::support::docker::{Docker, Shared};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::programs;
use crate::support::run::Said;
use crate::support::target_dir;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use tempfile::TempDir;

const NEEDS: &[Need] = &[Need::Docker, Need::Mmdebstrap, Need::Cargo, Need::Pip];

fn venvs() -> PathBuf {
    programs::checkout().join("tests/docker/venvs")
}

/// An engine with the bases, and with both programs as the image `tools`.
pub(crate) fn engine() -> Shared {
    static BUILT: OnceLock<()> = OnceLock::new();
    let docker = Shared::engine();
    BUILT.get_or_init(|| build_tools(&docker));
    docker
}

fn build_tools(docker: &Docker) {
    for release in RELEASES {
        docker.import_python(release);
    }
    let context = TempDir::new_in(target_dir()).expect("a directory");
    let bin = programs::installed();
    for name in ["find-libdeps", "apt-install"] {
        let copy = context.path().join(name);
        fs::copy(bin.join(name), &copy).expect("a copy");
        // Not the files of `Dockerfile.example`: see `Docker::build_in_turn`.
        fs::set_permissions(&copy, Permissions::from_mode(0o555)).expect("permissions");
    }
    let dockerfile = "FROM scratch\nCOPY find-libdeps apt-install /\n";
    fs::write(context.path().join("Dockerfile"), dockerfile).expect("a file");
    let said = docker.build_in(context.path(), &["--tag=tools"]);
    assert_eq!(said.status, 0, "{}", said.stderr);
}

/// The base of the quick start and the recipes. As the official Python images, it has the headers.
pub(crate) const HEADERS: &str = "small-headers:bookworm";

/// An engine with the image [`HEADERS`].
pub(crate) fn engine_with_headers() -> Shared {
    static BUILT: OnceLock<()> = OnceLock::new();
    let docker = engine();
    BUILT.get_or_init(|| {
        build(&docker, "bookworm", "small", "headers", "");
    });
    docker
}

/// Builds the target `target` of the virtualenv `name` on `release`, with more options of find-libdeps,
/// and gives the image's name.
fn build(docker: &Docker, release: &str, name: &str, target: &str, options: &str) -> String {
    let image = format!("{name}-{target}:{release}");
    let arguments = [
        &format!("--build-arg=BASE=python:{release}"),
        "--build-arg=TOOLS=tools",
        &format!("--build-arg=VENV={name}"),
        &format!("--build-arg=OPTIONS={options}"),
        "--build-arg=CFLAGS=-O0",
        "--build-arg=PIP_NO_COMPILE=1",
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
    slim_on("bookworm", "", name, list, stdout)
}

/// The same on `release`, with more options of find-libdeps.
fn slim_on(release: &str, options: &str, name: &str, list: &[&str], stdout: &str) -> u64 {
    let docker = engine();
    let image = build(&docker, release, name, "toolkit", options);
    let got = docker.script(&image, "cat /venv/pkgdeps.txt");
    assert_eq!(got.lines().collect::<Vec<_>>(), list);
    let check = fs::read_to_string(venvs().join(name).join("check.sh")).expect("a script");
    assert_eq!(docker.script(&image, &check), stdout);
    checked(&docker, &image, &["/venv"]).is(0, "", "");
    docker.top_layer(&image)
}

/// What the check of `paths` in `image` says, as a user without rights, mounted and read-only.
fn checked(docker: &Docker, image: &str, paths: &[&str]) -> Said {
    let mount = format!("--volume={}:/t:ro", programs::installed().display());
    let run = [
        "run",
        "--rm",
        "--read-only",
        "--network=none",
        "--user=65534",
        &mount,
        image,
    ];
    let run = docker.run(&run).args(["/t/find-libdeps", "--check"]);
    run.args(paths).said()
}

/// An image in which a library is no library.
const BROKEN: &str = "FROM scratch
COPY --from=builder /image /
COPY --from=builder /files /usr/lib/x86_64-linux-gnu/libexpat.so.1
";

/// Serves the directory, asks for it, and prints the status.
const SERVE: &str = "\
import http.server, threading, urllib.request, ssl, sqlite3
server = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen('http://127.0.0.1:%d/' % server.server_port).status)
server.shutdown()
";

test!(
    an_image_from_scratch_holds_the_files_and_serves,
    needs = &[Need::Docker, Need::Mmdebstrap, Need::Cargo],
    limit = IMAGES
);
fn an_image_from_scratch_holds_the_files_and_serves() {
    let docker = engine();
    let context = TempDir::new_in(target_dir()).expect("a directory");
    let recipe = block("docs/recipes.md", "A final stage without apt", "dockerfile");
    let build = |dockerfile: &str| {
        fs::write(context.path().join("Dockerfile"), dockerfile).expect("a file");
        let arguments = [
            "--build-arg=DEBIAN_IMAGE=python:bookworm",
            "--tag=from-scratch",
        ];
        let said = docker.build_in(context.path(), &arguments);
        assert_eq!(said.status, 0, "{}", said.stderr);
    };
    build(&format!("{recipe}{BROKEN}"));
    let library = "/usr/lib/x86_64-linux-gnu/libexpat.so.1";
    let said = checked(&docker, "from-scratch", &["/venv"]);
    assert_eq!(said.status, 1);
    let line = format!("find-libdeps: refused: {library}: skipped: is not an ELF file");
    assert!(said.stderr.contains(&line), "{}", said.stderr);
    build(&recipe);
    checked(&docker, "from-scratch", &["/venv", "/usr/lib/python3.11"]).is(0, "", "");
    let python = [
        "run",
        "--rm",
        "--network=none",
        "from-scratch",
        "/venv/bin/python3",
        "-c",
        SERVE,
    ];
    let said = docker.run(&python).said();
    assert_eq!(
        (said.status, said.stdout.as_str()),
        (0, "200\n"),
        "{}",
        said.stderr
    );
}

test!(vision, needs = NEEDS, limit = IMAGES);
/// A wheel whose libraries are no part of a slim builder.
fn vision() {
    let list = [
        "libc6",
        "libgcc-s1",
        "libgl1",
        "libglib2.0-0",
        "libice6",
        "libsm6",
        "libstdc++6",
        "libx11-6",
        "libxcb1",
        "libxext6",
        "zlib1g",
    ];
    slim_on("bookworm", "--lookup", "vision", &list, "(4, 4)\n");
}

test!(
    documents,
    needs = NEEDS,
    limit = IMAGES,
    cases = [bookworm("bookworm", ""), trixie("trixie", "t64")]
);
/// Distributions whose libraries no ELF header names, none of them in the builder. What was made anew for
/// 64-bit times has `suffix` in its name.
fn documents(release: &str, suffix: &str) {
    let [glib, magic, zbar] =
        ["libglib2.0-0", "libmagic1", "libzbar0"].map(|name| format!("{name}{suffix}"));
    let list = [
        "libc6",
        "libcairo2",
        "libfontconfig1",
        "libgcc-s1",
        &glib,
        "libharfbuzz0b",
        &magic,
        "libpango-1.0-0",
        "libpangoft2-1.0-0",
        "libstdc++6",
        &zbar,
        "zlib1g",
    ];
    let stdout = "application/pdf\n[]\nb'%PDF'\nb'PNG'\n";
    slim_on(release, "--lookup", "documents", &list, stdout);
}

test!(service, needs = NEEDS, limit = IMAGES);
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

test!(protocols, needs = NEEDS, limit = IMAGES);
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

test!(science, needs = NEEDS, limit = IMAGES);
fn science() {
    let list = ["libc6", "libgcc-s1", "libstdc++6", "zlib1g"];
    // The base has all of them.
    assert_eq!(slim("science", &list, ""), 0);
}
