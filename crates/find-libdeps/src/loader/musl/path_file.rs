//! `/etc/ld-musl-ARCH.path`, the directories that musl's loader searches last.

use crate::loader::musl::elements;
use crate::system::root::Root;
use crate::warning::Warning;
use std::collections::HashSet;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Real ones have some lines.
const MAX_SIZE: u64 = 1 << 20;
const MAX_DIRECTORIES: usize = 1024;

/// A path file that exists.
#[derive(Debug)]
pub struct PathFile {
    pub path: PathBuf,
    pub directories: Vec<PathBuf>,
    /// Why it cannot be read, so that nothing is searched.
    problem: Option<String>,
}

impl PathFile {
    /// The one of the loader at `interpreter`; `None` if it does not exist (`load_library` in musl's
    /// `ldso/dynlink.c`).
    pub fn read(root: &Root, interpreter: &Path) -> Option<Self> {
        let name = interpreter.file_name()?.to_str()?;
        let name = name.strip_suffix(".so.1")?;
        let path = PathBuf::from(format!("/etc/{name}.path"));
        let (bytes, problem) = match root.read(&path, MAX_SIZE) {
            Ok(bytes) => (bytes, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        Some(Self {
            path,
            directories: directories(&bytes),
            problem,
        })
    }

    pub fn warning(&self) -> Option<Warning> {
        let problem = self.problem.as_ref()?;
        let message = format!("cannot be read: {problem}; no default directory is searched");
        Some(Warning::objection(&self.path, message))
    }
}

/// Its absolute directories, in order, each once; the loader reads up to the first NUL.
pub(crate) fn directories(bytes: &[u8]) -> Vec<PathBuf> {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut seen = HashSet::new();
    let all = elements(text).filter(|it| it.as_bytes().starts_with(b"/") && seen.insert(*it));
    all.map(PathBuf::from).take(MAX_DIRECTORIES).collect()
}
