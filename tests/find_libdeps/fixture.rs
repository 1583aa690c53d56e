//! Trees of ELF files compiled from one line of C, what `find-libdeps` says of them, and what
//! glibc's own `ldd` does.

use crate::elf;
use crate::schema;
use crate::support::run::{Run, Said};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tempfile::TempDir;

/// What is printed once after the libraries that are missing for no particular reason.
pub const INSTALL_HINT: &str = "find-libdeps: hint: install the packages of what is missing and \
                                run again, or pass `--lookup` to search Debian's index, or \
                                `--ignore REGEX`\n";
/// What is printed once after the libraries that no package ships.
pub const COPY_HINT: &str = "find-libdeps: hint: copy what no package ships into the image, \
                             or pass `--ignore REGEX`\n";

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_find-libdeps");

/// A directory for one test, removed with it.
pub struct Fixture {
    dir: TempDir,
}

impl Fixture {
    /// An empty one, whose path has no link in it.
    pub fn new() -> Self {
        Self {
            dir: TempDir::new_in(crate::support::target_dir()).expect("a directory for the test"),
        }
    }

    /// The path of `name` in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        let dir = self.dir.path().canonicalize().expect("it is there");
        dir.join(name)
    }

    /// The same as text, for arguments.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("ASCII").to_owned()
    }

    /// A file with this content, its directories made.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it has a name")).expect("directories");
        fs::write(&path, content).expect("a file");
        path
    }

    /// An executable file with this content.
    pub fn script(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name, content);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("it can be set");
        path
    }

    /// An ELF file without needs, made without a compiler.
    pub fn elf(&self, name: &str) -> PathBuf {
        self.file(name, elf::needing([], 0, b"/\0"))
    }

    /// A symbolic link.
    pub fn link(&self, target: impl AsRef<Path>, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it has a name")).expect("directories");
        std::os::unix::fs::symlink(target, &path).expect("a link");
        path
    }

    /// A shared library without the C library, compiled from `source` with more arguments of `cc`;
    /// paths in them are relative to the fixture.
    pub fn library(&self, name: &str, source: &str, arguments: &[&str]) -> PathBuf {
        let all = [&["-shared", "-fPIC", "-nostdlib"], arguments].concat();
        self.compile(name, source, &all)
    }

    /// A program with `_start` for its entry and without the C library, compiled likewise.
    pub fn program(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let all = [&["-nostdlib"], arguments].concat();
        self.compile(name, "void _start(void) {}", &all)
    }

    /// Whatever `cc` makes of `source` with `arguments`. Every library that it is given is needed,
    /// used or not.
    pub fn compile(&self, name: &str, source: &str, arguments: &[&str]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it has a name")).expect("directories");
        Run::new("cc")
            .dir(self.dir.path())
            .args(["-x", "c", "-", "-x", "none", "-o"])
            .arg(&path)
            .args(["-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"])
            .args(arguments)
            .stdin(source)
            .must();
        path
    }

    /// `find-libdeps` with the fixture for its working directory.
    pub fn run(&self) -> Run {
        Run::new(PROGRAM).dir(self.dir.path())
    }

    /// The JSON report on `name` with no more options.
    pub fn report(&self, name: &str) -> Report {
        Report::of(self.run(), &self.text(name))
    }

    /// Every path in `text` relative to the fixture, so that it can be compared.
    pub fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.text("")).replace("//", "/"), "")
    }

    /// What `said` says, its paths relative to the fixture.
    pub fn said(&self, run: Run) -> Said {
        let said = run.said();
        Said {
            status: said.status,
            stdout: self.relative(&said.stdout),
            stderr: self.relative(&said.stderr),
        }
    }
}

/// A JSON report.
pub struct Report(pub Value);

impl Report {
    /// The report of `run` on `path`, which is as docs/report.schema.json says.
    pub fn of(run: Run, path: &str) -> Self {
        let text = run.args(["--json", path]).must();
        let report = serde_json::from_str(&text).expect("the report is JSON");
        schema::holds("report.schema.json", &report);
        Self(report)
    }

    /// The one library that is needed as `soname`, as outcome, path and `found_by`.
    #[track_caller]
    pub fn library(&self, soname: &str) -> (String, Option<String>, Option<String>) {
        let libraries = self.0["needed"].as_array().expect("an array");
        let found: Vec<&Value> = libraries
            .iter()
            .filter(|library| library["name"] == soname)
            .collect();
        let [library] = found[..] else {
            panic!(
                "{} libraries are needed as {soname}: {:#}",
                found.len(),
                self.0
            );
        };
        let text = |name: &str| library[name].as_str().map(str::to_owned);
        (
            text("provider").expect("a string"),
            text("path"),
            text("found_by"),
        )
    }

    /// The warnings, as lines `path: message`.
    pub fn warnings(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let warnings = self.0["warnings"].as_array().expect("an array");
        warnings
            .iter()
            .map(|warning| format!("{}: {}", text(&warning["path"]), text(&warning["message"])))
            .collect()
    }
}

/// Where `ldd` finds `soname` for `file`; `None` where it does not, or fails.
pub fn ldd(file: &Path, soname: &str) -> Option<PathBuf> {
    ldd_with(Run::new("ldd"), file, soname)
}

/// The same, in the environment of `run`.
pub fn ldd_with(run: Run, file: &Path, soname: &str) -> Option<PathBuf> {
    parsed(&run.arg(file).said().stdout).remove(soname)
}

/// All that `ldd` finds for `file`, by name; asked once a file.
pub fn ldd_all(file: &Path) -> Rc<HashMap<String, PathBuf>> {
    thread_local! {
        static KNOWN: RefCell<HashMap<PathBuf, Rc<HashMap<String, PathBuf>>>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        let found = known
            .entry(file.to_owned())
            .or_insert_with(|| Rc::new(parsed(&Run::new("ldd").arg(file).said().stdout)));
        Rc::clone(found)
    })
}

/// The lines `name => path (address)`, and the loader's own, which has only its path.
pub fn parsed(stdout: &str) -> HashMap<String, PathBuf> {
    let lines = stdout.lines().filter_map(|line| {
        let line = line.trim();
        let (name, rest) = line.split_once(" => ").unwrap_or_else(|| {
            let name = line.rsplit('/').next().unwrap_or(line);
            (name.split(" (").next().unwrap_or(name), line)
        });
        let path = rest.split(" (").next()?;
        (path != "not found" && path.starts_with('/'))
            .then(|| (name.to_owned(), PathBuf::from(path)))
    });
    lines.collect()
}
