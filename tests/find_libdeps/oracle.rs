//! The libraries of one tree as `find-libdeps` and glibc's loader find them, as lines to compare.
//!
//! Of the report, a library is a line `soname: outcome path (found_by)`; of `ldd`, a line
//! `soname => path` with links resolved. Paths in a fixture are relative to it.

use crate::fixture::{Fixture, PROGRAM, Report};
use crate::own_root;
use crate::support::needs::Need;
use crate::support::run::Run;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// What it takes to compile a tree and to compare it with `ldd`.
pub const TOOLS: &[Need] = &[Need::Cc, Need::Ldd, Need::Dpkg];

/// The tree that the tests analyse.
pub const TREE: &str = "venv";

/// A `DT_RPATH` of these directories.
pub fn rpath(directories: &str) -> String {
    format!("-Wl,--disable-new-dtags,-rpath,{directories}")
}

/// A `DT_RUNPATH` of these directories.
pub fn runpath(directories: &str) -> String {
    format!("-Wl,--enable-new-dtags,-rpath,{directories}")
}

/// A `DT_SONAME`.
pub fn soname(name: &str) -> String {
    format!("-Wl,-soname,{name}")
}

/// A library whose SONAME is the name of its file.
pub fn library(fixture: &Fixture, name: &str, arguments: &[&str]) -> String {
    let file_name = name.rsplit('/').next().expect("a name");
    let own = soname(file_name);
    let all = [&[own.as_str()], arguments].concat();
    fixture.library(name, "int x;", &all);
    name.to_owned()
}

/// A file outside the tree that makes whatever is linked with it need `name`.
pub fn needing(fixture: &Fixture, name: &str) -> String {
    let stub = format!("stubs/{}", name.replace('/', "_"));
    fixture.library(&stub, "int x;", &[&soname(name)]);
    stub
}

/// What `find-libdeps` says of the libraries that the tree needs, without the loader that starts a
/// program: those of the tests have no C library, which would bring it.
pub fn libraries(fixture: &Fixture, report: &Report) -> Vec<String> {
    named(report)
        .map(|library| {
            let text = |name: &str| library[name].as_str();
            let head = format!(
                "{}: {}",
                text("name").expect("a string"),
                text("provider").expect("a string")
            );
            match (text("path"), text("found_by")) {
                (Some(path), Some(found_by)) => {
                    format!("{head} {} ({found_by})", fixture.relative(path))
                }
                _ => head,
            }
        })
        .collect()
}

fn named(report: &Report) -> impl Iterator<Item = &Value> {
    let all = report.0["needed"].as_array().expect("an array");
    all.iter()
        .filter(|library| library["name"] != own_root::LOADER)
}

/// Its warnings.
pub fn warnings(fixture: &Fixture, report: &Report) -> Vec<String> {
    let warnings = report.warnings();
    warnings.iter().map(|line| fixture.relative(line)).collect()
}

/// All that `ldd` says of `file`, in the environment of `run`: of libraries, then of errors.
pub fn ldd(fixture: &Fixture, run: Run, file: &Path) -> Vec<String> {
    let said = run.dir(fixture.path("")).arg(file).said();
    let found: BTreeSet<String> = said
        .stdout
        .lines()
        .filter_map(|line| found(fixture, line))
        .collect();
    let errors = said
        .stderr
        .lines()
        .filter(|line| !line.contains("you do not have execution permission"))
        .map(|line| fixture.relative(line.trim()));
    found.into_iter().chain(errors).collect()
}

/// One line of the loader's list; nothing for the kernel's own object and the loader itself.
fn found(fixture: &Fixture, line: &str) -> Option<String> {
    let line = line.trim();
    if line.contains("linux-vdso") || line.contains("/ld-linux-") || line == "statically linked" {
        return None;
    }
    if !line.contains(" (0x") && !line.ends_with(" => not found") {
        return Some(fixture.relative(line));
    }
    let shown = line.split(" (0x").next()?;
    let (name, path) = shown.split_once(" => ").unwrap_or((shown, shown));
    let name = fixture.relative(name);
    Some(format!("{name} => {}", real(fixture, path)))
}

fn real(fixture: &Fixture, path: &str) -> String {
    let real = fixture.path("").join(path).canonicalize();
    real.map_or_else(
        |_| path.to_owned(),
        |real| fixture.relative(real.to_str().expect("ASCII")),
    )
}

/// What `ldd` must print if it agrees with `report`.
fn answers(fixture: &Fixture, report: &Report) -> Vec<String> {
    let lines: BTreeSet<String> = named(report)
        .map(|library| {
            let name = library["name"].as_str().expect("a string");
            let path = library["path"].as_str().unwrap_or("not found");
            format!("{} => {}", fixture.relative(name), real(fixture, path))
        })
        .collect();
    lines.into_iter().collect()
}

/// Compares the report on the tree with `wanted` and `warned`, and with what `ldd` finds for `file`:
/// the same file for each name, or none.
#[track_caller]
pub fn proves(fixture: &Fixture, file: &Path, wanted: &[&str], warned: &[&str]) {
    proves_in(fixture, &[], file, wanted, warned);
}

/// The same, with more in the environment of both.
#[track_caller]
pub fn proves_in(
    fixture: &Fixture,
    environment: &[(&str, &str)],
    file: &Path,
    wanted: &[&str],
    warned: &[&str],
) {
    let with = |run: Run| {
        let variables = environment.iter();
        variables.fold(run, |run, (name, value)| run.env(name, value))
    };
    let report = Report::of(with(fixture.run()), TREE);
    assert_eq!(libraries(fixture, &report), wanted);
    assert_eq!(warnings(fixture, &report), warned);
    // ldd is a shell script: the environment is for the loader that it starts, as bash keeps it.
    let system = |line: &String| !line.contains(" => /");
    let theirs = ldd(fixture, with(Run::new("ldd")), file);
    let ours = answers(fixture, &report);
    assert_eq!(
        ours.iter().filter(|line| system(line)).collect::<Vec<_>>(),
        theirs
            .iter()
            .filter(|line| system(line))
            .collect::<Vec<_>>(),
        "ours and ldd's"
    );
    // ldd also lists what packaged libraries need in turn; the report does not.
    for line in ours {
        assert!(
            theirs.contains(&line),
            "ldd does not say {line}: {theirs:?}"
        );
    }
}

/// Compares the report on the tree with `wanted` and `warned`, and the output of `ldd` for `file`
/// with `theirs`: for rules by which the two differ.
#[track_caller]
pub fn differs(fixture: &Fixture, file: &Path, wanted: &[&str], warned: &[&str], theirs: &[&str]) {
    let report = Report::of(fixture.run(), TREE);
    assert_eq!(libraries(fixture, &report), wanted);
    assert_eq!(warnings(fixture, &report), warned);
    assert_eq!(ldd(fixture, Run::new("ldd"), file), theirs, "ldd's");
}

/// What stands on standard error with the list, the options before the tree.
pub fn messages(fixture: &Fixture, options: &[&str]) -> String {
    let run = Run::new(PROGRAM).dir(fixture.path(""));
    fixture.said(run.args(options).arg(TREE)).stderr
}
