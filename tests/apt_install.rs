//! `apt-install`, driven as its users drive it: the real binary, and all that it says.

mod support;

fn main() {
    support::main(vec![])
}
