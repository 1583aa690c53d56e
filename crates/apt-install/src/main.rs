//! `apt-install`: packages into an image layer, and nothing else.
fn main() {}
