//! Libraries to packages, by the real dpkg of real Debian roots.

use crate::fixture::{COPY_HINT, Fixture, INSTALL_HINT, PROGRAM, Report};
use crate::support::debian;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::{Run, Said};
use std::fs;
use tempfile::TempDir;

const NEEDS: &[Need] = &[Need::Mmdebstrap, Need::Cc, Need::Ldd];

/// The packages of one root for the tests that need more than a plain one.
const INCLUDED: [&str; 3] = ["libblas3", "libopenblas0-pthread", "zlib1g-dev"];

/// A Debian root with a tree at /venv, in which each file of `needs` is a library that needs
/// the named sonames.
struct System {
    root: TempDir,
    fixture: Fixture,
}

impl System {
    fn new(release: &str, include: &[&str]) -> Self {
        let root = debian::root(release, include);
        fs::create_dir(root.path().join("venv")).expect("a directory");
        Self {
            root,
            fixture: Fixture::new(),
        }
    }

    /// A file of the tree that needs `sonames`, compiled with more arguments.
    fn needing(&self, name: &str, sonames: &[&str], arguments: &[&str]) {
        let mut all: Vec<String> = Vec::new();
        for soname in sonames {
            let stub = format!("stubs/{}", soname.replace('/', "_"));
            let option = format!("-Wl,-soname,{soname}");
            let is_32 = arguments.contains(&"-m32");
            let machine = if is_32 { "-m32" } else { "-m64" };
            self.fixture.library(&stub, "int s;", &[&option, machine]);
            all.push(stub);
        }
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let built = self.fixture.library(name, "int e;", &all);
        fs::copy(built, self.root.path().join("venv").join(name)).expect("a copy");
    }

    /// A library in the root.
    fn library(&self, path: &str, arguments: &[&str]) {
        let built = self.fixture.library("built.so", "int l;", arguments);
        let path = self.root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("it has a name")).expect("directories");
        fs::copy(built, path).expect("a copy");
    }

    fn run(&self) -> Run {
        Run::new(PROGRAM).arg("--root").arg(self.root.path())
    }

    fn said(&self) -> Said {
        self.run().arg("/venv").said()
    }

    fn report(&self) -> Report {
        Report::of(self.run(), "/venv")
    }

    /// Runs a program of the root.
    fn chroot(&self, program: &str, arguments: &[&str]) -> String {
        Run::new("chroot")
            .arg(self.root.path())
            .arg(program)
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .must()
    }

    /// Installs a package made for the test, which ships the library `file` with the
    /// SONAME `soname`, and runs `preinst` before it is unpacked.
    fn install(&self, package: &str, soname: &str, file: &str, preinst: &str) {
        self.install_for("amd64", package, soname, file, preinst);
    }

    fn install_for(
        &self,
        architecture: &str,
        package: &str,
        soname: &str,
        file: &str,
        preinst: &str,
    ) {
        let deb = self.fixture.path(format!("{package}-{architecture}.d"));
        let built = self.fixture.library(
            "built.so",
            "int l;",
            &[
                if architecture == "i386" {
                    "-m32"
                } else {
                    "-m64"
                },
                &format!("-Wl,-soname,{soname}"),
            ],
        );
        let target = deb.join(file.trim_start_matches('/'));
        fs::create_dir_all(target.parent().expect("it has a name")).expect("directories");
        fs::copy(built, target).expect("a copy");
        fs::create_dir_all(deb.join("DEBIAN")).expect("a directory");
        fs::write(
            deb.join("DEBIAN/control"),
            format!(
                "Package: {package}\nVersion: 1\nArchitecture: {architecture}\n\
                 Multi-Arch: same\nMaintainer: none\nDescription: a library\n"
            ),
        )
        .expect("a file");
        let script = deb.join("DEBIAN/preinst");
        fs::write(&script, format!("#!/bin/sh\nset -e\n{preinst}\n")).expect("a file");
        Run::new("chmod").arg("755").arg(&script).must();
        let archive = self.root.path().join("tmp/package.deb");
        Run::new("dpkg-deb")
            .args(["--build", "--root-owner-group"])
            .arg(&deb)
            .arg(&archive)
            .must();
        self.chroot("dpkg", &["--install", "/tmp/package.deb"]);
    }
}

test!(both_paths_of_merged_usr_are_looked_up, needs = NEEDS);
fn both_paths_of_merged_usr_are_looked_up() {
    for release in debian::RELEASES {
        let system = System::new(release, &[]);
        // The one release ships libc6 in /lib, the other in /usr/lib.
        system.needing("cached.so", &["libc.so.6", "libz.so.1"], &[]);
        system.needing(
            "lib.so",
            &["libm.so.6"],
            &["-Wl,-rpath,/lib/x86_64-linux-gnu"],
        );
        system.needing(
            "usr_lib.so",
            &["libm.so.6"],
            &["-Wl,-rpath,/usr/lib/x86_64-linux-gnu"],
        );
        system.said().is(0, "libc6\nzlib1g\n", "");
    }
}

