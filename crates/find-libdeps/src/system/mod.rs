pub mod architecture;
pub mod escape;
pub mod os_release;
pub mod process;
pub mod root;
