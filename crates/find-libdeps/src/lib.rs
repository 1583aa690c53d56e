//! `find-libdeps`: from a virtualenv to the exact Debian packages that its binaries need.
//!
//! Data passes through once; each phase borrows from earlier ones and never reaches back:
//!
//! - [`cli`]: arguments to a [`config::Config`]
//! - [`root`]: the file system that is analysed
//! - [`walk`]: the given paths to files
//! - [`elf`]: a file to an [`elf::Object`], with [`arch`] for what differs by architecture
//! - [`dlopen_note`] and [`python_source`]: the names of libraries that a file may load at run time
//! - [`tree`]: the objects together
//! - [`search_path`], [`library`], [`ld_so`] with its formats [`ld_so_cache`] and [`ld_so_conf`]:
//!   where the loader looks, and what it finds there
//! - [`resolve`]: needed names to outcomes, with [`provided`] for those that others provide
//! - [`ownership`], [`dpkg`]: libraries to packages
//! - [`report`]: all of it sorted, with [`os_release`] for whose the packages are; [`json`],
//!   [`explain`] and [`messages`] write it, with [`text`] for names
//!
//! Beside them, [`process`] starts other programs, and [`progress`] tells a person that the work goes
//! on.
//!
//! Nothing that is inspected is executed or loaded, and nothing is written to disk.

pub mod apt;
pub mod arch;
pub mod cli;
pub mod config;
pub mod contents;
pub mod distributions;
pub mod dlopen;
pub mod dlopen_note;
pub mod dlopen_table;
pub mod dpkg;
pub mod elf;
pub mod explain;
pub mod json;
pub mod ld_debug;
pub mod ld_so;
pub mod ld_so_cache;
pub mod ld_so_conf;
pub mod library;
pub mod lookup;
pub mod messages;
pub mod os_release;
pub mod ownership;
pub mod process;
pub mod progress;
pub mod provided;
mod python_platform;
pub mod python_source;
mod python_tokens;
pub mod release;
pub mod report;
pub mod resolve;
pub mod root;
pub mod search_path;
pub mod selection;
pub mod text;
pub mod trace;
pub mod tree;
pub mod walk;

use arch::Abi;
use config::Config;
use dlopen::Load;
use dpkg::{Dpkg, DpkgError};
use elf::{ElfError, ElfFile, Object};
use ld_so::LdSo;
use library::Library;
use os_release::OsRelease;
use ownership::{Ownership, Packages};
use report::{Counts, Findings, Report, Version};
use resolve::{Hit, Inputs, Outcome, Resolved, Resolver};
use root::Root;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use text::{counted, shown};
use thiserror::Error;
use tree::{Start, Tree};
use walk::Unread;

/// How many unreadable paths a message names.
const MAX_NAMED: usize = 10;

