//! The README's example in one stage and in two: exactly what it shows is built and started.

use crate::IMAGES;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::{programs, target_dir};
use crate::venvs;
use std::fs;
use tempfile::TempDir;

/// The blocks of the README that begin with a base.
fn blocks() -> Vec<String> {
    let readme = fs::read_to_string(programs::checkout().join("README.md")).expect("a README");
    readme
        .split("```dockerfile\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block.to_owned())
        .filter(|block| block.starts_with("ARG PYTHON_IMAGE="))
        .collect()
}

test!(
    the_example_builds_and_starts,
    needs = &[Need::Docker, Need::Mmdebstrap, Need::Cargo, Need::Pip],
    limit = IMAGES
);
fn the_example_builds_and_starts() {
    let docker = venvs::engine();
    // As the official Python images, it has the headers.
    let base = venvs::build(&docker, "small", "headers", "plain");
    let files = programs::checkout().join("tests/docker/readme");
    let check = fs::read_to_string(files.join("check.sh")).expect("a script");
    let blocks = blocks();
    assert_eq!(blocks.len(), 2, "one stage, two stages");
    let mut sizes = Vec::new();
    for (block, name) in blocks.iter().zip(["example-one-stage", "example-toolkit"]) {
        let context = TempDir::new_in(target_dir()).expect("a directory");
        fs::write(context.path().join("Dockerfile"), block).expect("a file");
        fs::copy(files.join("app.py"), context.path().join("app.py")).expect("a copy");
        let base = format!("--build-arg=PYTHON_IMAGE={base}");
        let said = docker.build_in(context.path(), &[&base, "--tag", name]);
        assert_eq!(said.status, 0, "{}", said.stderr);
        assert_eq!(
            docker.script(name, &check),
            "Endpoint  Methods  Rule                   \n\
             --------  -------  -----------------------\n\
             static    GET      /static/<path:filename>\n\
             version   GET      /                      \n"
        );
        sizes.push(docker.size(name));
    }
    assert!(sizes[1] < sizes[0], "{sizes:?}");
}
