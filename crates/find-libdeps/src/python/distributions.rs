//! Installed Python distributions: which files and which libraries belong to which distribution.
//!
//! The formats are those of the packaging specifications "Recording installed projects" (`*.dist-info` with
//! METADATA and RECORD) and "Names and normalization", and their predecessor (`*.egg-info`, a
//! directory with PKG-INFO and `installed-files.txt`, or that PKG-INFO itself), which Debian's
//! packages still have.
//!
//! Metadata is read up to its description, lists of files only on demand. A malformed file is a warning
//! and contributes nothing. No library is opened here.

use crate::system::root::Root;
use csv::{ByteRecord, ReaderBuilder};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use thiserror::Error;

/// The name is the second line of METADATA, before the long fields.
const MAX_HEAD: u64 = 1 << 16;
/// Real versions have some ten characters.
const MAX_VERSION: usize = 64;
/// Large distributions list 20,000 files in 2 MB.
const MAX_RECORD: u64 = 1 << 25;
const MAX_FILES: usize = 1 << 18;

/// Why a file of metadata is skipped.
#[derive(Debug, Error)]
pub enum Malformed {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("no `Name` field; reinstall the distribution")]
    NoName,
    /// The `Name` is not valid in an index.
    #[error("`{0}` is not a valid name of a distribution; reinstall it")]
    BadName(String),
    #[error("line {0} is not `path,hash,size`; reinstall the distribution")]
    Line(u64),
    #[error("more than {MAX_FILES} files; the rest is skipped")]
    TooMany,
}

/// A distribution as it is reported: `psycopg2 2.9.10`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The normalised name: lower case, with `-` for each run of `-`, `_` and `.`.
    pub name: String,
    /// As its metadata has it, if that is valid.
    pub version: Option<String>,
}

impl std::fmt::Display for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(&self.name)?;
        match &self.version {
            None => Ok(()),
            Some(version) => write!(formatter, " {version}"),
        }
    }
}

#[derive(Debug)]
pub struct Distribution {
    identity: Identity,
    info: PathBuf,
    site: PathBuf,
    list: PathBuf,
    libraries: OnceLock<Vec<OsString>>,
    malformed: OnceLock<Malformed>,
}

impl Distribution {
    /// Its normalised name.
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// The real path of its `.dist-info` or `.egg-info`.
    pub fn info(&self) -> &Path {
        &self.info
    }

    /// The directory that it is installed in, which the interpreter searches.
    pub fn site(&self) -> &Path {
        &self.site
    }

    /// Calls `visit` with the absolute path of each file of the distribution whose name `is_wanted`.
    /// A malformed list is recorded; a missing one is empty, as Debian's packages have none.
    fn files(
        &self,
        root: &Root,
        is_wanted: impl Fn(&[u8]) -> bool,
        mut visit: impl FnMut(Vec<u8>),
    ) {
        let mut visit_below = |dir: &Path, file: &[u8]| {
            if is_wanted(name_of(file)) {
                visit(absolute(dir.as_os_str().as_bytes(), file));
            }
        };
        let result = match root.read(&self.list, MAX_RECORD) {
            Ok(bytes) if is_named(&self.list, "RECORD") => {
                recorded(&bytes, |file| visit_below(&self.site, file))
            }
            Ok(bytes) => {
                let dir = self.list.parent().unwrap_or(&self.site);
                for line in bytes.split(|&byte| byte == b'\n').take(MAX_FILES) {
                    visit_below(dir, line.trim_ascii());
                }
                Ok(())
            }
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(malformed) = result {
            // It is the same error each time.
            let _ = self.malformed.set(malformed);
        }
    }
}

/// The distributions below the given paths.
#[derive(Debug)]
pub struct Distributions<'a> {
    root: &'a Root,
    /// Sorted by name, then by path.
    all: Vec<Distribution>,
    malformed: Vec<(PathBuf, Malformed)>,
}

