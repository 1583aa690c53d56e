pub mod dpkg;
pub mod lookup;
pub mod ownership;
