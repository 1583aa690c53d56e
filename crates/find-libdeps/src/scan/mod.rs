pub mod read;
pub mod walk;
