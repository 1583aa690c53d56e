//! Images that a real Docker engine builds with both programs. One engine serves all tests: what one
//! has built is in its cache for the next.

#[path = "../support/mod.rs"]
mod support;

/// `Dockerfile.example` and the application under tests/app.
mod example;

/// The blocks of code in the documents.
mod markdown;

/// The README's quick start and the output that it shows.
mod readme;

/// The recipes of docs/recipes.md.
mod recipes;

/// The image of the two programs, and the way without one.
mod tools;

/// Virtualenvs of well-known packages, built from source, in slim images.
mod venvs;

/// How long a test may take, in seconds: it may wait for images that others build from source.
const IMAGES: u64 = 3600;

fn main() {
    support::harness::main()
}
