//! The differences between Debian's architectures: the headers of their ELF files, and the
//! directories and constants of their loaders. One row per architecture; to support another, add a
//! row.

use std::path::PathBuf;

/// `e_machine`, from glibc's `elf/elf.h`.
const EM_386: u16 = 3;
const EM_MIPS: u16 = 8;
const EM_PPC64: u16 = 21;
const EM_S390: u16 = 22;
const EM_ARM: u16 = 40;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;
const EM_RISCV: u16 = 243;
const EM_LOONGARCH: u16 = 258;
/// `EF_ARM_ABI_FLOAT_SOFT` in glibc's `elf/elf.h`.
const ARM_FLOAT_SOFT: u32 = 0x200;

/// What two objects must have in common to be loaded together: the loader skips a file whose class
/// or machine differs (`open_verify` in glibc's `elf/dl-load.c`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Abi {
    /// 64-bit, not 32-bit (`EI_CLASS`).
    pub is_64: bool,
    /// Little-endian (`EI_DATA`).
    pub is_little_endian: bool,
    /// `e_machine`.
    pub machine: u16,
    /// ARM only: software floating point, `armel` (`elf_machine_matches_host` in glibc).
    pub is_soft_float: bool,
}

impl Abi {
    /// The ABI of a file with these header fields; `flags` is `e_flags`.
    pub fn new(is_64: bool, is_little_endian: bool, machine: u16, flags: u32) -> Self {
        Self {
            is_64,
            is_little_endian,
            machine,
            is_soft_float: machine == EM_ARM && flags & ARM_FLOAT_SOFT != 0,
        }
    }

    /// The ABI of the architecture that Debian calls `name`. If there is no row for it, an ABI that
    /// no file has.
    pub fn of(name: &str) -> Self {
        let row = ARCHITECTURES.iter().find(|row| row.debian == name);
        row.map(|row| row.abi).unwrap_or_default()
    }

    /// The ABI of this program, which is that of the machine that can run it.
    pub fn of_this_program() -> Self {
        Self::of(match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "arm" => "armhf",
            "x86" => "i386",
            "loongarch64" => "loong64",
            "mips64" => "mips64el",
            "mips" => "mipsel",
            "powerpc64" => "ppc64el",
            other => other,
        })
    }

    /// The row of this ABI; `None` if no architecture has it.
    pub fn architecture(self) -> Option<&'static Architecture> {
        ARCHITECTURES.iter().find(|row| row.abi == self)
    }

    /// Whether `other` differs in its byte order only. The loader does not skip such a file silently,
    /// because it reads the machine in its own byte order (`open_verify` in glibc's
    /// `elf/dl-load.c`).
    pub fn differs_in_byte_order_only(self, other: Self) -> bool {
        let swapped = Self {
            is_little_endian: !self.is_little_endian,
            machine: self.machine.swap_bytes(),
            ..self
        };
        swapped == other
    }

    /// Debian's name of the architecture, for messages.
    pub fn name(self) -> &'static str {
        self.architecture()
            .map_or("an unknown architecture", |row| row.debian)
    }
}

/// An architecture of Debian.
#[derive(Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Debian's name of it.
    pub debian: &'static str,
    /// The ABI of its ELF files.
    pub abi: Abi,
    /// Its multiarch directory (Debian Policy 9.1.1).
    pub triplet: &'static str,
    /// The flags of its entries in `ld.so.cache` (`_dl_cache_check_flags` in glibc's
    /// `dl-cache.h` of each architecture, from the constants of `sysdeps/generic/ldconfig.h`).
    pub cache_flags: &'static [u32],
    /// `PT_INTERP` of its programs.
    pub interpreter: &'static str,
    /// The same with musl (`LDSO_ARCH` in musl's `arch/*/reloc.h`).
    pub musl: &'static str,
    /// The possible values of `$PLATFORM`, the most common one first (`AT_PLATFORM`; on x86-64,
    /// glibc overrides it on newer CPUs, `sysdeps/x86/cpu-features.c`).
    pub platforms: &'static [&'static str],
    /// The subdirectories of `glibc-hwcaps` that its processors can use
    /// (`sysdeps/*/dl-hwcaps-subdirs.c` in glibc).
    pub hwcaps: &'static [&'static str],
    /// Whether an object without `PT_GNU_STACK` wants an executable stack
    /// (`DEFAULT_STACK_PROT_PERMS` in glibc's `stackinfo.h` of each architecture).
    pub has_executable_stack: bool,
}

impl Architecture {
    /// The loader's default directories, in its order, as Debian configures glibc.
    pub fn default_directories(&self) -> [PathBuf; 4] {
        [
            format!("/lib/{}", self.triplet),
            format!("/usr/lib/{}", self.triplet),
            "/lib".to_owned(),
            "/usr/lib".to_owned(),
        ]
        .map(PathBuf::from)
    }

    /// The value of `$LIB`: `slibdir` without its leading slash, as Debian configures glibc.
    pub fn lib(&self) -> String {
        format!("lib/{}", self.triplet)
    }
}

const fn abi(is_64: bool, is_little_endian: bool, machine: u16) -> Abi {
    Abi {
        is_64,
        is_little_endian,
        machine,
        is_soft_float: false,
    }
}

