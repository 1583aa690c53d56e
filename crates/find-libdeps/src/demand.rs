//! A request for a library: one type, whether the dynamic section of an ELF file makes it or code
//! that loads libraries by name.
//!
//! Only data: demands are collected in [`crate::run_time`], [`crate::trace`] and
//! [`crate::loader`], and resolved in [`crate::loader`].

use crate::system::escape::shown;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// A request for one library.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Demand {
    /// Where the request is made.
    pub site: Site,
    /// What shows that it is made.
    pub evidence: Evidence,
    /// On whose behalf the loader searches.
    pub caller: Caller,
    /// The first of these that is found meets the demand.
    pub names: Rc<[LibraryName]>,
    /// Whether the code is known not to work without it.
    pub is_required: bool,
    /// Whether the package of a library that is found goes on the list; otherwise it is only
    /// reported as possible.
    pub is_listed: bool,
}

/// What shows that a library is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// The dynamic section of an ELF file: `DT_NEEDED`.
    Header,
    /// A `.note.dlopen` in an ELF file.
    Note,
    /// The reviewed table of distributions.
    Table,
    /// A call in a Python source.
    Source,
    /// A run of the user's command.
    Trace,
}

/// On whose behalf the loader searches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// An object, by its real path.
    Object(Arc<Path>),
    /// The interpreter that the files of this directory belong to.
    Interpreter(Arc<Path>),
}

/// A file that demands a library, or a line in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// The file, as it is reported.
    pub path: Arc<Path>,
    /// The line of the call, from 1, if the file is a source.
    pub line: Option<u32>,
}

impl std::fmt::Display for Site {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(&shown(&*self.path))?;
        match self.line {
            None => Ok(()),
            Some(line) => write!(formatter, ":{line}"),
        }
    }
}

/// The name of a library as code writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LibraryName {
    /// What dlopen(3) is given: a soname or a path.
    Soname(OsString),
    /// What `ctypes.util.find_library` is given: `magic` for `libmagic.so.1`.
    Stem(String),
}

impl LibraryName {
    /// The part between `lib` and `.so`, which bundled copies keep.
    pub fn stem(&self) -> &OsStr {
        match self {
            Self::Stem(stem) => OsStr::new(stem),
            Self::Soname(soname) => {
                let bytes = soname.as_bytes();
                let name = bytes.rsplit(|&byte| byte == b'/').next().unwrap_or(bytes);
                let name = name.strip_prefix(b"lib").unwrap_or(name);
                let end = name.windows(3).position(|window| window == b".so");
                OsStr::from_bytes(&name[..end.unwrap_or(name.len())])
            }
        }
    }
}

impl std::fmt::Display for LibraryName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Soname(soname) => formatter.write_str(&shown(soname)),
            Self::Stem(stem) => write!(formatter, "lib{stem}.so.*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_is_what_find_library_takes() {
        for (name, stem) in [
            ("libmagic.so.1", "magic"),
            ("/usr/lib/libgobject-2.0.so.0", "gobject-2.0"),
            ("magic", "magic"),
        ] {
            assert_eq!(LibraryName::Soname(name.into()).stem(), stem);
        }
        assert_eq!(LibraryName::Stem("gdal".to_owned()).stem(), "gdal");
    }
}
