//! Queries to dpkg.
//!
//! The only module that knows what `dpkg -S` and `dpkg-query -W` print. It neither reads dpkg's own
//! files nor changes anything.

use crate::packages::package::{Owners, Package, PackageVersion};
use crate::system::escape::{counted, shown};
use crate::system::ordered::Ordered as _;
use crate::system::process::{self, ProcessError};
use crate::system::root::Root;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output};
use std::time::Duration;
use thiserror::Error;

/// Where dpkg keeps its database, below a root (dpkg(1), `--admindir`).
pub const ADMINDIR: &str = "/var/lib/dpkg";
/// How long one query may take: usually less than a second.
const LIMIT: Duration = Duration::from_secs(300);
/// No path that can be opened is longer (limits.h).
const PATH_MAX: usize = 4096;
/// Variables that select another database (dpkg(1), ENVIRONMENT).
const ENVIRONMENT: [&str; 2] = ["DPKG_ADMINDIR", "DPKG_ROOT"];

/// Why a query failed.
#[derive(Debug, Error)]
pub enum DpkgError {
    /// dpkg is not installed, or cannot be started.
    #[error("{}{}", .0, advice(.0))]
    Process(#[from] ProcessError),
    /// The root has no database.
    #[error(
        "no package database: neither {} nor apk's exists; is this the root of a Debian or Alpine \
         system?",
        shown(path)
    )]
    NoDatabase {
        /// The file that should exist.
        path: PathBuf,
    },
    /// The root's database has no packages.
    #[error(
        "dpkg's database has no packages: {} is empty; is this the root of a Debian system?",
        shown(path)
    )]
    Empty {
        /// The file that lists them.
        path: PathBuf,
    },
    /// The root's database cannot be read.
    #[error("cannot read dpkg's database {}: {source}", shown(path))]
    Database {
        /// Its directory.
        path: PathBuf,
        source: io::Error,
    },
    /// The root's database could lead dpkg out of the root.
    #[error(
        "{} is a symbolic link, which dpkg would follow out of the root",
        shown(path)
    )]
    Link { path: PathBuf },
    /// dpkg failed.
    #[error("`{command}` {}{}", process::ended(*status), said(stderr))]
    Failed {
        command: String,
        status: ExitStatus,
        stderr: String,
    },
    /// dpkg printed something unexpected.
    #[error("`{command}` printed an unexpected line: `{line}`")]
    NotUnderstood { command: String, line: String },
}

fn advice(error: &ProcessError) -> &'static str {
    match error {
        ProcessError::NotFound { .. } => {
            "; the list names packages of dpkg or apk, so run find-libdeps on Debian or Alpine"
        }
        _ => "",
    }
}

/// What `dpkg -S` complains about in `stderr`, with all packages whose list of files is missing in one.
/// Stripped images lack all of them.
fn complaints(stderr: &[u8]) -> Vec<String> {
    let stderr = String::from_utf8_lossy(stderr);
    let is_no_fault =
        |line: &str| line.contains("no path found matching pattern") || is_of_home(line.as_bytes());
    let (mut complaints, mut packages) = (Vec::new(), BTreeSet::new());
    for line in stderr.lines().filter(|line| !is_no_fault(line)) {
        match line.split_once("files list file for package '") {
            Some((_, rest)) => {
                let end = rest.find('\'').unwrap_or(rest.len());
                packages.insert(shown(&rest[..end]));
            }
            None => complaints.push(shown(line)),
        }
    }
    if let Some(first) = packages.first() {
        let count = counted(packages.len(), "package");
        complaints.push(format!(
            "lacks the lists of files of {count} such as {first}; the packages of their files are not known"
        ));
    }
    complaints
}

fn said(stderr: &str) -> String {
    match stderr.trim() {
        "" => String::new(),
        text => format!(": {}", text.replace('\n', "; ")),
    }
}

/// dpkg, with the database that it queries.
#[derive(Clone, Debug)]
pub struct Dpkg {
    /// `None` for dpkg's default, or the one that the environment selects.
    admindir: Option<PathBuf>,
    native: String,
    /// Whether the database does not show the native architecture.
    is_native_assumed: bool,
}

impl Dpkg {
    /// The dpkg whose database is that of `root`.
    pub fn new(root: &Root) -> Result<Self, DpkgError> {
        let status = Path::new(ADMINDIR).join("status");
        if !is_elsewhere(root) {
            let size = root.metadata(&status).map(|metadata| metadata.len());
            let path = root.outer(&status);
            match size {
                Ok(0) => return Err(DpkgError::Empty { path }),
                Ok(_) => {}
                Err(_) => {
                    process::command("dpkg")?;
                    return Err(DpkgError::NoDatabase { path });
                }
            }
        }
        let admindir = if root.is_machine() {
            None
        } else {
            Some(contained(root)?)
        };
        let mut dpkg = Self {
            admindir,
            native: String::new(),
            is_native_assumed: false,
        };
        dpkg.find_native()?;
        Ok(dpkg)
    }