test!(
    an_alternatives_chain_leads_to_the_package_of_the_real_file,
    needs = NEEDS
);
fn an_alternatives_chain_leads_to_the_package_of_the_real_file() {
    let system = System::new("bookworm", &INCLUDED);
    system.needing("ext.so", &["libblas.so.3"], &[]);
    system.said().is(0, "libopenblas0-pthread\n", "");
    system.chroot(
        "update-alternatives",
        &[
            "--set",
            "libblas.so.3-x86_64-linux-gnu",
            "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3",
        ],
    );
    system.chroot("ldconfig", &[]);
    system.said().is(0, "libblas3\n", "");
}

test!(
    a_diverted_library_belongs_to_the_diverter_and_its_new_name_to_the_other,
    needs = NEEDS
);
fn a_diverted_library_belongs_to_the_diverter_and_its_new_name_to_the_other() {
    let system = System::new("bookworm", &[]);
    let file = "/usr/lib/x86_64-linux-gnu/libtwice.so.1";
    system.install("liboriginal1", "libtwice.so.1", file, "");
    system.install(
        "libdiverter1",
        "libtwice.so.1",
        file,
        &format!(
            "dpkg-divert --package libdiverter1 --add --rename --divert {file}.distrib {file}"
        ),
    );
    system.needing("ext.so", &["libtwice.so.1"], &[]);
    system.said().is(0, "libdiverter1\n", "");
    system.needing("ext.so", &[&format!("{file}.distrib")], &[]);
    system.said().is(0, "liboriginal1\n", "");
}

test!(a_locally_diverted_library_is_unowned, needs = NEEDS);
fn a_locally_diverted_library_is_unowned() {
    let system = System::new("bookworm", &[]);
    let file = "/usr/lib/x86_64-linux-gnu/libtwice.so.1";
    system.install("liboriginal1", "libtwice.so.1", file, "");
    system.chroot(
        "dpkg-divert",
        &[
            "--local",
            "--add",
            "--rename",
            "--divert",
            "/usr/lib/moved.so",
            file,
        ],
    );
    system.library(file, &["-Wl,-soname,libtwice.so.1"]);
    system.chroot("ldconfig", &[]);
    system.needing("ext.so", &["libtwice.so.1"], &[]);
    system.said().is(
        0,
        "",
        &format!(
            "find-libdeps: unowned: /lib/x86_64-linux-gnu/libtwice.so.1, needed by /venv/ext.so: no \
             package ships it\n{COPY_HINT}"
        ),
    );
}

test!(a_foreign_architecture_is_named, needs = NEEDS);
fn a_foreign_architecture_is_named() {
    let system = System::new("bookworm", &[]);
    system.chroot("dpkg", &["--add-architecture", "i386"]);
    let file = "/usr/lib/i386-linux-gnu/libboth.so.1";
    system.install_for("i386", "libboth1", "libboth.so.1", file, "");
    let file = "/usr/lib/x86_64-linux-gnu/libboth.so.1";
    system.install("libboth1", "libboth.so.1", file, "");
    system.chroot("ldconfig", &[]);
    system.needing("native.so", &["libboth.so.1"], &[]);
    system.needing("foreign.so", &["libboth.so.1", "libz.so.1"], &["-m32"]);
    system.said().is(
        0,
        "libboth1\nlibboth1:i386\n",
        &format!(
            "find-libdeps: missing: libz.so.1 for i386, needed by /venv/foreign.so\n{INSTALL_HINT}"
        ),
    );
    let packages = &system.report().0["packages"];
    assert_eq!(packages[0]["architecture"], "amd64");
    assert_eq!(packages[1]["name"], "libboth1");
    assert_eq!(packages[1]["architecture"], "i386");
}

test!(
    an_unowned_library_is_reported_and_its_needs_are_followed,
    needs = NEEDS
);
fn an_unowned_library_is_reported_and_its_needs_are_followed() {
    for place in ["/usr/local/lib", "/usr/lib/x86_64-linux-gnu"] {
        let system = System::new("bookworm", &[]);
        system
            .fixture
            .library("stubs/libz.so.1", "int s;", &["-Wl,-soname,libz.so.1"]);
        let path = format!("{place}/libown.so.1");
        system.library(&path, &["stubs/libz.so.1", "-Wl,-soname,libown.so.1"]);
        system.chroot("ldconfig", &[]);
        system.needing("one.so", &["libown.so.1"], &[]);
        system.needing("two.so", &["libown.so.1"], &[]);
        let shown = path.replace("/usr/lib/", "/lib/");
        let unowned = format!(
            "find-libdeps: unowned: {shown}, needed by 2 files such as /venv/one.so: no package \
             ships it\n{COPY_HINT}"
        );
        system.said().is(0, "zlib1g\n", &unowned);
        let strict = system.run().args(["--strict", "/venv"]).said();
        strict.is(1, "zlib1g\n", &unowned);
        let report = system.report();
        assert_eq!(report.library("libown.so.1").0, "unowned");
        let libz = &report.0["needed"][1];
        assert_eq!(libz["name"], "libz.so.1");
        assert_eq!(libz["needed_by"][0], shown.as_str());
    }
}