/// Debian's release architectures, former ones and some ports.
pub static ARCHITECTURES: &[Architecture] = &[
    Architecture {
        debian: "amd64",
        abi: abi(true, true, EM_X86_64),
        triplet: "x86_64-linux-gnu",
        cache_flags: &[0x0303],
        interpreter: "/lib64/ld-linux-x86-64.so.2",
        musl: "/lib/ld-musl-x86_64.so.1",
        platforms: &["x86_64", "haswell", "xeon_phi"],
        hwcaps: &["x86-64-v4", "x86-64-v3", "x86-64-v2"],
        has_executable_stack: true,
    },
    Architecture {
        debian: "arm64",
        abi: abi(true, true, EM_AARCH64),
        triplet: "aarch64-linux-gnu",
        cache_flags: &[0x0a03],
        interpreter: "/lib/ld-linux-aarch64.so.1",
        musl: "/lib/ld-musl-aarch64.so.1",
        platforms: &["aarch64"],
        hwcaps: &[],
        has_executable_stack: false,
    },
    Architecture {
        debian: "armhf",
        abi: abi(false, true, EM_ARM),
        triplet: "arm-linux-gnueabihf",
        cache_flags: &[0x0903, 0x0003],
        interpreter: "/lib/ld-linux-armhf.so.3",
        musl: "/lib/ld-musl-armhf.so.1",
        platforms: &["v7l", "v8l"],
        hwcaps: &[],
        has_executable_stack: true,
    },
    Architecture {
        debian: "armel",
        abi: Abi {
            is_soft_float: true,
            ..abi(false, true, EM_ARM)
        },
        triplet: "arm-linux-gnueabi",
        cache_flags: &[0x0b03, 0x0003],
        interpreter: "/lib/ld-linux.so.3",
        musl: "/lib/ld-musl-arm.so.1",
        platforms: &["v5l", "v6l", "v7l", "v8l"],
        hwcaps: &[],
        has_executable_stack: true,
    },
    Architecture {
        debian: "i386",
        abi: abi(false, true, EM_386),
        triplet: "i386-linux-gnu",
        cache_flags: &[0x0003, 0x0001],
        interpreter: "/lib/ld-linux.so.2",
        musl: "/lib/ld-musl-i386.so.1",
        platforms: &["i686", "i586"],
        hwcaps: &[],
        has_executable_stack: true,
    },
    Architecture {
        debian: "loong64",
        abi: abi(true, true, EM_LOONGARCH),
        triplet: "loongarch64-linux-gnu",
        cache_flags: &[0x1203],
        interpreter: "/lib64/ld-linux-loongarch-lp64d.so.1",
        musl: "/lib/ld-musl-loongarch64.so.1",
        platforms: &["loongarch"],
        hwcaps: &[],
        has_executable_stack: false,
    },
    Architecture {
        debian: "mips64el",
        abi: abi(true, true, EM_MIPS),
        triplet: "mips64el-linux-gnuabi64",
        cache_flags: &[0x0703],
        interpreter: "/lib64/ld.so.1",
        musl: "/lib/ld-musl-mips64el.so.1",
        platforms: &["mips64r2", "mips"],
        hwcaps: &[],
        has_executable_stack: true,
    },
    Architecture {
        debian: "mipsel",
        abi: abi(false, true, EM_MIPS),
        triplet: "mipsel-linux-gnu",
        cache_flags: &[0x0003, 0x0001],
        interpreter: "/lib/ld.so.1",
        musl: "/lib/ld-musl-mipsel.so.1",
        platforms: &["mips32r2", "mips"],
        hwcaps: &[],
        has_executable_stack: true,
    },
    Architecture {
        debian: "ppc64el",
        abi: abi(true, true, EM_PPC64),
        triplet: "powerpc64le-linux-gnu",
        cache_flags: &[0x0503],
        interpreter: "/lib64/ld64.so.2",
        musl: "/lib/ld-musl-powerpc64le.so.1",
        platforms: &["power8", "power9", "power10"],
        hwcaps: &["power10", "power9"],
        has_executable_stack: false,
    },
    Architecture {
        debian: "riscv64",
        abi: abi(true, true, EM_RISCV),
        triplet: "riscv64-linux-gnu",
        cache_flags: &[0x1003],
        interpreter: "/lib/ld-linux-riscv64-lp64d.so.1",
        musl: "/lib/ld-musl-riscv64.so.1",
        platforms: &[],
        hwcaps: &[],
        has_executable_stack: false,
    },
    Architecture {
        debian: "s390x",
        abi: abi(true, false, EM_S390),
        triplet: "s390x-linux-gnu",
        cache_flags: &[0x0403],
        interpreter: "/lib/ld64.so.1",
        musl: "/lib/ld-musl-s390x.so.1",
        platforms: &["z13", "z14", "z15", "z16"],
        hwcaps: &["z16", "z15", "z14", "z13"],
        has_executable_stack: true,
    },
    Architecture {
        debian: "x32",
        abi: abi(false, true, EM_X86_64),
        triplet: "x86_64-linux-gnux32",
        cache_flags: &[0x0803],
        interpreter: "/libx32/ld-linux-x32.so.2",
        musl: "/lib/ld-musl-x32.so.1",
        platforms: &["x86_64"],
        hwcaps: &[],
        has_executable_stack: true,
    },
];
