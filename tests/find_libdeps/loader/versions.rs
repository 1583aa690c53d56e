//! Symbol versions that the found library has or lacks.

use crate::elf;
use crate::fixture::Fixture;
use crate::oracle::{TOOLS, TREE, differs, library, needing, runpath, soname, warnings};
use crate::own_root;
use crate::support::debian;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use std::path::{Path, PathBuf};

/// A library in `name` that defines one function for each of `versions`.
fn versioned(fixture: &Fixture, name: &str, versions: &[&str]) -> String {
    let text = |line: fn(&str) -> String| -> String {
        versions.iter().map(|version| line(version)).collect()
    };
    let script = text(|version| format!("{version} {{ f{version}; }};\n"));
    let source = text(|version| format!("void f{version}(void) {{}}\n"));
    fixture.file("versions", script);
    let arguments = ["-Wl,--version-script=versions", &soname("liba.so.1")];
    fixture.library(name, &source, &arguments);
    name.to_owned()
}

/// An extension that was linked with a library of the versions V1 and V2.
fn newer_extension(fixture: &Fixture, arguments: &[&str]) -> PathBuf {
    let newer = versioned(fixture, "newer/liba.so.1", &["V1", "V2"]);
    let all = [&[newer.as_str()], arguments].concat();
    fixture.library("venv/ext.so", USE, &all)
}

/// Its variable puts another name into the string table.
const USE: &str = "void fV1(void); void fV2(void); void g(void) { fV1(); fV2(); }\
                   int x __asm__(\"libb.so.1\");";
const LACKS: &str = "venv/ext.so: requires version `V2` of `liba.so.1`, which \
                     venv/libs/liba.so.1 does not define; the loader refuses it";
const LDD_LACKS: &str = "venv/ext.so: venv/libs/liba.so.1: version `V2' not found (required by \
                         venv/ext.so)";

test!(a_version_that_the_library_lacks_is_reported, needs = TOOLS);
fn a_version_that_the_library_lacks_is_reported() {
    let fixture = Fixture::new();
    let file = newer_extension(&fixture, &[&runpath("$ORIGIN/libs")]);
    versioned(&fixture, "venv/libs/liba.so.1", &["V1"]);
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[LACKS],
        &["liba.so.1 => venv/libs/liba.so.1", LDD_LACKS],
    );
    let strict = Run::new(crate::fixture::PROGRAM).dir(fixture.path(""));
    assert_eq!(strict.args(["--strict", TREE]).said().status, 1);
}

test!(the_loader_does_not_search_on_for_a_version, needs = TOOLS);
fn the_loader_does_not_search_on_for_a_version() {
    let fixture = Fixture::new();
    let path = runpath("$ORIGIN/libs:$ORIGIN/../newer");
    let file = newer_extension(&fixture, &[&path]);
    versioned(&fixture, "venv/libs/liba.so.1", &["V1"]);
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[LACKS],
        &["liba.so.1 => venv/libs/liba.so.1", LDD_LACKS],
    );
}

test!(a_weak_version_may_be_absent, needs = TOOLS);
fn a_weak_version_may_be_absent() {
    let fixture = Fixture::new();
    let file = newer_extension(&fixture, &[&runpath("$ORIGIN/libs")]);
    versioned(&fixture, "venv/libs/liba.so.1", &["V1"]);
    // The linker of this machine does not mark a version that only weak references need. Its
    // record begins with the hash of its name, and the flags follow.
    let hash = [0x92, 0x05, 0, 0];
    elf::change(&file, |elf| {
        let flags = elf.find(&hash) + 4;
        elf.put(flags, 2_u16.to_le_bytes());
    });
    // ldd says so, and loads it all the same.
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[],
        &[
            "liba.so.1 => venv/libs/liba.so.1",
            "venv/ext.so: venv/libs/liba.so.1: weak version `V2' not found (required by venv/ext.so)",
        ],
    );
}

test!(a_library_without_versions_passes, needs = TOOLS);
fn a_library_without_versions_passes() {
    let fixture = Fixture::new();
    let file = newer_extension(&fixture, &[&runpath("$ORIGIN/libs")]);
    library(&fixture, "venv/libs/liba.so.1", &[]);
    // ldd says so, and loads it all the same.
    differs(
        &fixture,
        &file,
        &["liba.so.1: bundled venv/libs/liba.so.1 (runpath)"],
        &[],
        &[
            "liba.so.1 => venv/libs/liba.so.1",
            "venv/ext.so: venv/libs/liba.so.1: no version information available (required by venv/ext.so)",
        ],
    );
}

/// Makes the file need `to` and not the library of its version records.
fn need_instead(file: &Path, to: &str) {
    elf::change(file, |elf| {
        let names = elf.index_of(elf::DT_STRTAB);
        let at = elf.find(to.as_bytes());
        elf.put_entry(elf::DT_NEEDED, (at - names) as u64);
    });
}

