//! The interpreter of a virtualenv (PEP 405): where `bin/python3` and `pyvenv.cfg` lead, and which
//! version the virtualenv was made for.
//!
//! Versions are read off names (`python3.11`, `lib/python3.11`). Nothing is run.

use crate::system::escape::shown;
use crate::system::ordered::Ordered as _;
use crate::system::root::Root;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The file that makes its directory a virtualenv (PEP 405).
pub const CONFIGURATION: &str = "pyvenv.cfg";
/// A real `pyvenv.cfg` has some hundred bytes.
const MAX_CONFIGURATION: u64 = 1 << 16;

/// A version as the names of files have it: `3.11`, or `3.13t` without the global lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(String);

impl Version {
    /// Of `python3.11`, a program or the directory of a library.
    pub fn of_name(name: &OsStr) -> Option<Self> {
        let digits = name.to_str()?.strip_prefix("python3.")?;
        Self::of_minor(digits)
    }

    /// The version of `CPython` that alone imports a module of this name: 3.11 for
    /// `x.cpython-311-x86_64-linux-gnu.so` (PEP 3149).
    pub fn of_module(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?.strip_suffix(".so")?;
        let (_, tag) = name.rsplit_once(".cpython-3")?;
        Self::of_minor(tag.split('-').next()?)
    }

    /// The `lib/python3.X` that `path` lies in, the innermost, and its version.
    pub fn of_directory(path: &Path) -> Option<(&Path, Self)> {
        path.ancestors().skip(1).find_map(|dir| {
            let above = dir.parent()?.file_name()?;
            let is_in_lib = above == "lib" || above == "lib64";
            let version = Self::of_name(dir.file_name()?)?;
            is_in_lib.then_some((dir, version))
        })
    }

    /// Of `11`, or `11d`: a debug build uses the same names.
    fn of_minor(text: &str) -> Option<Self> {
        let text = text.trim_end_matches(['d', 'm', 'u']);
        let digits = text.strip_suffix('t').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| Self(format!("3.{text}")))
    }

    /// The file beside `lib/python3.11` that can hold the standard library.
    fn archive(&self) -> String {
        format!("python{}.zip", self.0.replace('.', ""))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A virtualenv. All paths are real ones, except that the last component may be a link.
#[derive(Debug)]
pub struct Virtualenv {
    /// The directory of `pyvenv.cfg`.
    pub prefix: PathBuf,
    /// `home`: the directory of the program that it was made with.
    pub home: Option<PathBuf>,
    /// The versions whose `site-packages` it has.
    pub made_for: BTreeSet<Version>,
    pub python: Python,
}

/// What starts Python in a virtualenv.
#[derive(Debug, PartialEq, Eq)]
pub enum Python {
    /// It has neither `bin/python3` nor `bin/python`.
    Absent,
    /// The first of these leads nowhere.
    Dangling {
        link: PathBuf,
        /// The first path that does not exist.
        target: PathBuf,
    },
    Found {
        link: PathBuf,
        program: PathBuf,
        /// `None` if no name shows it, as for `PyPy`.
        version: Option<Version>,
    },
}

/// What keeps Python from starting, or from importing what the virtualenv holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// A real path in the virtualenv.
    pub path: PathBuf,
    /// What is wrong with it.
    pub text: String,
}

/// The virtualenvs that `starts` lie in, and those of the directories `found` below them that hold
/// distributions or a program; all are real paths. What a distribution ships is none (its tests).
pub fn virtualenvs<'s>(
    root: &Root,
    starts: impl Iterator<Item = &'s Path>,
    found: &[PathBuf],
) -> Vec<Virtualenv> {
    let is_virtualenv = |dir: &Path| root.metadata(&dir.join(CONFIGURATION)).is_ok();
    let around = starts.filter_map(|start| start.ancestors().find(|dir| is_virtualenv(dir)));
    let around: BTreeSet<PathBuf> = around.map(Path::to_owned).ordered();
    let below = found.iter().filter(|dir| !is_shipped(dir)).cloned();
    let all: BTreeSet<PathBuf> = around.iter().cloned().chain(below).ordered();
    let all = all.into_iter().map(|prefix| Virtualenv::read(root, prefix));
    all.filter(|it| around.contains(&it.prefix) || !it.is_empty())
        .collect()
}

