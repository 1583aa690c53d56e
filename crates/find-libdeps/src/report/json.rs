//! The report as one JSON document; docs/json.md documents its format.
//!
//! Names and paths are escaped by [`crate::system::escape::shown`].

use crate::demand::{Evidence, Site};
use crate::loader::outcome::FoundBy;
use crate::packages::provider::Provider;
use crate::report::{ListedPackage, Needed, Report, Users};
use crate::system::escape::shown;
use crate::warning::Warning;
use serde::Serialize;

/// The version of the format. It changes if a field changes its meaning or is removed.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    version: &'static str,
    release: JsonRelease<'a>,
    packages: Vec<JsonPackage<'a>>,
    needed: Vec<JsonNeeded>,
    possible: Vec<JsonNeeded>,
    files: Vec<JsonFile>,
    started: Vec<JsonStarted>,
    warnings: Vec<JsonWarning>,
    counts: JsonCounts,
}

#[derive(Serialize)]
struct JsonRelease<'a> {
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
    listed_for: Vec<String>,
}

#[derive(Serialize)]
struct JsonNeeded {
    name: String,
    kind: &'static str,
    evidence: &'static str,
    provider: &'static str,
    path: Option<String>,
    found_by: Option<&'static str>,
    package: Option<String>,
    not_chosen: Vec<String>,
    needed_by: Vec<String>,
    distributions: Vec<JsonDistribution>,
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct JsonDistribution {
    name: String,
    version: Option<String>,
}

#[derive(Serialize)]
struct JsonFile {
    path: String,
    soname: String,
    package: Option<String>,
}

#[derive(Serialize)]
struct JsonStarted {
    path: String,
    package: Option<String>,
}

#[derive(Serialize)]
pub struct JsonWarning {
    path: String,
    message: String,
}

impl JsonWarning {
    pub fn of(warning: &Warning) -> Self {
        Self {
            path: shown(&warning.path),
            message: warning.message.clone(),
        }
    }
}

#[derive(Serialize)]
struct JsonCounts {
    files: usize,
    elf: usize,
}

/// `report` as a document that ends with a newline.
pub fn document(report: &Report) -> Result<String, serde_json::Error> {
    let needed = |all: &[Needed]| -> Vec<JsonNeeded> {
        let all = all.iter();
        all.map(|each| needed(each, &report.users)).collect()
    };
    let document = Document {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        release: JsonRelease {
            id: report.distribution.id.as_deref(),
            version_codename: report.distribution.version_codename.as_deref(),
            architecture: &report.architecture,
        },
        packages: report.packages.iter().map(package).collect(),
        needed: needed(&report.needed),
        possible: needed(&report.possible),
        files: report
            .system_files
            .iter()
            .map(|file| JsonFile {
                path: shown(&file.path),
                soname: shown(&file.soname),
                package: file.package.as_ref().map(ToString::to_string),
            })
            .collect(),
        started: report
            .started
            .iter()
            .map(|started| JsonStarted {
                path: shown(&started.path),
                package: started.package.as_ref().map(ToString::to_string),
            })
            .collect(),
        warnings: report.warnings.iter().map(JsonWarning::of).collect(),
        counts: JsonCounts {
            files: report.counts.files,
            elf: report.counts.elf,
        },
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn package(listed: &ListedPackage) -> JsonPackage<'_> {
    let version = listed.version.as_ref();
    JsonPackage {
        name: &listed.package.name,
        architecture: version.map(|version| version.architecture.as_str()),
        version: version.map(|version| version.number.as_str()),
        installed: listed.is_installed,
        listed_for: listed.listed_for.iter().map(shown).collect(),
    }
}

fn needed(library: &Needed, users: &Users) -> JsonNeeded {
    let provider = &library.provider;
    JsonNeeded {
        name: shown(&library.name),
        kind: library.kind.name(),
        evidence: match library.evidence {
            Evidence::Header => "header",
            Evidence::Note => "note",
            Evidence::Table => "table",
            Evidence::Source => "source",
            Evidence::Script => "script",
            Evidence::Trace => "trace",
        },
        provider: match provider {
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
            Provider::NotInstalled { path: Some(_), .. } => Some("contents"),
            Provider::NotInstalled { path: None, .. } => Some("apk"),
            _ => provider.place().and_then(|place| place.found_by).map(rule),
        },
        package: provider.package().map(ToString::to_string),
        not_chosen: match provider {
            Provider::NotInstalled { passed_over, .. } => {
                passed_over.iter().map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        },
        needed_by: library.needed_by.iter().map(Site::to_string).collect(),
        distributions: users
            .of(library)
            .into_iter()
            .map(|distribution| JsonDistribution {
                name: distribution.name.clone(),
                version: distribution.version.clone(),
            })
            .collect(),
        reason: library.reason,
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
