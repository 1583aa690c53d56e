//! Questions to apt: which Contents indexes it has, fetching them, and what is in them.
//!
//! The only place that knows apt's command lines and answers. apt itself chooses the sources,
//! fetches, checks signatures, and decompresses. Its own directories are never written to: what is
//! fetched goes into a [`Lists`] directory, and no hook of the machine's configuration is run.

use crate::packages::lookup::release_file::{self, Digest};
use crate::system::escape::shown;
use crate::system::process::{self, ProcessError, Running};
use sha2::{Digest as _, Sha256};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use tempfile::TempDir;
use thiserror::Error;

/// Where Debian's apt has its helper, which is not on PATH.
const HELPER: &str = "/usr/lib/apt/apt-helper";
/// Where apt keeps its lists (apt.conf(5), `Dir::State::lists`), unless `APT_CONFIG` says otherwise.
const LISTS: &str = "/var/lib/apt/lists";
/// Real machines have a dozen of indexes.
const MAX_INDEXES: usize = 4096;
/// Debian's Release files have 0.2 MB.
const MAX_RELEASE: u64 = 16 << 20;
/// How many lines of what apt complained about are kept.
const MAX_COMPLAINTS: usize = 10;

/// Why apt gave no answer.
#[derive(Debug, Error)]
pub enum AptError {
    /// A program of apt's is not there, or could not be started.
    #[error("{}{}", .0, advice(.0))]
    Process(#[from] ProcessError),
    /// It ran and failed.
    #[error("`{command}` failed with {status}: {}", .complaints.join("; "))]
    Failed {
        /// The program and what was asked.
        command: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        complaints: Vec<String>,
    },
    /// The directory for what is fetched cannot be used.
    #[error(
        "cannot use {} for apt's lists: {source}; set TMPDIR, or name another directory with `--lookup=DIR`",
        shown(path)
    )]
    Directory {
        /// The directory, or what is in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An index is not what apt has fetched and checked.
    #[error("{}: {problem}", shown(path))]
    Damaged {
        /// The index.
        path: PathBuf,
        /// What is the matter.
        problem: String,
    },
}

fn advice(error: &ProcessError) -> &'static str {
    match error {
        ProcessError::NotFound { .. } => ": packages are looked up by apt, so run this on Debian",
        ProcessError::NotStarted { .. } => "",
    }
}

/// Where apt keeps indexes.
#[derive(Debug)]
pub enum Lists {
    /// Where the machine's configuration says.
    Machine,
    /// In a directory that stays.
    Kept(PathBuf),
    /// In a directory that is removed with this value. A signal that ends the process leaves it
    /// behind.
    Temporary(TempDir),
}

/// A Contents index that apt has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Where it lies, compressed or not.
    pub path: PathBuf,
    /// `Origin` of its Release file.
    pub origin: String,
    /// `Codename` of its Release file.
    pub codename: String,
    /// The component of the archive (`main`); empty where the archive has none.
    pub component: String,
    /// Its name in the Release file, not compressed.
    name: String,
}

impl Lists {
    /// Lists in `dir`, which is made where it is not there.
    pub fn kept(dir: &Path) -> Result<Self, AptError> {
        let dir = std::path::absolute(dir).map_err(|source| AptError::Directory {
            path: dir.to_owned(),
            source,
        })?;
        let lists = Self::Kept(dir);
        lists.prepare()?;
        Ok(lists)
    }