/// Whether a distribution ships what is in `dir`.
pub fn is_shipped(dir: &Path) -> bool {
    let mut names = dir.iter();
    names.any(|name| name == "site-packages" || name == "dist-packages")
}

impl Virtualenv {
    fn read(root: &Root, prefix: PathBuf) -> Self {
        let configuration = root.read(&prefix.join(CONFIGURATION), MAX_CONFIGURATION);
        let lib = prefix.join("lib");
        let names = root.list(&lib).unwrap_or_default().into_iter();
        let has_site = |name: &OsString| {
            root.metadata(&lib.join(name).join("site-packages"))
                .is_ok_and(|found| found.is_dir())
        };
        Self {
            home: home(&configuration.unwrap_or_default()),
            made_for: names
                .filter(has_site)
                .filter_map(|name| Version::of_name(&name))
                .collect(),
            python: Python::read(root, &prefix),
            prefix,
        }
    }

    fn is_empty(&self) -> bool {
        self.made_for.is_empty() && self.python == Python::Absent
    }

    /// The program and its version, if it is found.
    pub fn program(&self) -> Option<(&Path, Option<&Version>)> {
        match &self.python {
            Python::Found {
                program, version, ..
            } => Some((program, version.as_ref())),
            Python::Absent | Python::Dangling { .. } => None,
        }
    }

    /// What keeps Python from starting, or from importing what the virtualenv holds.
    pub fn fault(&self, root: &Root) -> Option<Fault> {
        let fault = |path: &Path, text: String| {
            Some(Fault {
                path: path.to_owned(),
                text,
            })
        };
        match &self.python {
            // Without programs it is for imports by another Python.
            Python::Absent if root.metadata(&self.prefix.join("bin")).is_err() => None,
            Python::Absent => fault(
                &self.prefix,
                "has neither `bin/python3` nor `bin/python`".to_owned(),
            ),
            Python::Dangling { link, target } => {
                let shown_target = shown(target);
                let error = root.metadata(target).err().map(|error| error.kind());
                let text = if error == Some(io::ErrorKind::PermissionDenied) {
                    format!("leads to {shown_target}, which this user may not access")
                } else {
                    format!(
                        "leads to {shown_target}, which does not exist; the virtualenv needs the \
                         interpreter that it was made with, at the same path"
                    )
                };
                fault(link, text)
            }
            Python::Found { link, program, .. } if !root.is_executable(program) => fault(
                link,
                if link == program {
                    "is not executable".to_owned()
                } else {
                    format!("leads to {}, which is not executable", shown(program))
                },
            ),
            Python::Found { version: None, .. } => None,
            Python::Found {
                link,
                program,
                version: Some(version),
            } => {
                if !self.made_for.is_empty() && !self.made_for.contains(version) {
                    let names: Vec<String> = self.made_for.iter().map(Version::to_string).collect();
                    return fault(
                        link,
                        format!(
                            "is Python {version} ({}), but the virtualenv was made for Python {}",
                            shown(program),
                            names.join(", ")
                        ),
                    );
                }
                if self.standard_library(root).is_some() {
                    return None;
                }
                fault(
                    link,
                    format!(
                        "leads to {}, but the standard library of Python {version} is not installed",
                        shown(program)
                    ),
                )
            }
        }
    }

    /// The directory or archive of the standard library, if the version is known. Python searches for
    /// a landmark above `home` or the program, then in a prefix that it was built for
    /// (`Modules/getpath.py` in `CPython`).
    pub fn standard_library(&self, root: &Root) -> Option<PathBuf> {
        let (program, version) = self.program()?;
        let version = version?;
        let usual = [Path::new("/usr/local"), Path::new("/usr")];
        let above = program.ancestors().skip(1);
        let home = self.home.iter().flat_map(|home| home.ancestors());
        let prefixes = above.chain(home).chain(usual);
        let libs = prefixes.flat_map(|prefix| ["lib", "lib64"].map(|lib| prefix.join(lib)));
        let exists = |path: &Path| root.metadata(path).is_ok();
        libs.flat_map(|lib| {
            let dir = lib.join(format!("python{version}"));
            [dir, lib.join(version.archive())]
        })
        .find(|place| {
            let is_archive = place.extension().is_some_and(|it| it == "zip") && exists(place);
            is_archive || exists(&place.join("os.py")) || exists(&place.join("os.pyc"))
        })
    }
}