    /// Its list of packages, if `root` has one that is not empty or the environment selects one.
    pub fn status(root: &Root) -> Option<PathBuf> {
        let status = Path::new(ADMINDIR).join("status");
        let size = root.metadata(&status).map_or(0, |metadata| metadata.len());
        (size > 0 || is_elsewhere(root)).then(|| root.outer(&status))
    }

    /// One that is not asked anything.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn of(native: &str) -> Self {
        Self {
            admindir: None,
            native: native.to_owned(),
            is_native_assumed: false,
        }
    }

    /// The native architecture of the database.
    pub fn architecture(&self) -> &str {
        &self.native
    }

    /// What had to be assumed of its architecture.
    pub fn assumption(&self) -> Option<String> {
        self.is_native_assumed.then(|| {
            format!(
                "neither dpkg nor libc6 is installed; the architecture is taken to be {}",
                self.native
            )
        })
    }

    /// The other architectures whose packages may be installed (dpkg(1), `--add-architecture`).
    pub fn foreign_architectures(&self) -> Result<BTreeSet<String>, DpkgError> {
        let output = self.run("dpkg", &["--print-foreign-architectures"], &[])?;
        if !output.status.success() {
            return Err(failed("dpkg --print-foreign-architectures", &output));
        }
        let names = String::from_utf8_lossy(&output.stdout);
        Ok(names.split_whitespace().map(str::to_owned).ordered())
    }

    /// Finds the native architecture: in another root that of its dpkg or libc6 package, on this machine
    /// that of dpkg, which is assumed for a root that has neither package.
    fn find_native(&mut self) -> Result<(), DpkgError> {
        if self.admindir.is_some() {
            for package in ["dpkg", "libc6"] {
                let arguments = ["-W", "-f=${Architecture}\\n", package];
                let output = self.run("dpkg-query", &arguments, &[])?;
                // A package that others name, but that is not installed, has no architecture.
                if output.status.success() && output.stdout != b"\n" {
                    self.native = architecture("dpkg-query -W", &output.stdout)?;
                    return Ok(());
                }
            }
        }
        let command = "dpkg --print-architecture";
        let output = self.run("dpkg", &["--print-architecture"], &[])?;
        if !output.status.success() {
            return Err(failed(command, &output));
        }
        self.native = architecture(command, &output.stdout)?;
        self.is_native_assumed = self.admindir.is_some();
        Ok(())
    }

    /// Adds the owners of `paths`, which are absolute and without `.` and `..`, to `owners`. This
    /// takes one call of dpkg, and more only if the paths do not fit into one, or if one of them is
    /// the place of a diverted file, whose owner is known under its other name.
    pub fn owners(&self, paths: &BTreeSet<OsString>, owners: &mut Owners) -> Result<(), DpkgError> {
        // dpkg's lists are lines: no package ships a path with a newline in it, or one that is too
        // long to be opened.
        let asked: Vec<&OsString> = paths
            .iter()
            .filter(|path| path.len() < PATH_MAX && !path.as_bytes().contains(&b'\n'))
            .collect();
        self.search(&asked, owners)?;
        let more: BTreeSet<OsString> = asked
            .iter()
            .filter_map(|path| owners.diverted.get(Path::new(path)))
            .map(|from| from.clone().into_os_string())
            .filter(|from| !paths.contains(from))
            .ordered();
        self.search(&more.iter().collect::<Vec<_>>(), owners)
    }

    fn search(&self, paths: &[&OsString], owners: &mut Owners) -> Result<(), DpkgError> {
        if paths.is_empty() {
            return Ok(());
        }
        let patterns: Vec<OsString> = paths.iter().map(|path| escaped(path)).collect();
        // `dpkg -S` reads the machine's /etc/dpkg/dpkg.cfg and executes dpkg-query, which does not:
        // for another root, dpkg-query is called directly.
        let program = match self.admindir {
            None => "dpkg",
            Some(_) => "dpkg-query",
        };
        let output = match self.run(program, &["-S"], &patterns) {
            Err(ProcessError::NotStarted { source, .. })
                if source.kind() == io::ErrorKind::ArgumentListTooLong && paths.len() > 1 =>
            {
                let (one, other) = paths.split_at(paths.len() / 2);
                self.search(one, owners)?;
                return self.search(other, owners);
            }
            output => output?,
        };
        // 1: a path has no owner.
        if !matches!(output.status.code(), Some(0 | 1)) {
            return Err(failed("dpkg -S", &output));
        }
        owners.complaints.extend(complaints(&output.stderr));
        self.parse(&output.stdout, owners)
    }

    /// Reads `dpkg -S` (`searchoutput` in dpkg's `src/query/main.c`): a line
    /// `package[:arch], …: path`, or for a diverted path two lines `diversion by package from:
    /// path` and `… to: path` (or `local diversion from: …`) first.
    pub(crate) fn parse(&self, answer: &[u8], owners: &mut Owners) -> Result<(), DpkgError> {
        let mut from = None;
        for line in answer.split(|&byte| byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            let not_understood = || DpkgError::NotUnderstood {
                command: "dpkg -S".to_owned(),
                line: shown(OsStr::from_bytes(line)),
            };
            let (head, path) = split_once(line, b": /").ok_or_else(not_understood)?;
            let head = std::str::from_utf8(head).map_err(|_| not_understood())?;
            let path = PathBuf::from(OsString::from_vec([b"/", path].concat()));
            if let Some((_, "from")) = diversion(head) {
                from = Some(path);
            } else if let Some((by, _)) = diversion(head) {
                let from = from.take().ok_or_else(not_understood)?;
                owners.diverted.insert(path, from.clone());
                owners.diversions.insert(from, by.map(str::to_owned));
            } else {
                let packages = head
                    .split(", ")
                    .map(|name| self.package(name).ok_or_else(not_understood))
                    .collect::<Result<Vec<_>, _>>()?;
                owners.by_path.entry(path).or_default().extend(packages);
            }
        }
        Ok(())
    }

    fn package(&self, name: &str) -> Option<Package> {
        let (name, architecture) = match name.split_once(':') {
            None => (name, None),
            Some((name, architecture)) => (name, Some(architecture)),
        };
        (is_word(name) && architecture.is_none_or(is_word)).then(|| Package {
            name: name.to_owned(),
            foreign: architecture
                .filter(|architecture| *architecture != self.native)
                .map(str::to_owned),
        })
    }

    /// The versions of `packages`, all of which are installed.
    pub fn versions(
        &self,
        packages: &BTreeSet<Package>,
    ) -> Result<BTreeMap<Package, PackageVersion>, DpkgError> {
        if packages.is_empty() {
            return Ok(BTreeMap::new());
        }
        let format = "-f=${Package}\\t${Architecture}\\t${Version}\\n";
        let names: Vec<OsString> = packages
            .iter()
            .map(|package| package.to_string().into())
            .collect();
        let output = self.run("dpkg-query", &["-W", format], &names)?;
        if !output.status.success() {
            return Err(failed("dpkg-query -W", &output));
        }
        self.parse_versions(&output.stdout, packages)
    }

    /// Reads lines of package, architecture and version, separated by tabs.
    pub(crate) fn parse_versions(
        &self,
        answer: &[u8],
        packages: &BTreeSet<Package>,
    ) -> Result<BTreeMap<Package, PackageVersion>, DpkgError> {
        let mut versions = BTreeMap::new();
        for line in String::from_utf8_lossy(answer).lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, architecture, version] = fields[..] else {
                return Err(DpkgError::NotUnderstood {
                    command: "dpkg-query -W".to_owned(),
                    line: shown(line),
                });
            };
            let is_native = architecture == self.native || architecture == "all";
            let package = Package {
                name: name.to_owned(),
                foreign: (!is_native).then(|| architecture.to_owned()),
            };
            if packages.contains(&package) {
                let version = PackageVersion {
                    number: version.to_owned(),
                    architecture: architecture.to_owned(),
                };
                versions.insert(package, version);
            }
        }
        Ok(versions)
    }

    /// Runs `program` on the database and waits for it.
    fn run(
        &self,
        program: &'static str,
        question: &[&str],
        about: &[OsString],
    ) -> Result<Output, ProcessError> {
        let mut command = process::command(program)?;
        if let Some(dir) = &self.admindir {
            command.env_clear().env("LC_ALL", "C");
            let mut option = OsString::from("--admindir=");
            option.push(dir);
            command.arg(option);
        }
        process::output(command.args(question).args(about), Some(LIMIT))
    }
}

