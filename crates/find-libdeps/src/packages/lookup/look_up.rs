//! A library that is not on the machine to the package that would bring it, by the Contents indexes
//! of apt's sources.
//!
//! An index lists the files of packages, so a file counts only where the loader would find it: in
//! its default directories, and in those that `ld.so.conf` names. The links that
//! update-alternatives makes are in no index. Behind them, below a default directory, are
//! `blas/libblas.so.3` of `libblas3` and `openblas-pthread/libopenblas.so.0` of
//! `libopenblas0-pthread`: a file in a directory called like the library counts where no other does,
//! if its package is named after the SONAME, and as a variant of it (never chosen, but told) if both
//! names have more after a hyphen. `-dev`, `-dbg`, `-dbgsym` and `-cross` packages never count.
//!
//! Of several packages, the first rule that leaves one decides:
//!
//! 1. Debian's main of the machine's own release goes before Debian's other components, these
//!    before Debian's other releases and backports, and these before other archives
//! 2. a file in the loader's directories goes before one behind alternatives
//! 3. section `oldlibs` (Debian Policy 2.4) goes last: `libncurses6` before `libncurses5`
//! 4. the package named after the SONAME (Debian Policy 8.1): `libavcodec59` before
//!    `libavcodec-extra59`, `libjack0` before `libjack-jackd2-0`
//! 5. the package of which all others are variants: `libqt5gui5` before `libqt5gui5-gles`
//! 6. of names that differ in their last number only the highest, since an unchanged SONAME
//!    promises that what is newer serves all: `libomp5-19` before `libomp5-14`
//!
//! Where none does, or a name without a version stands for several libraries of different packages,
//! nothing is guessed. `t64` at the end of a name (Debian's change to 64-bit times) is not looked at.

use crate::loader::system_libraries::LdSo;
use crate::packages::dpkg::{Dpkg, DpkgError, Package};
use crate::packages::lookup::apt::{AptError, Index, Lists};
use crate::packages::lookup::contents_file::{self, ContentsError, Entry};
use crate::packages::ownership;
use crate::run_time::library_name::Name;
use crate::system::architecture::{ARCHITECTURES, Abi};
use crate::system::escape::shown;
use crate::system::os_release::OsRelease;
use crate::system::root::Root;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::BufReader;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// How much of an index is read at once.
const BUFFER: usize = 1 << 18;
/// A thousand wanted names have a few thousand candidates.
const MAX_CANDIDATES: usize = 1 << 16;
/// Directories for another architecture's libraries beside those of the one that an index is for
/// (Filesystem Hierarchy Standard 3.10): `lib32z1` on amd64.
const OTHER_ABIS: [&str; 5] = ["lib32", "lib64", "libn32", "libo32", "libx32"];

/// A library that is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    /// What it is called.
    pub name: Name,
    /// What it must be joined with.
    pub abi: Abi,
}

/// Which indexes may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Those that apt has.
    Machine,
    /// Those, or where there are none for an architecture, such as apt fetches for this look-up.
    Temporary,
    /// The same, and what is fetched is kept in this directory for the next time.
    Directory(PathBuf),
}

/// A package that ships a wanted library.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The package.
    pub package: Package,
    /// The name that the loader is to be asked for.
    pub soname: OsString,
    /// Where the package has it, as it stands in the index.
    pub path: PathBuf,
}

/// What became of a wanted library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This package is the one.
    Package {
        /// The package.
        chosen: Candidate,
        /// Others that have it, sorted.
        passed_over: Vec<Candidate>,
    },
    /// Each of these has it, and no rule decides. Sorted. It may be a single one, a variant behind
    /// alternatives.
    Undecided(Vec<Candidate>),
    /// No package of the sources has it where the loader looks.
    NotShipped,
    /// It is for an architecture of which dpkg takes no packages.
    ForeignArchitecture,
}

