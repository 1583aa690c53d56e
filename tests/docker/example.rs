//! `Dockerfile.example` with the application under tests/app: what its images hold, and that the
//! programs in them do their work, with a real PostgreSQL and a real Redis. On Debian 13: the quick start
//! and the recipes are built on Debian 12.

use super::support::debian;
use super::support::docker::{Docker, Shared};
use super::support::needs::Need;
use super::support::programs;
use super::support::run::{Run, Said};
use super::support::target_dir;
use crate::IMAGES;
use crate::support::harness::test;
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

const NEEDS: &[Need] = &[Need::Docker, Need::Mmdebstrap, Need::Pip];

/// The images that are deployed.
const FINAL: [&str; 4] = ["http-app", "worker-app", "beat", "listener"];

/// The engine that has the images, each named `TARGET:trixie`.
struct Images {
    docker: Shared,
}

impl Images {
    /// The images, built by the first test that wants them.
    fn built() -> Self {
        static BUILT: OnceLock<()> = OnceLock::new();
        let images = Self {
            docker: Shared::engine(),
        };
        BUILT.get_or_init(|| {
            images.docker.import_python("trixie");
            let context = context();
            for target in FINAL.iter().chain(&["dev"]) {
                images.build(context.path(), target, &tagged(target));
            }
        });
        images
    }

    fn build(&self, context: &Path, target: &str, name: &str) {
        let file = programs::checkout().join("Dockerfile.example");
        let said = self.docker.build_in(
            context,
            &[
                "--file",
                &file.to_string_lossy(),
                "--build-arg",
                &format!("PYTHON_IMAGE={}", tagged("python")),
                "--target",
                target,
                "-t",
                name,
            ],
        );
        assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
    }

    /// Runs a shell script as root in the image of `target`, and gives its output.
    fn shell(&self, target: &str, network: &str, script: &str) -> String {
        let image = tagged(target);
        let network = format!("--network={network}");
        let run = ["run", "--rm", "--user=0", "--entrypoint=sh", &network];
        self.docker
            .run(&[&run[..], &[&image, "-c", script]].concat())
            .must()
    }

    /// The same, for lines of which the order says nothing.
    fn lines(&self, target: &str, network: &str, script: &str) -> BTreeSet<String> {
        let output = self.shell(target, network, script);
        output.lines().map(str::to_owned).collect()
    }

    fn size(&self, target: &str) -> u64 {
        self.docker.size(&tagged(target))
    }
}

fn tagged(target: &str) -> String {
    format!("{target}:trixie")
}

/// The application with both programs beside it, as the README has it.
fn context() -> TempDir {
    let dir = TempDir::new_in(target_dir()).expect("a directory");
    fs::create_dir(dir.path().join("dist")).expect("a directory");
    let bin = programs::installed();
    let app = programs::checkout().join("tests/app");
    for (from, to) in [(app.as_path(), ""), (bin.as_path(), "dist/bin")] {
        Run::new("cp")
            .arg("-rT")
            .arg(from)
            .arg(dir.path().join(to))
            .must();
    }
    dir
}

/// A running container, removed with the value.
pub(crate) struct Container<'a> {
    docker: &'a Docker,
    id: String,
}

impl<'a> Container<'a> {
    /// Starts `image` with the options and the command.
    pub(crate) fn start(
        docker: &'a Docker,
        options: &[&str],
        image: &str,
        command: &[&str],
    ) -> Self {
        let run = [&["run", "--detach"], options, &[image], command].concat();
        let id = docker.run(&run).must().trim().to_owned();
        Self { docker, id }
    }

    /// Runs a command in it, until it succeeds, for at most a minute.
    pub(crate) fn exec(&self, command: &[&str]) -> String {
        self.exec_until(command, |_| true)
    }

    /// The same, until it succeeds and says what is wanted.
    fn exec_until(&self, command: &[&str], wanted: impl Fn(&str) -> bool) -> String {
        let exec = [&["exec", &self.id], command].concat();
        let mut last = None;
        for _ in 0..300 {
            let said = self.docker.run(&exec).said();
            if said.status == 0 && wanted(&said.stdout) {
                return said.stdout;
            }
            last = Some(said);
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("{command:?} never said it\n{last:?}\n{:?}", self.logs());
    }

    /// What its program has said.
    fn logs(&self) -> Said {
        self.docker.run(&["logs", &self.id]).said()
    }

    /// Sends SIGTERM, and gives the exit status of its program.
    fn stop(&self) -> String {
        self.docker.run(&["stop", "--time=60", &self.id]).must();
        let format = "--format={{.State.ExitCode}}";
        self.docker.run(&["inspect", format, &self.id]).must()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.docker.run(&["rm", "--force", &self.id]).said();
    }
}

/// A port on loopback that nothing listens on.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    port.to_string()
}

/// Asks a web server, from inside its container: the URL, and what is to be posted.
pub(crate) const ASK: &str = "import sys, urllib.request\n\
    data = ''.join(sys.argv[2:]).encode() or None\n\
    print(urllib.request.urlopen(sys.argv[1], data).read().decode(), end='')";

