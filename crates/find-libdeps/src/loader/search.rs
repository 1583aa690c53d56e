//! Where the loader searches for a name, in order, and what it finds there.
//!
//! The order is that of [`Rules::places`]; only the loader's own name comes before it.

use crate::loader::candidates::{Candidate, Candidates, Directory};
use crate::loader::located::Located;
use crate::loader::outcome::{FoundBy, Step};
use crate::loader::process::Process;
use crate::loader::remarks::Remarks;
use crate::loader::rules::Rules;
use crate::loader::search_path::{self, TokenValues};
use crate::system::architecture::Abi;
use std::cell::OnceCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// How many paths are tried for the needs of one object. Real objects with hundreds of needs have
/// dozens of directories.
const MAX_TRIES: usize = 1 << 17;
/// How many directories are searched for the libraries of one object: real chains of loading objects
/// have some dozens.
const MAX_DIRECTORIES: usize = 1024;

/// The search for names on behalf of the objects of a process.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    pub candidates: &'a Candidates<'a>,
    pub rules: &'a dyn Rules,
}

impl Search<'_> {
    /// A process in which `first` is loaded, by `base` or by the kernel. `environment` is the value
    /// of `LD_LIBRARY_PATH`.
    pub fn process(
        self,
        first: Rc<Located>,
        base: &[Rc<Located>],
        environment: &OsStr,
        remarks: &Remarks,
    ) -> Process {
        let own_name = self.rules.own_name(&first).cloned();
        let elements = |tokens: TokenValues| self.rules.environment(environment, tokens);
        Process::new(first, base, elements, own_name, remarks)
    }

    /// The library that the loader opens for `name`, needed by the object `index`, and by which
    /// rule.
    pub fn find(
        self,
        process: &Process,
        index: usize,
        name: &Arc<OsStr>,
        remarks: &Remarks,
    ) -> Option<(Rc<Located>, FoundBy)> {
        let located = &process.links[index].located;
        let names = self.rules.expanded(name, located);
        names
            .iter()
            .find_map(|name| self.find_expanded(process, index, name, remarks))
    }

    fn find_expanded(
        self,
        process: &Process,
        index: usize,
        name: &Arc<OsStr>,
        remarks: &Remarks,
    ) -> Option<(Rc<Located>, FoundBy)> {
        let located = &process.links[index].located;
        let abi = located.object.abi;
        let open = |path: &Path| {
            let candidate = self.candidates.candidate(path, abi);
            fitting(candidate, path, remarks)
        };
        if name.as_bytes().contains(&b'/') {
            // A path relative to the working directory means nothing that holds in the image.
            let path = Path::new(&**name);
            let library = path.is_absolute().then(|| open(path)).flatten();
            return library.map(|library| (library, FoundBy::Direct));
        }
        if self.rules.is_loader(name, abi) {
            if let Some(library) = open(self.rules.interpreter(abi)?) {
                return Some((library, FoundBy::Direct));
            }
        }
        for (found_by, tried) in self.directories(process, index, remarks) {
            let library = if *found_by == FoundBy::Cache {
                self.rules
                    .cached(name, abi)
                    .filter(|path| self.may_use_cached(located, path))
                    .and_then(open)
            } else {
                // Those after the first are for some processors, perhaps of another architecture.
                let mut usable = tried.iter().enumerate().filter(|(index, dir)| {
                    *index == 0 || self.rules.is_for_processors(&dir.path, abi)
                });
                usable.find_map(
                    |(_, dir)| match self.candidates.in_directory(dir, name, abi) {
                        Candidate::Absent => None,
                        candidate => fitting(candidate, &dir.path.join(&**name), remarks),
                    },
                )
            };
            if let Some(library) = library {
                return Some((library, *found_by));
            }
        }
        None
    }

    /// The places that exist, each with the directories in which a name is tried there; the cache
    /// has none.
    fn directories<'p>(
        self,
        process: &'p Process,
        index: usize,
        remarks: &Remarks,
    ) -> &'p [(FoundBy, Rc<[Directory]>)] {
        let link = &process.links[index];
        let object = &link.located.object;
        let names = object.needed.len() + object.auxiliary.len();
        let most = (MAX_TRIES / names.max(1)).min(MAX_DIRECTORIES);
        link.directories.get_or_init(|| {
            let all = self.rules.places(process, index).into_iter();
            let all = all.map(|(found_by, place)| (found_by, self.candidates.tried(&place)));
            let mut all: Vec<_> = all
                .filter(|(found_by, tried)| *found_by == FoundBy::Cache || !tried.is_empty())
                .collect();
            if all.len() > most {
                let message = format!(
                    "needs {names} libraries, and its search path has {} directories; only the first \
                     {most} and those of the system are searched",
                    all.len()
                );
                remarks.add_objection(&link.located.path, message);
                let is_of_system =
                    |(found_by, _): &(_, _)| matches!(found_by, FoundBy::Cache | FoundBy::Default);
                if let Some(of_system) = all.iter().position(is_of_system) {
                    all.drain(most.min(of_system)..of_system);
                }
            }
            all
        })
    }

    /// `DF_1_NODEFLIB` excludes cache entries in the default directories.
    fn may_use_cached(self, located: &Located, path: &Path) -> bool {
        !located.object.no_default_libraries
            || !self
                .rules
                .default_directories(located.object.abi)
                .iter()
                .any(|dir| path.starts_with(dir))
    }

    /// Whether the C library for `abi` defines this version.
    pub fn c_library_defines(self, abi: Abi, version: &str) -> bool {
        let name = OsStr::new("libc.so.6");
        let cached = self.rules.cached(name, abi).map(Path::to_owned);
        let defaults = self.rules.default_directories(abi).iter();
        let mut paths = cached.into_iter().chain(defaults.map(|dir| dir.join(name)));
        paths.any(|path| match self.candidates.candidate(&path, abi) {
            Candidate::Fits(library) => {
                let defined = &library.object.defined_versions;
                defined.iter().any(|defined| **defined == *version)
            }
            Candidate::Absent | Candidate::Refused(_) => false,
        })
    }

    /// The steps of the search for `name`, for a report. `searched` are those for names without `/`
    /// that the object needs, once they are known.
    pub fn steps(
        self,
        process: &Process,
        index: usize,
        name: &OsStr,
        searched: &OnceCell<Rc<[Step]>>,
    ) -> Rc<[Step]> {
        let step = |found_by, path: &Path| Step {
            found_by,
            path: path.to_owned(),
        };
        if name.as_bytes().contains(&b'/') {
            let names = search_path::expand(name, process.links[index].located.tokens());
            let paths = names
                .iter()
                .map(Path::new)
                .filter(|path| path.is_absolute());
            return paths.map(|path| step(FoundBy::Direct, path)).collect();
        }
        let searched = searched.get_or_init(|| {
            let places = self.rules.places(process, index).into_iter();
            places
                .map(|(found_by, path)| step(found_by, &path))
                .collect()
        });
        Rc::clone(searched)
    }
}

/// The library that `candidate`, at `path`, is.
fn fitting(candidate: Candidate, path: &Path, remarks: &Remarks) -> Option<Rc<Located>> {
    match candidate {
        Candidate::Fits(located) => Some(located),
        Candidate::Absent => None,
        Candidate::Refused(reason) => {
            let message = format!("skipped: {reason}; the loader would stop here");
            remarks.add_objection(path, message);
            None
        }
    }
}
