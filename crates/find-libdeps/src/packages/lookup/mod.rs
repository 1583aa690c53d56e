pub mod apt;
pub mod contents_file;
pub mod look_up;
pub mod release_file;
