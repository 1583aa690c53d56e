//! One reason why files of the tree do not run, with all files that it concerns.

use crate::check::path::{Loading, object};
use crate::demand::{self, Evidence, Item, LibraryName, Site};
use crate::loader::outcome::{Outcome, Resolution};
use crate::loader::remarks::Lacking;
use crate::scan::is_in_every_image;
use crate::system::escape::{counted, shown};
use crate::warning::Warning;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How many of the places that were searched a message names.
const MAX_PLACES: usize = 8;

const MISSING: &str = "install the packages that find-libdeps listed in the builder, or pass \
                       `--ignore REGEX`; with `--expect`, its `--json` report names them";
const NOT_EXPECTED: &str = "the builder's report does not name the packages of what is missing: make \
                            it from the same files, or pass `--ignore REGEX`";
const VERSION: &str = "the builder's system is newer than this one; build on the same release";

const MOVED: &str = "the scripts of a virtualenv name its path; build it at the path where it runs, or \
                     pass `--exclude REGEX` for scripts that are not used";

const UNUSUAL: &str =
    "use a base image that has it, or pass `--exclude REGEX` for scripts that are not used";

const STEM: &str = "`find_library` does not find it, as `/sbin/ldconfig -p` does not print it";

/// Whether scripts name `program` because they were installed into a virtualenv there.
fn is_of_virtualenv(program: &Path) -> bool {
    let name = program.file_name().unwrap_or_default().as_encoded_bytes();
    let of_image = ["/bin", "/usr/bin", "/usr/local/bin"].map(Path::new);
    let dir = program.parent().unwrap_or(program);
    let is_python = name.starts_with(b"python") || name.starts_with(b"pypy");
    is_python && program.is_absolute() && !of_image.contains(&dir)
}

/// What kind of failure it is; they are printed in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The interpreter is absent or another one.
    Interpreter,
    /// The library that is found does not define a version.
    Version,
    /// The loader does not find a library, or the kernel the loader.
    Missing,
    /// The loader refuses a file, or the kernel a script.
    Refused,
    /// A file could not be examined.
    Unread,
}

impl Kind {
    /// The word for it in messages and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interpreter => "interpreter",
            Self::Version => "version",
            Self::Missing => "missing",
            Self::Refused => "refused",
            Self::Unread => "unread",
        }
    }
}

/// One reason why files do not run.
#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    /// The name that is missing, or whose versions are; otherwise the file.
    pub name: OsString,
    /// The versions that are not defined.
    pub versions: BTreeSet<OsString>,
    /// The library that was found and does not define them.
    pub library: Option<PathBuf>,
    /// What needs it, sorted.
    pub needed_by: BTreeSet<Site>,
    /// The file of the tree that the first of `needed_by`, a library from elsewhere, is loaded for.
    pub loaded_for: Option<Site>,
    /// Where the loader searches, in order.
    pub searched: Vec<PathBuf>,
    /// Why, if more is known than the above.
    pub reason: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
    /// Which package provides it, or has it in the builder.
    pub package: Option<String>,
    /// What `name` stands for, if it is missing.
    pub asked: demand::Kind,
    /// What shows that it is needed.
    pub evidence: Evidence,
    /// What a package would have to ship instead of what is missing, as alternatives.
    pub packaged: Vec<Item>,
    /// Debian's name of the architecture that a library is missing for.
    pub architecture: &'static str,
    /// Whether only modules lack it that may be left out.
    pub is_optional: bool,
}

impl Failure {
    fn new(kind: Kind, name: impl Into<OsString>) -> Self {
        Self {
            kind,
            name: name.into(),
            versions: BTreeSet::new(),
            library: None,
            needed_by: BTreeSet::new(),
            loaded_for: None,
            searched: Vec::new(),
            reason: None,
            advice: None,
            package: None,
            asked: demand::Kind::Library,
            evidence: Evidence::Header,
            packaged: Vec::new(),
            architecture: "",
            is_optional: false,
        }
    }

    /// What `name` stands for; `None` if it is the file that fails.
    pub fn item(&self) -> Option<demand::Kind> {
        matches!(self.kind, Kind::Missing | Kind::Version).then_some(self.asked)
    }

