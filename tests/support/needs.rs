//! What a test needs of the machine.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Something that a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The time for an optimised build: minutes.
    Optimised,
    /// To run as root.
    Root,
    /// Not to run as root, who may read everything.
    NotRoot,
    /// `mmdebstrap` and root, with the archive it fetches from.
    Mmdebstrap,
    /// A C compiler.
    Cc,
    /// What `install.sh` builds with: `cargo`, a C compiler and a static C library.
    Cargo,
    /// `objcopy` of binutils.
    Objcopy,
    /// `ldconfig`.
    Ldconfig,
    /// A C compiler that can make 32-bit libraries.
    Cc32,
    /// A C compiler for musl, and musl's loader.
    Musl,
    /// apk, to make packages and a root from them.
    Apk,
    /// glibc's own loader and `ldd`, on the architecture whose fixtures the tests know.
    Ldd,
    /// `dpkg` and its database.
    Dpkg,
    /// `python3` with `venv`, and an index that `pip` can reach.
    Pip,
    /// What psycopg2 is built with: a C compiler, the headers of Python and of libpq.
    Psycopg2,
    /// Debian's own Python modules, of which some are libraries.
    Python3,
    /// A Docker engine's programs (`dockerd`, `crun`) and root.
    Docker,
    /// `apt-ftparchive` and `dpkg-deb`, to make an archive of packages.
    Archive,
    /// Namespaces and overlays: root that may mount.
    Mounts,
    /// The emulators of other processors, each one static file.
    Qemu,
    /// A kernel that starts arm64 programs in any root by an emulator, and `arch-test`, by which
    /// mmdebstrap asks for it.
    Arm64,
    /// This program.
    Program(&'static str),
}

impl Need {
    /// The need as a closing line names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Optimised => "an optimised build",
            Self::Root => "root",
            Self::NotRoot => "not root",
            Self::Mmdebstrap => "mmdebstrap and root",
            Self::Cc => "cc",
            Self::Cargo => "cargo, cc and libc.a",
            Self::Objcopy => "objcopy",
            Self::Ldconfig => "ldconfig",
            Self::Cc32 => "cc -m32",
            Self::Musl => "musl-gcc on amd64",
            Self::Apk => "apk",
            Self::Ldd => "ldd on amd64",
            Self::Dpkg => "dpkg",
            Self::Pip => "pip and an index",
            Self::Psycopg2 => "cc, pg_config and Python.h",
            Self::Python3 => "libraries in /usr/lib/python3",
            Self::Docker => "dockerd and root",
            Self::Archive => "apt-ftparchive and dpkg-deb",
            Self::Mounts => "mount namespaces",
            Self::Qemu => "qemu-user-static",
            Self::Arm64 => "arm64 programs (binfmt_misc, qemu-user-static and arch-test)",
            Self::Program(name) => name,
        }
    }

    /// Whether it fetches from an archive or an index, runs an engine, or takes minutes.
    pub fn is_of_second_tier(self) -> bool {
        matches!(
            self,
            Self::Mmdebstrap | Self::Docker | Self::Pip | Self::Optimised
        )
    }

    /// Whether this machine has it.
    pub fn is_met(self) -> bool {
        static ROOT: OnceLock<bool> = OnceLock::new();
        static PIP: OnceLock<bool> = OnceLock::new();
        static MOUNTS: OnceLock<bool> = OnceLock::new();
        let root = || *ROOT.get_or_init(is_root);
        match self {
            Self::Optimised => true,
            Self::Root => root(),
            Self::NotRoot => !root(),
            Self::Mmdebstrap => root() && on_path("mmdebstrap"),
            Self::Cc => on_path("cc"),
            Self::Cargo => on_path("cargo") && on_path("readelf") && links_static(),
            Self::Objcopy => on_path("objcopy"),
            Self::Ldconfig => on_path("ldconfig"),
            Self::Cc32 => compiles_32_bit(),
            Self::Musl => on_path("musl-gcc") && Path::new("/lib/ld-musl-x86_64.so.1").exists(),
            Self::Apk => on_path("apk"),
            Self::Ldd => on_path("ldd") && Path::new("/lib64/ld-linux-x86-64.so.2").exists(),
            Self::Dpkg => on_path("dpkg") && Path::new("/var/lib/dpkg/status").exists(),
            Self::Pip => *PIP.get_or_init(index_answers),
            Self::Psycopg2 => on_path("cc") && on_path("pg_config") && has_python_headers(),
            Self::Python3 => has_python_modules(),
            Self::Docker => root() && on_path("dockerd") && on_path("crun"),
            Self::Archive => on_path("apt-ftparchive") && on_path("dpkg-deb"),
            Self::Program(name) => on_path(name),
            Self::Mounts => *MOUNTS.get_or_init(|| root() && may_mount()),
            Self::Qemu => on_path("qemu-aarch64-static"),
            Self::Arm64 => on_path("arch-test") && starts_arm64(),
        }
    }
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n")
}

/// Whether mounting in a new namespace works, as it does not in most containers.
fn may_mount() -> bool {
    let script = "mount -t tmpfs tmpfs /mnt && mkdir /mnt/l /mnt/u /mnt/w /mnt/m && \
                  mount -t overlay overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m";
    succeeds(
        "unshare",
        &["--mount", "--pid", "--fork", "sh", "-c", script],
    )
}

/// Whether the kernel starts arm64 programs by an emulator that it holds open (`F`), so that a root needs
/// none (`binfmt_misc` in the kernel's documentation).
fn starts_arm64() -> bool {
    let registered = std::fs::read_to_string("/proc/sys/fs/binfmt_misc/qemu-aarch64");
    registered.is_ok_and(|text| {
        let flags = text.lines().find_map(|line| line.strip_prefix("flags: "));
        text.starts_with("enabled\n") && flags.is_some_and(|flags| flags.contains('F'))
    })
}

/// Whether a virtualenv can be made, and its pip reaches an index.
fn index_answers() -> bool {
    let _lock = super::lock("pip");
    let venv = super::target_dir().join("pip");
    let pip = venv.join("bin/pip");
    let made = pip.exists() || succeeds("python3", &["-m", "venv", &venv.to_string_lossy()]);
    made && succeeds(&pip.to_string_lossy(), &["-q", "index", "versions", "six"])
}

fn has_python_headers() -> bool {
    let script = "import os, sysconfig; \
                  os.stat(os.path.join(sysconfig.get_path('include'), 'Python.h'))";
    succeeds("python3", &["-c", script])
}

fn has_python_modules() -> bool {
    let script = "find /usr/lib/python3 -name '*.so' | grep -q .";
    succeeds("sh", &["-c", script])
}

fn links_static() -> bool {
    Command::new("cc")
        .arg("-print-file-name=libc.a")
        .output()
        .is_ok_and(|output| output.stdout.contains(&b'/'))
}

fn compiles_32_bit() -> bool {
    let arguments = ["-m32", "-shared", "-nostdlib", "-x", "c", "/dev/null"];
    let library = super::target_dir().join("32-bit");
    let output = format!("-o{}", library.display());
    succeeds("cc", &[arguments.as_slice(), &[output.as_str()]].concat())
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
