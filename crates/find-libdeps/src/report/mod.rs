pub mod data;
pub mod explain;
pub mod json;
pub mod messages;
pub mod progress;
