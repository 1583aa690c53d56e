//! The report as text: why each package is listed, and why something is not.

use crate::demand::Site;
use crate::loader::outcome::{FoundBy, Step};
use crate::packages::provider::Provider;
use crate::report::{ListedPackage, NeededLibrary, Report};
use crate::system::escape::shown;
use anstyle::{AnsiColor, Style};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;
use thiserror::Error;

const HEADING: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// A heading, its style, and the providers below it.
type Section = (&'static str, Style, fn(&Provider) -> bool);

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
#[error("`{}` is not a listed package, a needed library or a file that needs one", shown(.0))]
pub struct Unknown(OsString);

/// Explains `report`, or only the package, soname or file `name` in it, with ANSI styles.
pub fn text(report: &Report, name: Option<&OsStr>) -> Result<String, Unknown> {
    let mut text = String::new();
    for listed in &report.packages {
        let libraries = of_package(report, listed);
        let is_named = name.is_some_and(|name| is_package(report, listed, name));
        let shown: Vec<&NeededLibrary> = libraries
            .into_iter()
            .filter(|library| is_named || is_about(library, name))
            .collect();
        if !shown.is_empty() {
            heading(&mut text, &title(listed), GOOD);
            describe(&mut text, &shown, name);
        }
    }
    for (title, style, is_meant) in SECTIONS {
        let libraries = report.libraries.iter();
        let libraries: Vec<&NeededLibrary> = libraries
            .filter(|library| is_meant(&library.provider) && is_about(library, name))
            .collect();
        if !libraries.is_empty() {
            heading(&mut text, title, style);
            describe(&mut text, &libraries, name);
        }
    }
    let possible: Vec<&NeededLibrary> = report
        .possible
        .iter()
        .filter(|library| {
            let package = library.provider.package().map(ToString::to_string);
            is_about(library, name)
                || name.is_some_and(|name| package.is_some_and(|package| *name == *package))
        })
        .collect();
    if !possible.is_empty() {
        let title = "possible: code may load these at run time but may work without them";
        heading(&mut text, title, HEADING);
        describe(&mut text, &possible, name);
    }
    match name {
        Some(name) if text.is_empty() => Err(Unknown(name.to_owned())),
        _ => Ok(text),
    }
}

fn of_package<'a>(report: &'a Report, listed: &ListedPackage) -> Vec<&'a NeededLibrary> {
    report
        .libraries
        .iter()
        .filter(|library| library.provider.package() == Some(&listed.package))
        .collect()
}

/// Whether `name` is the package: `libc6`, or `libc6:amd64` if that is the native architecture.
fn is_package(report: &Report, listed: &ListedPackage, name: &OsStr) -> bool {
    let package = listed.package.to_string();
    *name == *package || *name == *format!("{package}:{}", report.architecture)
}

fn is_about(library: &NeededLibrary, name: Option<&OsStr>) -> bool {
    let Some(name) = name else {
        return true;
    };
    *library.soname == *name
        || library
            .provider
            .path()
            .is_some_and(|path| is_file(path, name))
        || library.needed_by.iter().any(|by| is_file(&by.path, name))
}

/// Whether `name` is `path`, as written or relative to the working directory.
fn is_file(path: &Path, name: &OsStr) -> bool {
    path.as_os_str() == name || std::path::absolute(name).is_ok_and(|absolute| path == absolute)
}

fn title(listed: &ListedPackage) -> String {
    match &listed.version {
        _ if !listed.is_installed => format!("{} (not installed here)", listed.package),
        None => listed.package.to_string(),
        Some(version) => format!("{} {}", listed.package, version.number),
    }
}

fn heading(text: &mut String, title: &str, style: Style) {
    if !text.is_empty() {
        text.push('\n');
    }
    // Writing to a String does not fail.
    let _ = writeln!(text, "{style}{title}{style:#}");
}

fn describe(text: &mut String, libraries: &[&NeededLibrary], name: Option<&OsStr>) {
    for library in libraries {
        // For a file, only the needs of that file.
        let is_one =
            name.is_some_and(|name| library.needed_by.iter().any(|by| is_file(&by.path, name)));
        let is_meant = |by: &Site| !is_one || name.is_some_and(|name| is_file(&by.path, name));
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