/// Whether the environment selects another database.
fn is_elsewhere(root: &Root) -> bool {
    let is_set = |name: &&str| std::env::var_os(name).is_some();
    root.is_machine() && ENVIRONMENT.iter().any(is_set)
}

/// The path of another root's database as this process sees it. dpkg would follow links in it out of
/// the root, so there must be none.
fn contained(root: &Root) -> Result<PathBuf, DpkgError> {
    let unreadable = |source| DpkgError::Database {
        path: root.outer(Path::new(ADMINDIR)),
        source,
    };
    let dir = root.canonicalize(Path::new(ADMINDIR)).map_err(unreadable)?;
    for part in [
        &dir,
        &dir.join("info"),
        &dir.join("updates"),
        &dir.join("triggers"),
    ] {
        for name in root.list(part).unwrap_or_default() {
            let path = part.join(name);
            if root.is_link_at(&path) {
                return Err(DpkgError::Link {
                    path: root.outer(&path),
                });
            }
        }
    }
    Ok(root.outer(&dir))
}

fn failed(command: &str, output: &Output) -> DpkgError {
    DpkgError::Failed {
        command: command.to_owned(),
        status: output.status,
        stderr: shown_lines(&output.stderr),
    }
}

/// Whether dpkg warns that it cannot open `~/.dpkg.cfg`, as where `HOME` is that of another user.
fn is_of_home(line: &[u8]) -> bool {
    line.starts_with(b"dpkg: warning: ") && split_once(line, b"/.dpkg.cfg'").is_some()
}

