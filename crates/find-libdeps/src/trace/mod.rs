pub mod command;
pub mod ld_debug;
pub mod loads;
pub mod select;
