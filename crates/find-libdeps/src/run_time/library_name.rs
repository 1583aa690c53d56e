pub use crate::demand::LibraryName as Name;
