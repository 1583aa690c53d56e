//! What is linked into the programs, and under which licences: `packaging/copyright.sh`.

use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::programs::{self, checkout, with_cargo};
use crate::support::run::Run;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

/// What the script prints for `program`, built for this machine.
pub fn copyright(program: &str) -> String {
    with_cargo(Run::new(checkout().join("packaging/copyright.sh")))
        .args([&programs::host(), program])
        .must()
}

/// The values of a field, on its own line.
fn values<'a>(text: &'a str, field: &str) -> BTreeSet<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(field)?.strip_prefix(": "))
        .collect()
}

/// The crates below `program`, without procedural macros and what only these need.
fn linked(program: &str) -> BTreeSet<String> {
    let tree = with_cargo(Run::new("cargo"))
        .args(["tree", "--locked", "--no-dedupe", "--edges=normal"])
        .args(["--prefix=depth", "--format= {p}", "--target"])
        .args([&programs::host(), "--package", program])
        .dir(checkout())
        .must();
    let mut names = BTreeSet::new();
    let mut skipped = usize::MAX;
    for line in tree.lines() {
        let (depth, package) = line.split_once(' ').expect("a depth");
        let depth = depth.parse().expect("a number");
        if depth > skipped {
            continue;
        }
        let is_macro = package.ends_with("(proc-macro)");
        skipped = if is_macro { depth } else { usize::MAX };
        if depth > 0 && !is_macro {
            names.insert(package.replace(" v", "-"));
        }
    }
    names
}

test!(
    the_copyright_names_each_crate_that_is_linked,
    needs = &[Need::Cargo, Need::Dpkg]
);
fn the_copyright_names_each_crate_that_is_linked() {
    for program in ["find-libdeps", "apt-install"] {
        let text = copyright(program);
        let name = |files| str::strip_prefix(files, "crates/")?.strip_suffix("/*");
        let named = values(&text, "Files").into_iter().filter_map(name);
        // What a crate has from elsewhere is below it.
        let named: BTreeSet<String> = named
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect();
        assert_eq!(named, linked(program));
        // Each paragraph has its licence below it or at the end, in full.
        let (of_files, texts): (Vec<&str>, Vec<&str>) = text
            .split("\n\n")
            .skip(1)
            .partition(|paragraph| paragraph.starts_with("Files: "));
        for paragraph in of_files {
            let licence = values(paragraph, "License").pop_first().expect("a licence");
            for licence in licence.split(" or ") {
                let is_text = |text: &&str| text.starts_with(&format!("License: {licence}\n "));
                assert_eq!(
                    texts.iter().copied().filter(is_text).count(),
                    1,
                    "{licence}"
                );
            }
        }
        // The words that the licence of most of them asks to include.
        let notice =
            "The above copyright notice and this permission notice shall be included in all";
        assert_eq!(text.matches(notice).count(), 1);
        let libc = Run::new("dpkg-query")
            .args(["--show", "--showformat=${source:Version}", "libc6-dev"])
            .must();
        assert!(text.contains(&format!("\nComment: GNU C Library (Debian GLIBC {libc})")));
    }
}

/// A cargo that knows one crate, `a` 1.0.0, which is `$DIRECTORY` and under `$EXPRESSION`.
const CARGO: &str = r#"#!/bin/sh
case $1 in
    tree) echo "a v1.0.0|$EXPRESSION" ;;
    metadata) echo '{"packages":[{"name":"a","version":"1.0.0","id":"a","manifest_path":"'"$DIRECTORY/Cargo.toml"'"}]}' ;;
esac
"#;

const PERMISSION: &str = "Copyright (c) 2026 A\n\nPermission is granted to laugh.\n";

test!(
    a_licence_that_asks_for_more_is_refused,
    needs = &[Need::Cargo, Need::Dpkg]
);
fn a_licence_that_asks_for_more_is_refused() {
    let dir = TempDir::new().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    fs::create_dir(path("bin")).expect("a directory");
    fs::write(path("bin/cargo"), CARGO).expect("a file");
    fs::set_permissions(path("bin/cargo"), fs::Permissions::from_mode(0o755)).expect("permissions");
    fs::write(path("Cargo.toml"), "[package]\nname = \"a\"\n").expect("a file");
    let said = |expression: &str| {
        let programs = std::env::var("PATH").expect("a PATH");
        let run = Run::new(checkout().join("packaging/copyright.sh"));
        let run = with_cargo(run).args([&programs::host(), "a"]);
        let run = run.env("PATH", format!("{}:{programs}", path("bin").display()));
        let run = run.env("DIRECTORY", dir.path());
        run.env("EXPRESSION", expression).said()
    };
    let refused = |expression: &str, message: &str| {
        let said = said(expression);
        let message = format!("copyright.sh: {message}\n");
        assert_eq!((said.status, said.stderr), (1, message), "{expression}");
    };
    for expression in ["GPL-3.0-only", "MIT AND Zlib"] {
        let message =
            format!("a-1.0.0 is under `{expression}`: teach this script what that asks for");
        refused(expression, &message);
    }
    let directory = dir.path().display();
    refused("MIT", &format!("no licence of a-1.0.0 in {directory}"));

    // A licence in other words is included in full; without holders, the authors are named.
    fs::write(path("LICENSE"), PERMISSION).expect("a file");
    let text = said("MIT").stdout;
    let wanted = "\nFiles: crates/a-1.0.0/*\nCopyright:\n 2026 A\nLicense: a-1.0.0\n\
                  Comment: distributed under MIT\n\nLicense: a-1.0.0\n Copyright (c) 2026 A\n .\n \
                  Permission is granted to laugh.\n\nFiles: rust/library/*\n";
    assert!(text.contains(wanted), "{text}");
    let text = said("Apache-2.0").stdout;
    let wanted = "\nFiles: crates/a-1.0.0/*\nCopyright:\n the authors of a-1.0.0\n\
                  License: Apache-2.0\nComment: distributed under Apache-2.0\n\n\
                  Files: rust/library/*\n";
    assert!(text.contains(wanted), "{text}");

    fs::write(path("NOTICE"), "").expect("a file");
    let message = format!("{directory}/NOTICE has to come along: teach this script to include it");
    refused("Apache-2.0", &message);
}
