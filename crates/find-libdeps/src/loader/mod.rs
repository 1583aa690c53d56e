mod cache_file;
pub mod candidates;
mod conf_file;
pub(crate) mod never_packaged;
pub mod resolver;
mod search_path;
pub mod system_libraries;
pub mod tree;
