//! Runs the user's own command, and tells what its processes loaded.
//!
//! The command runs under the loader's debug output ([`ld_debug`]), which goes to a directory of its
//! own, a file for each process, removed afterwards. Its standard output becomes standard error, as
//! standard output is for the list; all else is the caller's.
//!
//! What is not seen: static programs, and those of musl; what runs setuid or otherwise privileged
//! (ld.so(8), secure-execution mode) or with an environment of its own (`env -i`), and all that
//! such a process starts; what still runs when the command has ended. The loader writes to standard
//! output where it cannot write to the directory: in a root of its own (chroot(1)), and where a
//! process starts another program in its own place as another user (setpriv(1)). And as it writes to
//! a descriptor that the program does not know of, a program that closes all descriptors and opens
//! others loses the output, or gets it into a file of its own: a daemon should be told to stay in
//! the foreground.
//!
//! This is the only place that runs what a user names. What it loads is judged elsewhere
//! ([`crate::selection`]).

use crate::system::escape::{counted, shown};
use crate::system::process;
use crate::trace::ld_debug::{self, Object, Output, Requester};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, ErrorKind, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use tempfile::TempDir;
use thiserror::Error;

/// What the files of the loader's output are called, before a dot and the process's number.
const NAME: &str = "ld";
/// How much one process may write: some thousand times what a large program does.
const MAX_OUTPUT: u64 = 1 << 30;
/// How much all may write.
const MAX_OUTPUT_IN_ALL: u64 = 8 << 30;
/// How many processes may write.
const MAX_PROCESSES: usize = 1_000_000;

/// Why there is no trace.
#[derive(Debug, Error)]
pub enum TraceError {
    /// There is no such program.
    #[error("cannot run {}: no such program", shown(program))]
    NotFound {
        /// As it was given.
        program: OsString,
    },
    /// There is one, but it cannot be started.
    #[error("cannot run {}: {source}", shown(program))]
    NotStarted {
        /// As it was given.
        program: OsString,
        /// What the system says.
        source: io::Error,
    },
    /// The directory for the loader's output cannot be used.
    #[error(
        "cannot use {} for the loader's output: {source}; set TMPDIR to another directory",
        shown(path)
    )]
    Directory {
        /// The directory, or the one that it was to be made in.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A process's output cannot be read.
    #[error("cannot read the loader's output {}: {source}", shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is more output than can be meant.
    #[error("the loader wrote more than {limit}: trace a shorter command")]
    TooMuch {
        /// How much is read.
        limit: &'static str,
    },
}

impl TraceError {
    /// The status with which a shell answers to the same command; `None` where it would have run.
    #[must_use]
    pub fn status(&self) -> Option<u8> {
        match self {
            Self::NotFound { .. } => Some(127),
            Self::NotStarted { .. } => Some(126),
            _ => None,
        }
    }
}

/// What a command did.
#[derive(Debug)]
pub struct Trace {
    /// How it ended.
    pub status: ExitStatus,
    /// The programs that ran, in no order and alike ones once.
    pub processes: Vec<Process>,
    /// Why something may be missing, and what could not be cleaned up.
    pub warnings: BTreeSet<String>,
}

/// A program that ran, and its children that started no program of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// The word that it was started as.
    pub name: OsString,
    /// The program of that name now, which is what ran unless the command changed PATH or its
    /// directory.
    pub program: Option<PathBuf>,
    /// Each object once. Paths are absolute, but for what was loaded by a relative path from
    /// another directory than the command began in.
    pub loaded: Vec<Object>,
}

impl Trace {
    /// How the command ended, as a shell says it: its status, or 128+n where signal n ended it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let signal = self.status.signal().map(|signal| 128 + signal);
        let code = self.status.code().or(signal);
        code.and_then(|code| u8::try_from(code).ok())
            .unwrap_or(u8::MAX)
    }

    /// Every object that was loaded.
    #[must_use]
    pub fn objects(&self) -> BTreeSet<&Path> {
        let loaded = self.processes.iter().flat_map(|process| &process.loaded);
        loaded.map(|object| object.path.as_path()).collect()
    }
}

/// Runs `program` with `arguments` to its end. To be called once, as it takes over signals
/// ([`process::foreground`]).
///
/// # Errors
/// Where the command cannot be started, or what it loaded cannot be told. That it fails is none.
pub fn run(program: &OsString, arguments: &[OsString]) -> Result<Trace, TraceError> {
    let dir = directory()?;
    let unusable = |source| TraceError::Directory {
        path: dir.path().to_owned(),
        source,
    };
    let stderr = io::stderr().as_fd().try_clone_to_owned();
    let status = process::foreground(
        Command::new(program)
            .args(arguments)
            .env("LD_DEBUG", ld_debug::LD_DEBUG)
            .env("LD_DEBUG_OUTPUT", dir.path().join(NAME))
            .stdout(Stdio::from(stderr.map_err(unusable)?)),
    )
    .map_err(|source| {
        let program = program.clone();
        if source.kind() == ErrorKind::NotFound {
            TraceError::NotFound { program }
        } else {
            TraceError::NotStarted { program, source }
        }
    })?;
    let mut trace = read(dir.path(), status)?;
    let path = dir.path().to_owned();
    if let Err(error) = dir.close() {
        let path = shown(path);
        let warning = format!("{path}: cannot remove the loader's output: {error}");
        trace.warnings.insert(warning);
    }
    Ok(trace)
}

