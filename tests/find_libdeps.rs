//! `find-libdeps`, driven as its users drive it: the real binary, and all that it says.

#![allow(unreachable_pub)] // nothing is reachable in a test program

#[path = "find_libdeps/bad_input.rs"]
mod bad_input;
#[path = "find_libdeps/dlopen_table.rs"]
mod dlopen_table;
#[path = "find_libdeps/fixture.rs"]
mod fixture;
#[path = "find_libdeps/interface.rs"]
mod interface;
#[path = "find_libdeps/loader.rs"]
mod loader;
#[path = "find_libdeps/loader_cache.rs"]
mod loader_cache;
#[path = "find_libdeps/loader_candidates.rs"]
mod loader_candidates;
#[path = "find_libdeps/loader_identity.rs"]
mod loader_identity;
#[path = "find_libdeps/loader_ldconfig.rs"]
mod loader_ldconfig;
#[path = "find_libdeps/loader_python.rs"]
mod loader_python;
#[path = "find_libdeps/loader_search.rs"]
mod loader_search;
#[path = "find_libdeps/loader_strings.rs"]
mod loader_strings;
#[path = "find_libdeps/loader_versions.rs"]
mod loader_versions;
#[path = "find_libdeps/lookup.rs"]
mod lookup;
#[path = "find_libdeps/oracle.rs"]
mod oracle;
#[path = "find_libdeps/own_root.rs"]
mod own_root;
#[path = "find_libdeps/ownership.rs"]
mod ownership;
#[path = "find_libdeps/run_time.rs"]
mod run_time;
mod support;
#[path = "find_libdeps/trace.rs"]
mod trace;
#[path = "find_libdeps/venvs.rs"]
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
