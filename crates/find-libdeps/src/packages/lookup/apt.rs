//! Runs apt to list, fetch and read Contents indexes.
//!
//! The only module that knows apt's command lines and output. apt itself chooses the sources,
//! fetches, checks signatures and decompresses. Its own directories are never written to: fetched
//! files go into a [`Lists`] directory, and no hook of the machine's configuration is run.

use crate::packages::lookup::release_file::{self, Digest};
use crate::packages::package::{Package, PackageVersion};
use crate::system::escape::shown;
use crate::system::process::{self, ProcessError, Running};
use crate::system::root::Root;
use crate::system::signals::{self, TemporaryDirectory};
use rustix::fs::{FlockOperation, flock};
use rustix::io::retry_on_intr;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use thiserror::Error;

/// apt's helper as Debian installs it, outside PATH.
const HELPER: &str = "/usr/lib/apt/apt-helper";
/// apt's lists (`Dir::State::lists` in apt.conf(5)), unless `APT_CONFIG` changes that.
const LISTS: &str = "/var/lib/apt/lists";
/// The file that is locked while a kept directory is in use.
const LOCK: &str = "lock";
/// Real machines have a dozen indexes.
const MAX_INDEXES: usize = 4096;
/// Debian's Release files have 0.2 MB.
const MAX_RELEASE: u64 = 16 << 20;
/// How many lines of apt's complaints are kept.
const MAX_COMPLAINTS: usize = 10;

/// Why apt returned no result.
#[derive(Debug, Error)]
pub enum AptError {
    /// A program of apt is not installed, or could not be started.
    #[error("{}{}", .0, advice(.0))]
    Process(#[from] ProcessError),
    /// It ran and failed.
    #[error("`{command}` {}: {}", process::ended(*.status), .complaints.join("; "))]
    Failed {
        /// The program and its subcommand.
        command: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// Its error messages.
        complaints: Vec<String>,
    },
    /// The directory for fetched files cannot be used.
    #[error(
        "cannot use {} for apt's lists: {source}; set TMPDIR or pass `--lookup=DIR` to use another directory",
        shown(path)
    )]
    Directory {
        /// The directory, or an entry in it.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// An index differs from what apt fetched and checked.
    #[error("{}: {problem}", shown(path))]
    Damaged {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

fn advice(error: &ProcessError) -> &'static str {
    match error {
        ProcessError::NotFound { .. } => "; `--lookup` needs apt, so run find-libdeps on Debian",
        _ => "",
    }
}

/// Where apt keeps indexes.
#[derive(Debug)]
pub enum Lists {
    /// In the directory of the machine's configuration.
    Machine,
    /// In this directory, which is kept.
    Kept {
        dir: PathBuf,
        /// Locked as long as this exists.
        _lock: File,
    },
    /// In a directory that is removed when this is dropped.
    Temporary(TemporaryDirectory),
}

/// A Contents index that apt has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Its file, compressed or not.
    pub path: PathBuf,
    /// `Origin` of its Release file.
    pub origin: String,
    /// `Codename` of its Release file.
    pub codename: String,
    /// The component of the archive (`main`); empty if the archive has none.
    pub component: String,
    /// Its name in the Release file, uncompressed.
    name: String,
}

impl Lists {
    /// Lists in `dir`, which is created if it does not exist. While another run uses them, this waits:
    /// apt replaces the files there, and fails if another apt does so at the same time.
    pub fn kept(dir: &Path) -> Result<Self, AptError> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |source| AptError::Directory { path, source }
        };
        let dir = std::path::absolute(dir).map_err(unusable(dir))?;
        signals::catch().map_err(unusable(&dir))?;
        fs::create_dir_all(&dir).map_err(unusable(&dir))?;
        let path = dir.join(LOCK);
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unusable(&path))?;
        retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))
            .map_err(|error| unusable(&path)(error.into()))?;
        let lists = Self::Kept { dir, _lock: file };
        lists.prepare()?;
        Ok(lists)
    }

    /// Lists in a new temporary directory.
    pub fn temporary() -> Result<Self, AptError> {
        // If run by root, apt downloads as the user `_apt`, who must be able to enter.
        let dir = TemporaryDirectory::new(|| {
            tempfile::Builder::new()
                .prefix("find-libdeps-")
                .permissions(fs::Permissions::from_mode(0o755))
                .tempdir()
        });
        let dir = dir.map_err(|source| AptError::Directory {
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
            Self::Kept { dir, .. } => Some(dir),
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

    /// The Contents indexes for `architecture`, or `all`, in these lists, in apt's order of sources.
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
        let output = process::output(&mut command, None)?;
        if !output.status.success() {
            return Err(failed(
                "apt-get indextargets",
                output.status,
                &output.stderr,
            ));
        }
        Ok(indexes(&output.stdout))
    }

    /// Has apt fetch and check the Contents indexes of all sources for `architectures`. Indexes that
    /// are present and unchanged are not fetched again, and those of other architectures are kept. A
    /// source that cannot be reached is an error; one without such an index is not.
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
        let output = process::output(command.args(["-qq", "update"]), None)?;
        if output.status.success() {
            Ok(())
        } else {
            Err(failed("apt-get update", output.status, &output.stderr))
        }
    }

    /// Makes apt use these lists instead of the machine's.
    fn point(&self, command: &mut Command) {
        let mut option = |name: &str, value: &OsStr| {
            let mut text = OsString::from(name);
            text.push("=");
            text.push(value);
            command.arg("-o").arg(text);
        };
        // Neither reads nor writes a cache.
        option("Dir::Cache::pkgcache", OsStr::new(""));
        option("Dir::Cache::srcpkgcache", OsStr::new(""));
        if let Some(dir) = self.dir() {
            option("Dir::State::lists", dir.join("lists").as_os_str());
            option("Dir::Cache", dir.join("cache").as_os_str());
        }
    }
}

