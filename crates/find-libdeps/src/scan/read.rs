//! Files to what they hold, on all threads. The owner of each format decides what a file holds.

use crate::config::{Config, Dlopen};
use crate::demand;
use crate::elf::dlopen_note::Notes;
use crate::elf::object_file::{ElfError, ElfFile, Kind, Object};
use crate::elf::shared::Shared;
use crate::python::distributions::Distributions;
use crate::python::interpreter::{CONFIGURATION, is_shipped};
use crate::python::source::{self, Call, Unsearched};
use crate::scan::ScanError;
use crate::scan::archive::{self, Packed};
use crate::scan::names;
use crate::scan::script::{self, Script};
use crate::scan::starts::Starts;
use crate::scan::walk::{Unread, Walk};
use crate::system::escape::{counted, shown};
use crate::system::mounts;
use crate::system::root::Root;
use crate::warning::Warning;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::num::NonZero;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

/// What the files hold, in no order, by their real paths.
#[derive(Debug, Default)]
pub struct Scanned {
    /// ELF files. Equal objects are shared.
    pub objects: Vec<(Arc<Path>, Arc<Object>)>,
    pub by_name: LoadsByName,
    /// The directories with a `pyvenv.cfg`.
    pub virtualenvs: Vec<PathBuf>,
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
    /// What starts the scripts among programs.
    pub scripts: Vec<(PathBuf, Script)>,
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
    let scan = Scan {
        config,
        root,
        starts,
        outer: starts.real().map(|start| root.outer(start)).collect(),
        programs: starts
            .program_directories()
            .map(|dir| root.outer(&dir))
            .collect(),
        scanned: Mutex::default(),
        shared: Mutex::default(),
        unread: Mutex::default(),
    };
    let of_kernel = scan.of_kernel();
    let is_excluded = |path: &Path| of_kernel.contains(path) || scan.excludes(path);
    let walk = Walk {
        files: files_read,
        is_excluded: (!of_kernel.is_empty() || !config.exclude.is_empty()).then_some(&is_excluded),
        is_wanted: match config.dlopen {
            Dlopen::Off => |name| names::may_be_elf(name) || name == CONFIGURATION,
            Dlopen::Known | Dlopen::All => {
                |name| names::may_be_elf(name) || name == CONFIGURATION || source::is_python(name)
            }
        },
        link: &|path| scan.visit_link(path),
        visit: |path: &Path| scan.visit(path),
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(config))
        .build()?;
    let unlisted = pool.install(|| walk.run(&scan.outer));

    let mut unread = scan
        .unread
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    unread.extend(unlisted);
    if !unread.is_empty() {
        for one in &mut unread {
            one.path = starts.reported_or_real(&root.inner(&one.path));
        }
        unread.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        return Err(ScanError::Unread(unread));
    }
    let scanned = scan.scanned.into_inner();
    let mut scanned = scanned.unwrap_or_else(PoisonError::into_inner);
    scanned.counts.files = files_read.load(Ordering::Relaxed);
    Ok(scanned)
}

/// More threads than cores, so that some read while others wait for the disk.
fn threads(config: &Config) -> usize {
    const PER_CORE: usize = 4;
    match config.threads {
        0 => PER_CORE * available_parallelism().map_or(1, NonZero::get),
        number => number,
    }
}

/// What the threads share.
struct Scan<'a> {
    config: &'a Config,
    root: &'a Root,
    starts: &'a Starts,
    /// The starts as this process opens them.
    outer: Vec<PathBuf>,
    /// The directories of programs as this process opens them.
    programs: Vec<PathBuf>,
    scanned: Mutex<Scanned>,
    shared: Mutex<Shared>,
    unread: Mutex<Vec<Unread>>,
}