test!(
    a_version_of_a_library_that_is_not_needed_is_reported,
    needs = TOOLS
);
fn a_version_of_a_library_that_is_not_needed_is_reported() {
    let fixture = Fixture::new();
    let file = newer_extension(&fixture, &["-s", &runpath("$ORIGIN/libs")]);
    need_instead(&file, "libb.so.1");
    library(&fixture, "venv/libs/libb.so.1", &[]);
    let report = fixture.report("venv");
    let message = "venv/ext.so: requires versions of `liba.so.1`, which it does not need and nothing \
                   else loads; the loader refuses it";
    assert_eq!(warnings(&fixture, &report), [message]);
    let said = Run::new("ldd").arg(&file).said();
    let assertion = "_dl_check_map_versions: Assertion `needed != NULL' failed!";
    assert!(said.stdout.contains(assertion), "{}", said.stdout);
    let strict = fixture.run().args(["--strict", "-q", "venv"]).said();
    assert_eq!(strict.status, 1);
}

test!(
    a_version_of_a_library_that_another_one_loads_is_checked,
    needs = TOOLS
);
fn a_version_of_a_library_that_another_one_loads_is_checked() {
    let fixture = Fixture::new();
    let file = newer_extension(&fixture, &["-s", &runpath("$ORIGIN/libs")]);
    need_instead(&file, "libb.so.1");
    let older = versioned(&fixture, "venv/libs/liba.so.1", &["V1"]);
    library(
        &fixture,
        "venv/libs/libb.so.1",
        &[&older, &runpath("$ORIGIN")],
    );
    let found = [
        "liba.so.1: bundled venv/libs/liba.so.1 (runpath)",
        "libb.so.1: bundled venv/libs/libb.so.1 (runpath)",
    ];
    let theirs = [
        "liba.so.1 => venv/libs/liba.so.1",
        "libb.so.1 => venv/libs/libb.so.1",
    ];
    let [a, b] = theirs;
    differs(&fixture, &file, &found, &[LACKS], &[a, b, LDD_LACKS]);
    versioned(&fixture, "venv/libs/liba.so.1", &["V1", "V2"]);
    differs(&fixture, &file, &found, &[], &[a, b]);
}

test!(
    an_executable_stack_is_refused_at_run_time_since_glibc_2_41,
    needs = TOOLS
);
fn an_executable_stack_is_refused_at_run_time_since_glibc_2_41() {
    // The C library of this machine may be older: its version is what the file defines.
    let said = |version: &str| {
        let fixture = own_root::root("");
        fixture.file("versions", format!("{version} {{ *; }};\n"));
        let script = ["-Wl,--version-script=versions", &soname("libc.so.6")];
        let library = "root/lib/x86_64-linux-gnu/libc.so.6";
        fixture.library(library, "void f(void) {}", &script);
        let stack = ["-Wl,-z,execstack", library];
        fixture.library("root/venv/ext.so", "int x;", &stack);
        fixture.program("root/venv/tool", &stack);
        fixture.library("root/venv/fine.so", "int x;", &[library]);
        own_root::report(&fixture).warnings()
    };
    assert_eq!(said("GLIBC_2.40"), [own_root::NO_CACHE]);
    let refused = "/venv/ext.so: wants an executable stack, which the loader refuses at run time; \
                   clear the flag with `patchelf --clear-execstack`";
    assert_eq!(said("GLIBC_2.41"), [own_root::NO_CACHE, refused]);
}

test!(
    an_executable_stack_is_refused_as_by_the_loader_of_debian_13,
    needs = &[Need::Mmdebstrap, Need::Cc]
);
fn an_executable_stack_is_refused_as_by_the_loader_of_debian_13() {
    let fixture = Fixture::new();
    let root = debian::root("trixie", &[]);
    let venv = root.path().join("venv");
    std::fs::create_dir(&venv).expect("a directory");
    let library = fixture.library("ext.so", "int x;", &["-Wl,-z,execstack"]);
    std::fs::copy(library, venv.join("ext.so")).expect("a copy");
    let source = "#include <dlfcn.h>\n#include <stdio.h>\n\
                  int main(void) { return !dlopen(\"/venv/ext.so\", RTLD_NOW) && puts(dlerror()); }";
    let program = fixture.compile("open", source, &[]);
    std::fs::copy(program, root.path().join("open")).expect("a copy");
    let theirs = Run::new("chroot").arg(root.path()).arg("/open").said();
    let refused = "/venv/ext.so: cannot enable executable stack as shared object requires: Invalid \
                   argument\n";
    theirs.is(1, refused, "");
    let run = Run::new(crate::fixture::PROGRAM)
        .arg("--root")
        .arg(root.path());
    run.args(["--strict", "/venv"]).said().is(
        1,
        "",
        "find-libdeps: warning: /venv/ext.so: wants an executable stack, which the loader refuses at \
         run time; clear the flag with `patchelf --clear-execstack`\n",
    );
}