/// Why nothing was looked up.
#[derive(Debug, Error)]
pub enum LookupError {
    /// Another root's apt is not asked: its configuration may name programs to run, and files
    /// outside the root.
    #[error(
        "the package of a missing library is looked up for this machine only: run this inside the root, without `--root`"
    )]
    OtherRoot,
    /// apt has no index, and may not fetch any.
    #[error(
        "apt has no Contents index for {architecture}: pass `--lookup`, or install apt-file and \
         run `apt-get update`"
    )]
    NoIndex {
        /// Debian's name of the architecture.
        architecture: &'static str,
    },
    /// There is none to be fetched.
    #[error(
        "none of apt's sources has a Contents index for {architecture}: see that \
         /etc/apt/sources.list or a file in /etc/apt/sources.list.d names a Debian archive"
    )]
    NotPublished {
        /// Debian's name of the architecture.
        architecture: &'static str,
    },
    /// apt could not fetch them.
    #[error(
        "cannot fetch the Contents index: {0}; see that the network and apt's sources work \
         (`apt-get update`)"
    )]
    Fetch(#[source] AptError),
    /// apt gave no answer.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// An index cannot be read, or is not whole.
    #[error(
        "cannot read the Contents index {}: {problem}; remove it, and have it fetched again",
        shown(path)
    )]
    Damaged {
        /// The index.
        path: PathBuf,
        /// What is the matter.
        problem: String,
    },
    /// There are more candidates than any real index has.
    #[error("the Contents index {} has too many files of one name", shown(path))]
    TooMany {
        /// The index.
        path: PathBuf,
    },
    /// dpkg did not say for which architectures it takes packages.
    #[error(transparent)]
    Dpkg(#[from] DpkgError),
}

/// Looks up the packages of all of `wanted` in the indexes that `source` allows; nothing is read or
/// fetched where nothing is wanted.
pub fn look_up(
    root: &Root,
    dpkg: &Dpkg,
    ld_so: &LdSo,
    wanted: &BTreeSet<Wanted>,
    source: &Source,
) -> Result<BTreeMap<Wanted, Found>, LookupError> {
    let mut found = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    if !root.is_machine() {
        return Err(LookupError::OtherRoot);
    }
    let native = dpkg.architecture();
    let mut queries: BTreeMap<&'static str, Query> = BTreeMap::new();
    let mut foreign = None;
    for wanted in wanted {
        let Some(row) = wanted.abi.architecture() else {
            found.insert(wanted.clone(), Found::ForeignArchitecture);
            continue;
        };
        if row.debian != native {
            if foreign.is_none() {
                foreign = Some(dpkg.foreign_architectures()?);
            }
            if !foreign.iter().flatten().any(|name| name == row.debian) {
                found.insert(wanted.clone(), Found::ForeignArchitecture);
                continue;
            }
        }
        queries
            .entry(row.debian)
            .or_insert_with(|| Query::new(ld_so, row.abi))
            .add(wanted);
    }

    let release = OsRelease::read(root).version_codename;
    let architectures: Vec<&'static str> = queries.keys().copied().collect();
    let (indexes, _lists) = indexes(&architectures, source)?;
    for (architecture, mut query) in queries {
        for index in indexes.get(architecture).into_iter().flatten() {
            read(index, rank(index, release.as_deref()), &mut query)?;
        }
        let package = |name: &str| Package {
            name: name.to_owned(),
            foreign: (architecture != native).then(|| architecture.to_owned()),
        };
        for wanted in std::mem::take(&mut query.wanted) {
            let decided = decide(&wanted.name, &query.hits, &package);
            found.insert(wanted, decided);
        }
    }
    Ok(found)
}