impl<'a> Distributions<'a> {
    /// Whether the regular file `path` describes a distribution: METADATA or PKG-INFO. Only the path
    /// is examined.
    pub fn is_metadata(path: &Path) -> bool {
        let dir_ends = |end: &[u8]| {
            let dir = path.parent().and_then(Path::file_name).unwrap_or_default();
            dir.as_bytes().ends_with(end)
        };
        let Some(name) = path.file_name().map(OsStr::as_bytes) else {
            return false;
        };
        match name {
            b"METADATA" => dir_ends(b".dist-info"),
            b"PKG-INFO" => dir_ends(b".egg-info"),
            _ => name.ends_with(b".egg-info"),
        }
    }

    /// Reads the names of the distributions that `metadata` describe: regular files of `root` for
    /// which [`Distributions::is_metadata`] returns true, by real path and in any order.
    pub fn read(root: &'a Root, metadata: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut all = Vec::new();
        let mut malformed = Vec::new();
        for path in metadata {
            match identity_in(root, &path) {
                Ok(identity) => all.push(distribution(identity, &path)),
                Err(error) => malformed.push((path, error)),
            }
        }
        all.sort_unstable_by(|a, b| (a.name(), &a.list).cmp(&(b.name(), &b.list)));
        malformed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Self {
            root,
            all,
            malformed,
        }
    }

    /// All of them, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Distribution> {
        self.all.iter()
    }

    /// The distribution with the normalised `name` that is installed beside `other`.
    pub fn beside(&self, other: &Distribution, name: &str) -> Option<&Distribution> {
        let first = self.all.partition_point(|each| each.name() < name);
        self.all[first..]
            .iter()
            .take_while(|each| each.name() == name)
            .find(|each| each.site == other.site)
    }

    /// The distribution that each of `paths`, as they are reported, belongs to or describes; paths of
    /// none are left out.
    pub fn identities(&self, paths: BTreeSet<Arc<Path>>) -> BTreeMap<Arc<Path>, Identity> {
        let real = |path: Arc<Path>| Some((self.root.canonicalize(&path).ok()?, path));
        let real: Vec<(PathBuf, Arc<Path>)> = paths.into_iter().filter_map(real).collect();
        let owners = self.owners(real.iter().map(|(real, _)| real.as_path()));
        let identity = |real: &Path| owners.get(real).map(|owner| owner.identity.clone());
        let found = real.iter();
        found
            .filter_map(|(real, path)| Some((Arc::clone(path), identity(real)?)))
            .collect()
    }

    /// The distribution that each of `files`, by real path, belongs to; files of none are left out. Its
    /// own description belongs to it.
    ///
    /// Each call reads all lists of files: ask for all files together.
    pub fn owners<'f>(
        &self,
        files: impl IntoIterator<Item = &'f Path>,
    ) -> HashMap<&'f Path, &Distribution> {
        let asked: HashMap<&[u8], &Path> = files
            .into_iter()
            .map(|file| (file.as_os_str().as_bytes(), file))
            .collect();
        let names: HashSet<&[u8]> = asked.keys().map(|file| name_of(file)).collect();
        let mut owners = HashMap::new();
        if asked.is_empty() {
            return owners;
        }
        for distribution in &self.all {
            if let Some(&info) = asked.get(distribution.info.as_os_str().as_bytes()) {
                owners.entry(info).or_insert(distribution);
            }
            let is_wanted = |name: &[u8]| names.contains(name);
            distribution.files(self.root, is_wanted, |file| {
                if let Some(&file) = asked.get(&*file) {
                    owners.entry(file).or_insert(distribution);
                }
            });
        }
        owners
    }

    /// The shared objects of `distribution`, by absolute path.
    pub fn shared_objects(&self, distribution: &Distribution) -> BTreeSet<PathBuf> {
        let mut paths = BTreeSet::new();
        let is_wanted = |name: &[u8]| name.ends_with(b".so");
        distribution.files(self.root, is_wanted, |file| {
            paths.insert(OsString::from_vec(file).into());
        });
        paths
    }

    /// Whether `distribution` bundles a library with the stem `stem`: `libpq.so.5`, or
    /// `libpq-9b38f5e3.so.5.17` as auditwheel renames it, for `pq`.
    pub fn ships(&self, distribution: &Distribution, stem: &OsStr) -> bool {
        let libraries = distribution.libraries.get_or_init(|| {
            let mut libraries = Vec::new();
            let is_library = |name: &[u8]| name.starts_with(b"lib") && so_at(name).is_some();
            distribution.files(self.root, is_library, |file| {
                libraries.push(OsString::from_vec(name_of(&file).to_owned()));
            });
            libraries
        });
        libraries
            .iter()
            .any(|library| is_called_after(library.as_bytes(), stem))
    }

    /// Whether `distribution` bundles the program `name`: a file of this name, or with the machine
    /// after it, as in `ffmpeg-linux-x86_64-v7.0.2`.
    pub fn ships_program(&self, distribution: &Distribution, name: &OsStr) -> bool {
        let is_program = |file: &[u8]| {
            let rest = file.strip_prefix(name.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-linux"))
        };
        let mut found = false;
        distribution.files(self.root, is_program, |_| found = true);
        found
    }

    /// The malformed files found so far, by real path.
    pub fn malformed(&self) -> impl Iterator<Item = (&Path, &Malformed)> {
        let names = self.malformed.iter().map(|(path, why)| (&**path, why));
        let lists = self.all.iter();
        names.chain(lists.filter_map(|each| Some((&*each.list, each.malformed.get()?))))
    }
}