/// Why there is no list.
#[derive(Debug, Error)]
pub enum Error {
    /// A given path cannot be analysed.
    #[error("cannot read {}: {source}{}", shown(path), below(root.as_deref()))]
    Path {
        /// As it was given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
        /// The directory that it was looked for in.
        root: Option<PathBuf>,
    },
    /// The directory for `--root` cannot be used.
    #[error("cannot use {} as the root: {source}", shown(path))]
    Root {
        /// As it was given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something below a given path could not be read, so that the list could lack something.
    #[error("{}", unread(.0))]
    Unread(Vec<Unread>),
    /// dpkg gave no answer.
    #[error(transparent)]
    Dpkg(#[from] DpkgError),
    /// The threads could not be started.
    #[error("cannot start the threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

fn below(root: Option<&Path>) -> String {
    root.map(|root| format!(" (below {}, where paths are looked for)", shown(root)))
        .unwrap_or_default()
}

fn unread(all: &[Unread]) -> String {
    let mut lines: Vec<String> = all
        .iter()
        .take(MAX_NAMED)
        .map(|unread| {
            format!(
                "cannot read {}: {}; make it readable, or pass `{}`",
                shown(&unread.path),
                unread.error,
                exclusion(&unread.path)
            )
        })
        .collect();
    if let Some(more) = all.len().checked_sub(MAX_NAMED).filter(|&more| more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.push("no list, since it could lack something".to_owned());
    lines.join("\n")
}

/// `--exclude` with a pattern that matches this path and what lies below it, as a shell takes it.
fn exclusion(path: &Path) -> String {
    let mut pattern = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' => pattern.push_str("\\x27"),
                _ if character.is_control() => {
                    pattern.extend(character.escape_unicode());
                }
                _ => pattern.push_str(&regex::escape(character.encode_utf8(&mut [0; 4]))),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(pattern, "(?-u:\\x{byte:02x})");
        }
    }
    format!("--exclude '^{pattern}(/|$)'")
}

/// Analyses what `config` says. `files_read` counts up as the work goes on.
pub fn run(config: &Config, files_read: &AtomicUsize) -> Result<Report, Error> {
    let root = match &config.root {
        None => Root::machine(),
        Some(dir) => Root::below(dir).map_err(|source| Error::Root {
            path: dir.clone(),
            source,
        })?,
    };
    let starts = starts(config, &root)?;
    let (read, system) = std::thread::scope(|scope| {
        // dpkg takes its time to read its database: it does so while the tree is read.
        let system = scope.spawn(|| System::ask(&root));
        let read = read_objects(config, &root, &starts, files_read);
        (read, system.join())
    });
    let System {
        ld_so,
        mut packages,
    } = system.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let Read {
        objects,
        malformed,
        counts,
    } = read?;

    let tree = Tree::new(starts, objects);
    let library = Library::new(&root, &tree);
    let loads: Vec<Load> = Vec::new();
    let is_ignored = |soname: &OsStr| config.ignores(soname);
    let is_excluded = |path: &Path| config.excludes(path);
    let resolver = Resolver::new(Inputs {
        root: &root,
        library: &library,
        ld_so: &ld_so,
        tree: &tree,
        loads: &loads,
        native: Abi::of(packages.dpkg().architecture()),
        environment: &config.ld_library_path,
        is_ignored: &is_ignored,
        is_excluded: &is_excluded,
    });
    let needs = settle(&resolver, &mut packages, &tree)?;
    let unlisted = resolver.unlisted();
    packages.ask(asked(unlisted.iter().map(|(_, _, outcome)| outcome)))?;
    let mut report = Report::new(Findings {
        distribution: OsRelease::read(&root),
        tree: &tree,
        loads: &loads,
        resolved: needs,
        unlisted,
        packages: &packages,
        malformed,
        counts,
    });
    if config.with_versions {
        add_versions(&mut report, packages.dpkg())?;
    }
    Ok(report)
}

/// The given paths, none of which lies below another.
fn starts(config: &Config, root: &Root) -> Result<Vec<Start>, Error> {
    let mut starts: Vec<Start> = Vec::new();
    for given in &config.paths {
        let at_fault = |source| Error::Path {
            path: given.clone(),
            source,
            root: config.root.clone(),
        };
        let path = if root.is_machine() {
            std::path::absolute(given).map_err(at_fault)?
        } else {
            Path::new("/").join(given)
        };
        let real = root.canonicalize(&path).map_err(at_fault)?;
        let metadata = root.metadata(&real).map_err(at_fault)?;
        if !metadata.is_dir() && !metadata.is_file() {
            return Err(at_fault(io::Error::other(
                "it is neither a directory nor a regular file",
            )));
        }
        if !starts.iter().any(|start| real.starts_with(&start.real)) {
            starts.retain(|start| !start.real.starts_with(&real));
            starts.push(Start { path, real });
        }
    }
    Ok(starts)
}

/// What the reading of files gives.
struct Read {
    /// By real path.
    objects: Vec<(PathBuf, Object)>,
    malformed: Vec<(PathBuf, ElfError)>,
    counts: Counts,
}

/// Reads every file at or below `starts`, on all threads.
fn read_objects(
    config: &Config,
    root: &Root,
    starts: &[Start],
    files_read: &AtomicUsize,
) -> Result<Read, Error> {
    let inner = |path: &Path| root.inner(path);
    let known = |real: &Path| {
        starts
            .iter()
            .find_map(|start| start.known(real))
            .unwrap_or_else(|| real.to_owned())
    };
    let results = Mutex::new((Vec::new(), Vec::new(), Vec::new()));
    let lock = || results.lock().unwrap_or_else(PoisonError::into_inner);
    let visit = |path: &Path| {
        files_read.fetch_add(1, Ordering::Relaxed);
        match read_object(path) {
            Ok(None) => {}
            Ok(Some(object)) => lock().0.push((inner(path), object)),
            Err(ElfError::Io(error)) => lock().2.push(Unread {
                path: known(&inner(path)),
                error,
            }),
            Err(error) => lock().1.push((known(&inner(path)), error)),
        }
    };
    let is_excluded =
        |path: &Path| !config.exclude.is_empty() && config.excludes(&known(&inner(path)));
    let outer: Vec<PathBuf> = starts.iter().map(|start| root.outer(&start.real)).collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(config.threads)
        .build()?;
    let unlisted = pool.install(|| walk::files(&outer, is_excluded, visit));

    let (objects, malformed, mut unread) =
        results.into_inner().unwrap_or_else(PoisonError::into_inner);
    unread.extend(unlisted.into_iter().map(|unlisted| Unread {
        path: known(&inner(&unlisted.path)),
        ..unlisted
    }));
    if !unread.is_empty() {
        unread.sort_by(|a, b| a.path.cmp(&b.path));
        return Err(Error::Unread(unread));
    }
    Ok(Read {
        counts: Counts {
            files: files_read.load(Ordering::Relaxed),
            elf: objects.len() + malformed.len(),
        },
        objects,
        malformed,
    })
}

fn read_object(path: &Path) -> Result<Option<Object>, ElfError> {
    let file = File::open(path)?;
    ElfFile::open(&file)?.map(|elf| elf.object()).transpose()
}

/// What the system says, whatever the tree is.
struct System<'a> {
    ld_so: LdSo,
    packages: Packages<'a>,
}

impl<'a> System<'a> {
    /// Reads the loader's cache, and asks dpkg for all the libraries in it in one call: nearly
    /// every library that a tree needs is one of them.
    fn ask(root: &'a Root) -> Result<Self, DpkgError> {
        let mut packages = Packages::new(root, Dpkg::new(root)?);
        let ld_so = LdSo::read(root);
        packages.ask(ld_so.cached_files())?;
        Ok(Self { ld_so, packages })
    }
}

/// Resolves the tree and asks for owners until every library that nobody owns has been followed,
/// since no package will bring what it needs.
///
/// A library outside the directories that packages use is followed before dpkg is asked: where the
/// guess is right, as with `/usr/local/lib`, no further round is needed.
fn settle(
    resolver: &Resolver,
    packages: &mut Packages,
    tree: &Tree,
) -> Result<Resolved, DpkgError> {
    let guess = |real: &Path| {
        let is_packages = ["/lib", "/usr"].iter().any(|dir| real.starts_with(dir));
        !is_packages || real.starts_with("/usr/local")
    };
    let mut unowned: HashSet<PathBuf> = HashSet::new();
    let mut needs = resolver.resolve(&guess);
    let mut followed = reals(&needs, guess);
    loop {
        packages.ask(asked(needs.outcomes.iter()))?;
        for hit in system(&needs) {
            let is_packages = matches!(packages.ownership(hit), Ownership::Package(_));
            if !is_packages && tree.known(&hit.real).is_none() {
                unowned.insert(hit.real.clone());
            }
        }
        if reals(&needs, |real| unowned.contains(real)) == followed {
            return Ok(needs);
        }
        // What is known to be nobody's only grows, so this ends.
        let is_unowned = |real: &Path| unowned.contains(real);
        needs = resolver.resolve(&is_unowned);
        followed = reals(&needs, is_unowned);
    }
}

/// The paths of libraries that packages may have.
fn asked<'a>(outcomes: impl Iterator<Item = &'a Rc<Outcome>>) -> impl Iterator<Item = &'a Path> {
    outcomes.filter_map(|outcome| match &**outcome {
        Outcome::System(hit) | Outcome::Embedded(hit) => Some(hit.path.as_path()),
        _ => None,
    })
}