test!(a_development_package_is_never_listed, needs = NEEDS);
fn a_development_package_is_never_listed() {
    let system = System::new("bookworm", &INCLUDED);
    system.needing("ext.so", &["libz.so"], &[]);
    let warning = "find-libdeps: warning: /lib/x86_64-linux-gnu/libz.so: only zlib1g-dev, which is \
                   for compiling, ships this name; zlib1g ships the library under another name, so \
                   the loader will not find `libz.so` (needed by /venv/ext.so)\n";
    system.said().is(0, "zlib1g\n", warning);
    let strict = system.run().args(["--strict", "/venv"]).said();
    strict.is(1, "zlib1g\n", warning);

    system.install(
        "libonly-dev",
        "libonly.so.1",
        "/usr/lib/x86_64-linux-gnu/libonly.so.1",
        "",
    );
    system.chroot("ldconfig", &[]);
    system.needing("ext.so", &["libonly.so.1"], &[]);
    system.said().is(
        0,
        "",
        &format!(
            "find-libdeps: unowned: /lib/x86_64-linux-gnu/libonly.so.1, needed by /venv/ext.so: only \
             libonly-dev ships it, which is for compiling, so no package is listed\n{COPY_HINT}"
        ),
    );
}

test!(
    pattern_characters_in_a_path_are_taken_literally,
    needs = NEEDS
);
fn pattern_characters_in_a_path_are_taken_literally() {
    let system = System::new("bookworm", &[]);
    system.install("libodd1", "lib[1]*?.so.1", "/usr/lib/odd/lib[1]*?.so.1", "");
    // What these would match as patterns belongs to another package.
    system.install("libplain1", "lib1xy.so.1", "/usr/lib/odd/lib1xy.so.1", "");
    system.needing("ext.so", &["lib[1]*?.so.1"], &["-Wl,-rpath,/usr/lib/odd"]);
    system.said().is(0, "libodd1\n", "");
}

test!(
    libpython_in_a_package_is_listed_for_what_embeds_it,
    needs = NEEDS
);
/// Debian's python3 does without this library, so that uWSGI's program fails where only python3 is
/// installed; an interpreter built with it brings it along.
fn libpython_in_a_package_is_listed_for_what_embeds_it() {
    let system = System::new("bookworm", &[]);
    let soname = "libpython3.11.so.1.0";
    system.needing("embeds.so", &[soname], &[]);
    system.library(
        "/usr/local/lib/libpython3.11.so.1.0",
        &["-Wl,-soname,libpython3.11.so.1.0"],
    );
    system.chroot("ldconfig", &[]);
    assert_eq!(system.report().library(soname).0, "interpreter");
    fs::remove_file(system.root.path().join("usr/local/lib").join(soname)).expect("it is there");

    let path = format!("/usr/lib/x86_64-linux-gnu/{soname}");
    system.install("libpython3.11", soname, &path, "");
    system.chroot("ldconfig", &[]);
    system.said().is(0, "libpython3.11\n", "");

    // The tree's own interpreter needs it: it is there with it. The interpreter itself needs the loader.
    let stub = format!("stubs/{soname}");
    let python = system.fixture.program("python3", &[&stub]);
    let bin = system.root.path().join("venv/bin");
    fs::create_dir(&bin).expect("a directory");
    fs::copy(python, bin.join("python3")).expect("a copy");
    fs::write(system.root.path().join("venv/pyvenv.cfg"), "home = /\n").expect("a file");
    system.said().is(0, "libc6\n", "");
}

test!(a_link_in_dpkgs_database_of_a_root_is_refused, needs = NEEDS);
fn a_link_in_dpkgs_database_of_a_root_is_refused() {
    let system = System::new("bookworm", &[]);
    let info = system.root.path().join("var/lib/dpkg/info");
    fs::rename(&info, system.root.path().join("moved")).expect("it is there");
    std::os::unix::fs::symlink("/var/lib/dpkg/info", &info).expect("a link");
    system.said().is(
        2,
        "",
        &format!(
            "find-libdeps: error: {} is a symbolic link, which dpkg would follow out of the root\n",
            info.display()
        ),
    );
}
