//! `find-libdeps`, driven as its users drive it: the real binary, and all that it says.

#![allow(unreachable_pub)] // nothing is reachable in a test program

#[path = "find_libdeps/bad_input.rs"]
mod bad_input;
#[path = "find_libdeps/fixture.rs"]
mod fixture;
#[path = "find_libdeps/interface.rs"]
mod interface;
#[path = "find_libdeps/loader.rs"]
mod loader;
#[path = "find_libdeps/ownership.rs"]
mod ownership;
mod support;
#[path = "find_libdeps/venvs.rs"]
mod venvs;

fn main() {
    let tests = [
        bad_input::tests(),
        interface::tests(),
        loader::tests(),
        ownership::tests(),
        venvs::tests(),
    ];
    support::main(tests.into_iter().flatten().collect())
}
