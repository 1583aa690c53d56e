//! `--check` held against what fails in a real root from which packages and libraries are taken away.

use crate::fixture::PROGRAM;
use crate::support::debian;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use crate::venvs::pillow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Python's own modules that need more than the C library: as those of a distribution do, libraries of
/// many packages.
const MODULES: [&str; 13] = [
    "_bz2",
    "_crypt",
    "_ctypes",
    "_curses",
    "_curses_panel",
    "_dbm",
    "_hashlib",
    "_lzma",
    "_sqlite3",
    "_ssl",
    "_uuid",
    "nis",
    "readline",
];

/// Programs that need more than that, too.
const PROGRAMS: [&str; 2] = ["apt-config", "gpgv"];

/// Scripts that need a program from outside, the last as pip writes it where the path is long.
const SCRIPTS: [(&str, &str); 3] = [
    ("of-perl", "#!/usr/bin/perl\n"),
    ("of-bash", "#!/usr/bin/env bash\n"),
    (
        "of-python",
        "#!/bin/sh\n'''exec' /venv/bin/python3 -IS \"$0\" \"$@\"\n' '''\n",
    ),
];

/// Loads each extension module and starts each program, all in processes of their own, and names those
/// that fail for want of a file: the status of the loader, of env and of the shell is 127 then. A module
/// that is loaded may import another, and a program that has started may read files.
const TRUTH: &str = r#"
import _imp, os, sys
from importlib.machinery import ModuleSpec

def load(path):
    name = os.path.basename(path).split(".")[0]
    try:
        _imp.create_dynamic(ModuleSpec(name, None, origin=path))
    except ModuleNotFoundError:
        pass

def start(path):
    os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
    os.execv(path, [path, "--version"])

def works(act, path):
    child = os.fork()
    if child == 0:
        try:
            act(path)
        except (ImportError, OSError) as error:
            print(path, error, file=sys.stderr, flush=True)
            os._exit(127)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 127

failed = False
for dir, _, names in os.walk("/venv"):
    for path in (os.path.join(dir, name) for name in names):
        if path.endswith(".so") and ".cpython-" in path:
            failed |= not works(load, path)
        elif dir == "/venv/bin":
            failed |= not works(start, path)
sys.exit(failed)
"#;

/// A root with a virtualenv at `/venv`.
struct Image {
    root: TempDir,
}

impl Image {
    fn new() -> Self {
        let image = Self {
            root: debian::root("bookworm", &["python3"]),
        };
        let site = image.path("venv/lib/python3.11/site-packages");
        for dir in [&site.join("compiled"), &image.path("venv/bin")] {
            fs::create_dir_all(dir).expect("directories");
        }
        let wheel = pillow().join("lib/python3.11/site-packages");
        for name in ["PIL", "pillow.libs"] {
            let copy = Run::new("cp").arg("-a").arg(wheel.join(name));
            copy.arg(&site).must();
        }
        let copy = |from: String, to: PathBuf| {
            let name = Path::new(&from).file_name().expect("a name");
            fs::copy(image.path(&from), to.join(name)).expect("a copy");
        };
        for name in MODULES {
            let file = format!("{name}.cpython-311-x86_64-linux-gnu.so");
            let from = format!("usr/lib/python3.11/lib-dynload/{file}");
            copy(from, site.join("compiled"));
        }
        let bin = image.path("venv/bin");
        for name in PROGRAMS {
            copy(format!("usr/bin/{name}"), bin.clone());
        }
        for (name, text) in SCRIPTS {
            fs::write(bin.join(name), text).expect("a file");
            set_mode(&bin.join(name), 0o755);
        }
        symlink("/usr/bin/python3", bin.join("python3")).expect("a link");
        fs::write(image.path("venv/pyvenv.cfg"), "home = /usr/bin\n").expect("a file");
        fs::write(image.path("truth.py"), TRUTH).expect("a file");
        fs::create_dir(image.path("aside")).expect("a directory");
        image
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        let name = name.as_ref();
        self.root
            .path()
            .join(name.strip_prefix("/").unwrap_or(name))
    }

    fn run(&self, mode: &[&str]) -> Run {
        let run = Run::new(PROGRAM).arg("--root").arg(self.root.path());
        run.args(mode).arg("/venv")
    }

    /// Compares `--check` with the truth.
    fn agrees(&self, what: &str, is_sound: bool) {
        let check = self.run(&["--check"]).said();
        let truth = Run::new("chroot").arg(self.root.path());
        let truth = truth.args(["/venv/bin/python3", "-IS", "/truth.py"]).said();
        assert_eq!(truth.status == 0, is_sound, "{what}: {truth:?} {check:?}");
        let status = i32::from(!is_sound);
        assert_eq!(check.status, status, "{what}: {check:?} {truth:?}");
    }

    /// The same without `files`, as it is when the trigger of a removal has run.
    fn agrees_without(&self, files: &BTreeSet<PathBuf>, what: &str, is_sound: bool) {
        let aside = |index: usize| self.path(format!("aside/{index}"));
        for (index, file) in files.iter().enumerate() {
            fs::rename(file, aside(index)).expect("moved");
        }
        self.ldconfig();
        self.agrees(what, is_sound);
        for (index, file) in files.iter().enumerate() {
            fs::rename(aside(index), file).expect("moved back");
        }
    }

