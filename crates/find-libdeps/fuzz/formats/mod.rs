//! For each format that find-libdeps reads: what holds whatever the bytes are, and valid input.
//!
//! This is the module `fuzzing` of the library, for its private items, and exists only with
//! `--cfg fuzzing`.

mod apk;
mod archive;
mod contents;
mod distribution;
mod dpkg;
mod elf;
mod index_targets;
mod ld_debug;
mod ld_musl_path;
mod ld_so_cache;
mod ld_so_conf;
mod mountinfo;
mod notes;
mod os_release;
mod python;
mod release;
mod search_path;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A format.
pub struct Format {
    /// What it is called when it is chosen.
    pub name: &'static str,
    /// Reads the bytes. Panics if what is promised about the result does not hold.
    pub check: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What an input may contain.
    pub words: &'static [&'static str],
    /// Whether it has numbers in place of text.
    pub is_binary: bool,
}

/// All formats.
pub const FORMATS: [Format; 17] = [
    apk::FORMAT,
    archive::FORMAT,
    contents::FORMAT,
    distribution::FORMAT,
    dpkg::FORMAT,
    elf::FORMAT,
    index_targets::FORMAT,
    ld_debug::FORMAT,
    ld_musl_path::FORMAT,
    ld_so_cache::FORMAT,
    ld_so_conf::FORMAT,
    mountinfo::FORMAT,
    notes::FORMAT,
    os_release::FORMAT,
    python::FORMAT,
    release::FORMAT,
    search_path::FORMAT,
];

/// A root to put the input in, with an empty cache of the loader.
static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a directory for files").keep();
    for name in ["app", "etc/ld.so.conf.d", "lib/apk/db", "usr/lib"] {
        fs::create_dir_all(dir.join(name)).expect("a directory");
    }
    fs::write(dir.join("etc/ld.so.cache"), ld_so_cache::printed(&[])).expect("a file");
    dir
});

/// Puts a file into the root.
fn put(path: &str, bytes: &[u8]) {
    fs::write(ROOT.join(path), bytes).expect("the root can be written");
}

/// The files of this machine that exist, as seeds.
fn files(paths: &[&str]) -> Vec<Vec<u8>> {
    const MAX_SEED: usize = 1 << 16;
    let read = paths
        .iter()
        .filter_map(|path| fs::read(Path::new(path)).ok());
    read.filter(|bytes| bytes.len() <= MAX_SEED).collect()
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Fails if a message could break a line or deceive a terminal.
fn assert_shown(message: &str) {
    let is_bad = |character| crate::system::escape::is_unseen(character);
    assert!(!message.contains(is_bad), "{message:?}");
}