impl Scan<'_> {
    fn scanned(&self) -> MutexGuard<'_, Scanned> {
        self.scanned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reported(&self, path: &Path) -> PathBuf {
        self.starts.reported_or_real(&self.root.inner(path))
    }

    fn excludes(&self, path: &Path) -> bool {
        !self.config.exclude.is_empty() && self.config.excludes(&self.reported(path))
    }

    /// The file systems of the kernel below the starts, each with a warning.
    fn of_kernel(&self) -> BTreeSet<PathBuf> {
        let is_below = |point: &PathBuf| {
            let mut outer = self.outer.iter();
            outer.any(|start| point != start && point.starts_with(start)) && !self.excludes(point)
        };
        let mut points = mounts::of_kernel(self.root);
        points.retain(is_below);
        let warnings = points.iter().map(|point| {
            Warning::new(self.reported(point), "a file system of the kernel; skipped")
        });
        self.scanned().warnings.extend(warnings);
        points
    }

    /// Whether the source `path` may run in an image.
    fn may_call(&self, path: &Path) -> bool {
        let mut outer = self.outer.iter();
        let rest = outer.find_map(|start| path.strip_prefix(start).ok());
        match rest.unwrap_or(path) {
            // It is a PATH itself.
            rest if rest.as_os_str().is_empty() => {
                source::is_for_run_time(Path::new(path.file_name().unwrap_or_default()))
            }
            rest => source::is_for_run_time(rest),
        }
    }

    /// Whether `path` lies in a directory of programs: that of a PATH or of a virtualenv.
    fn is_program(&self, path: &Path) -> bool {
        path.parent().is_some_and(|dir| {
            let is_of_virtualenv = || {
                let configuration = self.root.inner(&dir.with_file_name(CONFIGURATION));
                self.root.metadata(&configuration).is_ok()
            };
            self.programs.iter().any(|it| it == dir)
                || dir.file_name().is_some_and(|name| name == "bin")
                    && !is_shipped(dir)
                    && is_of_virtualenv()
        })
    }

    fn visit(&self, path: &Path) {
        if path.file_name().is_some_and(|name| name == CONFIGURATION) {
            let dir = path.parent().unwrap_or(path);
            self.scanned().virtualenvs.push(self.root.inner(dir));
            return;
        }
        let is_program = || self.is_program(path);
        match read_file(path, self.config.dlopen, is_program, || self.may_call(path)) {
            Ok(Content::Other) => {}
            Ok(Content::Object(object, notes)) => self.add_object(path, *object, notes),
            Ok(Content::Text(calls, script)) => self.add_text(path, calls, script),
            Ok(Content::Metadata) => {
                let real = self.root.inner(path);
                self.scanned().by_name.metadata.push(real);
            }
            Ok(Content::Archive(packed)) => {
                let message = format!(
                    "is an archive with {} such as {}, whose needs are not listed; install the \
                     distribution unpacked",
                    counted(packed.count, "shared object"),
                    shown(&packed.first)
                );
                let warning = Warning::new(self.reported(path), message);
                self.scanned().warnings.push(warning);
            }
            Err(ElfError::Io(error)) => {
                let path = path.to_owned();
                let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
                unread.push(Unread { path, error });
            }
            Err(error) => {
                let message = format!("{error}; its needs are not listed");
                let warning = Warning {
                    is_objection: self.may_be_loaded(path),
                    ..Warning::new(self.reported(path), message)
                };
                let mut scanned = self.scanned();
                scanned.counts.elf += 1;
                scanned.warnings.push(warning);
            }
        }
    }

    /// Whether a file is named as a library or executable; data in ELF's form is neither, such as kernels
    /// for a graphics processor.
    fn may_be_loaded(&self, path: &Path) -> bool {
        path.file_name().is_some_and(demand::is_library)
            || self.root.is_executable(&self.root.inner(path))
    }

    /// Reports a link that leads to a virtualenv elsewhere, which is not read.
    fn visit_link(&self, path: &Path) {
        let link = self.root.inner(path);
        if self.root.metadata(&link.join(CONFIGURATION)).is_err() || is_shipped(&link) {
            return;
        }
        let Ok(target) = self.root.canonicalize(&link) else {
            return;
        };
        if self.starts.reported(&target).is_none() && !self.config.excludes(&target) {
            let message = format!(
                "links to the virtualenv {}, which is outside the PATHs and not read; pass that, too, or \
                 exclude the link",
                shown(&target)
            );
            let warning = Warning::objection(self.reported(path), message);
            self.scanned().warnings.push(warning);
        }
    }

    fn add_text(&self, path: &Path, calls: Result<Vec<Call>, Unsearched>, script: Option<Script>) {
        let real = || self.root.inner(path);
        let mut scanned = self.scanned();
        match calls {
            Ok(calls) if calls.is_empty() => {}
            Ok(calls) => scanned.by_name.calls.push((real(), calls)),
            Err(error) => {
                let warning = Warning::new(self.reported(path), error.to_string());
                scanned.warnings.push(warning);
            }
        }
        if let Some(script) = script {
            scanned.by_name.scripts.push((real(), script));
        }
    }

    fn add_object(&self, path: &Path, object: Object, notes: Option<Notes>) {
        let real: Arc<Path> = self.root.inner(path).into();
        let object = {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.object(object)
        };
        let mut scanned = self.scanned();
        scanned.counts.elf += 1;
        if let Some(notes) = notes {
            let faults = notes.faults.iter().map(|fault| {
                let message = format!("malformed `.note.dlopen`: {fault}");
                Warning::new(self.starts.reported_or_real(&real), message)
            });
            scanned.warnings.extend(faults);
            if !notes.notes.is_empty() {
                scanned.by_name.notes.push((real.to_path_buf(), notes));
            }
        }
        scanned.objects.push((real, object));
    }
}

