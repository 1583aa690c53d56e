pub mod command_line;
pub mod hooks;
pub mod locks;
pub mod process;
pub mod session;
pub mod signals;
