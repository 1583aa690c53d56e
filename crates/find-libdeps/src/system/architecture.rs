//! What differs from one architecture to the next: how its ELF files are marked, and where its
//! loader looks. One row an architecture of Debian's; to add one, add a row.

use goblin::elf::header::{
    EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_MIPS, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64,
};
use std::path::PathBuf;

/// `EF_ARM_ABI_FLOAT_SOFT` in glibc's `elf/elf.h`.
const ARM_FLOAT_SOFT: u32 = 0x200;

/// What must be equal for the loader to join two objects: it passes over a candidate whose class
/// or machine differs (`open_verify` in glibc's `elf/dl-load.c`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Abi {
    /// 64-bit or 32-bit (`EI_CLASS`).
    pub is_64: bool,
    /// Least significant byte first (`EI_DATA`).
    pub is_little_endian: bool,
    /// `e_machine`.
    pub machine: u16,
    /// ARM only: built for software floating point, `armel` (`elf_machine_matches_host`).
    pub is_soft_float: bool,
}

impl Abi {
    /// The ABI of a file with these header fields.
    #[must_use]
    pub fn new(is_64: bool, is_little_endian: bool, machine: u16, flags: u32) -> Self {
        Self {
            is_64,
            is_little_endian,
            machine,
            is_soft_float: machine == EM_ARM && flags & ARM_FLOAT_SOFT != 0,
        }
    }

    /// The ABI of the architecture that Debian calls `name`; one that nothing has where no row says.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let row = ARCHITECTURES.iter().find(|row| row.debian == name);
        row.map(|row| row.abi).unwrap_or_default()
    }

    /// The row of this ABI; `None` where Debian has no such architecture.
    #[must_use]
    pub fn architecture(self) -> Option<&'static Architecture> {
        ARCHITECTURES.iter().find(|row| row.abi == self)
    }

    /// Whether `other` is the same but for the order of bytes, which the loader does not pass over
    /// in silence. It reads the machine in its own order of bytes, whatever that of the file is
    /// (`open_verify` in glibc's `elf/dl-load.c`).
    #[must_use]
    pub fn differs_in_byte_order_only(self, other: Self) -> bool {
        let swapped = Self {
            is_little_endian: !self.is_little_endian,
            machine: self.machine.swap_bytes(),
            ..self
        };
        swapped == other
    }

    /// Debian's name of the architecture, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.architecture()
            .map_or("an unknown architecture", |row| row.debian)
    }
}

/// One architecture of Debian's.
#[derive(Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Debian's name for it.
    pub debian: &'static str,
    /// How its ELF files are marked.
    pub abi: Abi,
    /// Its multiarch directory (Debian Policy 9.1.1).
    pub triplet: &'static str,
    /// The flags of the entries in `ld.so.cache` that it takes (`_dl_cache_check_flags` in glibc's
    /// `dl-cache.h` of each architecture, from the constants of `sysdeps/generic/ldconfig.h`).
    pub cache_flags: &'static [u32],
    /// `PT_INTERP` of its programs.
    pub interpreter: &'static str,
    /// What `$PLATFORM` may stand for, the value of every machine first (`AT_PLATFORM`; on
    /// x86-64 glibc overrides it on newer CPUs, `sysdeps/x86/cpu-features.c`).
    pub platforms: &'static [&'static str],
}

impl Architecture {
    /// The loader's default directories, in its order, as Debian configures glibc.
    #[must_use]
    pub fn default_directories(&self) -> [PathBuf; 4] {
        [
            format!("/lib/{}", self.triplet),
            format!("/usr/lib/{}", self.triplet),
            "/lib".to_owned(),
            "/usr/lib".to_owned(),
        ]
        .map(PathBuf::from)
    }

    /// What `$LIB` stands for: `slibdir` less its leading slash, as Debian configures glibc.
    #[must_use]
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

/// Debian's release architectures, and the ports that have kept a row.
pub static ARCHITECTURES: &[Architecture] = &[
    Architecture {
        debian: "amd64",
        abi: abi(true, true, EM_X86_64),
        triplet: "x86_64-linux-gnu",
        cache_flags: &[0x0303],
        interpreter: "/lib64/ld-linux-x86-64.so.2",
        platforms: &["x86_64", "haswell", "xeon_phi"],
    },
    Architecture {
        debian: "arm64",
        abi: abi(true, true, EM_AARCH64),
        triplet: "aarch64-linux-gnu",
        cache_flags: &[0x0a03],
        interpreter: "/lib/ld-linux-aarch64.so.1",
        platforms: &["aarch64"],
    },
    Architecture {
        debian: "armhf",
        abi: abi(false, true, EM_ARM),
        triplet: "arm-linux-gnueabihf",
        cache_flags: &[0x0903, 0x0003],
        interpreter: "/lib/ld-linux-armhf.so.3",
        platforms: &["v7l", "v8l"],
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
        platforms: &["v5l", "v6l", "v7l", "v8l"],
    },
    Architecture {
        debian: "i386",
        abi: abi(false, true, EM_386),
        triplet: "i386-linux-gnu",
        cache_flags: &[0x0003, 0x0001],
        interpreter: "/lib/ld-linux.so.2",
        platforms: &["i686", "i586"],
    },
    Architecture {
        debian: "loong64",
        abi: abi(true, true, EM_LOONGARCH),
        triplet: "loongarch64-linux-gnu",
        cache_flags: &[0x1203],
        interpreter: "/lib64/ld-linux-loongarch-lp64d.so.1",
        platforms: &["loongarch"],
    },
    Architecture {
        debian: "mips64el",
        abi: abi(true, true, EM_MIPS),
        triplet: "mips64el-linux-gnuabi64",
        cache_flags: &[0x0703],
        interpreter: "/lib64/ld.so.1",
        platforms: &["mips64r2", "mips"],
    },
    Architecture {
        debian: "mipsel",
        abi: abi(false, true, EM_MIPS),
        triplet: "mipsel-linux-gnu",
        cache_flags: &[0x0003, 0x0001],
        interpreter: "/lib/ld.so.1",
        platforms: &["mips32r2", "mips"],
    },
    Architecture {
        debian: "ppc64el",
        abi: abi(true, true, EM_PPC64),
        triplet: "powerpc64le-linux-gnu",
        cache_flags: &[0x0503],
        interpreter: "/lib64/ld64.so.2",
        platforms: &["power8", "power9", "power10"],
    },
    Architecture {
        debian: "riscv64",
        abi: abi(true, true, EM_RISCV),
        triplet: "riscv64-linux-gnu",
        cache_flags: &[0x1003],
        interpreter: "/lib/ld-linux-riscv64-lp64d.so.1",
        platforms: &[],
    },
    Architecture {
        debian: "s390x",
        abi: abi(true, false, EM_S390),
        triplet: "s390x-linux-gnu",
        cache_flags: &[0x0403],
        interpreter: "/lib/ld64.so.1",
        platforms: &["z13", "z14", "z15", "z16"],
    },
    Architecture {
        debian: "x32",
        abi: abi(false, true, EM_X86_64),
        triplet: "x86_64-linux-gnux32",
        cache_flags: &[0x0803],
        interpreter: "/libx32/ld-linux-x32.so.2",
        platforms: &["x86_64"],
    },
];
