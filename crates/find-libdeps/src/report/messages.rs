//! Messages on standard error: one per line, each prefixed with the program's name.

use crate::check::Checked;
use crate::cli::{Color, Verbosity};
use crate::demand::{Evidence, Site};
use crate::loader::outcome::Cause;
use crate::packages::package::Package;
use crate::packages::provider::{COPY_ADVICE, Place, Provider};
use crate::python::distributions::Identity;
use crate::report::{Needed, Report};
use crate::system::escape::{counted, shown};
use crate::system::ordered::Ordered as _;
use crate::trace::demands::Started;
use crate::warning::Warning;
use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::io::{Stderr, Write as _};
use std::path::{Component, Path};
use std::time::Duration;

/// What to do about what is missing for no other known reason.
const INSTALL_ADVICE: &str = "install the packages of what is missing and run again, or pass \
                              `--lookup` to search Debian's index, or `--ignore REGEX`";

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

pub struct Messages {
    stderr: AutoStream<Stderr>,
    verbosity: Verbosity,
}

impl Messages {
    pub fn new(verbosity: Verbosity, color: Color) -> Self {
        Self {
            stderr: AutoStream::new(std::io::stderr(), color.into()),
            verbosity,
        }
    }

    /// Whether only errors are printed.
    pub fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// Prints why there is no list.
    pub fn error(&mut self, text: &str) {
        for line in text.lines() {
            self.line("error", ERROR, line);
        }
    }

    /// Prints warnings, one line for the files of a directory that share a message. What `--strict` fails
    /// for, and everything with `--verbose`, has a line for each file.
    fn warnings<'a>(&mut self, all: impl Iterator<Item = &'a Warning> + Clone) {
        let is_verbose = self.verbosity == Verbosity::Verbose;
        let group = |it: &'a Warning| (it.path.parent(), it.message.as_str());
        let is_alone = |it: &Warning| it.is_objection || is_verbose;
        let mut groups: HashMap<(Option<&Path>, &str), usize> = HashMap::new();
        for warning in all.clone().filter(|it| !is_alone(it)) {
            *groups.entry(group(warning)).or_default() += 1;
        }
        for warning in all {
            let count = Some(1).filter(|_| is_alone(warning));
            let others = match count.or_else(|| groups.remove(&group(warning))) {
                None => continue,
                Some(1) => String::new(),
                Some(count) => format!(" and {}", counted(count - 1, "other")),
            };
            let text = format!("{}{others}: {}", shown(&warning.path), warning.message);
            self.line("warning", WARNING, &text);
        }
    }

    /// Prints what the list alone does not show. If only errors are printed, that is what `--strict`
    /// (`is_strict`) fails for.
    pub fn report(&mut self, report: &Report, is_strict: bool, elapsed: Duration) {
        if self.is_quiet() && !is_strict {
            return;
        }
        let is_quiet = self.is_quiet();
        let warnings = report.warnings.iter();
        self.warnings(warnings.filter(|it| it.is_objection || !is_quiet));
        let mut hints: Vec<&str> = Vec::new();
        for library in &report.needed {
            match &library.provider {
                Provider::Missing { foreign } => {
                    self.line("missing", ERROR, &missing(report, library, *foreign));
                    hints.extend(advice(library));
                }
                Provider::Unowned {
                    place,
                    for_compiling,
                } => {
                    self.line(
                        "unowned",
                        ERROR,
                        &unowned(report, library, place, for_compiling),
                    );
                    hints.push(COPY_ADVICE);
                }
                Provider::Package { .. }
                | Provider::NotInstalled { .. }
                | Provider::Bundled { .. }
                | Provider::Interpreter { .. }
                | Provider::Host
                | Provider::LeftOut => {}
            }
        }
        if is_quiet {
            return;
        }
        for line in possible(report) {
            self.line("possible", WARNING, &line);
        }
        // Each hint is printed once.
        let mut printed = HashSet::new();
        for hint in hints.into_iter().filter(|&hint| printed.insert(hint)) {
            self.line("hint", Style::new(), hint);
        }
        if self.verbosity == Verbosity::Verbose {
            for Started { path, package } in &report.started {
                let package = package.as_ref();
                let package = package.map_or("no package", |package| &package.name);
                let text = format!("{} ({package}): its libraries are not listed", shown(path));
                self.line("started", Style::new(), &text);
            }
            let text = format!("{}, {:.2} s", summary(report), elapsed.as_secs_f64());
            self.line("read", Style::new(), &text);
        }
    }

    /// Prints what fails in the image.
    pub fn failures(&mut self, checked: &Checked) {
        let is_quiet = self.is_quiet();
        self.warnings(checked.warnings.iter().filter(|_| !is_quiet));
        for failure in &checked.failures {
            self.line(failure.kind.name(), ERROR, &failure.text());
        }
        if is_quiet {
            return;
        }
        let (has_report, is_installable) = (checked.has_report, checked.is_installable());
        let hints = checked.failures.iter();
        let hints = hints.filter_map(|it| it.hint(has_report, is_installable));
        let hints: BTreeSet<&str> = hints.ordered();
        for hint in hints {
            self.line("hint", Style::new(), hint);
        }
        if self.verbosity == Verbosity::Verbose {
            let counts = checked.counts;
            let files = counted(counts.files, "file");
            self.line(
                "read",
                Style::new(),
                &format!("{files}, {} ELF", counts.elf),
            );
        }
    }

    fn line(&mut self, kind: &str, style: Style, text: &str) {
        // If standard error is closed, there is nowhere to report that.
        let _ = writeln!(self.stderr, "find-libdeps: {style}{kind}{style:#}: {text}");
    }
}