    /// Lists in a directory of their own.
    pub fn temporary() -> Result<Self, AptError> {
        // For root apt downloads as a user of its own, who must be able to enter.
        let dir = tempfile::Builder::new()
            .prefix("find-libdeps-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .map_err(|source| AptError::Directory {
                path: std::env::temp_dir(),
                source,
            })?;
        let lists = Self::Temporary(dir);
        lists.prepare()?;
        Ok(lists)
    }

    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Machine => None,
            Self::Kept(dir) => Some(dir),
            Self::Temporary(dir) => Some(dir.path()),
        }
    }

    fn prepare(&self) -> Result<(), AptError> {
        for name in ["lists/partial", "cache"] {
            let Some(path) = self.dir().map(|dir| dir.join(name)) else {
                continue;
            };
            fs::create_dir_all(&path).map_err(|source| AptError::Directory { path, source })?;
        }
        Ok(())
    }

    /// The Contents indexes for `architecture` that are there, in apt's order of sources.
    pub fn indexes(&self, architecture: &str) -> Result<Vec<Index>, AptError> {
        if matches!(self, Self::Machine) && !may_have_index() {
            return Ok(Vec::new());
        }
        let mut command = process::command("apt-get")?;
        self.point(&mut command);
        let id = identifier(architecture);
        for (field, value) in target(architecture) {
            let option = format!("Acquire::IndexTargets::deb::{id}::{field}={value}");
            command.args(["-o", &option]);
        }
        command.args(["indextargets", &format!("Identifier: {id}")]);
        let output = process::output(&mut command)?;
        if !output.status.success() {
            return Err(failed(
                "apt-get indextargets",
                output.status,
                &output.stderr,
            ));
        }
        Ok(indexes(&output.stdout))
    }

    /// Has apt fetch the Contents indexes of all sources for `architectures`, and check them; what
    /// is there and has not changed is not fetched again. A source that cannot be reached is an
    /// error, one that has no such index is none.
    pub fn fetch(&self, architectures: &[&str]) -> Result<(), AptError> {
        let Some(dir) = self.dir() else {
            return Ok(());
        };
        let conf = dir.join("apt.conf");
        fs::write(&conf, configuration(architectures)).map_err(|source| AptError::Directory {
            path: conf.clone(),
            source,
        })?;
        let mut command = process::command("apt-get")?;
        command.arg("-c").arg(conf);
        self.point(&mut command);
        let output = process::output(command.args(["-qq", "update"]))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(failed("apt-get update", output.status, &output.stderr))
        }
    }

    /// Points apt at these lists instead of the machine's.
    fn point(&self, command: &mut Command) {
        let mut option = |name: &str, value: &OsStr| {
            let mut text = OsString::from(name);
            text.push("=");
            text.push(value);
            command.arg("-o").arg(text);
        };
        // No cache is read or written.
        option("Dir::Cache::pkgcache", OsStr::new(""));
        option("Dir::Cache::srcpkgcache", OsStr::new(""));
        if let Some(dir) = self.dir() {
            option("Dir::State::lists", dir.join("lists").as_os_str());
            option("Dir::Cache", dir.join("cache").as_os_str());
        }
    }
}

impl Index {
    /// Its content, decompressed by apt.
    pub fn open(&self) -> Result<Content, AptError> {
        let mut command = process::command(HELPER)?;
        let running = process::spawn(command.arg("cat-file").arg(&self.path))?;
        Ok(Content {
            path: self.path.clone(),
            expected: self.digest(),
            running,
            size: 0,
            sum: Sha256::new(),
        })
    }

    /// What the Release file beside it says of it, which apt has checked; `None` where that lists
    /// the compressed form alone.
    fn digest(&self) -> Option<Digest> {
        let file_name = self.path.file_name()?.to_str()?;
        // apt names a list as its address, with `_` for `/` (`URItoFileName` in apt-pkg's
        // `contrib/strutl.cc`).
        let own = self.name.replace('/', "_");
        let prefix = &file_name[..file_name.rfind(&own)?];
        ["InRelease", "Release"].iter().find_map(|name| {
            let path = self.path.with_file_name(format!("{prefix}{name}"));
            let mut text = Vec::new();
            let file = File::open(path).ok()?;
            file.take(MAX_RELEASE).read_to_end(&mut text).ok()?;
            release_file::digest(&String::from_utf8_lossy(&text), &self.name)
        })
    }
}

/// An index as it is read. It counts only once [`Content::finish`] has found it whole.
pub struct Content {
    path: PathBuf,
    expected: Option<Digest>,
    running: Running,
    size: u64,
    sum: Sha256,
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.running.read(buffer)?;
        self.size += length as u64;
        if self.expected.is_some() {
            self.sum.update(&buffer[..length]);
        }
        Ok(length)
    }
}

impl Content {
    /// To be called after the last byte was read. apt-helper says nothing of a gzip file that is
    /// cut off, nor of an lz4 file with other bytes in it, so the sum is compared.
    pub fn finish(self) -> Result<(), AptError> {
        let damaged = |problem: String| AptError::Damaged {
            path: self.path.clone(),
            problem,
        };
        let (status, stderr) = self
            .running
            .finish()
            .map_err(|error| damaged(error.to_string()))?;
        if !status.success() {
            let complaints = complaints(&stderr).join("; ");
            return Err(damaged(format!(
                "`apt-helper cat-file` failed with {status}: {complaints}"
            )));
        }
        let Some(expected) = self.expected else {
            return Ok(());
        };
        let mut sum = String::new();
        for byte in self.sum.finalize() {
            // Writing to a String does not fail.
            let _ = write!(sum, "{byte:02x}");
        }
        if self.size != expected.size || sum != expected.sha256 {
            return Err(damaged(
                "not what its Release file says: size or SHA-256 sum differ".to_owned(),
            ));
        }
        Ok(())
    }
}

/// What apt calls the index target.
fn identifier(architecture: &str) -> String {
    format!("Contents-{architecture}")
}

