mod deb822;
pub mod dpkg_status;
pub mod extended_states;
