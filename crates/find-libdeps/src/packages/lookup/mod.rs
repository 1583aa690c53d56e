//! Finds the packages that ship what is not on this machine.
//!
//! Takes the wanted libraries, programs and files and the loader's directories; returns, for each, the package
//! to install, the packages among which no rule decides, or the reason why there is none. It uses the
//! Contents indexes of apt's sources, which list the files of every package: the one of an
//! architecture, and, for programs and files that are not in it, the one of packages for all
//! architectures, which has four times the size and no library that the loader finds.
//! Nothing is installed, apt's own lists are never written to, and only the machine's own
//! root is examined.

pub(crate) mod apt;
pub(crate) mod contents_file;
mod file_name;
pub(crate) mod release_file;
mod rules;
mod wanted;

pub use rules::{Found, PackagedLibrary};
pub use wanted::Wanted;

use crate::config::Lookup;
use crate::demand::Item;
use crate::loader::rules::Rules;
use crate::packages::dpkg::{Dpkg, DpkgError};
use crate::packages::package::{Package, PackageVersion};
use crate::system::architecture::Abi;
use crate::system::escape::shown;
use crate::system::ordered::Ordered as _;
use crate::system::os_release::OsRelease;
use crate::system::root::Root;
use apt::{AptError, Index, Lists};
use contents_file::ContentsError;
use rules::{Rank, decide};
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::path::PathBuf;
use thiserror::Error;
use wanted::Query;

/// In the name of an index of packages for all architectures.
const ALL: &str = "all";
/// The size of the buffer between apt's output and the parser.
const BUFFER: usize = 1 << 18;
/// A thousand wanted names match a few thousand files.
const MAX_FILES: usize = 1 << 16;

/// Why nothing was looked up.
#[derive(Debug, Error)]
pub enum LookupError {
    /// apt is never run for another root: its configuration there may name programs to run, and
    /// files outside the root.
    #[error(
        "`--lookup` searches for this machine only; run find-libdeps inside the root, without `--root`"
    )]
    OtherRoot,
    /// apt has no index, and [`Lookup`] does not allow fetching one.
    #[error(
        "apt has no Contents index for {architecture}; pass `--lookup`, or install apt-file and \
         run `apt-get update`"
    )]
    NoIndex {
        /// As Debian names it.
        architecture: &'static str,
    },
    /// apt's sources publish no index.
    #[error(
        "none of apt's sources has a Contents index for {architecture}; add a Debian \
         archive to /etc/apt/sources.list or /etc/apt/sources.list.d"
    )]
    NotPublished {
        /// As Debian names it.
        architecture: &'static str,
    },
    /// apt could not fetch the indexes.
    #[error(
        "cannot fetch the Contents index: {0}; check with `apt-get update` that the network and \
         apt's sources work"
    )]
    Fetch(#[source] AptError),
    /// apt could not be run, or failed.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// An index cannot be read, or is incomplete.
    #[error(
        "cannot read the Contents index {}: {problem}; remove it and run again to fetch it",
        shown(path)
    )]
    Damaged {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// More files match than in any real index.
    #[error("too many matching files in the Contents index {}", shown(path))]
    TooMany {
        /// The index.
        path: PathBuf,
    },
    /// dpkg did not report its foreign architectures.
    #[error(transparent)]
    Dpkg(#[from] DpkgError),
}

/// Looks up everything in `wanted`, sets of alternatives, in the indexes that `source` allows. Reads
/// and fetches nothing if `wanted` is empty.
pub fn look_up(
    root: &Root,
    dpkg: &Dpkg,
    rules: &dyn Rules,
    wanted: &BTreeSet<Vec<Wanted>>,
    source: &Lookup,
) -> Result<BTreeMap<Wanted, Found>, LookupError> {
    let mut found = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    if !root.is_machine() {
        return Err(LookupError::OtherRoot);
    }
    let each = wanted.iter().flatten().cloned().collect();
    let queries = queries(dpkg, rules, &each, &mut found)?;
    let release = OsRelease::read(root).version_codename;
    let architectures: Vec<&'static str> = queries.keys().copied().collect();
    let (indexes, lists) = indexes(&architectures, source)?;
    let native = dpkg.architecture();
    for (architecture, mut query) in queries {
        let indexes = indexes.get(architecture).into_iter().flatten();
        let foreign = Some(architecture).filter(|&it| it != native);
        found.extend(answers(indexes, release.as_deref(), &mut query, foreign)?);
    }
    let open = open(wanted, &found);
    if !open.is_empty() {
        let mut query = Query::new(rules, Abi::of(native));
        for wanted in &open {
            query.add(wanted);
        }
        found.extend(in_all(&mut query, lists, release.as_deref(), source));
    }
    Ok(found)
}

/// What the packages for all architectures say on a query. `fetched` are the lists that the other
/// indexes were fetched into. A failure concerns only what is not found.
fn in_all(
    query: &mut Query,
    fetched: Option<Lists>,
    release: Option<&str>,
    source: &Lookup,
) -> Vec<(Wanted, Found)> {
    let mut problem = None;
    let search = || {
        let (indexes, _lists) = indexes_of_all(fetched, source, &mut problem)?;
        answers(indexes.iter(), release, query, None)
    };
    let result: Result<_, LookupError> = search();
    let mut answers = result.unwrap_or_else(|error| {
        problem = Some(error);
        let open = query.wanted().iter();
        open.map(|it| (it.clone(), Found::NotShipped)).collect()
    });
    if let Some(error) = problem {
        let open = answers.iter_mut().map(|(_, found)| found);
        for found in open.filter(|found| **found == Found::NotShipped) {
            *found = Found::NotSearched(error.to_string());
        }
    }
    answers
}

/// The programs and files of `wanted` of which no alternative was found.
fn open(wanted: &BTreeSet<Vec<Wanted>>, found: &BTreeMap<Wanted, Found>) -> BTreeSet<Wanted> {
    let is_open = |it: &&Wanted| matches!(found.get(it), None | Some(Found::NotShipped));
    let unmet = wanted
        .iter()
        .filter(|all| all.iter().all(|it| is_open(&it)));
    let is_file = |it: &&Wanted| !matches!(it.item, Item::Library(_));
    unmet.flatten().filter(is_file).cloned().ordered()
}

/// What `indexes` say on a query; `foreign` is the architecture of its packages.
fn answers<'i>(
    indexes: impl Iterator<Item = &'i Index>,
    release: Option<&str>,
    query: &mut Query,
    foreign: Option<&str>,
) -> Result<Vec<(Wanted, Found)>, LookupError> {
    for index in indexes {
        read(index, Rank::of(index, release), query)?;
    }
    let package = |name: &str| Package {
        name: name.to_owned(),
        foreign: foreign.map(str::to_owned),
    };
    let decided = |wanted: &Wanted| decide(query.files_of(&wanted.item), &package);
    let wanted = query.wanted().iter();
    Ok(wanted.map(|it| (it.clone(), decided(it))).collect())
}

