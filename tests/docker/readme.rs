//! The README's quick start, built and started as it stands there, and the output that it shows.

use crate::IMAGES;
use crate::example::{ASK, Container};
use crate::markdown::{block, blocks};
use crate::support::docker::{Docker, Shared};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::{programs, target_dir};
use crate::venvs::{self, HEADERS};
use regex::Regex;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

const NEEDS: &[Need] = &[Need::Docker, Need::Mmdebstrap, Need::Cargo, Need::Pip];

/// The line of the final stage after which the virtualenv is there and its packages are not.
const COPY: &str = "COPY --from=builder /venv /venv\n";

/// The quick start's images: the service, its builder, and the final stage before the packages.
const SERVICE: &str = "quick-start";
const BUILDER: &str = "quick-start-builder";
const BARE: &str = "quick-start-bare";

/// An engine with these images.
fn built() -> Shared {
    static BUILT: OnceLock<()> = OnceLock::new();
    let docker = venvs::engine_with_headers();
    BUILT.get_or_init(|| build_all(&docker));
    docker
}

fn build_all(docker: &Docker) {
    let context = TempDir::new_in(target_dir()).expect("a directory");
    let files = programs::checkout().join("tests/docker/readme");
    for file in ["app.py", "requirements.txt"] {
        fs::copy(files.join(file), context.path().join(file)).expect("a copy");
    }
    let dockerfile = block("README.md", "Quick start", "dockerfile");
    let unfilled = dockerfile.find(COPY).expect("a copied virtualenv") + COPY.len();
    let build = |dockerfile: &str, name: &str, arguments: &[&str]| {
        fs::write(context.path().join("Dockerfile"), dockerfile).expect("a file");
        let base = format!("--build-arg=PYTHON_IMAGE={HEADERS}");
        let arguments = [&[base.as_str(), "--tag", name], arguments].concat();
        let said = docker.build_in_turn(context.path(), &arguments);
        assert_eq!(said.status, 0, "{}", said.stderr);
    };
    build(&dockerfile, SERVICE, &[]);
    build(&dockerfile, BUILDER, &["--target=builder"]);
    build(&dockerfile[..unfilled], BARE, &[]);
}

test!(
    the_quick_start_builds_and_serves,
    needs = NEEDS,
    limit = IMAGES
);
fn the_quick_start_builds_and_serves() {
    let docker = built();
    // The options of the recipe.
    let recipe = block("docs/recipes.md", "Not root, read-only", "sh");
    let options: Vec<&str> = recipe
        .split_whitespace()
        .filter(|word| word.starts_with("--"))
        .collect();
    assert_eq!(options, ["--read-only", "--tmpfs=/tmp"]);
    let options = [&options[..], &["--network=none"]].concat();
    let service = Container::start(&docker, &options, SERVICE, &[]);
    let ask = ["python3", "-c", ASK, "http://127.0.0.1:8000/"];
    assert_eq!(
        service.exec(&ask),
        "psycopg2 2.9.10 (dt dec pq3 ext lo64), application/pdf\n"
    );
    assert_eq!(service.exec(&["id", "-u"]), "1000\n");
    assert_eq!(service.exec(&["ls", "/usr/local/bin"]), "");
}

/// Text without what differs between releases of Python, versions of Debian's packages and states of
/// the archive, and so the widths of columns.
fn masked(text: &str) -> String {
    let mut text = text
        .replace("python3.11", "python3.12")
        .replace("-311-", "-312-");
    for (pattern, mask) in [
        (r" +", " "),
        (r"[0-9.]+-[0-9]+(\+deb[0-9]+u[0-9]+)?", "VERSION"),
        (r"purged [0-9]+ files", "purged N files"),
        (r"[0-9]+\.[0-9] MB", "N MB"),
    ] {
        let pattern = Regex::new(pattern).expect("a pattern");
        text = pattern.replace_all(&text, mask).into_owned();
    }
    text
}

/// What `command` prints in `image`, with both programs in `PATH`.
fn printed(docker: &Docker, image: &str, command: &str) -> String {
    let programs = programs::installed();
    let mount = format!("--volume={}:/usr/local/bin:ro", programs.display());
    let run = ["run", "--rm", "--network=host", &mount, image, "sh", "-c"];
    let command = format!("({command}) 2>&1");
    docker.run(&run).arg(command).must()
}