/// The indexes for each architecture, and what keeps them on disk.
type Indexes = (BTreeMap<&'static str, Vec<Index>>, Option<Lists>);

fn indexes(architectures: &[&'static str], source: &Source) -> Result<Indexes, LookupError> {
    let mut all = BTreeMap::new();
    let mut absent = Vec::new();
    for &architecture in architectures {
        let indexes = Lists::Machine.indexes(architecture)?;
        if indexes.is_empty() {
            absent.push(architecture);
        } else {
            all.insert(architecture, indexes);
        }
    }
    let Some(&first) = absent.first() else {
        return Ok((all, None));
    };
    let lists = match source {
        Source::Machine => {
            return Err(LookupError::NoIndex {
                architecture: first,
            });
        }
        Source::Temporary => Lists::temporary()?,
        Source::Directory(dir) => Lists::kept(dir)?,
    };
    lists.fetch(&absent).map_err(LookupError::Fetch)?;
    for architecture in absent {
        let indexes = lists.indexes(architecture)?;
        if indexes.is_empty() {
            return Err(LookupError::NotPublished { architecture });
        }
        all.insert(architecture, indexes);
    }
    Ok((all, Some(lists)))
}

/// Whose an index is, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Main,
    OtherComponent,
    OtherRelease,
    OtherArchive,
}

fn rank(index: &Index, release: Option<&str>) -> Rank {
    // `bookworm-updates` and `bookworm-security` are of bookworm.
    let is_own = release.is_none_or(|release| {
        index
            .codename
            .strip_prefix(release)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    match index.origin.as_str() {
        "Debian" if is_own && index.component == "main" => Rank::Main,
        "Debian" if is_own => Rank::OtherComponent,
        "Debian" | "Debian Backports" => Rank::OtherRelease,
        _ => Rank::OtherArchive,
    }
}

/// What is looked for in the indexes of one architecture, and what was found so far.
#[derive(Debug, Default)]
struct Query {
    wanted: Vec<Wanted>,
    /// The loader's directories, as [`merged`] writes them.
    directories: HashSet<Vec<u8>>,
    /// Those that are the loader's default ones.
    defaults: HashSet<Vec<u8>>,
    sonames: HashSet<Vec<u8>>,
    /// With `lib` before them.
    stems: HashSet<Vec<u8>>,
    hits: Vec<Hit>,
}

/// A package's file that has a wanted name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hit {
    file_name: Vec<u8>,
    path: Vec<u8>,
    package: String,
    is_old: bool,
    place: Place,
    rank: Rank,
}

/// Where a file lies, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Where the loader looks.
    Searched,
    /// In a directory of a default one that is called like the library.
    Own,
    /// The same with more after the name: `openblas-pthread`.
    Variant,
}

impl Query {
    fn new(ld_so: &LdSo, abi: Abi) -> Self {
        let bytes = |path: &PathBuf| merged(path.as_os_str().as_bytes()).to_owned();
        let defaults: HashSet<Vec<u8>> = ld_so.default_directories(abi).iter().map(bytes).collect();
        let configured = ld_so.configured_directories().iter().map(bytes);
        Self {
            directories: configured
                .filter(|dir| !is_of_other_abi(dir, abi))
                .chain(defaults.iter().cloned())
                .collect(),
            defaults,
            ..Self::default()
        }
    }

    fn add(&mut self, wanted: &Wanted) {
        match &wanted.name {
            Name::Soname(name) => self.sonames.insert(name.as_bytes().to_owned()),
            Name::Stem(stem) => self.stems.insert(format!("lib{stem}").into_bytes()),
        };
        self.wanted.push(wanted.clone());
    }

    fn visit(&mut self, entry: Entry, rank: Rank) {
        let Some(slash) = entry.path.iter().rposition(|&byte| byte == b'/') else {
            return;
        };
        let file_name = &entry.path[slash + 1..];
        let stem = stem(file_name);
        let is_stem =
            || stem.is_some_and(|stem| self.stems.contains(stem)) && is_versioned(file_name);
        if !self.sonames.contains(file_name) && !is_stem() {
            return;
        }
        let Some(place) = self.place(merged(&entry.path[..slash]), stem) else {
            return;
        };
        for location in entry.packages() {
            if is_never_meant(location.name) {
                continue;
            }
            self.hits.push(Hit {
                file_name: file_name.to_owned(),
                path: entry.path.to_owned(),
                package: location.name.to_owned(),
                is_old: location.section == Some("oldlibs"),
                place,
                rank,
            });
        }
    }

    fn place(&self, dir: &[u8], stem: Option<&[u8]>) -> Option<Place> {
        if self.directories.contains(dir) {
            return Some(Place::Searched);
        }
        let slash = dir.iter().rposition(|&byte| byte == b'/')?;
        let name = stem?.strip_prefix(b"lib")?;
        let after = dir[slash + 1..].strip_prefix(name)?;
        if !self.defaults.contains(&dir[..slash]) {
            return None;
        }
        match after.first() {
            None => Some(Place::Own),
            Some(b'-') => Some(Place::Variant),
            Some(_) => None,
        }
    }
}

fn read(index: &Index, rank: Rank, query: &mut Query) -> Result<(), LookupError> {
    let damaged = |problem: String| LookupError::Damaged {
        path: index.path.clone(),
        problem,
    };
    let mut content = index.open()?;
    let end = contents_file::read(BufReader::with_capacity(BUFFER, &mut content), |entry| {
        if query.hits.len() < MAX_CANDIDATES {
            query.visit(entry, rank);
        }
    });
    match end {
        Ok(()) | Err(ContentsError::Truncated) => {}
        Err(error) => return Err(damaged(error.to_string())),
    }
    // What apt says of it tells more than that it ends too early.
    match content.finish() {
        Ok(()) => {}
        Err(AptError::Damaged { problem, .. }) => return Err(damaged(problem)),
        Err(error) => return Err(error.into()),
    }
    end.map_err(|error| damaged(error.to_string()))?;
    if query.hits.len() >= MAX_CANDIDATES {
        return Err(LookupError::TooMany {
            path: index.path.clone(),
        });
    }
    Ok(())
}

/// Applies the rules to those of `hits` that have the name.
fn decide(name: &Name, hits: &[Hit], package: &dyn Fn(&str) -> Package) -> Found {
    let mut left = match name {
        Name::Soname(soname) => named(hits, |hit| hit.file_name == soname.as_bytes()),
        Name::Stem(wanted) => {
            let wanted = format!("lib{wanted}").into_bytes();
            let all = named(hits, |hit| {
                is_versioned(&hit.file_name) && stem(&hit.file_name) == Some(&wanted[..])
            });
            let is_link = |hit: &&Hit| !all.iter().any(|link| is_file_of(link, hit));
            all.iter().copied().filter(is_link).collect()
        }
    };
    let candidate = |hit: &Hit| Candidate {
        package: package(&hit.package),
        soname: OsString::from_vec(hit.file_name.clone()),
        path: Path::new("/").join(OsStr::from_bytes(&hit.path)),
    };
    // A file beside the loader's directories is behind alternatives only if its package has it for
    // others to use; else it is private to the program that it belongs to.
    left.retain(|hit| match hit.place {
        Place::Searched => true,
        Place::Own => is_named_after(hit),
        Place::Variant => is_named_as_variant(hit),
    });
    // One package may be in several suites, or have a file by both names of merged /usr.
    left.sort_by(|a, b| {
        let key = |hit: &Hit| (hit.rank, hit.place, hit.is_old);
        let name = |hit: &Hit| (hit.package.clone(), hit.file_name.clone());
        (name(a), key(a), &a.path).cmp(&(name(b), key(b), &b.path))
    });
    left.dedup_by(|a, b| a.package == b.package && a.file_name == b.file_name);
    let all = left.clone();
    let undecided = |left: &[&Hit]| Found::Undecided(left.iter().copied().map(candidate).collect());

    keep_least(&mut left, |hit| hit.rank);
    keep_least(&mut left, |hit| hit.place);
    keep_least(&mut left, |hit| hit.is_old);
    let Some(first) = left.first() else {
        return Found::NotShipped;
    };
    if first.place == Place::Variant {
        return undecided(&left);
    }
    match chosen(&left) {
        None => undecided(&left),
        Some(hit) => Found::Package {
            chosen: candidate(hit),
            passed_over: all
                .into_iter()
                .filter(|other| other.package != hit.package)
                .map(candidate)
                .collect(),
        },
    }
}

fn named(hits: &[Hit], is_meant: impl Fn(&Hit) -> bool) -> Vec<&Hit> {
    hits.iter().filter(|hit| is_meant(hit)).collect()
}

/// Whether `file` is the real file behind `link`: `libmagic.so.1.0.0` and `libmagic.so.1`.
fn is_file_of(link: &Hit, file: &Hit) -> bool {
    link.package == file.package
        && file
            .file_name
            .strip_prefix(&link.file_name[..])
            .is_some_and(|rest| rest.first() == Some(&b'.'))
}

fn keep_least<K: Ord>(hits: &mut Vec<&Hit>, key: impl Fn(&Hit) -> K) {
    if let Some(least) = hits.iter().map(|hit| key(hit)).min() {
        hits.retain(|hit| key(hit) == least);
    }
}

/// The one that rules 4 to 6 leave.
fn chosen<'h>(hits: &[&'h Hit]) -> Option<&'h Hit> {
    let packages: BTreeSet<&str> = hits.iter().map(|hit| hit.package.as_str()).collect();
    if packages.len() == 1 {
        // A package that has a library by an older name too links that to the newer one.
        return hits
            .iter()
            .copied()
            .max_by_key(|hit| version(&hit.file_name));
    }
    let sonames: BTreeSet<&[u8]> = hits.iter().map(|hit| &hit.file_name[..]).collect();
    if sonames.len() > 1 {
        return None;
    }
    let only = |is_it: &dyn Fn(&Hit) -> bool| {
        let mut those = hits.iter().copied().filter(|hit| is_it(hit));
        those.next().filter(|_| those.next().is_none())
    };
    let is_plain = |hit: &Hit| {
        let is_it = |other: &&Hit| other.package == hit.package;
        let is_variant = |other: &&Hit| is_variant_of(&other.package, &hit.package);
        hits.iter().all(|other| is_it(other) || is_variant(other))
    };
    only(&is_named_after)
        .or_else(|| only(&is_plain))
        .or_else(|| {
            let (name, _) = numbered(hits.first()?)?;
            let is_same = |hit: &&Hit| numbered(hit).is_some_and(|(other, _)| other == name);
            if !hits.iter().all(is_same) {
                return None;
            }
            let newest = hits.iter().filter_map(|hit| numbered(hit)).map(|(_, n)| n);
            let newest = newest.max()?;
            only(&|hit| numbered(hit).is_some_and(|(_, number)| number == newest))
        })
}

