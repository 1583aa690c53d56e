//! One test for each rule of the loader, named as the rule. Each tree is compiled by its test, and
//! what `find-libdeps` says of it is compared with what glibc's `ldd`, loader or `ldconfig` does.

mod cache;
mod candidates;
mod family;
mod identity;
mod ldconfig;
mod mapping;
mod python;
mod search;
mod strings;
mod versions;