/// How much was read and found.
fn summary(report: &Report) -> String {
    let is_missing = |library: &&Needed| matches!(library.provider, Provider::Missing { .. });
    format!(
        "{}, {} ELF, {}, {} missing, {}, {}",
        counted(report.counts.files, "file"),
        report.counts.elf,
        counted(report.needed.len(), "needed name"),
        report.needed.iter().filter(is_missing).count(),
        counted(report.packages.len(), "package"),
        counted(report.warnings.len(), "warning"),
    )
}

fn missing(report: &Report, library: &Needed, foreign: Option<&str>) -> String {
    let soname = library.title();
    let architecture = foreign
        .map(|name| format!(" for {name}"))
        .unwrap_or_default();
    let needed = report.users.needed(library);
    match cause(library) {
        None => format!("{soname}{architecture}, {needed}"),
        Some(cause) => format!("{soname}{architecture}, {needed}: {}", cause.text),
    }
}

fn cause(library: &Needed) -> Option<&Cause> {
    library.absence.as_ref()?.cause.as_ref()
}

/// What to do about a missing library.
fn advice(library: &Needed) -> Option<&str> {
    match cause(library) {
        Some(cause) if !cause.may_be_packaged => cause.advice.as_deref(),
        _ => Some(INSTALL_ADVICE),
    }
}

/// What is possible: one line for each distribution, and for each directory with files of none that may
/// load something.
fn possible(report: &Report) -> Vec<String> {
    let mut by_directory: BTreeMap<&Path, Vec<(&Needed, Vec<&Site>)>> = BTreeMap::new();
    let mut by_distribution: BTreeMap<&Identity, Options> = BTreeMap::new();
    for library in &report.possible {
        let mut others = Vec::new();
        for site in &library.needed_by {
            match report.users.of_site(site) {
                Some(distribution) => {
                    let options = by_distribution.entry(distribution).or_default();
                    options.add(library, site);
                }
                None => others.push(site),
            }
        }
        if let Some(first) = others.first() {
            let dir = first.path.parent().unwrap_or(&first.path);
            let libraries = by_directory.entry(dir).or_default();
            libraries.push((library, others));
        }
    }
    let folded = by_distribution.iter();
    let folded = folded.map(|(distribution, options)| format!("{distribution}: {options}"));
    let of_files = by_directory.into_iter();
    let of_files = of_files.map(|(dir, libraries)| of_directory(dir, &libraries));
    folded.chain(of_files).collect()
}