/// Whether a package is named as another with more after it: `libqt5gui5-gles`.
fn is_variant_of(package: &str, other: &str) -> bool {
    plain(package)
        .strip_prefix(plain(other))
        .is_some_and(|rest| rest.starts_with('-'))
}

/// The name of a package before its last number, and the number.
fn numbered(hit: &Hit) -> Option<(&str, u64)> {
    let (name, number) = plain(&hit.package).rsplit_once('-')?;
    Some((name, number.parse().ok()?))
}

fn plain(package: &str) -> &str {
    package.strip_suffix("t64").unwrap_or(package)
}

/// What a package is called by its SONAME (Debian Policy 8.1): `libfoo1` for `libfoo.so.1`,
/// `libfoo2-1` for `libfoo2.so.1`.
fn name_after(file_name: &[u8]) -> Option<String> {
    let stem = std::str::from_utf8(stem(file_name)?).ok()?;
    let version = std::str::from_utf8(after_so(file_name)?).ok()?;
    let hyphen = if stem.ends_with(|last: char| last.is_ascii_digit()) {
        "-"
    } else {
        ""
    };
    let name = format!("{stem}{hyphen}{version}");
    Some(name.to_ascii_lowercase().replace('_', "-"))
}

fn is_named_after(hit: &Hit) -> bool {
    name_after(&hit.file_name).is_some_and(|name| plain(&hit.package) == name)
}