/// `name` as an index compares it (PEP 503).
pub fn normalised(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        if !matches!(character, '-' | '_' | '.') {
            normal.push(character.to_ascii_lowercase());
        } else if !normal.ends_with('-') {
            normal.push('-');
        }
    }
    normal
}

fn distribution(identity: Identity, metadata: &Path) -> Distribution {
    let dir = metadata.parent().unwrap_or(Path::new("/"));
    let above = dir.parent().unwrap_or(Path::new("/"));
    let (site, info, list) = if is_named(metadata, "METADATA") {
        (above, dir, dir.join("RECORD"))
    } else if is_named(metadata, "PKG-INFO") {
        (above, dir, dir.join("installed-files.txt"))
    } else {
        (dir, metadata, metadata.join("installed-files.txt"))
    };
    Distribution {
        identity,
        info: info.to_owned(),
        site: site.to_owned(),
        list,
        libraries: OnceLock::new(),
        malformed: OnceLock::new(),
    }
}

/// The `Name` and `Version` in the head of METADATA or PKG-INFO, which has the form of the head of a
/// mail.
fn identity_in(root: &Root, metadata: &Path) -> Result<Identity, Malformed> {
    let mut head = Vec::new();
    root.open(metadata)?.take(MAX_HEAD).read_to_end(&mut head)?;
    let field = |wanted: &[u8]| {
        let lines = head.split(|&byte| byte == b'\n');
        let mut lines = lines
            .map(<[u8]>::trim_ascii_end)
            .take_while(|line| !line.is_empty());
        lines.find_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (key, value) = (&line[..colon], &line[colon + 1..]);
            key.eq_ignore_ascii_case(wanted).then(|| value.trim_ascii())
        })
    };
    let name = String::from_utf8_lossy(field(b"name").ok_or(Malformed::NoName)?);
    if !is_name(&name) {
        return Err(Malformed::BadName(name.escape_debug().to_string()));
    }
    let version = field(b"version").and_then(|version| std::str::from_utf8(version).ok());
    Ok(Identity {
        name: normalised(&name),
        version: version
            .filter(|version| is_version(version))
            .map(str::to_owned),
    })
}

