//! Sonames that the host, the interpreter or the kernel provides, recognised by name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The user-space parts of NVIDIA's driver. Their version must match the host's kernel module, so
/// the container runtime mounts the host's files (lists in libnvidia-container's
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

/// Whether the host's driver provides it at run time, such as `libcuda.so.1`.
pub fn by_host(soname: &OsStr) -> bool {
    DRIVER.iter().any(|prefix| starts_with(soname, prefix))
}

/// Whether it is the interpreter's library, `libpython3*.so*`.
pub fn by_interpreter(soname: &OsStr) -> bool {
    starts_with(soname, "libpython3") && soname.as_bytes().windows(3).any(|part| part == b".so")
}

/// Whether the kernel provides it (vdso(7)).
pub fn by_kernel(soname: &OsStr) -> bool {
    soname == "linux-vdso.so.1" || soname == "linux-gate.so.1"
}

fn starts_with(soname: &OsStr, prefix: &str) -> bool {
    soname.as_bytes().starts_with(prefix.as_bytes())
}