    /// What is wrong, as one line.
    pub fn text(&self) -> String {
        match &self.package {
            None => self.what(),
            Some(package) => format!("{}; {package}", self.what()),
        }
    }

    /// The same as a warning, for what the builder reported as missing.
    pub fn as_known(&self) -> Warning {
        let site = self.needed_by.first();
        let path = site.map_or(Path::new(""), |site| &site.path);
        let title = self.asked.title(&self.name);
        let verb = self.asked.participle(self.evidence);
        Warning::new(
            path,
            format!("{title}, {verb} by it, was missing in the builder, too"),
        )
    }

    /// The same for what may be missing.
    pub fn as_optional(&self) -> Warning {
        let site = self.loaded_for.as_ref().or(self.needed_by.first());
        let path = site.map_or(Path::new(""), |site| &site.path);
        let title = self.asked.title(&self.name);
        Warning::new(path, format!("cannot be imported, as {title} is missing"))
    }

    /// Whether it shows that the files were built on a newer release: the C library is one package, of
    /// which an image's release has no other version.
    pub fn is_of_newer_release(&self) -> bool {
        let mut versions = self.versions.iter();
        versions.any(|version| version.as_encoded_bytes().starts_with(b"GLIBC_"))
    }

    /// What to do about failures of this kind, if that is not said yet; `has_report` if the builder's
    /// report was given, `is_installable` if installing packages can help.
    pub fn hint(&self, has_report: bool, is_installable: bool) -> Option<&str> {
        match (self.kind, &self.advice) {
            (_, Some(advice)) => Some(advice),
            (Kind::Missing, None) if self.package.is_some() || !is_installable => None,
            (Kind::Missing, None) if has_report => Some(NOT_EXPECTED),
            (Kind::Missing, None) => Some(MISSING),
            (Kind::Version, None) => Some(VERSION),
            _ => None,
        }
    }

    /// Whether a package may provide it, as far as is known here.
    pub fn is_unexplained(&self) -> bool {
        self.kind == Kind::Missing && self.reason.is_none()
    }

    fn what(&self) -> String {
        let name = shown(&self.name);
        match self.kind {
            Kind::Interpreter | Kind::Refused | Kind::Unread => {
                format!("{name}: {}", self.reason.as_deref().unwrap_or_default())
            }
            Kind::Missing => {
                let title = self.asked.title(&self.name);
                let verb = self.asked.participle(self.evidence);
                format!("{title}, {verb} by {}: {}", self.files(), self.absence())
            }
            Kind::Version => {
                let versions: Vec<String> = self.versions.iter().map(shown).collect();
                let library = self.library.as_deref().unwrap_or(Path::new(""));
                format!(
                    "{} of {name}, required by {}: {} does not define {}",
                    versions.join(", "),
                    self.files(),
                    shown(library),
                    if versions.len() == 1 { "it" } else { "them" }
                )
            }
        }
    }

    /// What needs it: the first file, what that is loaded for, and how many there are.
    fn files(&self) -> String {
        let first = self.needed_by.first();
        let mut text = first.map(Site::to_string).unwrap_or_default();
        if self.needed_by.len() > 1 {
            text = format!("{} such as {text}", counted(self.needed_by.len(), "file"));
        }
        if let Some(site) = &self.loaded_for {
            text = format!("{text} (loaded for {site})");
        }
        text
    }

    /// Why the loader does not find it.
    fn absence(&self) -> String {
        if let Some(reason) = &self.reason {
            return reason.clone();
        }
        let mut places: Vec<String> = self.searched.iter().take(MAX_PLACES).map(shown).collect();
        if let [path] = &self.searched[..] {
            if path.as_os_str() == self.name {
                let text = match self.asked {
                    demand::Kind::Program => "it does not exist, or is not executable",
                    demand::Kind::File => "it does not exist",
                    _ => "it does not exist, or is for another architecture",
                };
                return text.to_owned();
            }
        }
        if places.is_empty() {
            return "not found".to_owned();
        }
        if let Some(more @ 1..) = self.searched.len().checked_sub(MAX_PLACES) {
            places.push(format!("and {more} more"));
        }
        format!("not in {}", places.join(", "))
    }
}