const PAGE: &str = include_str!("../app/web/static/index.html");

test!(every_target_builds, needs = NEEDS, limit = IMAGES);
fn every_target_builds() {
    let images = Images::built();
    let list = |target| images.shell(target, "none", "cat /venv/pkgdeps.txt");
    assert_eq!(list("http-app"), "libc6\nlibpq5\nlibxml2\nlibxslt1.1\n");
    assert_eq!(list("worker-app"), "libc6\nlibpq5\n");
}

/// `PostgreSQL` and Redis as Debian has them, installed by apt-install.
fn services(docker: &Docker) -> &'static str {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let program = programs::installed().join("apt-install");
        docker.import(&debian::tar("bookworm", &[]), "debian");
        let dockerfile = "FROM debian\nCOPY apt-install /usr/local/bin/\n\
            RUN apt-install postgresql redis-server\n";
        let said = docker.build(&program.to_string_lossy(), dockerfile, "services", &[]);
        assert_eq!(said.status, 0, "{}", said.stderr);
    });
    "services"
}

test!(
    the_programs_work_together_and_stop_when_told_to,
    needs = NEEDS,
    limit = IMAGES
);
fn the_programs_work_together_and_stop_when_told_to() {
    let images = Images::built();
    let docker = &*images.docker;
    let [sql, queue, http] = [free_port(), free_port(), free_port()];
    let services = services(docker);
    let postgres = Container::start(
        docker,
        &["--network=host", "--user=postgres"],
        services,
        &[
            "sh",
            "-c",
            &format!(
                "bin=$(echo /usr/lib/postgresql/*/bin) && $bin/initdb -A trust -D /tmp/data && \
                 exec $bin/postgres -D /tmp/data -k /tmp -c listen_addresses=127.0.0.1 -p {sql}"
            ),
        ],
    );
    let redis = Container::start(
        docker,
        &["--network=host", "--user=redis"],
        services,
        &["redis-server", "--bind", "127.0.0.1", "--port", &queue],
    );
    postgres.exec(&["pg_isready", "-q", "-h", "127.0.0.1", "-p", &sql]);
    redis.exec(&["redis-cli", "-p", &queue, "ping"]);

    let environment = [
        format!("--env=DATABASE_URL=postgresql://postgres@127.0.0.1:{sql}/postgres"),
        format!("--env=REDIS_URL=redis://127.0.0.1:{queue}/0"),
        format!("--env=PORT={http}"),
        "--env=BEAT_SECONDS=0.5".to_owned(),
    ];
    let mut options = vec!["--network=host", "--read-only"];
    options.extend(environment.iter().map(String::as_str));
    let start = |target| Container::start(docker, &options, &tagged(target), &[]);
    let migrate = [
        &["run", "--rm", "--entrypoint=python3"],
        &options[..],
        &[&tagged("http-app"), "-m", "shared.migrate"],
    ];
    docker.run(&migrate.concat()).must();

    let web = start("http-app");
    let url = format!("http://127.0.0.1:{http}/");
    assert_eq!(web.exec(&["python3", "-c", ASK, &url]), PAGE);
    // The words have not been counted yet.
    let documents = format!("{url}documents");
    let page = "<title>One</title><p>two three";
    let added = web.exec(&["python3", "-c", ASK, &documents, page]);
    assert_eq!(added, "{\"id\":1}\n");
    let document = format!("{documents}/1");
    let ask = ["python3", "-c", ASK, &document];
    assert_eq!(web.exec(&ask), "{\"title\":\"One\",\"words\":null}\n");
    let worker = start("worker-app");
    let counted = "{\"title\":\"One\",\"words\":3}\n";
    assert_eq!(web.exec_until(&ask, |said| said == counted), counted);
    // The scheduler has the worker delete what is old.
    let psql = ["psql", "-qAt", "-h", "127.0.0.1", "-p", &sql, "-c"];
    let query = |query| [&psql[..], &[query]].concat();
    postgres.exec(&query(
        "UPDATE document SET added = now() - interval '2 days'",
    ));
    let beat = start("beat");
    postgres.exec_until(&query("SELECT count(*) FROM document"), |said| {
        said == "0\n"
    });

    for container in [&beat, &worker, &web] {
        assert_eq!(container.stop(), "0\n", "{:?}", container.logs());
    }
}

test!(
    the_web_image_runs_read_only_and_without_a_network,
    needs = NEEDS,
    limit = IMAGES
);
fn the_web_image_runs_read_only_and_without_a_network() {
    let images = Images::built();
    let web = Container::start(
        &images.docker,
        &["--network=none", "--read-only"],
        &tagged("http-app"),
        &[],
    );
    let url = "http://127.0.0.1:8000/";
    assert_eq!(web.exec(&["python3", "-c", ASK, url]), PAGE);
    assert_eq!(web.exec(&["id", "-u"]), "1000\n");
    assert_eq!(web.stop(), "0\n", "{:?}", web.logs());
}

