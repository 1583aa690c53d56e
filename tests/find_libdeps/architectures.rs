//! Other architectures: packages of Debian's archive, unpacked into a root, and what the root's own
//! loader and `ldconfig` say, run by an emulator; and the program for arm64 itself.

use crate::fixture::{INSTALL_HINT, PROGRAM, Report, parsed};
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use crate::support::{debian, programs, target_dir};
use crate::venvs::pip;
use find_libdeps::system::architecture::{ARCHITECTURES, Architecture};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Programs, and libraries that need others.
const PACKAGES: [&str; 4] = ["base-files", "libc-bin", "libpng16-16t64", "libstdc++6"];

/// How many files are compared of those that need one library: each takes a run of the emulator.
const SAMPLE: usize = 3;

const NO_CACHE: &str = "find-libdeps: warning: /etc/ld.so.cache: does not exist; libraries are \
                        searched for as if `ldconfig` had been run\n";

/// A root of one architecture.
struct Foreign {
    root: TempDir,
    row: &'static Architecture,
}

impl Foreign {
    fn new(architecture: &str) -> Self {
        let mut rows = ARCHITECTURES.iter();
        let row = rows.find(|row| row.debian == architecture).expect("a row");
        let root = debian::unpacked("trixie", architecture, &PACKAGES);
        let emulator = match architecture {
            "arm64" => "aarch64",
            "armhf" => "arm",
            "ppc64el" => "ppc64le",
            same => same,
        };
        let emulator = format!("/usr/bin/qemu-{emulator}-static");
        fs::copy(emulator, root.path().join("emulator")).expect("an emulator");
        Self { root, row }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// A run of a program of the root, on a processor with all that a subdirectory may be for.
    fn emulated(&self, arguments: &[&str]) -> Run {
        let chroot = Run::new("chroot").arg(self.root.path());
        let processor = match self.row.debian {
            "ppc64el" => &["-cpu", "power10"][..],
            "s390x" => &["-cpu", "max"],
            _ => &[],
        };
        chroot.arg("/emulator").args(processor).args(arguments)
    }

    fn find_libdeps(&self) -> Run {
        Run::new(PROGRAM).arg("--root").arg(self.root.path())
    }

    /// The file that a path leads to. All links of the root are relative.
    fn real(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref().to_str().expect("ASCII");
        self.path(path).canonicalize().expect("it is there")
    }

    /// The values of `ld.so --list-diagnostics`.
    fn diagnostics(&self) -> HashMap<String, String> {
        let said = self.emulated(&[self.row.interpreter, "--list-diagnostics"]);
        let said = said.must();
        let pairs = said.lines().filter_map(|line| line.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
            .collect()
    }

    /// Compares each library of the report with what the loader finds for the files that need it,
    /// and returns the ways in which they were found.
    #[track_caller]
    fn compare(&self) -> Vec<String> {
        let report = Report::of(self.find_libdeps(), "/usr").0;
        let mut theirs = HashMap::new();
        let mut found_by = BTreeSet::new();
        let libraries = report["needed"].as_array().expect("an array");
        for library in libraries.iter().filter(|it| it["evidence"] == "header") {
            let name = library["name"].as_str().expect("a string");
            let ours = library["path"].as_str().map(|path| self.real(path));
            let files = library["needed_by"].as_array().expect("an array").iter();
            for file in files.take(SAMPLE) {
                let file = file.as_str().expect("a string");
                let list = [self.row.interpreter, "--list", file];
                let all = theirs
                    .entry(file.to_owned())
                    .or_insert_with(|| parsed(&self.emulated(&list).said().stdout));
                let found = all.get(name).map(|path| self.real(path));
                assert_eq!(ours, found, "{name} for {file}");
                let how = library["found_by"].as_str().unwrap_or("nothing");
                found_by.insert(how.to_owned());
            }
        }
        assert!(theirs.len() > 10, "{theirs:?}");
        found_by.into_iter().collect()
    }
}

test!(
    the_loader_of_the_architecture_agrees,
    needs = &[Need::Mmdebstrap, Need::Qemu, Need::Dpkg],
    on = [arm64, armhf, i386, ppc64el, riscv64, s390x]
);
fn the_loader_of_the_architecture_agrees(architecture: &str) {
    let foreign = Foreign::new(architecture);
    let row = foreign.row;
    let libraries = || format!("/usr/lib/{}", row.triplet);

    let said = foreign.diagnostics();
    let text = |name: &str| said[name].as_str();
    assert_eq!(text("path.rtld"), row.interpreter);
    assert_eq!(text("dl_hwcaps_subdirs"), row.hwcaps.join(":"));
    let platform = text("dl_platform");
    assert!(
        platform == "0x0" || row.platforms.contains(&platform),
        "{platform}"
    );
    let directories =
        [0, 1, 2, 3].map(|at| PathBuf::from(text(&format!("path.system_dirs[{at:#x}]"))));
    assert_eq!(directories, row.default_directories());
    assert!(!said.contains_key("path.system_dirs[0x4]"));

    // The packages of the architecture, which is the root's although dpkg is not installed there.
    let list = || foreign.find_libdeps().arg(libraries()).said();
    let packages = "libc6\nlibgcc-s1\nzlib1g\n";
    list().is(0, packages, NO_CACHE);
    assert_eq!(foreign.compare(), ["cache", "direct", "runpath"]);
    // The cache of an empty root has nothing, so that the directories are left.
    let (empty, cache) = (foreign.path("empty/etc"), foreign.path("etc/ld.so.cache"));
    fs::create_dir_all(&empty).expect("directories");
    foreign
        .emulated(&["/usr/sbin/ldconfig", "-r", "/empty"])
        .must();
    fs::rename(empty.join("ld.so.cache"), &cache).expect("a cache");
    assert_eq!(foreign.compare(), ["default", "direct", "runpath"]);
    foreign.emulated(&["/usr/sbin/ldconfig"]).must();
    list().is(0, packages, "");
    assert_eq!(foreign.compare(), ["cache", "direct", "runpath"]);

    // A library that is only in the directory for the oldest of those processors.
    if let Some(oldest) = row.hwcaps.last() {
        let link = format!("{}/libz.so.1", libraries());
        let hwcaps = foreign.path(&libraries()).join("glibc-hwcaps").join(oldest);
        fs::create_dir_all(&hwcaps).expect("directories");
        fs::rename(foreign.real(&link), hwcaps.join("libz.so.1")).expect("moved");
        fs::remove_file(foreign.path(&link)).expect("it is there");
        foreign.emulated(&["/usr/sbin/ldconfig"]).must();
        let found = || {
            let (_, path, _) = Report::of(foreign.find_libdeps(), "/usr").library("libz.so.1");
            path.map(|path| foreign.real(path))
        };
        let moved = hwcaps.join("libz.so.1");
        foreign.compare();
        assert_eq!(found().as_ref(), Some(&moved));
        fs::remove_file(&cache).expect("it is there");
        foreign.compare();
        assert_eq!(found(), Some(moved));
    }
}

const MISSING: &str = "find-libdeps: missing: libmagic.so.1, loaded by python-magic 0.4.27 \
     (/venv/lib/python3.11/site-packages/python_magic-0.4.27.dist-info)\n";

/// Wheels for arm64: what they bundle and need, and a library that is loaded by name.
const WHEELS: [&str; 4] = [
    "lxml==5.3.0",
    "numpy==2.1.3",
    "psycopg2-binary==2.9.10",
    "python-magic==0.4.27",
];

test!(
    the_program_for_arm64_says_the_same_as_this_one_about_its_root,
    needs = &[
        Need::Arm64,
        Need::Cargo,
        Need::Dpkg,
        Need::Mmdebstrap,
        Need::Mounts,
        Need::Pip,
    ],
    limit = 1800
);
fn the_program_for_arm64_says_the_same_as_this_one_about_its_root() {
    let root = debian::root_of(&debian::arm64_tar("trixie"));
    let site = root.path().join("venv/lib/python3.11/site-packages");
    let target = ["--target", site.to_str().expect("ASCII")];
    let platforms = [
        "--platform=manylinux_2_28_aarch64",
        "--platform=manylinux_2_17_aarch64",
    ];
    let version = ["--python-version=3.11", "--only-binary=:all:", "--no-deps"];
    let arguments = [&target[..], &platforms, &version, &WHEELS].concat();
    pip(&target_dir().join("pip/bin/pip"), &arguments);
    let native = root.path().join("find-libdeps");
    fs::copy(programs::arm64().join("find-libdeps"), native).expect("a copy");
    for arguments in [
        &["/venv"][..],
        &["--json", "/venv"],
        &["--versions", "/usr/bin"],
        &["--json", "/usr/sbin", "/usr/lib/aarch64-linux-gnu"],
        &["--check", "/venv", "/usr/bin"],
    ] {
        let from_here = Run::new(PROGRAM).arg("--root").arg(root.path());
        let from_here = from_here.args(arguments).said();
        let native = Run::new("chroot").arg(root.path()).arg("/find-libdeps");
        assert_eq!(native.args(arguments).said(), from_here);
        if arguments == ["/venv"] {
            from_here.is(
                0,
                "libc6\nlibgcc-s1\nlibstdc++6\nzlib1g\n",
                &format!("{MISSING}{INSTALL_HINT}"),
            );
        }
    }
}