impl Python {
    fn read(root: &Root, prefix: &Path) -> Self {
        let bin = prefix.join("bin");
        let links = ["python3", "python"].map(|name| bin.join(name));
        let exists = |link: &PathBuf| root.is_link(link) || root.metadata(link).is_ok();
        let Some(link) = links.into_iter().find(exists) else {
            return Self::Absent;
        };
        match root.canonicalize(&link) {
            Ok(program) => Self::Found {
                version: version(root, &program),
                program,
                link,
            },
            Err(_) => Self::Dangling {
                target: first_absent(root, &link),
                link,
            },
        }
    }
}

/// The first path on the way from `link` that does not exist.
fn first_absent(root: &Root, link: &Path) -> PathBuf {
    match root.hops(link).pop() {
        Some(last) => match root.link_target(&last) {
            Some(target) => target,
            None => last,
        },
        None => link.to_owned(),
    }
}

/// The version of `program` by its name or, if it is `python3`, by the one name beside it that has a
/// version, as in a virtualenv with copies.
pub fn version(root: &Root, program: &Path) -> Option<Version> {
    let name = program.file_name()?;
    if let Some(version) = Version::of_name(name) {
        // Without the global lock `make install` gives the program both names, as hard links.
        let mut free = program.as_os_str().to_owned();
        free.push("t");
        let same = |path: &Path| root.metadata(path).map(|it| (it.dev(), it.ino())).ok();
        let is_free = same(Path::new(&free)).is_some_and(|it| Some(it) == same(program));
        let free = Path::new(&free).file_name().filter(|_| is_free);
        return free.and_then(Version::of_name).or(Some(version));
    }
    if name != "python3" && name != "python" {
        return None;
    }
    let names = root.list(program.parent()?).unwrap_or_default();
    let versions: BTreeSet<Version> = names
        .iter()
        .filter_map(|name| Version::of_name(name))
        .ordered();
    let mut versions = versions.into_iter();
    versions.next().filter(|_| versions.next().is_none())
}