/// The system's libraries, each once.
fn system(needs: &Resolved) -> impl Iterator<Item = &Hit> {
    needs
        .outcomes
        .iter()
        .filter_map(|outcome| match &**outcome {
            Outcome::System(hit) => Some(hit),
            _ => None,
        })
}

/// The real paths of the system's libraries of which `is_meant` says so.
fn reals(resolved: &Resolved, is_meant: impl Fn(&Path) -> bool) -> HashSet<PathBuf> {
    system(resolved)
        .filter(|hit| is_meant(&hit.real))
        .map(|hit| hit.real.clone())
        .collect()
}

fn add_versions(report: &mut Report, dpkg: &Dpkg) -> Result<(), DpkgError> {
    let packages = report
        .packages
        .iter()
        .map(|listed| listed.package.clone())
        .collect();
    let mut versions = dpkg.versions(&packages)?;
    for listed in &mut report.packages {
        let found = versions.remove(&listed.package);
        listed.version = found.map(|(version, architecture)| Version {
            architecture,
            version,
        });
    }
    Ok(())
}

/// The summary that `--verbose` prints, without the time.
#[must_use]
pub fn summary(report: &Report) -> String {
    let missing = report
        .libraries
        .iter()
        .filter(|library| library.fate == report::Fate::Missing)
        .count();
    format!(
        "{}, {} ELF, {}, {missing} missing, {}, {}",
        counted(report.counts.files, "file"),
        report.counts.elf,
        counted(report.libraries.len(), "needed name"),
        counted(report.packages.len(), "package"),
        counted(report.warnings.len(), "warning"),
    )
}
