//! A request for a library, program, file or module: one type, whether the dynamic section of an ELF
//! file makes it or code at run time.
//!
//! Only data: demands are collected in [`crate::run_time`], [`crate::trace`] and
//! [`crate::loader`], and resolved in [`crate::loader`].

use crate::system::escape::shown;
use crate::system::path_pattern::PathPattern;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// A request for one library, program, file or module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Demand {
    /// Where the request is made.
    pub site: Site,
    /// What shows that it is made.
    pub evidence: Evidence,
    /// On whose behalf the loader searches.
    pub caller: Caller,
    /// The first of these that is found meets the demand.
    pub items: Rc<[Item]>,
    /// Whether the code is known not to work without it.
    pub is_required: bool,
    /// Whether the package of what is found goes on the list; otherwise it is only reported as
    /// possible.
    pub is_listed: bool,
    /// What the code cannot do without it: `only for GeoDjango`.
    pub reason: Option<&'static str>,
}

impl Demand {
    /// The libraries among its items.
    pub fn libraries(&self) -> impl Iterator<Item = &LibraryName> {
        self.items.iter().filter_map(|item| match item {
            Item::Library(name) => Some(name),
            _ => None,
        })
    }
}

/// Modules that replace one another: a distribution imports the one whose library is found.
#[derive(Clone, Debug)]
pub struct Variants {
    /// By real path.
    pub modules: BTreeSet<PathBuf>,
    /// The first is reported if none is found.
    pub sonames: &'static [&'static str],
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    Library(LibraryName),
    /// A program, by its name in `PATH` or by its path.
    Program(OsString),
    File(PathPattern),
    /// A module of Python's standard library, which Debian may have in a package beside it.
    Module(String),
}

/// The kind of an [`Item`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Library,
    Program,
    File,
    Module,
}

impl Kind {
    /// The word for it in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Library => "library",
            Self::Program => "program",
            Self::File => "file",
            Self::Module => "module",
        }
    }

    /// A name of this kind for a message: with the kind, unless it is a library.
    pub fn title(self, name: &OsStr) -> String {
        let text = shown(name);
        match self {
            Self::Library => text,
            _ => format!("{} {text}", self.name()),
        }
    }

    /// What is done with it: `needed`, `loaded`.
    pub fn participle(self, evidence: Evidence) -> &'static str {
        match (self, evidence) {
            (Self::Library, Evidence::Header) => "needed",
            (Self::Library, _) => "loaded",
            (Self::Program, _) => "run",
            (Self::File, _) => "read",
            (Self::Module, _) => "imported",
        }
    }
}

impl Item {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Library(_) => Kind::Library,
            Self::Program(_) => Kind::Program,
            Self::File(_) => Kind::File,
            Self::Module(_) => Kind::Module,
        }
    }

    /// The name that is reported and that `--ignore` matches.
    pub fn name(&self) -> OsString {
        match self {
            Self::Library(LibraryName::Soname(soname)) => soname.clone(),
            Self::Library(stem) => stem.to_string().into(),
            Self::Program(name) => name.clone(),
            Self::Module(name) => name.into(),
            Self::File(pattern) => pattern.as_str().into(),
        }
    }
}

/// What shows that something is needed.
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
    /// The first line of a script.
    Script,
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

/// A file that makes a demand, or a line in it.
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

/// Whether a file name is that of a shared library, with or without a version.
pub fn is_library(file_name: &OsStr) -> bool {
    let mut parts = file_name.as_bytes().windows(3);
    parts.any(|part| part == b".so")
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