fn is_named_as_variant(hit: &Hit) -> bool {
    name_after(&hit.file_name).is_some_and(|name| is_variant_of(&hit.package, &name))
}

/// `libfoo` of `libfoo.so` and `libfoo.so.1`.
fn stem(file_name: &[u8]) -> Option<&[u8]> {
    let is_end = |at: usize| matches!(file_name.get(at + 3), None | Some(b'.'));
    let at = file_name
        .windows(3)
        .enumerate()
        .position(|(at, three)| three == b".so" && is_end(at))?;
    Some(&file_name[..at])
}

/// `1.2` of `libfoo.so.1.2`.
fn after_so(file_name: &[u8]) -> Option<&[u8]> {
    file_name.get(stem(file_name)?.len() + 4..)
}

/// Whether a version stands in a file name: `libtidy.so.5deb1`, but not `libfoo.so.debug`.
fn is_versioned(file_name: &[u8]) -> bool {
    after_so(file_name).is_some_and(|version| version.first().is_some_and(u8::is_ascii_digit))
}

/// The version in a file name, as numbers; `None` where it has none.
fn version(file_name: &[u8]) -> Option<Vec<u64>> {
    std::str::from_utf8(after_so(file_name)?)
        .ok()?
        .split('.')
        .map(|number| number.parse().ok())
        .collect()
}

