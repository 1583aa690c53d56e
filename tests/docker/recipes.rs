//! The recipes of docs/recipes.md, built as they stand there. What they copy from their context is in
//! `recipes/`.

use crate::IMAGES;
use crate::markdown::block;
use crate::support::docker::{Docker, Shared};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::{Run, Said};
use crate::support::{programs, target_dir};
use crate::venvs::{self, HEADERS};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const NEEDS: &[Need] = &[Need::Docker, Need::Mmdebstrap, Need::Cargo, Need::Pip];

/// A base with a package on hold.
const HELD: &str = "FROM small-headers:bookworm
RUN apt-mark hold libssl3
";

fn recipe(heading: &str) -> String {
    block("docs/recipes.md", heading, "dockerfile")
}

/// The context of all recipes.
fn context() -> TempDir {
    let context = TempDir::new_in(target_dir()).expect("a directory");
    Run::new("cp")
        .arg("-rT")
        .arg(programs::checkout().join("tests/docker/recipes"))
        .arg(context.path())
        .must();
    context
}

/// Builds `dockerfile` as `name` in `context`. Each recipe names its base by one of these arguments.
fn build(docker: &Docker, context: &Path, dockerfile: &str, name: &str) {
    fs::write(context.join("Dockerfile"), dockerfile).expect("a file");
    let base = dockerfile.lines().next().and_then(|line| {
        let (name, _) = line.strip_prefix("ARG ")?.split_once('=')?;
        let base = match name {
            "CUDA_IMAGE" => "recipes-held",
            _ => HEADERS,
        };
        Some(format!("--build-arg={name}={base}"))
    });
    let base = base.as_deref().unwrap_or("--label=base");
    let said = docker.build_in_turn(context, &[base, "--tag", name]);
    assert_eq!(said.status, 0, "{}", said.stderr);
}

/// An engine with the base, and a context.
fn prepared() -> (Shared, TempDir) {
    (venvs::engine_with_headers(), context())
}

test!(
    a_virtualenv_by_another_tool,
    needs = NEEDS,
    limit = IMAGES,
    cases = [
        uv("uv", "/uv/bin/uv lock --quiet"),
        poetry("Poetry", "/poetry/bin/poetry lock --quiet")
    ]
);
/// The lock file is made in the recipe's own stage, before it is copied.
fn a_virtualenv_by_another_tool(heading: &str, lock: &str) {
    let (docker, context) = prepared();
    let recipe = recipe(heading);
    let (before, _) = recipe.split_once("COPY pyproject.toml").expect("a copy");
    build(&docker, context.path(), before, "recipe-lock");
    let mount = format!("--volume={}:/build", context.path().display());
    docker
        .run(&[
            "run",
            "--rm",
            "--network=host",
            &mount,
            "recipe-lock",
            "sh",
            "-c",
            lock,
        ])
        .must();
    let name = heading.to_lowercase();
    build(&docker, context.path(), &recipe, &name);
    assert_eq!(
        docker.script(&name, "cat /venv/pkgdeps.txt"),
        "libc6\nlibpq5\n"
    );
    let import = "/venv/bin/python -c 'import psycopg2; print(psycopg2.__version__[:6])'";
    assert_eq!(docker.script(&name, import), "2.9.10\n");
}

test!(
    several_virtualenvs_in_one_image,
    needs = NEEDS,
    limit = IMAGES
);
fn several_virtualenvs_in_one_image() {
    let (docker, context) = prepared();
    let recipe = recipe("Several virtualenvs in one image");
    build(&docker, context.path(), &recipe, "virtualenvs");
    let script = "cat /venvs/pkgdeps.txt; /venvs/web/bin/python -c 'import psycopg2'; \
                  /venvs/worker/bin/python -c 'import magic'";
    assert_eq!(
        docker.script("virtualenvs", script),
        "libc6\nlibmagic1\nlibpq5\n"
    );
}

