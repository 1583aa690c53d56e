pub mod distributions;
pub mod library_name;
pub mod load;
pub mod python;
pub mod table;