/// Failures, one for each cause.
pub struct Failures<'a> {
    loading: Loading<'a>,
    /// By kind, name and what else distinguishes them.
    by_cause: BTreeMap<(Kind, OsString, OsString), Failure>,
}

impl<'a> Failures<'a> {
    pub fn new(loading: Loading<'a>) -> Self {
        Self {
            loading,
            by_cause: BTreeMap::new(),
        }
    }

    pub fn add_finding(&mut self, kind: Kind, warning: &Warning) {
        let name = warning.path.clone().into_os_string();
        let key = (kind, name.clone(), OsString::from(&warning.message));
        let mut failure = Failure::new(kind, name);
        failure.reason = Some(warning.message.clone());
        self.by_cause.insert(key, failure);
    }

    /// Adds what is missing and required; code may work without the rest. `is_optional` returns whether
    /// a file of the tree may be left out.
    pub fn add_missing(&mut self, resolution: &'a Resolution, is_optional: &dyn Fn(&Path) -> bool) {
        let demand = &resolution.demand;
        let Outcome::Missing { architecture } = resolution.outcome else {
            return;
        };
        if !demand.is_required {
            return;
        }
        let real = object(&demand.caller);
        let is_optional = real.is_some_and(|real| self.loading.is_only_for(real, is_optional));
        let name = resolution.name.to_os_string();
        let key = (Kind::Missing, name.clone(), OsString::from(architecture));
        let entry = self.by_cause.entry(key);
        let failure = entry.or_insert_with(|| {
            let mut failure = Failure::new(Kind::Missing, name);
            failure.asked = resolution.kind;
            failure.evidence = demand.evidence;
            failure.packaged = resolution.packaged().to_vec();
            failure.architecture = architecture;
            failure.is_optional = true;
            failure
        });
        failure.is_optional &= is_optional;
        let is_first = failure
            .needed_by
            .first()
            .is_none_or(|first| demand.site < *first);
        failure.needed_by.insert(demand.site.clone());
        if !is_first {
            return;
        }
        failure.loaded_for = real.and_then(|real| self.loading.loaded_for(real).cloned());
        if let Some(absence) = &resolution.absence {
            failure.searched = absence.steps.iter().map(|step| step.path.clone()).collect();
            let cause = absence.cause.as_ref();
            failure.reason = cause.map(|cause| cause.text.clone());
            failure.advice = cause.and_then(|cause| cause.advice.clone());
        }
        if matches!(
            demand.items.first(),
            Some(Item::Library(LibraryName::Stem(_)))
        ) {
            // No directory is searched (`Lib/ctypes/util.py` in CPython).
            failure.reason = Some(STEM.to_owned());
        }
        if demand.evidence == Evidence::Script && failure.reason.is_none() {
            let program = Path::new(&*resolution.name);
            let is_usual = is_in_every_image(&resolution.name);
            let advice = is_usual.then_some(if is_of_virtualenv(program) {
                MOVED
            } else {
                UNUSUAL
            });
            failure.advice = advice.map(str::to_owned);
        }
    }

    pub fn add_lacking(&mut self, lacking: &'a Lacking) {
        let library = &lacking.library;
        let key = (Kind::Version, lacking.name.clone(), library.into());
        let entry = self.by_cause.entry(key);
        let failure = entry.or_insert_with(|| {
            let mut failure = Failure::new(Kind::Version, &lacking.name);
            failure.library = Some(library.clone());
            failure
        });
        let site = Site {
            path: lacking.path.as_path().into(),
            line: None,
        };
        if failure.needed_by.first().is_none_or(|first| site < *first) {
            failure.loaded_for = self.loading.loaded_for(&lacking.real).cloned();
        }
        failure.versions.extend(lacking.versions.iter().cloned());
        failure.needed_by.insert(site);
    }

    pub fn sorted(self) -> Vec<Failure> {
        self.by_cause.into_values().collect()
    }
}