const SYSTEM: &str = "/usr/lib/x86_64-linux-gnu";
const ROOT: &[Need] = &[Need::Cc, Need::Ldd, Need::Dpkg, Need::Ldconfig, Need::Root];

test!(
    a_version_that_a_packaged_library_requires_of_a_bundled_one_is_checked,
    needs = ROOT
);
fn a_version_that_a_packaged_library_requires_of_a_bundled_one_is_checked() {
    let fixture = own_root::root("");
    let newer = versioned(&fixture, &format!("root{SYSTEM}/liba.so.1"), &["V1", "V2"]);
    // The extension needs the library that requires V2 only through another one.
    let own = soname("libc1.so.1");
    let inner = format!("root{SYSTEM}/libc1.so.1");
    fixture.library(&inner, USE, &[&newer, &own]);
    let outer = format!("root{SYSTEM}/libb1.so.1");
    fixture.library(&outer, "int y;", &[&inner, &soname("libb1.so.1")]);
    let paths = ["liba.so.1", "libb1.so.1", "libc1.so.1"].map(|name| format!("{SYSTEM}/{name}"));
    own_root::package(&fixture, "libs", &paths.each_ref().map(String::as_str));
    let older = versioned(&fixture, "root/venv/libs/liba.so.1", &["V1"]);
    let path = runpath("$ORIGIN/libs");
    let arguments = [&older, &outer, &path].map(String::as_str);
    fixture.library("root/venv/ext.so", "int x;", &arguments);
    own_root::ldconfig(&fixture, "root");
    let message = "/usr/lib/x86_64-linux-gnu/libc1.so.1: requires version `V2` of `liba.so.1`, which \
                   /venv/libs/liba.so.1 does not define, and /venv/ext.so loads that; the loader \
                   refuses both";
    assert_eq!(own_root::report(&fixture).warnings(), [message]);
    let strict = own_root::run(&fixture, "root")
        .args(["--strict", "/venv"])
        .said();
    assert_eq!((strict.status, strict.stdout.as_str()), (1, "libs\n"));
    let theirs = own_root::loader(&fixture).join("\n");
    let refused = "/venv/ext.so: /venv/libs/liba.so.1: version `V2' not found (required by \
                   /usr/lib/x86_64-linux-gnu/libc1.so.1)";
    assert!(theirs.contains(refused), "{theirs}");
}

test!(
    a_version_that_is_required_of_what_the_interpreter_loads_is_checked,
    needs = ROOT
);
fn a_version_that_is_required_of_what_the_interpreter_loads_is_checked() {
    let fixture = own_root::root("");
    let older = versioned(&fixture, &format!("root{SYSTEM}/liba.so.1"), &["V1"]);
    let module = "/usr/lib/python3.99/lib-dynload/_a.cpython-399-x86_64-linux-gnu.so";
    fixture.library(&format!("root{module}"), "int y;", &[&older]);
    fixture.program("root/usr/bin/python3.99", &["-pie"]);
    fixture.file("root/usr/lib/python3.99/os.py", "");
    fixture.file("root/venv/pyvenv.cfg", "home = /usr/bin\n");
    fixture.link("/usr/bin/python3.99", "root/venv/bin/python3");
    let newer = versioned(&fixture, "root/venv/libs/liba.so.1", &["V1", "V2"]);
    fixture.library("root/venv/ext.so", USE, &[&newer, &runpath("$ORIGIN/libs")]);
    own_root::ldconfig(&fixture, "root");
    let message = "/venv/ext.so: requires version `V2` of `liba.so.1`, which \
                   /usr/lib/x86_64-linux-gnu/liba.so.1 does not define; if the interpreter has \
                   loaded that, the loader does not load /venv/libs/liba.so.1, and refuses this file";
    assert_eq!(own_root::report(&fixture).warnings(), [message]);
    let check = own_root::run(&fixture, "root").args(["--check", "/venv"]);
    let refused = format!("find-libdeps: refused: {message}\n");
    check.said().is(1, "", &refused);
    // A program that has loaded the module first, as Python does.
    let [first, second] = [module, "/venv/ext.so"].map(|path| needing(&fixture, path));
    fixture.program("root/usr/bin/process", &["-pie", &first, &second]);
    let said = Run::new("chroot")
        .arg(fixture.path("root"))
        .args([own_root::LOADER, "--list", "/usr/bin/process"])
        .said();
    let refused = "/usr/lib/x86_64-linux-gnu/liba.so.1: version `V2' not found (required by \
                   /venv/ext.so)";
    let both = said.stdout + &said.stderr;
    assert!(both.contains(refused), "{both}");
}