test!(a_tree_that_is_not_pythons, needs = NEEDS, limit = IMAGES);
fn a_tree_that_is_not_pythons() {
    let (docker, context) = prepared();
    let recipe = recipe("A tree that is not Python's");
    build(&docker, context.path(), &recipe, "tree");
    assert_eq!(
        docker
            .run(&["run", "--rm", "--network=none", "tree"])
            .must(),
        "libpq 15\n"
    );
    assert_eq!(
        docker.script("tree", "cat /opt/server/pkgdeps.txt; id -u"),
        "libc6\nlibgcc-s1\nlibpq5\nlibstdc++6\n1000\n"
    );
}

test!(held_packages_stay, needs = NEEDS, limit = IMAGES);
fn held_packages_stay() {
    let (docker, context) = prepared();
    build(&docker, context.path(), HELD, "recipes-held");
    let recipe = recipe("A CUDA base");
    fs::write(context.path().join("Dockerfile"), recipe).expect("a file");
    // The same layer twice.
    let twice = ["held-once", "held-twice"].map(|name| {
        let arguments = [
            "--no-cache",
            "--build-arg=CUDA_IMAGE=recipes-held",
            "--build-arg=SOURCE_DATE_EPOCH=1700000000",
            "--tag",
            name,
        ];
        let said = docker.build_in(context.path(), &arguments);
        assert_eq!(said.status, 0, "{}", said.stderr);
        docker.layers(name)
    });
    assert_eq!(twice[0], twice[1]);
    let script =
        "apt-mark showhold; dpkg-query -W -f '${db:Status-Abbrev}${Package}\\n' libpq5 libssl3";
    assert_eq!(
        docker.script("held-twice", script),
        "libssl3\nii libpq5\nhi libssl3\n"
    );
}

/// Builds without `BuildKit`.
fn build_classic(docker: &Docker, context: &Path, name: &str, base: &str) -> Said {
    let base = format!("--build-arg={base}");
    let context = context.to_string_lossy();
    docker
        .run(&["build", "--network=host", &base, "--tag", name, &context])
        .env("DOCKER_BUILDKIT", "0")
        .said()
}

test!(the_classic_builder, needs = NEEDS, limit = IMAGES);
fn the_classic_builder() {
    let (docker, context) = prepared();
    let recipe = recipe("The classic builder");
    fs::write(context.path().join("Dockerfile"), recipe).expect("a file");
    let said = build_classic(
        &docker,
        context.path(),
        "classic",
        &format!("PYTHON_IMAGE={HEADERS}"),
    );
    assert_eq!(said.status, 0, "{}", said.stderr);
    let script = "ls /usr/local/bin; cat /venv/pkgdeps.txt; /venv/bin/python -c 'import magic'";
    assert_eq!(
        docker.script("classic", script),
        "apt-install\nfind-libdeps\nlibmagic1\n"
    );
}

test!(
    both_builders_send_only_what_the_build_of_the_tools_needs,
    needs = &[Need::Docker, Need::Mmdebstrap],
    limit = IMAGES
);
fn both_builders_send_only_what_the_build_of_the_tools_needs() {
    let docker = Shared::engine();
    docker.import_python("bookworm");
    let context = TempDir::new_in(target_dir()).expect("a directory");
    let ignored = ".dockerignore";
    fs::copy(
        programs::checkout().join(ignored),
        context.path().join(ignored),
    )
    .expect("a copy");
    fs::write(
        context.path().join("Dockerfile"),
        "FROM python:bookworm\nCOPY . /sent\n",
    )
    .expect("a file");
    for file in [
        ".git/HEAD",
        "Cargo.lock",
        "Cargo.toml",
        "crates/a/b.rs",
        "install.sh",
        "target/c",
    ] {
        let path = context.path().join(file);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, "").expect("a file");
    }
    docker.build_in(context.path(), &["--tag=sent"]);
    build_classic(&docker, context.path(), "sent-classic", "NONE=");
    for image in ["sent", "sent-classic"] {
        assert_eq!(
            docker.script(image, "cd /sent && find . -type f | sort"),
            "./Cargo.lock\n./Cargo.toml\n./crates/a/b.rs\n./install.sh\n"
        );
    }
}
