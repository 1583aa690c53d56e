pub mod cache_file;
pub mod candidates;
pub mod conf_file;
pub mod never_packaged;
pub mod resolver;
pub mod search_path;
pub mod system_libraries;
pub mod tree;
