//! Sonames that somebody other than a package may provide, told by their names alone.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The user-space parts of NVIDIA's driver: they must be of the very version of the host's kernel
/// module, so the container runtime mounts the host's own (the lists in libnvidia-container's
/// `src/nvc_info.c`).
const DRIVER: &[&str] = &[
    "libEGL_nvidia.so.",
    "libGLESv1_CM_nvidia.so.",
    "libGLESv2_nvidia.so.",
    "libGLX_nvidia.so.",
    "libcuda.so.",
    "libcudadebugger.so.",
    "libnvcuvid.so.",
    "libnvidia-",
    "libnvoptix.so.",
    "libvdpau_nvidia.so.",
];

/// Provided by the host's driver at run time: `libcuda.so.1` and its kin.
#[must_use]
pub fn by_host(soname: &OsStr) -> bool {
    DRIVER.iter().any(|prefix| starts_with(soname, prefix))
}

/// The interpreter's own library, `libpython3*.so*`: whoever has the interpreter has it.
#[must_use]
pub fn by_interpreter(soname: &OsStr) -> bool {
    starts_with(soname, "libpython3") && soname.as_bytes().windows(3).any(|part| part == b".so")
}

/// Provided by the kernel itself (vdso(7)).
#[must_use]
pub fn by_kernel(soname: &OsStr) -> bool {
    soname == "linux-vdso.so.1" || soname == "linux-gate.so.1"
}

fn starts_with(soname: &OsStr, prefix: &str) -> bool {
    soname.as_bytes().starts_with(prefix.as_bytes())
}
