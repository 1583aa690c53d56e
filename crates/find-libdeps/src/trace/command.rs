//! Runs the user's command under the loader's debug output ([`ld_debug`]), and returns what its
//! processes loaded.
//!
//! The output goes to a temporary directory, one file per process. The command's standard output
//! becomes standard error, because standard output is for the list; everything else is inherited.
//!
//! Limits. Not seen are static programs and those built for musl; processes that run setuid or
//! otherwise privileged (ld.so(8), secure-execution mode) or with a cleared environment (`env -i`),
//! and whatever these start; and processes that outlive the command. The loader falls back to
//! standard output if it cannot write to the directory: after chroot(1), and in a process that
//! executes another program as another user (setpriv(1)). The loader's descriptor is unknown to
//! the program, so a program that closes all descriptors and opens others loses the output or gets
//! it into its own files: keep daemons in the foreground.

use crate::system::escape::{counted, shown};
use crate::system::ordered::Ordered as _;
use crate::system::process;
use crate::system::signals::TemporaryDirectory;
use crate::trace::ld_debug::{self, DebugOutput, FailedLoad, LoadedObject, Requester};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, ErrorKind, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use thiserror::Error;

/// The name of the loader's output files, followed by a dot and the process ID.
const NAME: &str = "ld";
/// The limit for one process in bytes: some thousand times what a large program writes.
const MAX_OUTPUT: u64 = 1 << 30;
/// The limit for all processes in bytes.
const MAX_OUTPUT_IN_ALL: u64 = 8 << 30;
/// How many failed loads an error names, the last ones.
const MAX_FAILURES: usize = 10;
/// The limit for the number of processes.
const MAX_PROCESSES: usize = 1_000_000;

/// Why there is no trace.
#[derive(Debug, Error)]
pub enum TraceError {
    /// The loader does not report what it loads.
    #[error(
        "`--trace` needs glibc's loader, which reports what it loads (`LD_DEBUG`); musl's does not, so \
         run find-libdeps without it"
    )]
    NoReports,
    /// The program does not exist.
    #[error("cannot run {}: {}", shown(program), not_found(program))]
    NotFound {
        /// As the user gave it.
        program: OsString,
    },
    /// The program exists but cannot be started.
    #[error("cannot run {}: {source}", shown(program))]
    NotStarted {
        /// As the user gave it.
        program: OsString,
        /// The system's error.
        source: io::Error,
    },
    /// The directory for the loader's output cannot be used.
    #[error(
        "cannot use {} for the loader's output: {source}; set TMPDIR to another directory",
        shown(path)
    )]
    Directory {
        /// The directory, or the one in which to create it.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The output of a process cannot be read.
    #[error("cannot read the loader's output {}: {source}", shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There is more output than any real command causes.
    #[error("the loader wrote more than {limit}; trace a shorter command")]
    TooMuch {
        /// The exceeded limit.
        limit: &'static str,
    },
}

/// The virtualenv that is listed need not be the active one.
fn not_found(program: &OsStr) -> String {
    if program.as_bytes().contains(&b'/') {
        return "no such program".to_owned();
    }
    let name = shown(program);
    format!("no such program in PATH; pass its path, such as /venv/bin/{name}")
}

impl TraceError {
    /// The exit status of a shell for the same command; `None` if a shell would have run it.
    pub fn status(&self) -> Option<u8> {
        match self {
            Self::NotFound { .. } => Some(127),
            Self::NotStarted { .. } => Some(126),
            _ => None,
        }
    }
}

/// The outcome of a command.
#[derive(Debug)]
pub struct Trace {
    /// How it ended.
    pub status: ExitStatus,
    /// The programs that ran, without duplicates, in no particular order.
    pub processes: Vec<TracedProgram>,
    /// Reasons why a library may be missing, and failures to clean up.
    pub warnings: BTreeSet<String>,
}

/// A program that ran, including its child processes that did not execute another program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TracedProgram {
    /// Its `argv[0]`.
    pub name: OsString,
    /// The program that this process finds under that name: the one that ran, unless the command
    /// changed PATH or its working directory.
    pub program: Option<PathBuf>,
    /// Each object once. Paths are absolute, except those loaded by a relative path from another
    /// directory than the one in which the command was started.
    pub loaded: Vec<LoadedObject>,
    /// What it asked for and never loaded, in the order of the requests, without what exists: code may
    /// ask whether that is loaded (`RTLD_NOLOAD`). The paths of requesters are as in `loaded`.
    pub failed: Vec<FailedLoad>,
}

impl Trace {
    /// The status that a shell reports: the command's own, or 128+n if signal n ended it.
    pub fn exit_code(&self) -> u8 {
        let signal = self.status.signal().map(|signal| 128 + signal);
        let code = self.status.code().or(signal);
        code.and_then(|code| u8::try_from(code).ok())
            .unwrap_or(u8::MAX)
    }

