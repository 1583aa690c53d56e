//! A Debian root to change at will: an overlay over a root that is unpacked once, in new mount and
//! process namespaces, so that nothing is left mounted or running.
//!
//! What is written goes into an upper directory, which is what a layer of an image would hold.

use super::debian;
use super::run::{Run, Said};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// As in a container of Debian's, with the tested program's directory before all others.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The program under test, inside.
pub const APT_INSTALL: &str = "/mnt/apt-install";

/// A root, with what was changed in it.
pub struct Sandbox {
    dir: TempDir,
    /// The lower directories, the uppermost first.
    lower: Vec<PathBuf>,
    /// What is bound into the root, and where.
    binds: Vec<(PathBuf, String)>,
    extra: String,
}

impl Sandbox {
    /// A plain root of `release`, and `program` at [`APT_INSTALL`].
    pub fn new(release: &str, program: &str) -> Self {
        Self::over(&debian::tar(release, &[])).with(Path::new(program))
    }

    /// The root of an archive.
    pub fn over(tar: &Path) -> Self {
        let dir = TempDir::new_in(super::target_dir()).expect("a directory");
        open_to_all(dir.path());
        let sandbox = Self {
            lower: vec![unpacked(tar)],
            binds: Vec::new(),
            extra: String::new(),
            dir,
        };
        sandbox.fresh_upper();
        sandbox
    }

    /// `program` at [`APT_INSTALL`].
    pub fn with(mut self, program: &Path) -> Self {
        let programs = self.dir.path().join("programs");
        fs::create_dir(&programs).expect("a directory");
        open_to_all(&programs);
        fs::hard_link(program, programs.join("apt-install"))
            .or_else(|_| fs::copy(program, programs.join("apt-install")).map(|_| ()))
            .expect("the program is there");
        self.bind(&programs, "/mnt");
        self
    }

    /// Shows the directory `from` of the machine at `to` in the root, which has to be there.
    pub fn bind(&mut self, from: &Path, to: &str) {
        self.binds.push((from.to_owned(), to.to_owned()));
    }

    /// A line of shell that is run outside, in the namespace, before the root is entered; `$m` is
    /// the root.
    pub fn before(&mut self, line: &str) {
        self.extra.push_str(line);
        self.extra.push('\n');
    }

    /// What has been changed up to now becomes part of the base.
    pub fn commit(&mut self) {
        let layer = self.dir.path().join(format!("lower{}", self.lower.len()));
        fs::rename(self.upper(), &layer).expect("the layer can be renamed");
        self.lower.insert(0, layer);
        self.fresh_upper();
    }

    /// Throws away what was changed since the last commit.
    pub fn reset(&mut self) {
        fs::remove_dir_all(self.upper()).expect("the layer can be removed");
        self.fresh_upper();
    }

    /// The directory that holds what was changed since the last commit.
    pub fn upper(&self) -> PathBuf {
        self.dir.path().join("upper")
    }

    fn fresh_upper(&self) {
        for name in ["upper", "work", "merged"] {
            let path = self.dir.path().join(name);
            if path.exists() && name != "upper" {
                fs::remove_dir_all(&path).expect("the directory can be removed");
            }
            fs::create_dir(&path).expect("a directory");
            open_to_all(&path);
        }
    }

    /// A run of `program` inside.
    pub fn run(&self, program: &str) -> Run {
        let lower: Vec<_> = self
            .lower
            .iter()
            .map(|path| path.to_string_lossy())
            .collect();
        let dir = self.dir.path().to_string_lossy();
        let binds: Vec<String> = self
            .binds
            .iter()
            .map(|(from, to)| format!("mount --bind {} $m{to}\n", from.to_string_lossy()))
            .collect();
        let binds = binds.concat();
        let script = format!(
            "set -e\nm={dir}/merged\n\
             mount -t overlay overlay -o lowerdir={},upperdir={dir}/upper,workdir={dir}/work $m\n\
             mount -t proc proc $m/proc\n\
             mount -t tmpfs tmpfs $m/dev\n\
             mkdir $m/dev/pts $m/dev/shm\n\
             for node in null zero full random urandom tty; do\n\
             : >$m/dev/$node; mount --bind /dev/$node $m/dev/$node; done\n\
             ln -s /proc/self/fd $m/dev/fd\n\
             ln -s pts/ptmx $m/dev/ptmx\n\
             mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts $m/dev/pts\n\
             mount -t tmpfs tmpfs $m/run\n\
             {binds}{}exec chroot $m \"$@\"\n",
            lower.join(":"),
            self.extra
        );
        // What runs inside ends with the namespace.
        Run::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child"])
            .args(["/bin/sh", "-c", &script, "sh", program])
            .env("PATH", PATH)
    }

    /// A run of a shell script inside.
    pub fn script(&self, script: &str) -> Run {
        self.run("/bin/sh").args(["-c", script])
    }

    /// A run of the program under test.
    pub fn apt_install(&self, arguments: &[&str]) -> Run {
        self.run(APT_INSTALL).args(arguments)
    }

    /// Every file of the layer, with its size; a directory with a slash and no size, a deleted
    /// file with an exclamation mark.
    pub fn layer(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        list(&self.upper(), "", &mut found);
        found
    }

    /// The files of the layer below `place`, without directories.
    pub fn files(&self, place: &str) -> Vec<String> {
        self.layer()
            .into_keys()
            .filter(|path| path.starts_with(place) && !path.ends_with('/'))
            .collect()
    }

    /// The layer as an archive, with all times. The root's own directory is none of it, as it is
    /// none of an image's layer.
    pub fn tar(&self) -> Vec<u8> {
        let tar = self.dir.path().join("layer.tar");
        let mut names: Vec<_> = fs::read_dir(self.upper())
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        Run::new("tar")
            .args(["--sort=name", "--numeric-owner", "-cf"])
            .arg(&tar)
            .arg("-C")
            .arg(self.upper())
            .args(names)
            .must();
        fs::read(&tar).expect("the archive is there")
    }
}

/// The lines of standard error that the program under test wrote; the rest is apt's.
pub fn own_lines(said: &Said) -> Vec<&str> {
    said.stderr
        .lines()
        .filter(|line| line.starts_with("apt-install: "))
        .collect()
}

/// Makes a directory readable for apt's own user.
pub fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
}

fn list(dir: &Path, name: &str, found: &mut BTreeMap<String, u64>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let entry = entry.expect("an entry");
        let path = format!("{name}/{}", entry.file_name().to_string_lossy());
        let data = entry.path().symlink_metadata().expect("metadata");
        if data.is_dir() {
            found.insert(format!("{path}/"), 0);
            list(&entry.path(), &path, found);
        } else if data.file_type().is_char_device() && data.rdev() == 0 {
            found.insert(format!("{path}!"), 0);
        } else {
            found.insert(path, data.len());
        }
    }
}

/// The root of an archive, unpacked once for all tests; nothing may be changed in it.
fn unpacked(tar: &Path) -> PathBuf {
    let root = tar.with_extension("root");
    let _lock = super::lock(&root.file_name().unwrap_or_default().to_string_lossy());
    if !root.exists() {
        let half = tar.with_extension("half.root");
        if half.exists() {
            fs::remove_dir_all(&half).expect("the remains of an earlier run can be removed");
        }
        fs::create_dir(&half).expect("a directory");
        open_to_all(&half);
        Run::new("tar")
            .args(["--numeric-owner", "-xf"])
            .arg(tar)
            .arg("-C")
            .arg(&half)
            .must();
        fs::rename(&half, &root).expect("the root can be renamed");
    }
    root
}
