//! Libraries that code loads by their name at run time (dlopen(3)): whoever tells of such needs,
//! put together, before anything is looked for.
//!
//! How each tells is its own module's business; nothing is read or resolved here.

use crate::elf::dlopen_note::{Notes, Priority};
use crate::run_time::distributions::{Distribution, Distributions};
use crate::run_time::library_name::Name;
use crate::run_time::python::Call;
use crate::run_time::table;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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
    /// A run of the user's own command.
    Trace,
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
    /// Whether code is known not to work without it.
    pub is_required: bool,
    /// Whether its package goes on the list where it is there; otherwise it is only named.
    pub is_listed: bool,
}

/// The names of which one meets a need: those of `load`, or the `soname` that an ELF header has.
#[must_use]
pub fn names(load: Option<&Load>, soname: &OsStr) -> Vec<Name> {
    load.map_or_else(
        || vec![Name::Soname(soname.to_owned())],
        |load| load.names.clone(),
    )
}

/// What the files of a tree tell, paths being real ones.
pub struct Told<'a> {
    /// What ELF files say of themselves.
    pub notes: &'a [(PathBuf, Notes)],
    /// Calls in Python sources.
    pub calls: &'a [(PathBuf, Vec<Call>)],
    /// What is installed.
    pub distributions: &'a Distributions<'a>,
}

impl Told<'_> {
    /// All loads, sorted, but for those that a distribution meets itself. `known` gives the
    /// path by which people know a real one; with `lists_all` every load goes on the list, and
    /// otherwise those that code cannot work without.
    ///
    /// For a distribution that the table knows its sources do not count: somebody has read them.
    #[must_use]
    pub fn loads(&self, known: &dyn Fn(&Path) -> PathBuf, lists_all: bool) -> Vec<Load> {
        let mut loads = Vec::new();
        for (real, notes) in self.notes {
            loads.extend(notes.notes.iter().map(|note| Load {
                path: known(real),
                line: None,
                told_by: ToldBy::Note,
                caller: Caller::Object(real.clone()),
                names: note.sonames.iter().cloned().map(Name::Soname).collect(),
                is_required: note.priority == Priority::Required,
                is_listed: lists_all || note.priority == Priority::Required,
            }));
        }
        for distribution in self.distributions.iter() {
            let Some(row) = table::row(distribution.name()) else {
                continue;
            };
            let needs = row.needs.iter();
            let open =
                needs.filter(|need| !self.brings(distribution, &need.names, &row.companions));
            loads.extend(open.map(|need| Load {
                path: known(distribution.info()),
                line: None,
                told_by: ToldBy::Table,
                caller: Caller::Interpreter(distribution.site().to_owned()),
                names: need.names.clone(),
                is_required: need.is_required,
                is_listed: lists_all || need.is_required,
            }));
        }
        let owners = self
            .distributions
            .owners(self.calls.iter().map(|(real, _)| real.as_path()));
        for (real, calls) in self.calls {
            let owner = owners.get(real.as_path());
            if owner.is_some_and(|owner| table::row(owner.name()).is_some()) {
                continue;
            }
            let is_open =
                |call: &&Call| !owner.is_some_and(|owner| self.brings(owner, &call.names, &[]));
            loads.extend(calls.iter().filter(is_open).map(|call| Load {
                path: known(real),
                line: Some(call.line),
                told_by: ToldBy::Source,
                caller: Caller::Interpreter(real.parent().unwrap_or(real).to_owned()),
                names: call.names.clone(),
                is_required: false,
                is_listed: lists_all,
            }));
        }
        loads.sort();
        loads
    }

    /// Whether `distribution`, or one of `companions` beside it, ships a library that is called
    /// after one of `names`.
    fn brings(&self, distribution: &Distribution, names: &[Name], companions: &[&str]) -> bool {
        let companions = companions
            .iter()
            .filter_map(|name| self.distributions.beside(distribution, name));
        std::iter::once(distribution).chain(companions).any(|each| {
            names
                .iter()
                .any(|name| self.distributions.ships(each, name.stem()))
        })
    }
}
