//! Tests of `find-libdeps`: the real binary, and all of its output.

#![allow(unreachable_pub)] // nothing is reachable in a test program

mod apk;
mod architectures;
mod bad_input;
mod check;
mod dlopen_table;
mod elf;
mod fixture;
mod interface;
mod loader;
mod lookup;
mod musl;
mod oracle;
mod own_root;
mod ownership;
mod run_time;
mod schema;
#[path = "../support/mod.rs"]
mod support;
mod taken_away;
mod trace;
mod venvs;

fn main() {
    if let Some(status) = lookup::driver() {
        std::process::exit(status);
    }
    support::harness::main()
}
