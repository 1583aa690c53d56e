//! The report as text: why each package is listed, and why something is not.

use crate::demand::Site;
use crate::loader::outcome::{FoundBy, Step};
use crate::packages::package::Package;
use crate::packages::provider::Provider;
use crate::python::distributions::{self, Identity};
use crate::report::{ListedPackage, Needed, Report};
use crate::system::escape::shown;
use crate::system::ordered::Ordered as _;
use anstyle::{AnsiColor, Style};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;
use thiserror::Error;

const HEADING: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// A heading, its style, and the providers below it.
type Section = (&'static str, Style, fn(&Provider) -> bool);

const POSSIBLE: &str = "possible: code may load these at run time but may work without them";

/// What is not listed, by provider.
const SECTIONS: [Section; 6] = [
    ("missing: the loader does not find these", BAD, |provider| {
        matches!(provider, Provider::Missing { .. })
    }),
    (
        "unowned: no package for an image ships these",
        BAD,
        |provider| matches!(provider, Provider::Unowned { .. }),
    ),
    (
        "bundled: shipped below the given paths",
        HEADING,
        |provider| matches!(provider, Provider::Bundled { .. }),
    ),
    ("interpreter: shipped with Python", HEADING, |provider| {
        matches!(provider, Provider::Interpreter { .. })
    }),
    (
        "host: provided by its driver at run time",
        HEADING,
        |provider| matches!(provider, Provider::Host),
    ),
    (
        "left out: by a wheel, and no package replaces these",
        HEADING,
        |provider| matches!(provider, Provider::LeftOut),
    ),
];

/// The report has nothing with this name.
#[derive(Debug, Error)]
#[error(
    "`{}` is not a listed package, a needed library, or a file or distribution that needs one",
    shown(.0)
)]
pub struct Unknown(OsString);

impl Unknown {
    /// The end of the message; `is_directory` if a directory has the name, `may_look_up` if packages
    /// of what is missing can be looked up.
    pub fn advice(&self, is_directory: bool, may_look_up: bool) -> String {
        if is_directory {
            format!("; pass the directory as `./{}`", shown(&self.0))
        } else if may_look_up {
            "; pass `--lookup` to search for the packages of what is missing, too".to_owned()
        } else {
            String::new()
        }
    }
}

/// Explains `report` in one line for each package and library, or all about the package, soname, file
/// or distribution `name` in it, with ANSI styles.
pub fn text(report: &Report, name: Option<&OsStr>) -> Result<String, Unknown> {
    match name {
        None => Ok(overview(report)),
        Some(name) => details(report, name),
    }
}

/// What is listed and what is not, each with the distributions that need it.
fn overview(report: &Report) -> String {
    let users = |libraries: &[&Needed]| report.users.summary(libraries.iter().copied());
    let listed = report.packages.iter().map(|listed| {
        let libraries = of_package(report, listed);
        (title(listed), users(&libraries))
    });
    let mut text = table("", GOOD, listed.collect());
    for (title, style, is_meant) in SECTIONS {
        let libraries = report.needed.iter();
        let libraries = libraries.filter(|library| is_meant(&library.provider));
        let rows: BTreeSet<(String, String)> = libraries
            .map(|library| (library.title(), users(&[library])))
            .ordered();
        if !rows.is_empty() {
            heading(&mut text, title, style);
            text.push_str(&table("  ", HEADING, rows.into_iter().collect()));
        }
    }
    let possible = report.possible.iter().map(|library| {
        let package = library.provider.package().map(ToString::to_string);
        let reason = library.reason.map(|reason| format!(", {reason}"));
        let users = users(&[library]) + &reason.unwrap_or_default();
        (package.unwrap_or_else(|| library.title()), users)
    });
    let possible: BTreeSet<(String, String)> = possible.ordered();
    if !possible.is_empty() {
        heading(&mut text, POSSIBLE, HEADING);
        text.push_str(&table("  ", HEADING, possible.into_iter().collect()));
    }
    text
}

/// Two columns, the first in `style`.
fn table(indent: &str, style: Style, rows: Vec<(String, String)>) -> String {
    let width = |text: &str| text.chars().count();
    let widest = rows.iter().map(|(first, _)| width(first)).max();
    let mut text = String::new();
    for (first, second) in rows {
        let gap = widest.unwrap_or_default() - width(&first);
        // Writing to a String does not fail.
        let _ = writeln!(text, "{indent}{style}{first}{style:#}{:gap$}  {second}", "");
    }
    text
}

