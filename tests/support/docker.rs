//! A Docker engine for tests: its data, socket and process id are in a directory that is removed with
//! it, and only the started process is stopped at the end.

use super::debian;
use super::run::{Run, Said};
use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// Debian's client: it builds with the `BuildKit` that is inside the engine of the same package,
/// where a newer one asks for a plugin.
const CLIENT: &str = "/usr/bin/docker";

/// What public images of Debian have besides its packages: dpkg is told not to wait for the disk.
const OF_PUBLIC_IMAGES: [(&str, &[u8]); 2] = [
    ("etc/hosts", b""),
    (
        "etc/dpkg/dpkg.cfg.d/docker-apt-speedup",
        b"force-unsafe-io\n",
    ),
];

/// A running engine.
pub struct Docker {
    dir: TempDir,
    engine: Child,
}

impl Docker {
    /// Starts an engine and waits until it responds, for at most half a minute.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// The same, with its images in `data`, which stays, or in its own directory.
    fn start_with(data: Option<&Path>) -> Self {
        let dir = TempDir::new_in(super::target_dir()).expect("a directory");
        let at = |name: &str| dir.path().join(name);
        let log = fs::File::create(at("log")).expect("a file");
        let engine = Command::new("dockerd")
            .arg("--data-root")
            .arg(data.map_or_else(|| at("data"), Path::to_owned))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .args(["--iptables=false", "--bridge=none", "-H"])
            .arg(format!("unix://{}", at("socket").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("dockerd can be started");
        let docker = Self { dir, engine };
        for _ in 0..300 {
            if docker.run(&["version"]).said().status == 0 {
                return docker;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let log = fs::read_to_string(docker.dir.path().join("log")).unwrap_or_default();
        panic!("dockerd does not answer\n{log}");
    }

    /// A run of the client.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let socket = self.dir.path().join("socket");
        Run::new(CLIENT)
            .args(arguments)
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .env("DOCKER_BUILDKIT", "1")
            .env("HOME", self.dir.path())
    }

    /// Makes an image of the archive of a root, with what public images have: where there is no
    /// `/etc/hosts`, this engine makes one for each step and deletes it after the step, so that `/etc`
    /// has the time of day.
    pub fn import(&self, tar: &Path, name: &str) {
        self.import_with(tar, name, &[], &[]);
    }

    /// Makes an image `python:RELEASE` of a root with Debian's Python, in which pip reaches its
    /// index as it does on this machine: with the machine's certificates. Compilers are told to be
    /// quick: what a file needs does not depend on it.
    pub fn import_python(&self, release: &str) -> String {
        let packages = ["python3", "python3-venv", "ca-certificates"];
        let name = format!("python:{release}");
        self.import_online(release, &packages, &name, &[("CFLAGS", "-O0 -g0")])
    }

    /// Makes an image of a root in which programs reach their indexes as they do on this machine:
    /// with the machine's certificates, and with these variables set. An existing one is left as it
    /// is, with what was built from it.
    pub fn import_online(
        &self,
        release: &str,
        packages: &[&str],
        name: &str,
        environment: &[(&str, &str)],
    ) -> String {
        // Imported twice, a base has two identities, and what was built from the first is built anew.
        static IMPORT: Mutex<()> = Mutex::new(());
        let _only_once = IMPORT.lock().unwrap_or_else(PoisonError::into_inner);
        if self.run(&["image", "inspect", name]).said().status != 0 {
            let tar = debian::tar(release, packages);
            let certificates = "etc/ssl/certs/ca-certificates.crt";
            let ours = fs::read(Path::new("/").join(certificates)).expect("certificates");
            self.import_with(&tar, name, &[(certificates, &ours)], environment);
        }
        name.to_owned()
    }

    fn import_with(
        &self,
        tar: &Path,
        name: &str,
        files: &[(&str, &[u8])],
        environment: &[(&str, &str)],
    ) {
        let dir = TempDir::new_in(super::target_dir()).expect("a directory");
        let (root, copy) = (dir.path().join("root"), dir.path().join("base.tar"));
        fs::create_dir(&root).expect("a directory");
        let unpack = Run::new("tar").args(["--numeric-owner", "-xf"]).arg(tar);
        unpack.arg("-C").arg(&root).must();
        for (file, content) in OF_PUBLIC_IMAGES.iter().chain(files) {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, content).expect("a file");
        }
        // Not by adding to the archive, which tar cannot do if a name in it is not ASCII.
        let pack = Run::new("tar").args(["--numeric-owner", "-cf"]).arg(&copy);
        pack.arg("-C").arg(&root).arg(".").must();
        let set = |(name, value): &(&str, &str)| format!("--change=ENV {name}=\"{value}\"");
        let changes: Vec<String> = environment.iter().map(set).collect();
        let changes: Vec<&str> = changes.iter().map(String::as_str).collect();
        let copy = copy.to_string_lossy();
        self.run(&[&["import"], &changes[..], &[&copy, name]].concat())
            .must();
    }

    /// Builds `dockerfile`, with `program` beside it, as `name`, and returns the output of the build.
    pub fn build(&self, program: &str, dockerfile: &str, name: &str, more: &[&str]) -> Said {
        let context = TempDir::new_in(super::target_dir()).expect("a directory");
        fs::copy(program, context.path().join("apt-install")).expect("a copy");
        fs::write(context.path().join("Dockerfile"), dockerfile).expect("a file");
        self.build_in(context.path(), &[&["-t", name], more].concat())
    }

    /// Builds the directory `context`, and returns the output of the build.
    pub fn build_in(&self, context: &Path, arguments: &[&str]) -> Said {
        let path = context.to_string_lossy();
        let build = ["build", "--network=host", "--progress=plain"];
        self.run(&[&build[..], arguments, &[&path]].concat()).said()
    }

    /// The same for builds that begin with equal steps, one at a time: this `BuildKit` joins equal steps
    /// of builds that run at once, and may then miss its cache for the steps after them.
    pub fn build_in_turn(&self, context: &Path, arguments: &[&str]) -> Said {
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        self.build_in(context, arguments)
    }

    /// The digests of an image's layers, the lowest first.
    pub fn layers(&self, name: &str) -> Vec<String> {
        let format = "{{range .RootFS.Layers}}{{.}}\n{{end}}";
        let answer = self
            .run(&["image", "inspect", "--format", format, name])
            .must();
        answer
            .lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The sizes of an image's layers as `docker history` prints them, the uppermost first.
    pub fn sizes(&self, name: &str) -> Vec<String> {
        let answer = self.run(&["history", "--format={{.Size}}", name]).must();
        answer.lines().map(str::to_owned).collect()
    }

    /// The size in bytes of an image.
    pub fn size(&self, name: &str) -> u64 {
        let answer = self
            .run(&["image", "inspect", "--format={{.Size}}", name])
            .must();
        answer.trim().parse().expect("a number of bytes")
    }

    /// The size in bytes of an image's uppermost layer.
    pub fn top_layer(&self, name: &str) -> u64 {
        let answer = self
            .run(&["history", "--human=false", "--format={{.Size}}", name])
            .must();
        let first = answer.lines().next().expect("a layer");
        first.parse().expect("a number of bytes")
    }

    /// Runs a shell script in an image, without a network.
    pub fn script(&self, name: &str, script: &str) -> String {
        self.run(&["run", "--rm", "--network=none", name, "sh", "-c", script])
            .must()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // SIGTERM, so that it stops its own containerd and undoes its mounts.
        let pid = self.engine.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let _ = self.engine.wait();
        // The one mount that it leaves, after a container on the host's network: nothing below the
        // directory could be removed. Where there is none, umount fails, and nothing is lost.
        let _ = Command::new("umount")
            .arg(self.dir.path().join("exec/netns/default"))
            .stderr(Stdio::null())
            .status();
    }
}

/// One engine for all tests of a program, which stops with the last that uses it. Its images and
/// its cache stay for later runs: building the virtualenvs from source takes many minutes.
pub struct Shared {
    docker: Option<Arc<Docker>>,
}

/// The running engine, and how many use it.
static SHARED: Mutex<Option<(usize, Arc<Docker>)>> = Mutex::new(None);

fn shared() -> MutexGuard<'static, Option<(usize, Arc<Docker>)>> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// The engine, started where it does not run.
    pub fn engine() -> Self {
        let mut shared = shared();
        let data = super::target_dir().join("docker");
        let (users, docker) =
            shared.get_or_insert_with(|| (0, Arc::new(Docker::start_with(Some(&data)))));
        *users += 1;
        let docker = Some(Arc::clone(docker));
        Self { docker }
    }
}

impl Deref for Shared {
    type Target = Docker;

    fn deref(&self) -> &Docker {
        self.docker.as_deref().expect("it is there until the end")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Under the lock to its end: no other engine starts on the same data meanwhile.
        let mut shared = shared();
        self.docker = None;
        if let Some((users, _)) = shared.as_mut() {
            *users -= 1;
            if *users == 0 {
                *shared = None;
            }
        }
    }
}
