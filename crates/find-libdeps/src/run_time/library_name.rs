//! The name of a library as code writes it where it loads one at run time.

use crate::system::escape::shown;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

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
            assert_eq!(Name::Soname(name.into()).stem(), stem);
        }
        assert_eq!(Name::Stem("gdal".to_owned()).stem(), "gdal");
    }
}
