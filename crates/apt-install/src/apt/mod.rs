pub(crate) mod command_line;
mod hooks;
pub(crate) mod locks;
mod process;
pub(crate) mod session;
mod signals;