/// An index target (apt's `doc/acquire-additional-files.md`). The architecture is spelled out: with
/// `$(ARCHITECTURE)` apt would fetch `Contents-all` too.
fn target(architecture: &str) -> [(&'static str, String); 6] {
    [
        ("MetaKey", format!("$(COMPONENT)/Contents-{architecture}")),
        ("flatMetaKey", format!("Contents-{architecture}")),
        ("ShortDescription", format!("Contents-{architecture}")),
        (
            "Description",
            format!("$(RELEASE)/$(COMPONENT) {architecture} Contents"),
        ),
        (
            "flatDescription",
            format!("$(RELEASE) {architecture} Contents"),
        ),
        ("KeepCompressed", "true".to_owned()),
    ]
}

/// The configuration with which apt fetches nothing but Contents indexes, and runs no hook: those
/// of the machine tend its own lists. Only a file can clear what other files have set.
fn configuration(architectures: &[&str]) -> String {
    let mut text = "#clear Acquire::IndexTargets;\n\
                    #clear APT::Update::Pre-Invoke;\n\
                    #clear APT::Update::Post-Invoke;\n\
                    #clear APT::Update::Post-Invoke-Success;\n\
                    APT::Update::Error-Mode \"any\";\n"
        .to_owned();
    for architecture in architectures {
        let id = identifier(architecture);
        for (field, value) in target(architecture) {
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                "Acquire::IndexTargets::deb::{id}::{field} \"{value}\";"
            );
        }
    }
    text
}

/// Whether apt itself can have a Contents index. A look into its usual directory spares asking apt,
/// which takes half a second: machines without one are the rule.
fn may_have_index() -> bool {
    let is_index = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            name.to_string_lossy().contains("_Contents-")
        })
    };
    let is_elsewhere = std::env::var_os("APT_CONFIG").is_some();
    is_elsewhere || fs::read_dir(LISTS).is_ok_and(|mut entries| entries.any(is_index))
}

/// Reads the answer of `apt-get indextargets`: paragraphs of `Field: value`.
fn indexes(answer: &[u8]) -> Vec<Index> {
    let mut all = Vec::new();
    let mut index = Index::default();
    // A closing empty line ends the last paragraph.
    for line in answer.split(|&byte| byte == b'\n').chain([&b""[..]]) {
        let value = |field: &str| line.strip_prefix(field.as_bytes());
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        if line.is_empty() {
            let done = std::mem::take(&mut index);
            if done.path.is_absolute() && all.len() < MAX_INDEXES {
                all.push(done);
            }
        } else if let Some(path) = value("Filename: ") {
            index.path = PathBuf::from(OsStr::from_bytes(path));
        } else if let Some(origin) = value("Origin: ") {
            index.origin = text(origin);
        } else if let Some(codename) = value("Codename: ") {
            index.codename = text(codename);
        } else if let Some(component) = value("Component: ") {
            index.component = text(component);
        } else if let Some(name) = value("MetaKey: ") {
            index.name = text(name);
        }
    }
    all
}

fn failed(command: &'static str, status: ExitStatus, stderr: &[u8]) -> AptError {
    AptError::Failed {
        command,
        status,
        complaints: complaints(stderr),
    }
}

/// The errors among what apt said; all of it where it called nothing an error.
fn complaints(stderr: &[u8]) -> Vec<String> {
    let lines: Vec<&[u8]> = stderr
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    let errors: Vec<&[u8]> = lines
        .iter()
        .filter_map(|line| line.strip_prefix(b"E: "))
        .collect();
    let told = if errors.is_empty() { lines } else { errors };
    told.into_iter()
        .take(MAX_COMPLAINTS)
        .map(|line| shown(OsStr::from_bytes(line)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_a_paragraph() {
        let answer = b"MetaKey: main/Contents-amd64\nFilename: /l/a_main_Contents-amd64.lz4\n\
                       Codename: bookworm\nOrigin: Debian\nComponent: main\nOther: x\n\n\
                       Filename: relative\n\nFilename: /l/b\n";
        let debian = Index {
            path: "/l/a_main_Contents-amd64.lz4".into(),
            origin: "Debian".to_owned(),
            codename: "bookworm".to_owned(),
            component: "main".to_owned(),
            name: "main/Contents-amd64".to_owned(),
        };
        let other = Index {
            path: "/l/b".into(),
            ..Index::default()
        };
        assert_eq!(indexes(answer), [debian, other]);
        assert_eq!(indexes(b""), []);
    }

    #[test]
    fn errors_count_before_warnings() {
        assert_eq!(complaints(b"W: a\nE: b\x1b\n\nE: c\n"), ["b\\u{1b}", "c"]);
        assert_eq!(complaints(b"a\nb\n"), ["a", "b"]);
    }
}
