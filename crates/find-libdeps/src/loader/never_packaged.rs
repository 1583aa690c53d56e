//! Sonames that vendors, other Python distributions, the host, the interpreter, the kernel or every
//! process provides, recognised by name.

use crate::loader::rules::Rules;
use crate::system::architecture::Abi;
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

/// Libraries that vendors give out: solvers, MATLAB and databases. Wheels ship plugins for them. Debian's
/// releases have that of `MariaDB` instead of `MySQL`'s (`default-libmysqlclient-dev`).
const VENDORS: [&str; 18] = [
    "libMad.so",
    "libclntsh.so.",
    "libconopt.so.",
    "libcplex",
    "libeng.so",
    "libgurobi",
    "libhsl.so",
    "libknitro.so",
    "libmat.so",
    "libmex.so",
    "libmimerapi.so",
    "libmosek64.so",
    "libmx.so",
    "libmysqlclient.so.",
    "libsnopt7.so",
    "libut.so",
    "libworhp.so",
    "libxprs.so",
];

/// Libraries of the wheels torch and tensorflow, for which other wheels ship plugins. Those of Debian's
/// packages have other names (`libtorch.so.2.6`).
const FRAMEWORKS: [&str; 8] = [
    "libc10.so",
    "libc10_cuda.so",
    "libtensorflow_cc.so.2",
    "libtensorflow_framework.so.2",
    "libtorch.so",
    "libtorch_cpu.so",
    "libtorch_cuda.so",
    "libtorch_python.so",
];

/// Whether it comes with a Python distribution alone.
pub fn by_framework(soname: &OsStr) -> bool {
    FRAMEWORKS.iter().any(|name| soname == *name)
}

/// Whether only its vendor gives it out.
pub fn by_vendor(soname: &OsStr) -> bool {
    VENDORS.iter().any(|prefix| starts_with(soname, prefix))
}

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

/// Whether every process of `abi` has it: the loader and the C library, and if a program is running
/// already, the other parts of glibc that interpreters need.
pub fn in_every_process(soname: &OsStr, abi: Abi, is_starting: bool, rules: &dyn Rules) -> bool {
    const GLIBC: [&str; 5] = [
        "libm.so.6",
        "libpthread.so.0",
        "libdl.so.2",
        "librt.so.1",
        "libutil.so.1",
    ];
    rules.is_c_library(soname)
        || rules.is_loader(soname, abi)
        || !is_starting && GLIBC.iter().any(|part| soname == *part)
}

fn starts_with(soname: &OsStr, prefix: &str) -> bool {
    soname.as_bytes().starts_with(prefix.as_bytes())
}
