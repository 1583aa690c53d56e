pub mod command;
pub mod demands;
pub mod ld_debug;
pub mod select;
