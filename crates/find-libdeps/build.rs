//! Passes `PROGRAM_VERSION` to the compiler, for `--version`: the version, the commit if this is a clone
//! of the project's repository, and the target. It depends on nothing else, so that builds can be
//! reproduced.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo sets these for every build script.
    let variable = |name| std::env::var(name).unwrap_or_default();
    let (version, target) = (variable("CARGO_PKG_VERSION"), variable("TARGET"));
    let name = variable("CARGO_PKG_NAME");
    let built_from = match commit(&name) {
        Some(commit) => format!("{commit}, {target}"),
        None => target,
    };
    println!("cargo::rustc-env=PROGRAM_VERSION={version} ({built_from})");
}

/// The abbreviated hash and the date of the commit. `None` without git, and if the package does not lie
/// where the repository has it, as in an unpacked archive below another repository.
fn commit(name: &str) -> Option<String> {
    let place = git(&["rev-parse", "--show-prefix"])?;
    if place != format!("crates/{name}/") {
        return None;
    }
    // It changes with every commit and checkout. A file that does not exist counts as changed.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    // git's own abbreviation is longer in a larger clone.
    let commit = git(&["log", "-1", "--format=%H %cs"])?;
    let (hash, date) = commit.split_once(' ')?;
    Some(format!("{} {date}", hash.get(..7)?))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