/// The value of `home`: lines `key = value`, keys in any case (`Lib/site.py` in `CPython`).
fn home(configuration: &[u8]) -> Option<PathBuf> {
    let mut lines = configuration.split(|&byte| byte == b'\n');
    lines.find_map(|line| {
        let at = line.iter().position(|&byte| byte == b'=')?;
        let (key, value) = (line[..at].trim_ascii(), line[at + 1..].trim_ascii());
        let is_home = key.eq_ignore_ascii_case(b"home") && value.starts_with(b"/");
        is_home.then(|| PathBuf::from(OsString::from_vec(value.to_vec())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    /// A root with Python 3.11 in `/usr`, and a virtualenv whose `bin/python3` leads to `target`.
    fn root(target: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in [
            "usr/bin",
            "usr/lib/python3.11",
            "venv/bin",
            "venv/lib/python3.11/site-packages",
        ] {
            fs::create_dir_all(path(name)).unwrap();
        }
        for name in ["usr/bin/python3.11", "usr/bin/python3.12"] {
            fs::write(path(name), "").unwrap();
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(path("usr/lib/python3.11/os.py"), "").unwrap();
        fs::write(
            path("venv/pyvenv.cfg"),
            "Home = /usr/bin\nversion = 3.11.2\n",
        )
        .unwrap();
        symlink("python3.11", path("usr/bin/python3")).unwrap();
        symlink("/nowhere/python3.11", path("usr/bin/gone")).unwrap();
        symlink(target, path("venv/bin/python3")).unwrap();
        dir
    }

    fn fault(dir: &Path, start: &str) -> Option<(String, String)> {
        let root = Root::below(dir).unwrap();
        let found = ["/venv", "/venv/lib/python3.11/site-packages/x"].map(PathBuf::from);
        let all = virtualenvs(&root, [Path::new(start)].into_iter(), &found);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].prefix, Path::new("/venv"));
        let fault = all[0].fault(&root)?;
        Some((fault.path.display().to_string(), fault.text))
    }

    #[test]
    fn the_interpreter_is_followed_to_its_standard_library() {
        let dir = root("/usr/bin/python3");
        for start in ["/venv", "/", "/venv/lib/python3.11/site-packages"] {
            assert_eq!(fault(dir.path(), start), None, "{start}");
        }
        fs::remove_file(dir.path().join("usr/lib/python3.11/os.py")).unwrap();
        let text = "leads to /usr/bin/python3.11, but the standard library of Python 3.11 is not \
                    installed";
        let link = "/venv/bin/python3".to_owned();
        assert_eq!(fault(dir.path(), "/venv"), Some((link, text.to_owned())));
    }

    #[test]
    fn an_interpreter_that_is_absent_or_of_another_version_is_a_fault() {
        let link = || "/venv/bin/python3".to_owned();
        let absent = |path: &str| {
            let text = format!(
                "leads to {path}, which does not exist; the virtualenv needs the interpreter that \
                 it was made with, at the same path"
            );
            Some((link(), text))
        };
        for (target, path) in [
            ("/usr/local/bin/python3", "/usr/local/bin/python3"),
            ("../../usr/bin/gone", "/nowhere/python3.11"),
        ] {
            let dir = root(target);
            assert_eq!(fault(dir.path(), "/venv"), absent(path));
        }
        let dir = root("/usr/bin/python3.12");
        let text =
            "is Python 3.12 (/usr/bin/python3.12), but the virtualenv was made for Python 3.11";
        assert_eq!(fault(dir.path(), "/venv"), Some((link(), text.to_owned())));
        fs::remove_file(dir.path().join("venv/bin/python3")).unwrap();
        let target = dir.path().join("usr/bin/python3.11");
        symlink("/usr/bin/python3.11", dir.path().join("venv/bin/python3")).unwrap();
        symlink("../../usr/bin/gone", dir.path().join("venv/bin/python")).unwrap();
        assert_eq!(fault(dir.path(), "/venv"), None);
        fs::remove_file(dir.path().join("venv/bin/python3")).unwrap();
        let gone =
            absent("/nowhere/python3.11").map(|(_, text)| ("/venv/bin/python".to_owned(), text));
        assert_eq!(fault(dir.path(), "/venv"), gone);
        fs::remove_file(dir.path().join("venv/bin/python")).unwrap();
        symlink("/usr/bin/python3.11", dir.path().join("venv/bin/python3")).unwrap();
        fs::set_permissions(target, fs::Permissions::from_mode(0o644)).unwrap();
        let text = "leads to /usr/bin/python3.11, which is not executable".to_owned();
        assert_eq!(fault(dir.path(), "/venv"), Some((link(), text)));
        fs::remove_file(dir.path().join("venv/bin/python3")).unwrap();
        let text = "has neither `bin/python3` nor `bin/python`".to_owned();
        assert_eq!(fault(dir.path(), "/venv"), Some(("/venv".to_owned(), text)));
    }

    #[test]
    fn a_version_is_read_off_the_names_that_python_gives() {
        let version = |text: &str| Some(Version(text.to_owned()));
        for (name, expected) in [
            ("x.cpython-311-x86_64-linux-gnu.so", version("3.11")),
            ("x.cpython-311d-x86_64-linux-gnu.so", version("3.11")),
            ("x.cpython-37m-x86_64-linux-gnu.so", version("3.7")),
            ("x.cpython-313t-x86_64-linux-gnu.so", version("3.13t")),
            ("x.abi3.so", None),
            ("x.pypy310-pp73-x86_64-linux-gnu.so", None),
            ("libx.so.1", None),
        ] {
            assert_eq!(Version::of_module(OsStr::new(name)), expected, "{name}");
        }
        for (name, expected) in [
            ("python3.11", version("3.11")),
            ("python3.13t", version("3.13t")),
            ("python3.12-config", None),
            ("python3", None),
            ("pypy3.10", None),
        ] {
            assert_eq!(Version::of_name(OsStr::new(name)), expected, "{name}");
        }
    }
}
