pub mod dpkg;
pub mod lookup;
pub mod ownership;
pub mod provider;
pub mod settle;