/// Whether `version` has only the characters of a version (packaging specifications, "Version
/// specifiers") or of those that older distributions have.
fn is_version(version: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+!".contains(&byte);
    (1..=MAX_VERSION).contains(&version.len()) && version.bytes().all(is_allowed)
}

/// Whether `name` is valid by the core metadata specification.
fn is_name(name: &str) -> bool {
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    is_end(bytes.first()) && is_end(bytes.last()) && bytes.iter().all(is_inside)
}

/// Calls `visit` with the path on each line of a RECORD.
fn recorded(bytes: &[u8], visit: impl FnMut(&[u8])) -> Result<(), Malformed> {
    let is_lone = |pair: &[u8]| pair[0] == b'\r' && pair[1] != b'\n';
    let has_lone = bytes.contains(&b'\r') && bytes.windows(2).any(is_lone);
    if bytes.contains(&b'"') || bytes.starts_with("\u{feff}".as_bytes()) || has_lone {
        recorded_with_quotes(bytes, visit)
    } else {
        recorded_plainly(bytes, visit)
    }
}

/// The same where each line is a record and each comma ends a field, as in nearly every RECORD. A lone
/// carriage return ends a record, too (`csv` in Python).
fn recorded_plainly(bytes: &[u8], mut visit: impl FnMut(&[u8])) -> Result<(), Malformed> {
    let mut result = Ok(());
    let lines = (1..).zip(bytes.split(|&byte| byte == b'\n'));
    let lines = lines.map(|(number, line)| (number, line.strip_suffix(b"\r").unwrap_or(line)));
    let lines = lines.filter(|(_, line)| !line.is_empty());
    for (count, (number, line)) in lines.enumerate() {
        if count == MAX_FILES {
            return Err(Malformed::TooMany);
        }
        let mut fields = line.split(|&byte| byte == b',');
        match (fields.next(), fields.count()) {
            (Some(path), 2) => visit(path),
            // The other lines may be valid.
            _ if result.is_ok() => result = Err(Malformed::Line(number)),
            _ => {}
        }
    }
    result
}

fn recorded_with_quotes(bytes: &[u8], mut visit: impl FnMut(&[u8])) -> Result<(), Malformed> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes);
    let mut line = ByteRecord::new();
    let mut result = Ok(());
    for count in 0.. {
        match reader.read_byte_record(&mut line) {
            Ok(false) => break,
            Ok(true) if count == MAX_FILES => return Err(Malformed::TooMany),
            Ok(true) if line.len() == 3 => visit(&line[0]),
            // The other lines may be valid.
            Ok(true) if result.is_ok() => {
                let number = line.position().map_or(0, csv::Position::line);
                result = Err(Malformed::Line(number));
            }
            Ok(true) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    result
}

/// `path` resolved against `dir`, without `.`, `..` and empty components. Links are not resolved: `dir`
/// has none, and installers write none.
fn absolute(dir: &[u8], path: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(dir.len() + 1 + path.len());
    if !path.starts_with(b"/") && dir != b"/" {
        whole.extend_from_slice(dir);
    }
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                let end = whole.iter().rposition(|&byte| byte == b'/');
                whole.truncate(end.unwrap_or(0));
            }
            _ => {
                whole.push(b'/');
                whole.extend_from_slice(part);
            }
        }
    }
    whole
}

/// Where `.so` stands in the name of a library: at its end, or before its version.
fn so_at(name: &[u8]) -> Option<usize> {
    (0..name.len()).find(|&at| {
        name[at..]
            .strip_prefix(b".so")
            .is_some_and(|rest| rest.is_empty() || rest[0] == b'.')
    })
}

/// Whether `library` is `lib<stem>`, optionally something that begins with neither a letter nor a
/// digit, and `.so`.
fn is_called_after(library: &[u8], stem: &OsStr) -> bool {
    library
        .strip_prefix(b"lib")
        .and_then(|rest| rest.strip_prefix(stem.as_bytes()))
        .is_some_and(|rest| {
            so_at(rest).is_some() && !rest.first().is_some_and(u8::is_ascii_alphanumeric)
        })
}

