//! Images that a real Docker engine builds with both programs.

mod support;

/// The README's example.
#[path = "docker/readme.rs"]
mod readme;

/// The image of the two programs, and the way without one.
#[path = "docker/tools.rs"]
mod tools;

/// Virtualenvs of well-known packages, built from source, in slim images.
#[path = "docker/venvs.rs"]
mod venvs;

fn main() {
    let tests = [readme::tests(), tools::tests(), venvs::tests()];
    support::main(tests.into_iter().flatten().collect())
}
