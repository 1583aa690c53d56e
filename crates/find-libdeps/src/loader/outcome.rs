//! What the loader makes of a demand.

use crate::demand::{Caller, Demand, Item, Kind, Site};
use crate::loader::located::Located;
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// How a library was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FoundBy {
    /// A `DT_RPATH`, of the object or of one that loaded it.
    Rpath,
    /// The environment's `LD_LIBRARY_PATH`.
    LdLibraryPath,
    /// The object's own `DT_RUNPATH`.
    Runpath,
    /// `/etc/ld.so.cache`, or what ldconfig would write there.
    Cache,
    /// One of the loader's default directories.
    Default,
    /// The needed name is a path, or it is the loader itself, or the object that the process began
    /// with.
    Direct,
    /// The SONAME of another object below the given paths, which must be loaded first.
    Soname,
    /// A directory of `PATH`.
    Path,
    /// The interpreter's standard library.
    StandardLibrary,
}

/// A library that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    pub located: Rc<Located>,
    pub found_by: FoundBy,
}

impl Hit {
    /// The path by which the loader opens it, without `.` and `..`.
    pub fn clean_path(&self) -> &Path {
        &self.located.clean_path
    }

    /// The file, links resolved.
    pub fn real(&self) -> &Path {
        &self.located.real
    }

    /// Debian's name of its architecture.
    pub fn architecture(&self) -> &'static str {
        self.located.object.abi.name()
    }
}

impl PartialEq for Hit {
    fn eq(&self, other: &Self) -> bool {
        let is_same_place = || {
            self.located.file == other.located.file
                && self.located.clean_path == other.located.clean_path
        };
        self.found_by == other.found_by
            && (Rc::ptr_eq(&self.located, &other.located) || is_same_place())
    }
}

impl Eq for Hit {}

impl Hash for Hit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.located.file, self.found_by).hash(state);
    }
}

/// What the loader makes of a demanded name, or where what is no library was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Found outside the given paths, or in a place that is searched even if they are not copied.
    System(Hit),
    /// Found below the given paths, and copied with them.
    Bundled(Hit),
    /// The interpreter's own library, found or not.
    Interpreter(Option<Hit>),
    /// The interpreter's library, but the interpreter of this tree does not need it: on Debian it
    /// is in a separate package, `libpython3.11`, which `python3` does not depend on. If no package
    /// ships it, it came with the interpreter.
    Embedded(Hit),
    /// A program, file or module that was found.
    File { path: PathBuf, found_by: FoundBy },
    /// The host's driver provides it at run time.
    Host,
    /// The distribution left it out; no package can replace it.
    LeftOut,
    /// It is not found.
    Missing {
        /// Debian's name of the architecture that it is missing for.
        architecture: &'static str,
    },
}

impl Outcome {
    /// The path that a package may own.
    pub fn ownable(&self) -> Option<&Path> {
        match self {
            Self::System(hit) | Self::Embedded(hit) => Some(hit.clean_path()),
            Self::File { path, .. } => Some(path),
            _ => None,
        }
    }
}

/// The search for a missing name on behalf of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absence {
    /// Where the loader searches, in order; shared by the names that one object misses.
    pub steps: Rc<[Step]>,
    /// Why the search fails, if that is known.
    pub cause: Option<Cause>,
    /// What a package ships that meets the demand, if it has other names there.
    pub packaged: Vec<Item>,
}

/// Why the search for a library fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The end of a sentence that names the library.
    pub text: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// Whether a package may ship it all the same.
    pub may_be_packaged: bool,
}

/// One step of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which rule leads there.
    pub found_by: FoundBy,
    /// The directory, or the cache file.
    pub path: PathBuf,
}

/// A demand and its outcome.
#[derive(Clone, Debug)]
pub struct Resolution {
    pub demand: Rc<Demand>,
    /// What `name` is the name of.
    pub kind: Kind,
    /// The name that was found, or the first one if none was.
    pub name: Arc<OsStr>,
    pub outcome: Outcome,
    /// How it was searched for, if it is missing.
    pub absence: Option<Box<Absence>>,
    /// The other files that need the same name with the same outcome.
    pub others: Box<[(Site, Caller)]>,
}

impl Resolution {
    /// Each place where the request is made, and on whose behalf.
    pub fn requests(&self) -> impl Iterator<Item = (&Site, &Caller)> {
        let first = (&self.demand.site, &self.demand.caller);
        let others = self.others.iter().map(|(site, caller)| (site, caller));
        std::iter::once(first).chain(others)
    }

    /// What a package would have to ship to meet the demand, as alternatives.
    pub fn packaged(&self) -> &[Item] {
        let packaged = self.absence.as_ref().map(|absence| &absence.packaged[..]);
        let packaged = packaged.filter(|items| !items.is_empty());
        packaged.unwrap_or(&self.demand.items)
    }
}

/// A needed name of an object, resolved in one process.
pub struct NeededName {
    pub by: Rc<Located>,
    pub soname: Arc<OsStr>,
    pub outcome: Outcome,
    pub absence: Option<Box<Absence>>,
    /// What the search found.
    pub found: Option<Rc<Located>>,
}