/// What one file holds.
enum Content {
    Object(Box<Object>, Option<Notes>),
    /// A Python source with these calls, or a script; a program may be both.
    Text(Result<Vec<Call>, Unsearched>, Option<Script>),
    Metadata,
    Archive(Packed),
    /// Nothing of interest.
    Other,
}

/// Reads the file `path`; all but ELF headers only if `dlopen` is not off, a Python source only if it
/// `may_call`, and the first line of a script only if it `is_program`.
fn read_file(
    path: &Path,
    dlopen: Dlopen,
    is_program: impl Fn() -> bool,
    may_call: impl Fn() -> bool,
) -> Result<Content, ElfError> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = RefCell::default();
    }
    let is_script = || dlopen != Dlopen::Off && is_program();
    let is_source = dlopen != Dlopen::Off && path.file_name().is_some_and(source::is_python);
    let is_searched = is_source && may_call();
    if is_source && !is_searched && !is_script() {
        return Ok(Content::Other);
    }
    let Some(file) = open(path)? else {
        return Ok(Content::Other);
    };
    let content = if is_source {
        let calls = if is_searched {
            BUFFER.with_borrow_mut(|buffer| source::calls_in(&file, buffer))
        } else {
            Ok(Ok(Vec::new()))
        };
        calls.map_err(ElfError::Io).and_then(|calls| {
            let script = if is_script() { script(&file)? } else { None };
            let is_none = script.is_none() && calls.as_ref().is_ok_and(Vec::is_empty);
            Ok((!is_none).then_some(Content::Text(calls, script)))
        })
    } else {
        elf(&file, dlopen)
    };
    let is_archive = || path.file_name().is_some_and(archive::is_archive);
    match content {
        Ok(Some(content)) => Ok(content),
        Ok(None) if is_archive() => {
            let packed = archive::libraries(&file)?;
            Ok(packed.map_or(Content::Other, Content::Archive))
        }
        Ok(None) if Distributions::is_metadata(path) => Ok(Content::Metadata),
        Ok(None) if !is_source && is_script() => {
            let script = script(&file)?;
            Ok(script.map_or(Content::Other, |it| Content::Text(Ok(Vec::new()), Some(it))))
        }
        Ok(None) => Ok(Content::Other),
        // It became a FIFO since the directory was listed.
        Err(ElfError::Io(error)) if !file.metadata()?.is_file() && !is_directory(&error) => {
            Ok(Content::Other)
        }
        Err(error) => Err(error),
    }
}

fn is_directory(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::IsADirectory
}

fn elf(file: &File, dlopen: Dlopen) -> Result<Option<Content>, ElfError> {
    let Some(elf) = ElfFile::open(file)? else {
        return Ok(None);
    };
    let object = object(&elf)?;
    let can_open = object.kind != Kind::Other && object.refusal.is_none();
    let notes = (dlopen != Dlopen::Off && can_open).then(|| elf.dlopen_notes());
    Ok(Some(Content::Object(object, notes.transpose()?)))
}

/// What starts the script `file`, unless it cannot be executed.
fn script(file: &File) -> io::Result<Option<Script>> {
    let mut head = [0; script::HEAD];
    let length = file.read_at(&mut head, 0)?;
    let Some(script) = Script::read(&head[..length]) else {
        return Ok(None);
    };
    let is_executable = file.metadata()?.permissions().mode() & 0o111 != 0;
    Ok(is_executable.then_some(script))
}

/// What the loader reads of `elf`. It is not known here whether a malformed file is for this machine.
fn object(elf: &ElfFile) -> Result<Box<Object>, ElfError> {
    let object = match elf.object() {
        Err(error @ ElfError::Malformed(_)) => Object::refused(elf.abi, error.to_string()),
        read => read?,
    };
    Ok(Box::new(object))
}

/// Opens a file that was a regular one when its directory was listed, without waiting for anything;
/// `None` if it is a symbolic link now.
fn open(path: &Path) -> io::Result<Option<File>> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match openat(CWD, path, flags, Mode::empty()) {
        Ok(file) => Ok(Some(file.into())),
        Err(Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{FileType, mknodat};
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_no_regular_file_any_more_is_skipped_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.so", "b.py", "METADATA"] {
            let path = dir.path().join(name);
            mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
            for dlopen in [Dlopen::Off, Dlopen::Known] {
                let content = read_file(&path, dlopen, || true, || true);
                assert!(matches!(content, Ok(Content::Other)), "{name}");
            }
        }
        let link = dir.path().join("c.so");
        symlink("a.so", &link).unwrap();
        let content = read_file(&link, Dlopen::Known, || true, || true);
        assert!(matches!(content, Ok(Content::Other)));
        // What is below it was not listed.
        let content = read_file(dir.path(), Dlopen::Known, || true, || true);
        assert!(matches!(content, Err(ElfError::Io(_))));
    }
}