/// The names and versions of those of `packages` that are in the machine's package lists: the
/// candidates (apt-cache(8)).
pub fn versions(packages: &BTreeSet<Package>) -> Result<Vec<(String, PackageVersion)>, AptError> {
    let mut command = process::command("apt-cache")?;
    Lists::Machine.point(&mut command);
    command.args(["show", "--no-all-versions", "--"]);
    command.args(packages.iter().map(ToString::to_string));
    // Its status says only whether each is known.
    let output = process::output(&mut command, None)?;
    let output = String::from_utf8_lossy(&output.stdout);
    let paragraph = |text: &str| {
        let field = |name: &str| {
            let mut values = text.lines().filter_map(|line| line.strip_prefix(name));
            values.next().map(str::to_owned)
        };
        let version = PackageVersion {
            number: field("Version: ")?,
            architecture: field("Architecture: ")?,
        };
        Some((field("Package: ")?, version))
    };
    Ok(output.split("\n\n").filter_map(paragraph).collect())
}

impl Index {
    /// Starts reading its content, which apt decompresses.
    pub fn open(&self) -> Result<IndexReader, AptError> {
        let mut command = process::command(HELPER)?;
        let running = process::spawn(command.arg("cat-file").arg(&self.path))?;
        Ok(IndexReader {
            path: self.path.clone(),
            expected: self.digest(),
            running,
            size: 0,
            sum: Sha256::new(),
        })
    }

    /// Its size and sum in the Release file beside it, which apt has checked; `None` if that lists
    /// only the compressed form.
    fn digest(&self) -> Option<Digest> {
        let file_name = self.path.file_name()?.to_str()?;
        // apt names a list after its URI, with `_` for `/` (`URItoFileName` in apt-pkg's
        // `contrib/strutl.cc`).
        let own = self.name.replace('/', "_");
        let prefix = &file_name[..file_name.rfind(&own)?];
        ["InRelease", "Release"].iter().find_map(|name| {
            let path = self.path.with_file_name(format!("{prefix}{name}"));
            let text = Root::machine().read(&path, MAX_RELEASE).ok()?;
            release_file::digest(&String::from_utf8_lossy(&text), &self.name)
        })
    }
}

/// The content of an index. It must not be used before [`IndexReader::finish`] has returned `Ok`.
pub struct IndexReader {
    path: PathBuf,
    expected: Option<Digest>,
    running: Running,
    size: u64,
    sum: Sha256,
}

impl Read for IndexReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.running.read(buffer)?;
        self.size += length as u64;
        if self.expected.is_some() {
            self.sum.update(&buffer[..length]);
        }
        Ok(length)
    }
}

impl IndexReader {
    /// Checks that the index is complete; call this after reading the last byte. apt-helper does not
    /// report a truncated gzip file or an lz4 file with changed bytes, so the sum is compared.
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
                "`apt-helper cat-file` {}: {complaints}",
                process::ended(status)
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

/// apt's name of the index target.
fn identifier(architecture: &str) -> String {
    format!("Contents-{architecture}")
}

/// The fields of an index target (apt's `doc/acquire-additional-files.md`). The architecture is
/// spelled out: with `$(ARCHITECTURE)`, apt would always fetch `Contents-all` too.
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

/// A configuration with which apt fetches Contents indexes only and runs no hook, because the
/// machine's hooks are for its own lists. Options on the command line cannot clear what
/// configuration files set; a file can.
fn configuration(architectures: &[&str]) -> String {
    let mut text = "#clear Acquire::IndexTargets;\n\
                    #clear APT::Update::Pre-Invoke;\n\
                    #clear APT::Update::Post-Invoke;\n\
                    #clear APT::Update::Post-Invoke-Success;\n\
                    APT::Update::Error-Mode \"any\";\n\
                    APT::Get::List-Cleanup \"false\";\n"
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

/// Whether apt may already have a Contents index. Most machines have none, and listing the usual
/// directory saves running apt, which takes half a second.
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

/// Parses the output of `apt-get indextargets`: paragraphs of `Field: value`.
pub fn indexes(output: &[u8]) -> Vec<Index> {
    let mut all = Vec::new();
    let mut index = Index::default();
    // The added empty line ends the last paragraph.
    for line in output.split(|&byte| byte == b'\n').chain([&b""[..]]) {
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

/// apt's error messages, or all of its messages if none is marked as an error.
fn complaints(stderr: &[u8]) -> Vec<String> {
    let lines: Vec<&[u8]> = stderr
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    let errors: Vec<&[u8]> = lines
        .iter()
        .filter_map(|line| line.strip_prefix(b"E: "))
        .collect();
    let kept = if errors.is_empty() { lines } else { errors };
    kept.into_iter()
        .take(MAX_COMPLAINTS)
        .map(|line| shown(OsStr::from_bytes(line)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_paragraph_with_an_absolute_path_is_an_index() {
        let output = b"MetaKey: main/Contents-amd64\nFilename: /l/a_main_Contents-amd64.lz4\n\
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
        assert_eq!(indexes(output), [debian, other]);
        assert_eq!(indexes(b""), []);
    }

    #[test]
    fn warnings_are_shown_only_if_there_is_no_error() {
        assert_eq!(complaints(b"W: a\nE: b\x1b\n\nE: c\n"), ["b\\u{1b}", "c"]);
        assert_eq!(complaints(b"a\nb\n"), ["a", "b"]);
    }
}