fn details(report: &Report, name: &OsStr) -> Result<String, Unknown> {
    let is_about = |library: &&Needed| is_about(report, library, name);
    let mut text = String::new();
    for listed in &report.packages {
        let libraries = of_package(report, listed);
        let users = report.users.summary(libraries.iter().copied());
        let is_named = is_package(report, &listed.package, name);
        let libraries = libraries.into_iter();
        let shown: Vec<&Needed> = libraries.filter(|it| is_named || is_about(it)).collect();
        if !shown.is_empty() {
            heading(&mut text, &format!("{}  {users}", title(listed)), GOOD);
            describe(&mut text, report, &shown, name);
        }
    }
    for (title, style, is_meant) in SECTIONS {
        let libraries = report.needed.iter();
        let libraries: Vec<&Needed> = libraries
            .filter(|library| is_meant(&library.provider) && is_about(library))
            .collect();
        if !libraries.is_empty() {
            heading(&mut text, title, style);
            describe(&mut text, report, &libraries, name);
        }
    }
    let possible = report.possible.iter();
    let possible: Vec<&Needed> = possible
        .filter(|library| is_about(library) || is_of_package(report, library, name))
        .collect();
    if !possible.is_empty() {
        heading(&mut text, POSSIBLE, HEADING);
        describe(&mut text, report, &possible, name);
    }
    if text.is_empty() {
        Err(Unknown(name.to_owned()))
    } else {
        Ok(text)
    }
}

fn of_package<'a>(report: &'a Report, listed: &ListedPackage) -> Vec<&'a Needed> {
    report
        .needed
        .iter()
        .filter(|library| library.provider.package() == Some(&listed.package))
        .collect()
}

/// Whether `name` is the package: `libc6`, or `libc6:amd64` if that is the native architecture.
fn is_package(report: &Report, package: &Package, name: &OsStr) -> bool {
    let package = package.to_string();
    *name == *package || *name == *format!("{package}:{}", report.architecture)
}

fn is_of_package(report: &Report, library: &Needed, name: &OsStr) -> bool {
    let package = library.provider.package();
    package.is_some_and(|package| is_package(report, package, name))
}

fn is_about(report: &Report, library: &Needed, name: &OsStr) -> bool {
    let path = library.provider.path();
    *library.name == *name
        || path.is_some_and(|path| is_file(path, name))
        || library.needed_by.iter().any(|by| is_user(report, by, name))
}

/// Whether `name` is the file that needs something, or its distribution.
fn is_user(report: &Report, by: &Site, name: &OsStr) -> bool {
    let is_named = |distribution: &Identity| {
        let name = name.to_str().map(distributions::normalised);
        name.is_some_and(|name| distribution.name == name)
    };
    is_file(&by.path, name) || report.users.of_site(by).is_some_and(is_named)
}

/// Whether `name` is `path`, as written or relative to the working directory.
fn is_file(path: &Path, name: &OsStr) -> bool {
    path.as_os_str() == name || std::path::absolute(name).is_ok_and(|absolute| path == absolute)
}

fn title(listed: &ListedPackage) -> String {
    let title = match &listed.version {
        None => listed.package.to_string(),
        Some(version) => format!("{} {}", listed.package, version.number),
    };
    if listed.is_installed {
        title
    } else {
        title + " (not installed here)"
    }
}

fn heading(text: &mut String, title: &str, style: Style) {
    if !text.is_empty() {
        text.push('\n');
    }
    // Writing to a String does not fail.
    let _ = writeln!(text, "{style}{title}{style:#}");
}

fn describe(text: &mut String, report: &Report, libraries: &[&Needed], name: &OsStr) {
    for library in libraries {
        // For a file or distribution, only its needs; but a package may have the same name.
        let is_one = !is_of_package(report, library, name)
            && library.needed_by.iter().any(|by| is_user(report, by, name));
        let is_meant = |by: &Site| !is_one || is_user(report, by, name);
        let _ = write!(text, "  {HEADING}{}{HEADING:#}", library.title());
        if let Some(path) = library.provider.path() {
            let _ = write!(text, " => {} ({})", shown(path), origin(&library.provider));
        }
        text.push('\n');
        for by in library.needed_by.iter().filter(|by| is_meant(by)) {
            let _ = writeln!(text, "    {} {by}", library.verb());
        }
        if let Provider::NotInstalled { passed_over, .. } = &library.provider {
            for package in passed_over {
                let _ = writeln!(text, "    not chosen: {package}");
            }
        }
        if let Some(absence) = &library.absence {
            for step in absence.steps.iter() {
                let _ = writeln!(text, "    searched {}", searched(step));
            }
            if let Some(cause) = &absence.cause {
                let _ = writeln!(text, "    {}", cause.text);
            }
        }
    }
}

fn searched(step: &Step) -> String {
    format!("{} ({})", shown(&step.path), how(step.found_by))
}

fn origin(provider: &Provider) -> &'static str {
    match (provider, provider.place()) {
        (Provider::NotInstalled { .. }, _) => "Debian's Contents index",
        (_, Some(place)) => place.found_by.map_or("as the command loaded it", how),
        (_, None) => "as the command loaded it",
    }
}

fn how(found_by: FoundBy) -> &'static str {
    match found_by {
        FoundBy::Rpath => "RPATH",
        FoundBy::LdLibraryPath => "LD_LIBRARY_PATH",
        FoundBy::Runpath => "RUNPATH",
        FoundBy::Cache => "the loader's cache",
        FoundBy::Default => "default directory",
        FoundBy::Direct => "named by its path",
        FoundBy::Soname => "by its SONAME alone",
        FoundBy::Path => "in PATH",
        FoundBy::StandardLibrary => "the standard library",
    }
}
