//! The report as one JSON document, whose form the README documents.
//!
//! Names and paths are text as `crate::system::escape::shown` writes them.

use crate::loader::resolver::FoundBy;
use crate::report::data::{Fate, NeededLibrary, Report, Site};
use crate::run_time::load::ToldBy;
use crate::system::escape::shown;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    distribution: Distribution<'a>,
    packages: Vec<Package<'a>>,
    libraries: Vec<Library>,
    possible: Vec<Library>,
    started: Vec<Started>,
    warnings: Vec<Warning>,
    counts: Counts,
}

#[derive(Serialize)]
struct Distribution<'a> {
    id: Option<&'a str>,
    version_codename: Option<&'a str>,
    architecture: &'a str,
}

#[derive(Serialize)]
struct Package<'a> {
    name: &'a str,
    architecture: Option<&'a str>,
    version: Option<&'a str>,
    installed: bool,
    libraries: Vec<String>,
}

#[derive(Serialize)]
struct Library {
    soname: String,
    told_by: &'static str,
    outcome: &'static str,
    path: Option<String>,
    found_by: Option<&'static str>,
    package: Option<String>,
    passed_over: Vec<String>,
    needed_by: Vec<String>,
}

#[derive(Serialize)]
struct Started {
    path: String,
    package: Option<String>,
}

#[derive(Serialize)]
struct Warning {
    path: String,
    message: String,
}

#[derive(Serialize)]
struct Counts {
    files: usize,
    elf: usize,
}

/// `report` as a document that ends with a newline.
pub fn document(report: &Report) -> Result<String, serde_json::Error> {
    let document = Document {
        distribution: Distribution {
            id: report.distribution.id.as_deref(),
            version_codename: report.distribution.version_codename.as_deref(),
            architecture: &report.architecture,
        },
        packages: report
            .packages
            .iter()
            .map(|listed| Package {
                name: &listed.package.name,
                architecture: listed
                    .version
                    .as_ref()
                    .map(|version| version.architecture.as_str()),
                version: listed
                    .version
                    .as_ref()
                    .map(|version| version.version.as_str()),
                installed: listed.is_installed,
                libraries: listed.libraries.iter().map(shown).collect(),
            })
            .collect(),
        libraries: report.libraries.iter().map(library).collect(),
        possible: report.possible.iter().map(library).collect(),
        started: report
            .started
            .iter()
            .map(|started| Started {
                path: shown(&started.path),
                package: started.package.as_ref().map(ToString::to_string),
            })
            .collect(),
        warnings: report
            .warnings
            .iter()
            .map(|warning| Warning {
                path: shown(&warning.path),
                message: warning.message.clone(),
            })
            .collect(),
        counts: Counts {
            files: report.counts.files,
            elf: report.counts.elf,
        },
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn library(library: &NeededLibrary) -> Library {
    Library {
        soname: shown(&library.soname),
        told_by: match library.told_by {
            ToldBy::Header => "header",
            ToldBy::Note => "note",
            ToldBy::Table => "table",
            ToldBy::Source => "source",
            ToldBy::Trace => "trace",
        },
        outcome: match library.fate {
            Fate::Package => "package",
            Fate::Unowned => "unowned",
            Fate::Bundled => "bundled",
            Fate::Interpreter => "interpreter",
            Fate::Host => "host",
            Fate::Missing => "missing",
        },
        path: library.path.as_ref().map(shown),
        found_by: library.found_by.map(|found_by| match found_by {
            FoundBy::Rpath => "rpath",
            FoundBy::LdLibraryPath => "ld_library_path",
            FoundBy::Runpath => "runpath",
            FoundBy::Cache => "cache",
            FoundBy::Default => "default",
            FoundBy::Direct => "direct",
            FoundBy::Soname => "soname",
            FoundBy::Contents => "contents",
        }),
        package: library.package.as_ref().map(ToString::to_string),
        passed_over: library
            .passed_over
            .iter()
            .map(ToString::to_string)
            .collect(),
        needed_by: library.needed_by.iter().map(Site::to_string).collect(),
    }
}
