//! Which loader a root has.

use crate::loader::glibc::system_libraries::LdSo;
use crate::loader::rules::Rules;
use crate::system::root::Root;

/// The loader of `root`, with its configuration completed as it will be in the image.
pub fn for_image(root: &Root) -> Box<dyn Rules> {
    Box::new(LdSo::read(root))
}

/// The loader of `root` as it is.
pub fn as_is(root: &Root) -> Box<dyn Rules> {
    Box::new(LdSo::as_installed(root))
}
