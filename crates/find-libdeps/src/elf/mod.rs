pub mod dlopen_note;
pub mod object_file;
