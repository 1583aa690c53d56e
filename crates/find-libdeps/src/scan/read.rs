//! The files at or below the given paths to what they hold, on all threads. Each is opened once.
//!
//! What a file holds is told apart by its own module; nothing is put together here.

use crate::config::{Config, Dlopen};
use crate::elf::dlopen_note::Notes;
use crate::elf::object_file::{self, ElfError, ElfFile, Object};
use crate::loader::tree::Start;
use crate::report::data::Counts;
use crate::run_time::distributions::Distributions;
use crate::run_time::python::{self, Call, Unsearched};
use crate::scan::walk::{self, Unread};
use crate::system::root::Root;
use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What the files hold, in no order. Paths are real ones, but for those in messages.
#[derive(Debug, Default)]
pub struct Held {
    /// ELF files.
    pub objects: Vec<(PathBuf, Object)>,
    /// What ELF files say that they load at run time.
    pub notes: Vec<(PathBuf, Notes)>,
    /// The calls in Python sources that load a library.
    pub calls: Vec<(PathBuf, Vec<Call>)>,
    /// The files that stand for one distribution each.
    pub metadata: Vec<PathBuf>,
    /// Files with the ELF magic that could not be understood, as people know them.
    pub malformed: Vec<(PathBuf, ElfError)>,
    /// Sources that were not searched for calls, as people know them.
    pub unsearched: Vec<(PathBuf, Unsearched)>,
    /// What could not be read, as people know it, sorted. The rest is worth nothing then.
    pub unread: Vec<Unread>,
    /// How much was read.
    pub counts: Counts,
}

/// Reads every file at or below `starts`, counting up `files_read` as it goes.
pub fn read(
    config: &Config,
    root: &Root,
    starts: &[Start],
    files_read: &AtomicUsize,
) -> Result<Held, rayon::ThreadPoolBuildError> {
    let inner = |path: &Path| root.inner(path);
    let known = |real: &Path| {
        starts
            .iter()
            .find_map(|start| start.known(real))
            .unwrap_or_else(|| real.to_owned())
    };
    let outer: Vec<PathBuf> = starts.iter().map(|start| root.outer(&start.real)).collect();
    let below = |path: &Path| {
        let rest = outer.iter().find_map(|start| path.strip_prefix(start).ok());
        match rest.unwrap_or(path) {
            // It was given itself.
            rest if rest.as_os_str().is_empty() => {
                PathBuf::from(path.file_name().unwrap_or_default())
            }
            rest => rest.to_owned(),
        }
    };
    let held = Mutex::new(Held::default());
    let lock = || held.lock().unwrap_or_else(PoisonError::into_inner);
    let visit = |path: &Path| {
        files_read.fetch_add(1, Ordering::Relaxed);
        let may_call = || python::is_for_run_time(&below(path));
        match read_file(path, config.dlopen, may_call) {
            Ok(Content::Other) => {}
            Ok(Content::Object(object, notes)) => {
                let real = inner(path);
                let mut held = lock();
                if let Some(notes) = notes {
                    held.notes.push((real.clone(), notes));
                }
                held.objects.push((real, object));
            }
            Ok(Content::Source(Ok(calls))) => lock().calls.push((inner(path), calls)),
            Ok(Content::Source(Err(error))) => {
                lock().unsearched.push((known(&inner(path)), error));
            }
            Ok(Content::Metadata) => lock().metadata.push(inner(path)),
            Err(ElfError::Io(error)) => lock().unread.push(Unread {
                path: known(&inner(path)),
                error,
            }),
            Err(error) => lock().malformed.push((known(&inner(path)), error)),
        }
    };
    let is_excluded =
        |path: &Path| !config.exclude.is_empty() && config.excludes(&known(&inner(path)));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(config.threads)
        .build()?;
    let unlisted = pool.install(|| walk::files(&outer, is_excluded, visit));

    let mut held = held.into_inner().unwrap_or_else(PoisonError::into_inner);
    held.unread
        .extend(unlisted.into_iter().map(|unlisted| Unread {
            path: known(&inner(&unlisted.path)),
            ..unlisted
        }));
    held.unread.sort_by(|a, b| a.path.cmp(&b.path));
    held.counts = Counts {
        files: files_read.load(Ordering::Relaxed),
        elf: held.objects.len() + held.malformed.len(),
    };
    Ok(held)
}

/// What one file holds.
enum Content {
    Object(Object, Option<Notes>),
    Source(Result<Vec<Call>, Unsearched>),
    Metadata,
    /// Nothing that counts.
    Other,
}

/// Reads the file `path`; what is loaded at run time only where `dlopen` asks for it, and in a Python
/// source where it `may_call`.
fn read_file(
    path: &Path,
    dlopen: Dlopen,
    may_call: impl Fn() -> bool,
) -> Result<Content, ElfError> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = RefCell::default();
    }
    let mut file = File::open(path)?;
    if dlopen == Dlopen::Off {
        let elf = ElfFile::open(&file)?;
        return elf.map_or(Ok(Content::Other), |elf| {
            Ok(Content::Object(elf.object()?, None))
        });
    }
    if may_call() {
        let calls = BUFFER.with_borrow_mut(|buffer| -> io::Result<_> {
            let source = python::read(&mut file, buffer)?;
            Ok((!object_file::has_magic(source)).then(|| python::calls(source)))
        })?;
        if let Some(calls) = calls {
            let is_none = calls.as_ref().is_ok_and(Vec::is_empty);
            return Ok(if is_none {
                Content::Other
            } else {
                Content::Source(calls)
            });
        }
    }
    match ElfFile::open(&file)? {
        Some(elf) => Ok(Content::Object(elf.object()?, Some(elf.dlopen_notes()?))),
        None if Distributions::is_metadata(path) => Ok(Content::Metadata),
        None => Ok(Content::Other),
    }
}
