//! Files to what they hold, on all threads. The owner of each format decides what a file holds.

use crate::config::{Config, Dlopen};
use crate::elf::dlopen_note::Notes;
use crate::elf::object_file::{self, ElfError, ElfFile, Kind, Object};
use crate::python::distributions::Distributions;
use crate::python::source::{self, Call, Unsearched};
use crate::scan::ScanError;
use crate::scan::starts::Starts;
use crate::scan::walk::{self, Unread};
use crate::system::root::Root;
use crate::warning::Warning;
use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What the files hold, in no order, by their real paths.
#[derive(Debug, Default)]
pub struct Scanned {
    /// ELF files.
    pub objects: Vec<(PathBuf, Object)>,
    pub by_name: LoadsByName,
    /// Malformed ELF files and notes, and sources that were not searched for calls.
    pub warnings: Vec<Warning>,
    pub counts: Counts,
}

/// What the files say about libraries that code loads by name, in no order, by their real paths.
#[derive(Debug, Default)]
pub struct LoadsByName {
    /// The `.note.dlopen` of ELF files.
    pub notes: Vec<(PathBuf, Notes)>,
    /// The calls in Python sources that load a library.
    pub calls: Vec<(PathBuf, Vec<Call>)>,
    /// The files that each describe a distribution.
    pub metadata: Vec<PathBuf>,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Regular files at or below the given paths.
    pub files: usize,
    /// Those that have the ELF magic.
    pub elf: usize,
}

/// Reads every file at or below `starts`, counting up `files_read` as it goes.
pub fn read(
    config: &Config,
    root: &Root,
    starts: &Starts,
    files_read: &AtomicUsize,
) -> Result<Scanned, ScanError> {
    let inner = |path: &Path| root.inner(path);
    let reported = |real: &Path| starts.reported_or_real(real);
    let outer: Vec<PathBuf> = starts.real().map(|start| root.outer(start)).collect();
    let below = |path: &Path| {
        let rest = outer.iter().find_map(|start| path.strip_prefix(start).ok());
        match rest.unwrap_or(path) {
            // It is a PATH itself.
            rest if rest.as_os_str().is_empty() => {
                PathBuf::from(path.file_name().unwrap_or_default())
            }
            rest => rest.to_owned(),
        }
    };
    let scanned = Mutex::new(Scanned::default());
    let unread = Mutex::new(Vec::new());
    let lock = || scanned.lock().unwrap_or_else(PoisonError::into_inner);
    let visit =
        |path: &Path| {
            files_read.fetch_add(1, Ordering::Relaxed);
            let may_call = || source::is_for_run_time(&below(path));
            match read_file(path, config.dlopen, may_call) {
                Ok(Content::Other) => {}
                Ok(Content::Object(object, notes)) => {
                    let real = inner(path);
                    let mut scanned = lock();
                    scanned.counts.elf += 1;
                    if let Some(notes) = notes {
                        scanned.warnings.extend(notes.faults.iter().map(|fault| {
                            Warning::new(
                                reported(&real),
                                format!("malformed `.note.dlopen`: {fault}"),
                            )
                        }));
                        scanned.by_name.notes.push((real.clone(), notes));
                    }
                    scanned.objects.push((real, *object));
                }
                Ok(Content::Source(Ok(calls))) => lock().by_name.calls.push((inner(path), calls)),
                Ok(Content::Source(Err(error))) => {
                    let warning = Warning::new(reported(&inner(path)), error.to_string());
                    lock().warnings.push(warning);
                }
                Ok(Content::Metadata) => lock().by_name.metadata.push(inner(path)),
                Err(ElfError::Io(error)) => unread
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(Unread {
                        path: path.to_owned(),
                        error,
                    }),
                Err(error) => {
                    let message = format!("{error}; its needs are not listed");
                    let mut scanned = lock();
                    scanned.counts.elf += 1;
                    scanned
                        .warnings
                        .push(Warning::objection(reported(&inner(path)), message));
                }
            }
        };
    let is_excluded =
        |path: &Path| !config.exclude.is_empty() && config.excludes(&reported(&inner(path)));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(config.threads)
        .build()?;
    let unlisted = pool.install(|| walk::files(&outer, is_excluded, visit));

    let mut unread = unread.into_inner().unwrap_or_else(PoisonError::into_inner);
    unread.extend(unlisted);
    if !unread.is_empty() {
        for one in &mut unread {
            one.path = reported(&inner(&one.path));
        }
        unread.sort_by(|a, b| a.path.cmp(&b.path));
        return Err(ScanError::Unread(unread));
    }
    let mut scanned = scanned.into_inner().unwrap_or_else(PoisonError::into_inner);
    scanned.counts.files = files_read.load(Ordering::Relaxed);
    Ok(scanned)
}

/// What one file holds.
enum Content {
    Object(Box<Object>, Option<Notes>),
    Source(Result<Vec<Call>, Unsearched>),
    Metadata,
    /// Nothing of interest.
    Other,
}

/// Reads the file `path`; notes and calls only if `dlopen` is not off, and a Python source only if it
/// `may_call`.
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
            Ok(Content::Object(object(&elf)?, None))
        });
    }
    if may_call() {
        let calls = BUFFER.with_borrow_mut(|buffer| -> io::Result<_> {
            let source = source::read(&mut file, buffer)?;
            Ok((!object_file::has_magic(source)).then(|| source::calls(source)))
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
        Some(elf) => {
            let object = object(&elf)?;
            let can_open = object.kind != Kind::Other && object.refusal.is_none();
            let notes = can_open.then(|| elf.dlopen_notes()).transpose()?;
            Ok(Content::Object(object, notes))
        }
        None if Distributions::is_metadata(path) => Ok(Content::Metadata),
        None => Ok(Content::Other),
    }
}

/// What the loader reads of `elf`. It is not known here whether a malformed file is for this machine.
fn object(elf: &ElfFile) -> Result<Box<Object>, ElfError> {
    let object = match elf.object() {
        Err(error @ ElfError::Malformed(_)) => Object::refused(elf.abi, error.to_string()),
        read => read?,
    };
    Ok(Box::new(object))
}