/// A directory to which every process may write, whoever it runs as, and which none but this user
/// can list. The loader would write to standard output otherwise.
fn directory() -> Result<TempDir, TraceError> {
    let parent = std::env::temp_dir();
    let unusable = |source| TraceError::Directory {
        path: parent.clone(),
        source,
    };
    // The command may work in another directory.
    let absolute = std::path::absolute(&parent).map_err(unusable)?;
    let dir = tempfile::Builder::new()
        .prefix("find-libdeps-")
        .tempdir_in(absolute)
        .map_err(unusable)?;
    fs::set_permissions(dir.path(), Permissions::from_mode(0o1733)).map_err(unusable)?;
    Ok(dir)
}

/// Reads what the processes of a command wrote to `dir`.
fn read(dir: &Path, status: ExitStatus) -> Result<Trace, TraceError> {
    let mut trace = Trace {
        status,
        processes: Vec::new(),
        warnings: BTreeSet::new(),
    };
    let mut known = HashSet::new();
    let mut in_all: u64 = 0;
    let mut empty = 0;
    for (pid, path) in outputs(dir)? {
        let unreadable = |source| TraceError::Unreadable {
            path: path.clone(),
            source,
        };
        let file = File::open(&path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        in_all = in_all.saturating_add(size);
        if size > MAX_OUTPUT {
            return Err(TraceError::TooMuch {
                limit: "1 GiB for one process",
            });
        }
        if in_all > MAX_OUTPUT_IN_ALL {
            return Err(TraceError::TooMuch {
                limit: "8 GiB in all",
            });
        }
        // It may still be written to.
        let output = ld_debug::read(pid, BufReader::new(file.take(size))).map_err(unreadable)?;
        let names: Vec<&OsString> = output
            .programs
            .iter()
            .map(|program| &program.name)
            .collect();
        let name = names.last().map_or_else(|| format!("process {pid}"), shown);
        if output == Output::default() {
            empty += 1;
        }
        if output.is_cut_off {
            trace.warnings.insert(format!(
                "{name}: the loader's output ends within a line, so something that it loaded may be \
                 missing"
            ));
        }
        if let Some(line) = output.not_understood {
            trace.warnings.insert(format!(
                "{name}: `{}` in the loader's output is not understood, so something that it loaded \
                 may be missing",
                shown(line)
            ));
        }
        for program in output.programs {
            let process = settled(program, &mut trace.warnings);
            if known.insert(process.clone()) {
                trace.processes.push(process);
            }
        }
    }
    if empty > 0 {
        trace.warnings.insert(format!(
            "the loader could write nothing of what {} loaded: see that {} has room, or set TMPDIR \
             to another directory",
            counted(empty, "program"),
            dir.parent().map(shown).unwrap_or_default()
        ));
    } else if trace.processes.is_empty() {
        trace.warnings.insert(
            "the loader wrote nothing: the command is a static program, or has an environment of \
             its own"
                .to_owned(),
        );
    }
    Ok(trace)
}

/// The files of the loader's output, by process.
fn outputs(dir: &Path) -> Result<BTreeMap<u32, PathBuf>, TraceError> {
    let unreadable = |source| TraceError::Unreadable {
        path: dir.to_owned(),
        source,
    };
    let mut outputs = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix(NAME)?.strip_prefix('.')?.parse().ok());
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if let Some(pid) = pid.filter(|_| is_file) {
            outputs.insert(pid, entry.path());
        }
        if outputs.len() > MAX_PROCESSES {
            return Err(TraceError::TooMuch {
                limit: "1000000 files, one a process",
            });
        }
    }
    Ok(outputs)
}

/// `program` with the paths that it used made absolute.
fn settled(program: ld_debug::Program, warnings: &mut BTreeSet<String>) -> Process {
    let absolute = |path: PathBuf| match std::path::absolute(&path) {
        Ok(absolute) if path.is_relative() && absolute.exists() => absolute,
        _ => path,
    };
    let loaded = program.loaded.into_iter().map(|object| Object {
        path: absolute(object.path),
        by: match object.by {
            Requester::Object(path) => Requester::Object(absolute(path)),
            other => other,
        },
        ..object
    });
    let loaded: Vec<Object> = loaded.collect();
    for object in loaded.iter().filter(|object| object.path.is_relative()) {
        warnings.insert(format!(
            "{}: loaded by {} from a directory that it had changed to, which is not known",
            shown(&object.path),
            shown(&program.name)
        ));
    }
    Process {
        program: found(&program.name),
        name: program.name,
        loaded,
    }
}

/// The program that was started as `name`. A login shell's begins with a dash.
fn found(name: &OsString) -> Option<PathBuf> {
    let path = process::find(name)?;
    std::path::absolute(path)
        .ok()
        .filter(|_| !name.as_bytes().starts_with(b"-"))
}