    fn ldconfig(&self) {
        let ldconfig = Run::new("ldconfig").arg("-r").arg(self.root.path());
        ldconfig.must();
    }

    /// The files of each installed package, as `dpkg -L` names them, without directories and the links
    /// in `/` to those in `/usr`.
    fn packages(&self) -> BTreeMap<String, BTreeSet<PathBuf>> {
        let info = fs::read_dir(self.path("var/lib/dpkg/info")).expect("a directory");
        let lists = info.map(|entry| entry.expect("an entry").path());
        let lists = lists.filter(|path| path.extension().is_some_and(|it| it == "list"));
        let packages = lists.map(|list| {
            let name = list.file_stem().expect("a name").to_string_lossy();
            let name = name.split(':').next().expect("a name").to_owned();
            let paths = fs::read_to_string(&list).expect("a list");
            (name, paths.lines().filter_map(|it| self.file(it)).collect())
        });
        packages.collect()
    }

    /// Where the file `path` of the root is, with the links to its directory resolved.
    fn file(&self, path: &str) -> Option<PathBuf> {
        let path = self.path(path);
        let dir = path.parent()?.canonicalize().ok()?;
        let file = dir.join(path.file_name()?);
        let is_file = fs::symlink_metadata(&file).is_ok_and(|found| !found.is_dir());
        (is_file && dir != self.root.path()).then_some(file)
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}

test!(
    a_check_fails_exactly_if_a_program_does,
    needs = &[Need::Mmdebstrap, Need::Ldd, Need::Pip]
);
/// Each package that files are loaded from is taken away in turn, all others together. Of a package with
/// several such files each file is, too. Neither the cache, nor `/proc`, nor rights are needed.
fn a_check_fails_exactly_if_a_program_does() {
    let image = Image::new();
    image.agrees("all", true);
    fs::remove_file(image.path("etc/ld.so.cache")).expect("it is there");
    image.agrees("all but the cache", true);
    let said = image.run(&["--files"]).said();
    let library = "find-libdeps: warning: /usr/lib/python3.11: the interpreter's standard library is \
                   outside the PATHs; its files are not printed, nor what they need; pass it as a \
                   PATH\n";
    assert_eq!((said.status, said.stderr.as_str()), (0, library));
    let loaded = said.stdout.lines().filter_map(|it| image.file(it));
    let loaded: BTreeSet<PathBuf> = loaded.collect();
    let list = image.run(&["-q"]).said().stdout;
    let mut listed: BTreeSet<&str> = list.lines().collect();
    assert!(listed.len() > 20, "{listed:?}");

    let packages = image.packages().into_iter();
    let (taken, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
        packages.partition(|(_, files)| !files.is_disjoint(&loaded));
    assert!(taken.len() > listed.len(), "{taken:?}");
    for (package, files) in &taken {
        listed.remove(package.as_str());
        image.agrees_without(files, package, false);
        let is_link = |path: &&PathBuf| path.is_symlink();
        let own = files.intersection(&loaded).filter(|it| !is_link(it));
        let own: Vec<&PathBuf> = own.collect();
        for file in own.iter().filter(|_| own.len() > 1) {
            let alone = BTreeSet::from([(*file).clone()]);
            image.agrees_without(&alone, &file.to_string_lossy(), false);
        }
    }
    assert!(listed.is_empty(), "nothing is loaded from {listed:?}");
    let standard_library = "libpython3.11-minimal";
    image.agrees_without(&others[standard_library], standard_library, false);
    let others = others
        .into_iter()
        .filter(|(name, _)| name != standard_library);
    let others = others.flat_map(|(_, files)| files).collect();
    image.agrees_without(&others, "all others", true);
    needs_no_rights(&image);
}

/// A user without rights gets the same result, and the path that only they cannot read.
fn needs_no_rights(image: &Image) {
    for name in ["of-perl", "of-bash"] {
        fs::remove_file(image.path("venv/bin").join(name)).expect("it is there");
    }
    fs::copy(PROGRAM, image.path("usr/local/bin/find-libdeps")).expect("a copy");
    let unprivileged = || {
        let chroot = Run::new("chroot").arg("--userspec=65534:65534");
        let run = chroot.arg(image.root.path()).args(["find-libdeps"]);
        run.args(["--check", "/venv"]).said()
    };
    unprivileged().is(0, "", "");
    set_mode(&image.path("usr/bin"), 0o700);
    let lines = "find-libdeps: interpreter: /venv/bin/python3: leads to /usr/bin/python3, which this \
                 user may not access\n\
                 find-libdeps: missing: program /bin/sh, run by /venv/bin/of-python: it does not \
                 exist, or is not executable\n\
                 find-libdeps: hint: use a base image that has it, or pass `--exclude REGEX` for scripts \
                 that are not used\n";
    unprivileged().is(1, "", lines);
}
