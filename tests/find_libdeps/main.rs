//! `find-libdeps`, driven as its users drive it: the real binary, and all that it says.

#![allow(unreachable_pub)] // nothing is reachable in a test program

mod bad_input;
mod dlopen_table;
mod fixture;
mod interface;
mod loader;
mod loader_cache;
mod loader_candidates;
mod loader_identity;
mod loader_ldconfig;
mod loader_python;
mod loader_search;
mod loader_strings;
mod loader_versions;
mod lookup;
mod oracle;
mod own_root;
mod ownership;
mod run_time;
#[path = "../support/mod.rs"]
mod support;
mod trace;
mod venvs;

fn main() {
    if let Some(status) = lookup::driver() {
        std::process::exit(status);
    }
    let tests = [
        bad_input::tests(),
        dlopen_table::tests(),
        interface::tests(),
        loader::tests(),
        loader_cache::tests(),
        loader_candidates::tests(),
        loader_identity::tests(),
        loader_ldconfig::tests(),
        loader_python::tests(),
        loader_search::tests(),
        loader_strings::tests(),
        loader_versions::tests(),
        lookup::tests(),
        ownership::tests(),
        run_time::tests(),
        trace::tests(),
        venvs::tests(),
    ];
    support::main(tests.into_iter().flatten().collect())
}