/// The last component.
fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

fn is_named(path: &Path, name: &str) -> bool {
    path.file_name() == Some(OsStr::new(name))
}

fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// The directory of the distribution that the file `path` belongs to, judged by the path alone: the one
/// in a directory of `sys.path`, or elsewhere that of the file.
pub fn dir(path: &Path) -> PathBuf {
    let is_in_site = |dir: &&Path| {
        let site = dir.parent().and_then(Path::file_name);
        site.is_some_and(|name| name == "site-packages" || name == "dist-packages")
    };
    let dir = path.parent().unwrap_or(path);
    let found = dir.ancestors().find(is_in_site);
    found.unwrap_or(dir).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const SITE: &str = "/venv/lib/python3.11/site-packages";

    /// A root with files in its site directory, by name and content.
    fn site(files: &[(&str, &str)]) -> (TempDir, Root, Vec<PathBuf>) {
        let dir = tempfile::tempdir().unwrap();
        let mut metadata = Vec::new();
        for (name, content) in files {
            let path = Path::new(SITE).join(name);
            let outer = dir.path().join(path.strip_prefix("/").unwrap());
            fs::create_dir_all(outer.parent().unwrap()).unwrap();
            fs::write(outer, content).unwrap();
            if Distributions::is_metadata(&path) {
                metadata.push(path);
            }
        }
        let root = Root::below(dir.path()).unwrap();
        (dir, root, metadata)
    }

    fn said(all: &Distributions) -> Vec<String> {
        all.malformed()
            .map(|(path, why)| format!("{}: {why}", path.strip_prefix(SITE).unwrap().display()))
            .collect()
    }

    #[test]
    fn a_file_is_its_distributions_by_record() {
        let (_dir, root, metadata) = site(&[
            (
                "Foo_Bar-1.dist-info/METADATA",
                "Metadata-Version: 2.1\r\nname: Foo_.Bar\r\nVersion: 1\r\n\r\nName: x\r\n",
            ),
            (
                "Foo_Bar-1.dist-info/RECORD",
                "foo/__init__.py,sha256=x,3\r\n\"foo/with \"\"a, b\"\".py\",,\n\
                 ../../../bin/foo,sha256=y,4\n/etc/foo.conf,,\n./foo//twice.py,,\n",
            ),
            ("other-2.dist-info/METADATA", "Name: other\n"),
            (
                "other-2.dist-info/RECORD",
                "foo/__init__.py,,\nother.py,,\n",
            ),
            ("old-3.egg-info/PKG-INFO", "Name: old\n"),
            (
                "old-3.egg-info/installed-files.txt",
                "../old.py\nPKG-INFO\n\n",
            ),
            ("single-4.egg-info", "Name: single\n"),
            ("elsewhere/METADATA", "Name: elsewhere\n"),
        ]);
        let all = Distributions::read(&root, metadata);
        let names: Vec<_> = all.iter().map(|each| each.identity.to_string()).collect();
        assert_eq!(names, ["foo-bar 1", "old", "other", "single"]);
        assert!(all.iter().all(|each| each.site() == Path::new(SITE)));

        let files = [
            (format!("{SITE}/foo/__init__.py"), Some("foo-bar")),
            (format!("{SITE}/foo/with \"a, b\".py"), Some("foo-bar")),
            (format!("{SITE}/foo/twice.py"), Some("foo-bar")),
            ("/venv/bin/foo".to_owned(), Some("foo-bar")),
            ("/etc/foo.conf".to_owned(), Some("foo-bar")),
            (format!("{SITE}/other.py"), Some("other")),
            (format!("{SITE}/old.py"), Some("old")),
            (format!("{SITE}/nobodys.py"), None),
        ];
        let owners = all.owners(files.iter().map(|(file, _)| Path::new(file)));
        for (file, owner) in &files {
            let found = owners.get(Path::new(file)).map(|found| found.name());
            assert_eq!(found, *owner, "{file}");
        }
        assert_eq!(said(&all), [""; 0]);
    }

    #[test]
    fn a_record_without_quotes_is_read_the_same_without_csv() {
        type Visit<'v> = &'v mut dyn FnMut(&[u8]);
        let paths = |read: fn(&[u8], Visit) -> Result<(), Malformed>, text: &str| {
            let mut paths = Vec::new();
            let result = read(text.as_bytes(), &mut |path| paths.push(path.to_owned()));
            (paths, result.map_err(|malformed| malformed.to_string()))
        };
        for text in [
            "",
            "\n",
            "a,,\r\nb/c d,sha256=x,3\n\n,,",
            "a,,\nno\nb,,,\r\n,,\nc,,\n",
        ] {
            assert_eq!(
                paths(|bytes, visit| recorded_plainly(bytes, visit), text),
                paths(|bytes, visit| recorded_with_quotes(bytes, visit), text),
                "{text:?}"
            );
        }
        let lone = paths(|bytes, visit| recorded(bytes, visit), "a,,\rb,,\r\nc,,\r");
        assert_eq!(lone, (["a", "b", "c"].map(Vec::from).to_vec(), Ok(())));
    }

    #[test]
    fn a_library_is_told_by_the_stem_of_its_name() {
        let (_dir, root, metadata) = site(&[
            ("psycopg-3.dist-info/METADATA", "Name: psycopg\n"),
            (
                "psycopg_binary-3.dist-info/METADATA",
                "Name: psycopg-binary\n",
            ),
            (
                "psycopg_binary-3.dist-info/RECORD",
                "psycopg_binary.libs/libpq-9b38f5e3.so.5.17,,\nx/libsndfile_x86_64.so,,\n\
                 x/libSDL2-2.0.so.0,,\nx/libusbmuxd.so,,\nx/libz.source,,\n",
            ),
        ]);
        let all = Distributions::read(&root, metadata);
        let psycopg = all.iter().next().unwrap();
        assert!(!all.ships(psycopg, OsStr::new("pq")));
        let binary = all.beside(psycopg, "psycopg-binary").unwrap();
        for (stem, ships) in [
            ("pq", true),
            ("sndfile", true),
            ("SDL2", true),
            ("SDL2-2.0", true),
            ("p", false),
            ("usb", false),
            ("z", false),
        ] {
            assert_eq!(all.ships(binary, OsStr::new(stem)), ships, "{stem}");
        }
        assert!(all.beside(psycopg, "psycopg2").is_none());
    }

    #[test]
    fn what_is_malformed_is_a_warning() {
        let (_dir, root, metadata) = site(&[
            ("a-1.dist-info/METADATA", "Version: 1\n\nName: a\n"),
            ("b-1.dist-info/METADATA", "Name: ../b\x1b\n"),
            ("c-1.dist-info/METADATA", "Name: c\n"),
            ("c-1.dist-info/RECORD", "c.py,,\nno\nd.py,,\n\"open,,\n"),
            ("d-1.dist-info/METADATA", "Name: d\n"),
            ("d-1.dist-info/RECORD/file", ""),
        ]);
        let all = Distributions::read(&root, metadata);
        let file = PathBuf::from(format!("{SITE}/d.py"));
        let owner = all.owners([&*file])[&*file];
        assert_eq!(owner.name(), "c");
        assert_eq!(
            said(&all),
            [
                "a-1.dist-info/METADATA: no `Name` field; reinstall the distribution",
                "b-1.dist-info/METADATA: `../b\\u{1b}` is not a valid name of a distribution; reinstall it",
                "c-1.dist-info/RECORD: line 2 is not `path,hash,size`; reinstall the distribution",
                "d-1.dist-info/RECORD: cannot be read: not a regular file",
            ]
        );
    }
}