    /// What the command asked for and did not get, in lines for an error message, in the order of the
    /// requests. The C library's own requests, such as NSS modules, are optional.
    pub fn failures(&self) -> String {
        let all = self.processes.iter().flat_map(|process| {
            let failed = process.failed.iter();
            let failed = failed.filter(|failed| !failed.by.is_libc());
            failed.map(|failed| {
                let by = match &failed.by {
                    Requester::Object(path) => shown(path),
                    Requester::Program | Requester::Unknown => shown(&process.name),
                };
                let verb = if failed.is_dlopen {
                    "asked for"
                } else {
                    "needed"
                };
                format!(
                    "it did not find {}, {verb} by {by}",
                    shown(&failed.requested)
                )
            })
        });
        let mut known = HashSet::new();
        let all: Vec<String> = all.filter(|line| known.insert(line.clone())).collect();
        let earlier = all.len().saturating_sub(MAX_FAILURES);
        let cut = (earlier > 0).then(|| format!("it did not find {earlier} others before these"));
        let lines = cut.iter().chain(&all[earlier..]);
        lines.flat_map(|line| ["\n", line]).collect()
    }

    /// Every object that was loaded.
    pub fn objects(&self) -> BTreeSet<&Path> {
        let loaded = self.processes.iter().flat_map(|process| &process.loaded);
        loaded.map(|object| object.path.as_path()).ordered()
    }
}

/// Runs `program` with `arguments` to its end.
///
/// # Errors
/// If the command cannot be started or the loader's output cannot be read. A failing command is not
/// an error.
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

/// Creates a directory to which processes of every user can write, because the loader writes to
/// standard output otherwise, and which only this user can list.
fn directory() -> Result<TemporaryDirectory, TraceError> {
    let parent = std::env::temp_dir();
    let unusable = |source| TraceError::Directory {
        path: parent.clone(),
        source,
    };
    // The command may change its working directory.
    let absolute = std::path::absolute(&parent).map_err(unusable)?;
    let dir = TemporaryDirectory::new(|| {
        tempfile::Builder::new()
            .prefix("find-libdeps-")
            .tempdir_in(absolute)
    });
    let dir = dir.map_err(unusable)?;
    fs::set_permissions(dir.path(), Permissions::from_mode(0o1733)).map_err(unusable)?;
    Ok(dir)
}

/// Reads what the loader wrote to `dir`.
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
        // A process that is still running may write more.
        let output = ld_debug::read(pid, BufReader::new(file.take(size))).map_err(unreadable)?;
        let names: Vec<&OsString> = output
            .programs
            .iter()
            .map(|program| &program.name)
            .collect();
        let name = names.last().map_or_else(|| format!("process {pid}"), shown);
        if output == DebugOutput::default() {
            empty += 1;
        }
        if output.is_cut_off {
            trace.warnings.insert(format!(
                "{name}: the loader's output is truncated, so a library that it loaded may be missing"
            ));
        }
        if let Some(line) = output.not_understood {
            trace.warnings.insert(format!(
                "{name}: unexpected line in the loader's output, so a library that it loaded may be \
                 missing: `{}`",
                shown(line)
            ));
        }
        for program in output.programs {
            let process = with_absolute_paths(program, &mut trace.warnings);
            if known.insert(process.clone()) {
                trace.processes.push(process);
            }
        }
    }
    if empty > 0 {
        trace.warnings.insert(format!(
            "the loader could not write its output for {}; free space in {}, or set TMPDIR to \
             another directory",
            counted(empty, "program"),
            dir.parent().map(shown).unwrap_or_default()
        ));
    } else if trace.processes.is_empty() {
        trace.warnings.insert(
            "the loader wrote no output: the command is a static program, or sets its own environment"
                .to_owned(),
        );
    }
    Ok(trace)
}

/// The loader's output files, by process ID.
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

/// Makes the paths in `program` absolute.
fn with_absolute_paths(
    program: ld_debug::Program,
    warnings: &mut BTreeSet<String>,
) -> TracedProgram {
    let absolute = |path: PathBuf| match std::path::absolute(&path) {
        Ok(absolute) if path.is_relative() && absolute.exists() => absolute,
        _ => path,
    };
    let requester = |by| match by {
        Requester::Object(path) => Requester::Object(absolute(path)),
        other => other,
    };
    let loaded = program.loaded.into_iter().map(|object| LoadedObject {
        path: absolute(object.path),
        by: requester(object.by),
        ..object
    });
    let is_there = |failed: &FailedLoad| match &failed.tried {
        Some(path) => path.exists(),
        None => Path::new(&failed.requested).is_absolute() && Path::new(&failed.requested).exists(),
    };
    let failed = program.failed.into_iter();
    let failed = failed.filter(|failed| !failed.is_dlopen || !is_there(failed));
    let failed = failed.map(|failed| FailedLoad {
        by: requester(failed.by),
        ..failed
    });
    let loaded: Vec<LoadedObject> = loaded.collect();
    for object in loaded.iter().filter(|object| object.path.is_relative()) {
        warnings.insert(format!(
            "{}: loaded by {} relative to a directory that is not known",
            shown(&object.path),
            shown(&program.name)
        ));
    }
    TracedProgram {
        program: found(&program.name),
        failed: failed.collect(),
        name: program.name,
        loaded,
    }
}

/// The program that was started as `name`; `None` for a login shell, whose name begins with a dash.
fn found(name: &OsString) -> Option<PathBuf> {
    let path = process::find(name)?;
    std::path::absolute(path)
        .ok()
        .filter(|_| !name.as_bytes().starts_with(b"-"))
}
