pub mod platform;
pub mod source;
pub mod tokens;