fn shown_lines(text: &[u8]) -> String {
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty() && !is_of_home(line))
        .map(|line| shown(OsStr::from_bytes(line)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The architecture on the first line that `command` printed.
fn architecture(command: &str, output: &[u8]) -> Result<String, DpkgError> {
    let output = String::from_utf8_lossy(output);
    let line = output.lines().next().unwrap_or_default().trim();
    if is_word(line) {
        Ok(line.to_owned())
    } else {
        Err(DpkgError::NotUnderstood {
            command: command.to_owned(),
            line: shown(line),
        })
    }
}

/// The package in `diversion by PACKAGE from` (none in `local diversion from`), and the last word.
fn diversion(head: &str) -> Option<(Option<&str>, &str)> {
    let (rest, end) = head.rsplit_once(' ')?;
    if rest == "local diversion" {
        return Some((None, end));
    }
    let by = rest.strip_prefix("diversion by ")?;
    Some((Some(by), end))
}

/// Whether `word` can be a package or architecture name (Debian Policy 5.6.1 and 5.6.8).
fn is_word(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
}

/// `path` as a pattern that matches it alone (dpkg-query(1), `-S`: glob(7) wildcards).
fn escaped(path: &OsStr) -> OsString {
    let mut pattern = Vec::with_capacity(path.len());
    for &byte in path.as_bytes() {
        if b"*?[]\\".contains(&byte) {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    OsString::from_vec(pattern)
}

fn split_once<'a>(line: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = line
        .windows(separator.len())
        .position(|window| window == separator)?;
    Some((&line[..at], &line[at + separator.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(answer: &str) -> Owners {
        let dpkg = Dpkg::of("amd64");
        let mut owners = Owners::default();
        dpkg.parse(answer.as_bytes(), &mut owners).unwrap();
        owners
    }

    fn of(owners: &Owners, path: &str) -> Vec<String> {
        owners
            .of(Path::new(path))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn only_a_foreign_architecture_is_named() {
        let owners = owners("both:i386, both:amd64, bar: /usr/lib/x: y.so\n");
        assert_eq!(
            of(&owners, "/usr/lib/x: y.so"),
            ["bar", "both", "both:i386"]
        );
    }

    #[test]
    fn a_diverted_path_belongs_to_the_diverter_and_its_new_place_to_the_others() {
        let owners = owners(
            "diversion by bar from: /lib/d.so\ndiversion by bar to: /lib/d.so.distrib\n\
             foo:i386, bar: /lib/d.so\n",
        );
        assert_eq!(of(&owners, "/lib/d.so"), ["bar"]);
        assert_eq!(of(&owners, "/lib/d.so.distrib"), ["foo:i386"]);
    }

    #[test]
    fn a_local_diversion_leaves_the_path_to_nobody() {
        let owners = owners(
            "local diversion from: /lib/d.so\nlocal diversion to: /lib/d.so.old\nfoo: /lib/d.so\n",
        );
        assert!(of(&owners, "/lib/d.so").is_empty());
        assert_eq!(of(&owners, "/lib/d.so.old"), ["foo"]);
    }

    #[test]
    fn pattern_characters_are_escaped() {
        assert_eq!(escaped(OsStr::new("/a*b?[c]\\d")), "/a\\*b\\?\\[c\\]\\\\d");
    }

    #[test]
    fn an_unknown_answer_is_an_error() {
        let dpkg = Dpkg::of("amd64");
        for answer in ["what?\n", "a b: /x\n", "diversion by a to: /x\n", ": /x\n"] {
            let error = dpkg.parse(answer.as_bytes(), &mut Owners::default());
            assert!(
                matches!(error, Err(DpkgError::NotUnderstood { .. })),
                "{answer}"
            );
        }
    }
}
