mod deb822;
pub(crate) mod dpkg_status;
pub(crate) mod extended_states;