/// A directory without its leading slash, as it is where /usr is merged.
fn merged(dir: &[u8]) -> &[u8] {
    let dir = dir.strip_prefix(b"/").unwrap_or(dir);
    dir.strip_prefix(b"usr/")
        .filter(|rest| rest.starts_with(b"lib"))
        .unwrap_or(dir)
}

/// Whether a directory of `ld.so.conf` is for libraries that `abi` cannot be joined with.
fn is_of_other_abi(merged: &[u8], abi: Abi) -> bool {
    let mut parts = merged.split(|&byte| byte == b'/');
    let top = parts.next().unwrap_or_default();
    OTHER_ABIS.iter().any(|name| name.as_bytes() == top)
        || parts.any(|part| {
            ARCHITECTURES
                .iter()
                .any(|row| row.abi != abi && row.triplet.as_bytes() == part)
        })
}

/// For compiling, for debuggers, for other machines.
fn is_never_meant(package: &str) -> bool {
    ownership::is_for_compiling(package)
        || ["-dbg", "-dbgsym", "-cross"]
            .iter()
            .any(|end| package.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Where each line of an index of amd64 is found to lie.
    fn places(conf: &str, lines: &[&str]) -> Vec<Option<Place>> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        fs::write(dir.path().join("etc/ld.so.conf"), conf).unwrap();
        let ld_so = LdSo::read(&Root::below(dir.path()).unwrap());
        let abi = ARCHITECTURES[0].abi;
        let place = |line: &&str| {
            let mut query = Query::new(&ld_so, abi);
            query.add(&Wanted {
                name: Name::Soname("liba.so.1".into()),
                abi,
            });
            let text = format!("{line}/liba.so.1 libs/liba1\n");
            contents_file::read(text.as_bytes(), |entry| query.visit(entry, Rank::Main)).unwrap();
            query.hits.first().map(|hit| hit.place)
        };
        lines.iter().map(place).collect()
    }

    #[test]
    fn a_file_counts_where_the_loader_of_its_abi_looks() {
        let conf = "/opt/lib/\n/usr/lib32\n/lib/i386-linux-gnu\n/usr/lib/x86_64-linux-gnu/own\n";
        let searched = [
            "lib/x86_64-linux-gnu",
            "usr/lib/x86_64-linux-gnu",
            "lib",
            "usr/lib",
            "opt/lib",
            "lib/x86_64-linux-gnu/own",
        ];
        assert_eq!(places(conf, &searched), [Some(Place::Searched); 6]);
        let not = [
            "usr/lib32",
            "lib32",
            "usr/lib/i386-linux-gnu",
            "usr/lib/x86_64-linux-gnu/other",
            "usr/lib/x86_64-linux-gnu/ab",
            "usr/share",
            "x/usr/lib",
            "usr/opt/lib",
        ];
        assert_eq!(places(conf, &not), [None; 8]);
        assert_eq!(
            places(conf, &["lib/x86_64-linux-gnu/a", "usr/lib/a-b"]),
            [Some(Place::Own), Some(Place::Variant)]
        );
    }

    #[test]
    fn a_package_is_named_after_its_soname() {
        let name = |soname: &str| name_after(soname.as_bytes()).unwrap_or_default();
        assert_eq!(name("libfoo.so.1"), "libfoo1");
        assert_eq!(name("libFoo_b2.so.1.2"), "libfoo-b2-1.2");
        assert_eq!(name("libQt5Gui.so.5"), "libqt5gui5");
        assert_eq!(name("libfoo.so"), "");
        assert_eq!(name("libfoo.some"), "");
    }
}