test!(
    the_readme_shows_what_is_printed,
    needs = NEEDS,
    limit = IMAGES
);
fn the_readme_shows_what_is_printed() {
    let docker = built();
    let shown = blocks("README.md", "What you see", "console");
    let images = [BUILDER, BARE];
    assert_eq!(shown.len(), images.len());
    for (shown, image) in shown.iter().zip(images) {
        let commands = shown.lines().filter_map(|line| line.strip_prefix("$ "));
        let got: Vec<String> = commands
            .map(|command| format!("$ {command}\n{}", printed(&docker, image, command)))
            .collect();
        assert_eq!(masked(&got.concat()), masked(shown));
    }
    let recipe = block("docs/recipes.md", "In CI", "sh");
    let command = format!("ln -s /venv .venv && {} && cat pkgdeps.txt", recipe.trim());
    assert_eq!(
        printed(&docker, BUILDER, &command),
        "find-libdeps: possible: django 5.2.8: libgdal32, libgeos-c1v5, libspatialite7, only for \
         GeoDjango\nlibc6\nlibmagic1\nlibpq5\n"
    );
}

test!(
    the_programs_have_the_size_that_the_readme_names,
    needs = &[Need::Cargo, Need::Optimised]
);
fn the_programs_have_the_size_that_the_readme_names() {
    let size = |name: &str| {
        let program = programs::installed().join(name);
        fs::metadata(program).expect("a program").len()
    };
    let megabytes = (size("find-libdeps") + size("apt-install") + 500_000) / 1_000_000;
    let readme = fs::read_to_string(programs::checkout().join("README.md")).expect("a README");
    assert!(
        readme.contains(&format!("binaries, {megabytes} MB together")),
        "{megabytes} MB"
    );
}

test!(the_readme_is_short_and_its_links_lead_somewhere);
fn the_readme_is_short_and_its_links_lead_somewhere() {
    let root = programs::checkout();
    let mut documents: Vec<_> = fs::read_dir(root.join("docs"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    documents.push(root.join("README.md"));
    let link = Regex::new(r"\]\(([^)]+)\)").expect("a pattern");
    for document in &documents {
        let text = fs::read_to_string(document).expect("a document");
        for link in link.captures_iter(&text).map(|found| found[1].to_owned()) {
            if !link.starts_with("https://") {
                leads_somewhere(document, &link);
            }
        }
    }
    let readme = fs::read_to_string(root.join("README.md")).expect("a README");
    assert!(readme.lines().count() <= 150);
}

/// A link names a file and, in a document, one of its headings.
#[track_caller]
fn leads_somewhere(document: &Path, link: &str) {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let directory = document.parent().expect("a directory");
    let path = match file {
        "" => document.to_owned(),
        _ => directory.join(file),
    };
    let text = fs::read(&path).unwrap_or_else(|_| panic!("{}: {link}", document.display()));
    let text = String::from_utf8(text).expect("text");
    let anchor = |title: &str| -> String {
        let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
        title
            .to_lowercase()
            .chars()
            .filter(kept)
            .collect::<String>()
            .replace(' ', "-")
    };
    let mut titles = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
    let found = heading.is_empty() || titles.any(|title| anchor(title) == heading);
    assert!(found, "{}: {link}", document.display());
}

test!(the_references_have_a_row_for_each_option);
fn the_references_have_a_row_for_each_option() {
    let option = Regex::new(r"(?m)^ +(?:-., )?(--[a-z-]+)").expect("a pattern");
    for (document, help) in [
        (
            "find-libdeps.md",
            include_str!("../find_libdeps/help-long.txt"),
        ),
        (
            "apt-install.md",
            include_str!("../apt_install/help-long.txt"),
        ),
    ] {
        let path = programs::checkout().join("docs").join(document);
        let text = fs::read_to_string(path)
            .expect("a document")
            .replace("--[no-]", "--no-");
        let rows: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let missing: Vec<&str> = option
            .captures_iter(help)
            .map(|found| found.get(1).map_or("", |name| name.as_str()))
            .filter(|name| !["--help", "--version"].contains(name))
            .filter(|name| {
                let other = name.replacen("--", "--no-", 1);
                !rows
                    .iter()
                    .any(|row| row.contains(name) || row.contains(&other))
            })
            .collect();
        assert_eq!(missing, [""; 0], "{document}");
    }
}