/// The versions that apt would install of `packages`, as far as its package lists have them.
pub fn versions(dpkg: &Dpkg, packages: &BTreeSet<Package>) -> BTreeMap<Package, PackageVersion> {
    if packages.is_empty() {
        return BTreeMap::new();
    }
    let versions = apt::versions(packages).unwrap_or_default().into_iter();
    let native = dpkg.architecture();
    let package = |name, architecture: &str| Package {
        name,
        foreign: Some(architecture)
            .filter(|&it| it != native && it != "all")
            .map(str::to_owned),
    };
    versions
        .map(|(name, version)| (package(name, &version.architecture), version))
        .ordered_by_key()
}

/// One query per architecture that dpkg accepts, by Debian's name of it. What is wanted for any
/// other architecture goes into `found`.
fn queries(
    dpkg: &Dpkg,
    rules: &dyn Rules,
    wanted: &BTreeSet<Wanted>,
    found: &mut BTreeMap<Wanted, Found>,
) -> Result<BTreeMap<&'static str, Query>, DpkgError> {
    let mut queries = BTreeMap::new();
    let mut foreign = None;
    for wanted in wanted {
        let Some(row) = wanted.abi.architecture() else {
            found.insert(wanted.clone(), Found::ForeignArchitecture);
            continue;
        };
        if row.debian != dpkg.architecture() {
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
            .or_insert_with(|| Query::new(rules, row.abi))
            .add(wanted);
    }
    Ok(queries)
}

/// Indexes by architecture, and the lists that must outlive them on disk.
type Indexes = (BTreeMap<&'static str, Vec<Index>>, Option<Lists>);
type ListedIndexes = (Vec<Index>, Option<Lists>);

fn indexes(architectures: &[&'static str], source: &Lookup) -> Result<Indexes, LookupError> {
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
    let lists = lists(source)?.ok_or(LookupError::NoIndex {
        architecture: first,
    })?;
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

/// The lists to fetch into, if `source` allows that.
fn lists(source: &Lookup) -> Result<Option<Lists>, AptError> {
    match source {
        Lookup::Machine => Ok(None),
        Lookup::Temporary => Lists::temporary().map(Some),
        Lookup::Directory(dir) => Lists::kept(dir).map(Some),
    }
}

/// The indexes of packages for all architectures, none if the sources have none, and the lists that
/// must outlive them. If apt fetches only some of them, `problem` says why.
fn indexes_of_all(
    fetched: Option<Lists>,
    source: &Lookup,
    problem: &mut Option<LookupError>,
) -> Result<ListedIndexes, LookupError> {
    let indexes = Lists::Machine.indexes(ALL)?;
    if !indexes.is_empty() {
        return Ok((indexes, None));
    }
    let lists = match fetched {
        None => self::lists(source)?,
        fetched => fetched,
    };
    let Some(lists) = lists else {
        return Ok((Vec::new(), None));
    };
    *problem = lists.fetch(&[ALL]).err().map(LookupError::Fetch);
    Ok((lists.indexes(ALL)?, Some(lists)))
}

/// Shows every line of `index` to `query`.
fn read(index: &Index, rank: Rank, query: &mut Query) -> Result<(), LookupError> {
    let damaged = |problem: String| LookupError::Damaged {
        path: index.path.clone(),
        problem,
    };
    let mut reader = index.open()?;
    let end = contents_file::read(BufReader::with_capacity(BUFFER, &mut reader), |line| {
        if query.files().len() < MAX_FILES {
            query.visit(line, rank);
        }
    });
    match end {
        Ok(()) | Err(ContentsError::Truncated) => {}
        Err(error) => return Err(damaged(error.to_string())),
    }
    // If the index is truncated, apt's own message says more about the reason.
    match reader.finish() {
        Ok(()) => {}
        Err(AptError::Damaged { problem, .. }) => return Err(damaged(problem)),
        Err(error) => return Err(error.into()),
    }
    end.map_err(|error| damaged(error.to_string()))?;
    if query.files().len() >= MAX_FILES {
        return Err(LookupError::TooMany {
            path: index.path.clone(),
        });
    }
    Ok(())
}