/// What files of no distribution may load, the first of them in `dir`.
fn of_directory(dir: &Path, libraries: &[(&Needed, Vec<&Site>)]) -> String {
    if let [(library, calls)] = libraries {
        let (name, why) = option(library);
        let why = why.map(|why| format!(", {why}")).unwrap_or_default();
        let reason = library.reason.map(|reason| format!("; {reason}"));
        let reason = reason.unwrap_or_default();
        return format!("{name}{why} ({}{reason})", sites(calls));
    }
    let mut options = Options::default();
    for (library, calls) in libraries {
        for site in calls {
            options.add(library, site);
        }
    }
    format!("{}: {options}", shown(dir))
}

/// What one distribution can use, by why there is no package and by the reason; each name with its
/// calls, unless a reviewer has read them.
#[derive(Default)]
struct Options<'r> {
    groups: BTreeMap<[Option<&'static str>; 2], BTreeMap<String, Vec<&'r Site>>>,
}

impl<'r> Options<'r> {
    fn add(&mut self, library: &Needed, site: &'r Site) {
        let (name, why) = option(library);
        let group = self.groups.entry([why, library.reason]).or_default();
        let calls = group.entry(name).or_default();
        if library.evidence != Evidence::Table {
            calls.push(site);
        }
    }
}

impl fmt::Display for Options<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let groups = self.groups.iter().map(|(remarks, names)| {
            let names = names.iter().map(|(name, calls)| match &calls[..] {
                [] => name.clone(),
                calls => format!("{name} ({})", sites(calls)),
            });
            let remarks = remarks.iter().flatten().map(ToString::to_string);
            names.chain(remarks).collect::<Vec<String>>().join(", ")
        });
        formatter.write_str(&groups.collect::<Vec<String>>().join("; "))
    }
}

/// What would be installed for `library`, or its name and why there is nothing.
fn option(library: &Needed) -> (String, Option<&'static str>) {
    match (library.provider.package(), library.provider.path()) {
        (Some(package), _) => (package.to_string(), None),
        (None, Some(path)) => (shown(path), Some("in no package")),
        (None, None) => (library.title(), Some("not installed")),
    }
}

/// `discid/libdiscid.py:74 and 2 more`.
fn sites(sites: &[&Site]) -> String {
    let first = sites.first().map(|site| short(site)).unwrap_or_default();
    match sites.len() {
        0 | 1 => first,
        count => format!("{first} and {} more", count - 1),
    }
}

/// `site` relative to the directory in `sys.path`, as Python names its modules.
fn short(site: &Site) -> String {
    let is_end = |part: &Component| matches!(part, Component::Normal(name) if *name == "site-packages" || *name == "dist-packages");
    let mut parts = site.path.components();
    let is_below = parts.by_ref().any(|part| is_end(&part));
    let path = match parts.as_path() {
        rest if is_below && !rest.as_os_str().is_empty() => rest,
        _ => &site.path,
    };
    let site = Site {
        path: path.into(),
        line: site.line,
    };
    site.to_string()
}

fn unowned(
    report: &Report,
    library: &Needed,
    place: &Place,
    for_compiling: &BTreeSet<Package>,
) -> String {
    let path = shown(&place.path);
    let needed = report.users.needed(library);
    if for_compiling.is_empty() {
        return format!("{path}, {needed}: no package ships it");
    }
    let packages: Vec<String> = for_compiling.iter().map(Package::to_string).collect();
    format!(
        "{path}, {needed}: only {} ships it, which is for compiling, so no package is listed",
        packages.join(", ")
    )
}