test!(the_listener_is_nobody, needs = NEEDS, limit = IMAGES);
fn the_listener_is_nobody() {
    let images = Images::built();
    let listener = Container::start(
        &images.docker,
        &["--network=none", "--read-only"],
        &tagged("listener"),
        &[],
    );
    let send = "import socket\n\
        with socket.create_connection(('127.0.0.1', 8001)) as peer:\n    \
        peer.sendall(b'hello\\n')\n    \
        print(peer.makefile().readline(), end='')";
    assert_eq!(listener.exec(&["python3", "-c", send]), "ok\n");
    assert_eq!(listener.exec(&["id", "-un"]), "nobody\n");
    assert_eq!(listener.stop(), "0\n", "{:?}", listener.logs());
    listener.logs().is(0, "hello\n", "");
}

test!(
    the_images_hold_the_listed_packages_and_no_others,
    needs = NEEDS,
    limit = IMAGES
);
fn the_images_hold_the_listed_packages_and_no_others() {
    let images = Images::built();
    let installed = |target| {
        let query = "dpkg-query -W -f '${Package}\\n'";
        images.lines(target, "none", query)
    };
    let base = installed("python");
    for target in FINAL {
        let added = &installed(target) - &base;
        let list = images
            .shell(target, "none", "cat /venv/pkgdeps.txt || :")
            .replace('\n', " ");
        // What apt itself would add to the base for the list.
        let simulate = format!(
            "apt-get -qq update && apt-get install -s --no-install-recommends {list} | \
             sed -n 's/^Inst \\([^ ]*\\) .*/\\1/p'"
        );
        assert_eq!(added, images.lines("python", "host", &simulate), "{target}");
    }
}

test!(
    the_images_hold_no_file_that_is_not_needed,
    needs = NEEDS,
    limit = IMAGES
);
fn the_images_hold_no_file_that_is_not_needed() {
    let images = Images::built();
    let list = "find / -xdev ! -type d ! -path '/venv/*' ! -path '/app/*' \
                ! -path '/var/lib/dpkg/info/*'";
    let base = images.lines("python", "none", list);
    for target in FINAL {
        // Packages may name a directory by its link of merged /usr.
        let owned = images.lines(
            target,
            "none",
            "sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\\1/#' /var/lib/dpkg/info/*.list",
        );
        let found = &(&images.lines(target, "none", list) - &base) - &owned;
        assert_eq!(Vec::from_iter(found), [""; 0], "{target}");
        let pip = "find / -xdev -path '/venv/*' -name pip";
        assert_eq!(images.shell(target, "none", pip), "", "{target}");
    }
}

test!(
    all_code_is_compiled_and_never_compared_with_its_source,
    needs = NEEDS,
    limit = IMAGES
);
fn all_code_is_compiled_and_never_compared_with_its_source() {
    // PEP 552: the four bytes after the magic number are 1 for a hash that is not checked.
    let script = "import glob, importlib.util, pathlib\n\
        for source in glob.glob('/venv/lib/**/*.py', recursive=True) + glob.glob('/app/**/*.py', recursive=True):\n    \
        code = pathlib.Path(importlib.util.cache_from_source(source))\n    \
        if not code.exists() or code.read_bytes()[4:8] != bytes([1, 0, 0, 0]): print(source)";
    let images = Images::built();
    for target in FINAL {
        let script = format!("python3 -c \"{script}\"");
        assert_eq!(images.shell(target, "none", &script), "", "{target}");
    }
}

test!(
    a_change_of_code_makes_neither_virtualenv_nor_packages_anew,
    needs = NEEDS,
    limit = IMAGES
);
fn a_change_of_code_makes_neither_virtualenv_nor_packages_anew() {
    let images = Images::built();
    let context = context();
    for (target, code) in [("http-app", "web"), ("worker-app", "worker")] {
        for code in ["shared", code] {
            let file = context.path().join(code).join("__init__.py");
            fs::write(file, "# changed\n").expect("a file");
        }
        let changed = tagged(&format!("changed-{target}"));
        images.build(context.path(), target, &changed);
        let before = images.docker.layers(&tagged(target));
        let after = images.docker.layers(&changed);
        // The shared code, the program's own, and that compiled.
        let code = before.len() - 3;
        assert_eq!(before[..code], after[..code], "{target}");
        for (one, other) in before[code..].iter().zip(&after[code..]) {
            assert_ne!(one, other, "{target}");
        }
    }
}

test!(
    the_dev_image_checks_the_code_and_is_2_3_times_the_web_image,
    needs = NEEDS,
    limit = IMAGES
);
fn the_dev_image_checks_the_code_and_is_2_3_times_the_web_image() {
    let images = Images::built();
    let check = "ruff check -q --no-cache . && python3 -m pytest -q -p no:cacheprovider >&2";
    assert_eq!(images.shell("dev", "none", check), "");
    let [dev, http] = ["dev", "http-app"].map(|target| images.size(target));
    println!(
        "dev {} MB, http-app {} MB",
        dev / 1_000_000,
        http / 1_000_000
    );
    assert!(dev * 10 >= http * 23, "dev {dev}, http-app {http}");
}
