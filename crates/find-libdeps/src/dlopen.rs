//! Libraries that code loads by their name at run time (dlopen(3)): what is known of such a need
//! before anything is looked for.
//!
//! Who tells of them, and how, is the business of other modules; nothing is resolved here.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// Who tells of a need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ToldBy {
    /// The dynamic section of an ELF file: `DT_NEEDED`.
    Header,
    /// A `.note.dlopen` in an ELF file.
    Note,
    /// The reviewed table of distributions.
    Table,
    /// A call in a Python source.
    Source,
}

/// The name of a library as code writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// What dlopen(3) is given: a soname or a path.
    Soname(OsString),
    /// What `ctypes.util.find_library` is given: `magic` for `libmagic.so.1`.
    Stem(String),
}

impl Name {
    /// What stands between `lib` and `.so`, which a bundled copy is called after too.
    #[must_use]
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

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Soname(soname) => formatter.write_str(&crate::text::shown(soname)),
            Self::Stem(stem) => write!(formatter, "lib{stem}.so.*"),
        }
    }
}

/// On whose behalf the loader is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// An object, by its real path.
    Object(PathBuf),
    /// The interpreter that the files of this directory belong to.
    Interpreter(PathBuf),
}

/// One need: one call, or one entry of whatever tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Load {
    /// The file that makes the call, as people know it.
    pub path: PathBuf,
    /// The line of the call, from 1.
    pub line: Option<u32>,
    /// Who tells of it.
    pub told_by: ToldBy,
    /// Who asks the loader.
    pub caller: Caller,
    /// The first that is there meets the need.
    pub names: Vec<Name>,
    /// Whether its package goes on the list; otherwise it is only named.
    pub is_listed: bool,
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
            assert_eq!(Name::Soname(name.into()).stem(), stem);
        }
        assert_eq!(Name::Stem("gdal".to_owned()).stem(), "gdal");
    }
}
