//! The report as one JSON document; the README documents its format.
//!
//! Names and paths are escaped by [`crate::system::escape::shown`].

use crate::demand::{Evidence, Kind, Site};
use crate::loader::outcome::FoundBy;
use crate::packages::provider::Provider;
use crate::report::{NeededLibrary, Report};
use crate::system::escape::shown;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    distribution: JsonDistribution<'a>,
    packages: Vec<JsonPackage<'a>>,
    libraries: Vec<JsonLibrary>,
    possible: Vec<JsonLibrary>,
    started: Vec<JsonStarted>,
    warnings: Vec<JsonWarning>,
    counts: JsonCounts,
}

#[derive(Serialize)]
struct JsonDistribution<'a> {
    id: Option<&'a str>,
    version_codename: Option<&'a str>,
    architecture: &'a str,
}

#[derive(Serialize)]
struct JsonPackage<'a> {
    name: &'a str,
    architecture: Option<&'a str>,
    version: Option<&'a str>,
    installed: bool,
    libraries: Vec<String>,
}

#[derive(Serialize)]
struct JsonLibrary {
    soname: String,
    kind: &'static str,
    told_by: &'static str,
    outcome: &'static str,
    path: Option<String>,
    found_by: Option<&'static str>,
    package: Option<String>,
    passed_over: Vec<String>,
    needed_by: Vec<String>,
}

#[derive(Serialize)]
struct JsonStarted {
    path: String,
    package: Option<String>,
}

#[derive(Serialize)]
struct JsonWarning {
    path: String,
    message: String,
}

#[derive(Serialize)]
struct JsonCounts {
    files: usize,
    elf: usize,
}

/// `report` as a document that ends with a newline.
pub fn document(report: &Report) -> Result<String, serde_json::Error> {
    let document = Document {
        distribution: JsonDistribution {
            id: report.distribution.id.as_deref(),
            version_codename: report.distribution.version_codename.as_deref(),
            architecture: &report.architecture,
        },
        packages: report
            .packages
            .iter()
            .map(|listed| JsonPackage {
                name: &listed.package.name,
                architecture: listed
                    .version
                    .as_ref()
                    .map(|version| version.architecture.as_str()),
                version: listed
                    .version
                    .as_ref()
                    .map(|version| version.number.as_str()),
                installed: listed.is_installed,
                libraries: listed.libraries.iter().map(shown).collect(),
            })
            .collect(),
        libraries: report.libraries.iter().map(library).collect(),
        possible: report.possible.iter().map(library).collect(),
        started: report
            .started
            .iter()
            .map(|started| JsonStarted {
                path: shown(&started.path),
                package: started.package.as_ref().map(ToString::to_string),
            })
            .collect(),
        warnings: report
            .warnings
            .iter()
            .map(|warning| JsonWarning {
                path: shown(&warning.path),
                message: warning.message.clone(),
            })
            .collect(),
        counts: JsonCounts {
            files: report.counts.files,
            elf: report.counts.elf,
        },
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn library(library: &NeededLibrary) -> JsonLibrary {
    let provider = &library.provider;
    JsonLibrary {
        soname: shown(&library.soname),
        kind: match library.kind {
            Kind::Library => "library",
            Kind::Program => "program",
            Kind::File => "file",
            Kind::Module => "module",
        },
        told_by: match library.evidence {
            Evidence::Header => "header",
            Evidence::Note => "note",
            Evidence::Table => "table",
            Evidence::Source => "source",
            Evidence::Script => "script",
            Evidence::Trace => "trace",
        },
        outcome: match provider {
            Provider::Package { .. } | Provider::NotInstalled { .. } => "package",
            Provider::Unowned { .. } => "unowned",
            Provider::Bundled { .. } => "bundled",
            Provider::Interpreter { .. } => "interpreter",
            Provider::Host => "host",
            Provider::LeftOut => "left_out",
            Provider::Missing { .. } => "missing",
        },
        path: provider.path().map(shown),
        found_by: match provider {
            Provider::NotInstalled { .. } => Some("contents"),
            _ => provider.place().and_then(|place| place.found_by).map(rule),
        },
        package: provider.package().map(ToString::to_string),
        passed_over: match provider {
            Provider::NotInstalled { passed_over, .. } => {
                passed_over.iter().map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        },
        needed_by: library.needed_by.iter().map(Site::to_string).collect(),
    }
}

fn rule(found_by: FoundBy) -> &'static str {
    match found_by {
        FoundBy::Rpath => "rpath",
        FoundBy::LdLibraryPath => "ld_library_path",
        FoundBy::Runpath => "runpath",
        FoundBy::Cache => "cache",
        FoundBy::Default => "default",
        FoundBy::Direct => "direct",
        FoundBy::Soname => "soname",
        FoundBy::Path => "path",
        FoundBy::StandardLibrary => "standard_library",
    }
}
