pub mod demands;
pub mod distributions;
pub mod library_name;
pub mod python;
pub mod table;
