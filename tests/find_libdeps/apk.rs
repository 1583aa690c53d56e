//! Libraries and programs to packages of apk, by a database of Alpine's form in a root with musl.

use crate::fixture::{Fixture, PROGRAM};
use crate::musl::{inside, library, root};
use crate::oracle::runpath;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::Run;
use serde_json::Value;
use std::fs;

const NEEDS: &[Need] = &[Need::Musl, Need::Cc];
const INSTALLED: &str = "root/lib/apk/db/installed";
const SITE: &str = "/venv/lib/python3.12/site-packages";
const MODULE: &str =
    "/venv/lib/python3.12/site-packages/psycopg2/_psycopg.cpython-312-x86_64-linux-musl.so";

/// What is odd in real databases: fields of all kinds, a tagged repository, links, a package without
/// files, one that replaces another's, a virtual one, directories in both forms of `/lib`.
const ODD: &str = "C:Q1pB9Y1tTb5cXvq8Vw1c1QOh4xW8M=\nP:libpq\nV:16.4-r0\nA:x86_64\nS:130000\nI:303104\n\
                   T:PostgreSQL client library\nU:https://www.postgresql.org/\nL:PostgreSQL\no:postgresql16\n\
                   m:A B <a@example.org>\nt:1723109820\nc:cf3a6f6f\nk:100\nD:so:libc.musl-x86_64.so.1 \
                   so:libssl.so.3\np:libpq16=16.4-r0 so:libpq.so.5=5.16\ns:@edge\nf:s\nF:usr\nM:0:0:755\n\
                   F:usr/lib\nR:libpq.so.5\na:0:0:777\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\
                   R:libpq.so.5.16\na:0:0:755\n\n\
                   P:libpq-dev\nV:16.4-r0\nA:x86_64\nD:libpq=16.4-r0\nF:usr/lib\nR:libpq.so\n\n\
                   P:alpine-base\nV:3.20.3-r0\nA:noarch\nD:busybox\n\n\
                   P:old\nV:1\nA:x86_64\nq:5\nF:opt\nR:liba.so.1\nR:libb.so.1\n\n\
                   P:new\nV:2-r0\nA:x86_64\nr:old>=0.5 !other\nq:1\nF:opt\nR:liba.so.1\n\n\
                   P:less\nV:1.2~ab12cd-r0\nA:x86_64\nr:more\nq:1\nF:opt\nR:libd.so.1\n\n\
                   P:more\nV:1-r0\nA:x86_64\nr:less\nq:2\nF:opt\nR:libd.so.1\n\n\
                   P:.build-deps\nV:20241105.101010\nA:noarch\nD:libpq-dev\nF:opt\nR:libb.so.1\n\n\
                   P:zlib\nV:1.3.1-r1\nA:x86_64\nF:lib\nR:libz.so.1\nR:libz.so.1.3.1\n\n";

/// A root with these packages, too, and a module that needs `needed`.
fn alpine(needed: &[&str]) -> Fixture {
    let fixture = root();
    let musl = fs::read_to_string(fixture.path(INSTALLED)).expect("it is there");
    fixture.file(INSTALLED, musl + ODD);
    library(&fixture, "/usr/lib/libpq.so.5.16", &[], &[]);
    fixture.link("libpq.so.5.16", "root/usr/lib/libpq.so.5");
    fixture.link("libpq.so.5", "root/usr/lib/libpq.so");
    library(&fixture, MODULE, needed, &[&runpath("/opt")]);
    fixture
}

fn run(fixture: &Fixture) -> Run {
    Run::new(PROGRAM).arg("--root").arg(fixture.path("root"))
}

/// The list for a module that needs `needed`.
#[track_caller]
fn lists(fixture: &Fixture, list: &str) {
    run(fixture)
        .args(["--strict", "/venv"])
        .said()
        .is(0, list, "");
}

test!(
    what_is_installed_is_listed_by_its_package_and_the_rest_by_its_soname,
    needs = NEEDS
);
fn what_is_installed_is_listed_by_its_package_and_the_rest_by_its_soname() {
    let fixture = alpine(&["libpq.so.5", "libxml2.so.2", "libc.musl-x86_64.so.1"]);
    lists(&fixture, "libpq\nmusl\nso:libxml2.so.2\n");
    let json = run(&fixture).args(["--json", "/venv"]).must();
    let json: Value = serde_json::from_str(&json).expect("JSON");
    crate::schema::holds("report.schema.json", &json);
    assert_eq!(json["release"]["architecture"], "x86_64");
    let packages = json["packages"].as_array().expect("an array");
    let package = |it: &Value| format!("{} {} {}", it["name"], it["version"], it["installed"]);
    let packages: Vec<String> = packages.iter().map(package).collect();
    assert_eq!(
        packages,
        [
            "\"libpq\" \"16.4-r0\" true",
            "\"musl\" \"1.2.5-r0\" true",
            "\"so:libxml2.so.2\" null false"
        ]
    );
    run(&fixture)
        .args(["--explain", "libxml2.so.2", "/venv"])
        .said()
        .is(
            0,
            &format!(
                "so:libxml2.so.2 (not installed here)  {MODULE}\n  libxml2.so.2\n    needed by {MODULE}\n"
            ),
            "",
        );
    run(&fixture).args(["--versions", "/venv"]).said().is(
        2,
        "",
        "find-libdeps: error: the version of so:libxml2.so.2 is not known, because it is not installed; \
         no list is printed; install it first, or leave out `--versions`\n",
    );
    run(&fixture)
        .args(["--versions", "--ignore", "libxml2", "/venv"])
        .said()
        .is(0, "libpq=16.4-r0\nmusl=1.2.5-r0\n", "");
    // The image has neither; the report of the builder names both.
    fs::remove_file(fixture.path("root/usr/lib/libpq.so.5")).expect("it is there");
    run(&fixture).args(["--check", "/venv"]).said().is(
        1,
        "",
        &format!(
            "find-libdeps: missing: libpq.so.5, needed by {MODULE}: not in /opt, /lib, /usr/local/lib, \
             /usr/lib; install so:libpq.so.5\n\
             find-libdeps: missing: libxml2.so.2, needed by {MODULE}: not in /opt, /lib, \
             /usr/local/lib, /usr/lib; install so:libxml2.so.2\n"
        ),
    );
}

test!(the_database_may_be_below_usr, needs = NEEDS);
fn the_database_may_be_below_usr() {
    let fixture = alpine(&["libz.so.1"]);
    let usr = fixture.path("root/usr/lib/apk");
    fs::rename(fixture.path("root/lib/apk"), usr).expect("a new place");
    // And /lib may be a link: the package has the other path.
    for name in ["ld-musl-x86_64.so.1", "libc.musl-x86_64.so.1"] {
        let from = fixture.path("root/lib").join(name);
        fs::rename(from, fixture.path("root/usr/lib").join(name)).expect("a new place");
    }
    fs::remove_dir(fixture.path("root/lib")).expect("it is empty");
    fixture.link("usr/lib", "root/lib");
    library(&fixture, "/usr/lib/libz.so.1", &[], &[]);
    lists(&fixture, "zlib\n");
}

test!(
    of_two_packages_with_a_file_the_one_that_replaces_the_other_owns_it,
    needs = NEEDS
);
fn of_two_packages_with_a_file_the_one_that_replaces_the_other_owns_it() {
    let fixture = alpine(&["liba.so.1", "libd.so.1"]);
    for name in ["liba.so.1", "libd.so.1"] {
        library(&fixture, &format!("/opt/{name}"), &[], &[]);
    }
    lists(&fixture, "more\nnew\n");
}

test!(a_virtual_package_is_never_listed, needs = NEEDS);
fn a_virtual_package_is_never_listed() {
    let fixture = alpine(&["libb.so.1"]);
    library(&fixture, "/opt/libb.so.1", &[], &[]);
    lists(&fixture, "old\n");
}

test!(
    a_library_that_only_a_package_for_compiling_names_is_reported,
    needs = NEEDS
);
fn a_library_that_only_a_package_for_compiling_names_is_reported() {
    let fixture = alpine(&["libpq.so"]);
    run(&fixture).args(["--strict", "/venv"]).said().is(
        1,
        "libpq\n",
        &format!(
            "find-libdeps: warning: /usr/lib/libpq.so: only libpq-dev, which is for compiling, ships \
             this name; libpq ships the library under another name, so the loader will not find \
             `libpq.so` (needed by {MODULE})\n"
        ),
    );
}

test!(a_program_is_listed_as_a_command, needs = NEEDS);
fn a_program_is_listed_as_a_command() {
    let fixture = alpine(&[]);
    let metadata = "Metadata-Version: 2.1\nName: graphviz\nVersion: 0.20\n";
    fixture.file(
        &format!("root{SITE}/graphviz-0.20.dist-info/METADATA"),
        metadata,
    );
    lists(&fixture, "cmd:dot\n");
}

test!(names_that_apk_would_not_take_are_missing, needs = NEEDS);
fn names_that_apk_would_not_take_are_missing() {
    let fixture = alpine(&["lib a.so", "libb.so=1"]);
    run(&fixture).args(["--strict", "/venv"]).said().is(
        1,
        "",
        &format!(
            "find-libdeps: missing: lib a.so, needed by {MODULE}: apk has no name for it by which it \
             finds a package\n\
             find-libdeps: missing: libb.so=1, needed by {MODULE}: apk has no name for it by which it \
             finds a package\n\
             find-libdeps: hint: install its package and run again, or pass `--ignore REGEX`\n"
        ),
    );
}

test!(lookup_is_not_needed_and_says_so, needs = NEEDS);
fn lookup_is_not_needed_and_says_so() {
    let fixture = alpine(&["libxml2.so.2"]);
    run(&fixture).args(["--strict", "--lookup", "/venv"]).said().is(
        0,
        "so:libxml2.so.2\n",
        "find-libdeps: warning: /lib/apk/db/installed: `--lookup` is not needed here: what is not \
         installed is listed by a name that `apk add` resolves, such as so:libpq.so.5\n",
    );
}

test!(
    a_trace_needs_glibcs_loader,
    needs = &[Need::Musl, Need::Cc, Need::Root, Need::Ldd]
);
fn a_trace_needs_glibcs_loader() {
    let fixture = alpine(&[]);
    inside(&fixture)
        .args(["--trace", "/venv", "--", "true"])
        .said()
        .is(
            2,
            "",
            "find-libdeps: error: `--trace` needs glibc's loader, which reports what it loads \
         (`LD_DEBUG`); musl's does not, so run find-libdeps without it\n",
        );
}

test!(a_database_that_cannot_be_used_leaves_no_list, needs = NEEDS);
fn a_database_that_cannot_be_used_leaves_no_list() {
    let fixture = alpine(&[]);
    let fails = |text: &str, end: &str| {
        fixture.file(INSTALLED, text);
        let run = fixture.run().args(["--root", "root", "/venv"]);
        fixture
            .said(run)
            .is(2, "", &format!("find-libdeps: error: {end}\n"));
    };
    let place = "apk's database root/lib/apk/db/installed";
    fails("", &format!("{place} has no packages"));
    for line in ["what?", "P:a b", "R:libz.so.1", "A:", "P:--root"] {
        let text = format!("P:zlib\nV:1\nA:x86_64\n\nP:a\nV:1\n{line}\nF:usr\n");
        fails(&text, &format!("{place} has an unexpected line: `{line}`"));
    }
    fails(
        "V:1\nF:usr\n",
        &format!("{place} has an unexpected line: `F:usr`"),
    );
    fixture.file("root/etc/apk/arch", "vax\nx86_64\n");
    fails(
        "P:a\nV:1\nA:x86_64\n",
        "the architecture of root/lib/apk/db/installed is not known here: `vax`; see /etc/apk/arch",
    );
    fs::remove_file(fixture.path("root/etc/apk/arch")).expect("it is there");
    fixture.file("root/var/lib/dpkg/status", "Package: dpkg\n");
    fails(
        "P:a\nV:1\nA:x86_64\n",
        "there are two package databases, dpkg's root/var/lib/dpkg/status and apk's \
         root/lib/apk/db/installed; move away the one of the package manager that the image does not use",
    );
    // An empty one is no other.
    fixture.file("root/var/lib/dpkg/status", "");
    lists(&fixture, "");
    fixture.file("root/var/lib/dpkg/status", "Package: dpkg\n");
    fixture.file(INSTALLED, "");
    run(&fixture).arg("/venv").said().is(
        0,
        "",
        "find-libdeps: warning: /var/lib/dpkg: neither dpkg nor libc6 is installed; the architecture is \
         taken to be amd64\n",
    );
}

test!(
    a_wheel_for_glibc_is_one_line_and_an_objection,
    needs = NEEDS
);
fn a_wheel_for_glibc_is_one_line_and_an_objection() {
    let fixture = alpine(&["libpq.so.5", "libc.musl-x86_64.so.1"]);
    let end = "cpython-312-x86_64-linux-gnu.so";
    let libs = runpath("$ORIGIN/../numpy.libs");
    library(
        &fixture,
        &format!("{SITE}/numpy/_core.{end}"),
        &["libblas.so.3", "libc.so.6"],
        &[&libs],
    );
    library(
        &fixture,
        &format!("{SITE}/numpy/_math.{end}"),
        &["libm.so.6", "libc.so.6"],
        &[],
    );
    library(
        &fixture,
        &format!("{SITE}/numpy.libs/libblas.so.3"),
        &["libc.so.6"],
        &[],
    );
    // A program for several systems is no such wheel.
    let tool = format!("{SITE}/tool/glibc/tool");
    library(&fixture, &tool, &["libc.so.6"], &[]);
    run(&fixture).args(["--strict", "/venv"]).said().is(
        1,
        "libpq\nmusl\n",
        &format!(
            "find-libdeps: warning: {SITE}/numpy: 3 files such as _core.{end} are built for glibc, not \
             for this system with musl; install its wheel with this system's pip; their needs are not \
             listed\n\
             find-libdeps: warning: {tool}: is built for glibc, not for this system; its needs are not \
             listed\n"
        ),
    );
}

/// A repository of packages that the test makes.
struct Repository {
    fixture: Fixture,
}

impl Repository {
    /// A package with what lies below `files` in the fixture.
    fn package(&self, name: &str, version: &str, provides: &str, files: &str) {
        let dir = self.fixture.path("repository/x86_64");
        fs::create_dir_all(&dir).expect("a directory");
        let info = [
            format!("name:{name}"),
            format!("version:{version}"),
            "arch:x86_64".to_owned(),
            "description:of a test".to_owned(),
            "license:none".to_owned(),
            format!("provides:{provides}"),
        ];
        let run = Run::new("apk").arg("mkpkg");
        let run = info
            .iter()
            .fold(run, |run, info| run.arg("--info").arg(info));
        run.arg("--files")
            .arg(self.fixture.path(files))
            .arg("--output")
            .arg(dir.join(format!("{name}-{version}.apk")))
            .must();
    }

    /// Its index, of these packages.
    fn index(&self, packages: &[&str]) {
        let dir = self.fixture.path("repository/x86_64");
        let run = Run::new("apk").args(["mkndx", "--allow-untrusted", "--output"]);
        let run = run.arg(dir.join("Packages.adb"));
        run.args(packages.iter().map(|name| dir.join(name))).must();
    }

    /// Makes `root` with the packages that `names` resolve to.
    fn install(&self, root: &str, names: &[&str]) {
        let root = self.fixture.path(root);
        fs::create_dir_all(root.join("etc/apk")).expect("a directory");
        let run = Run::new("apk").args(["add", "--initdb", "--arch", "x86_64", "--no-cache"]);
        run.args(["--allow-untrusted", "--no-scripts", "--root"])
            .arg(root)
            .arg("--repository")
            .arg(self.fixture.path("repository/x86_64/Packages.adb"))
            .args(names)
            .must();
    }
}

/// A shared library or program for musl.
fn compile(fixture: &Fixture, source: &str, to: &str, arguments: &[&str]) {
    let to = fixture.path(to);
    fs::create_dir_all(to.parent().expect("it has a name")).expect("a directory");
    let run = Run::new("musl-gcc")
        .dir(fixture.path(""))
        .args(["-x", "c", "-"]);
    let run = run.args(["-x", "none", "-o"]).arg(to).args(arguments);
    run.stdin(source).must();
}

test!(
    what_is_listed_is_what_apk_installs_for_the_program,
    needs = &[Need::Apk, Need::Musl, Need::Cc, Need::Root]
);
fn what_is_listed_is_what_apk_installs_for_the_program() {
    let repository = Repository {
        fixture: Fixture::new(),
    };
    let fixture = &repository.fixture;
    let loader = fixture.path("musl/lib/ld-musl-x86_64.so.1");
    fs::create_dir_all(loader.parent().expect("it has a name")).expect("a directory");
    fs::copy("/lib/ld-musl-x86_64.so.1", loader).expect("a copy");
    for name in ["foo", "bar"] {
        let library = format!("{name}/usr/lib/lib{name}.so.1");
        let soname = format!("-Wl,-soname,lib{name}.so.1");
        let source = format!("int {name}(void) {{ return 0; }}");
        compile(fixture, &source, &library, &["-shared", "-fPIC", &soname]);
    }
    repository.package("musl", "1.2.5-r0", "so:libc.musl-x86_64.so.1=1", "musl");
    repository.package("foo-libs", "1.0-r1", "so:libfoo.so.1=1", "foo");
    repository.package("bar-libs", "2.0-r0", "so:libbar.so.1=1", "bar");
    let all = [
        "musl-1.2.5-r0.apk",
        "foo-libs-1.0-r1.apk",
        "bar-libs-2.0-r0.apk",
    ];
    repository.index(&all);
    // The builder lacks one of the libraries.
    repository.install("builder", &["musl", "foo-libs"]);
    let source = "int foo(void); int bar(void); int main(void) { return foo() + bar(); }";
    let libraries = ["foo/usr/lib/libfoo.so.1", "bar/usr/lib/libbar.so.1"];
    compile(fixture, source, "builder/opt/program", &libraries);
    let run = Run::new(PROGRAM).arg("--root").arg(fixture.path("builder"));
    let list = run.args(["--strict", "/opt"]).said();
    list.is(0, "foo-libs\nmusl\nso:libbar.so.1\n", "");
    let names: Vec<&str> = list.stdout.lines().collect();
    repository.install("image", &names);
    fs::create_dir(fixture.path("image/opt")).expect("a directory");
    let program = fixture.path("image/opt/program");
    fs::copy(fixture.path("builder/opt/program"), program).expect("a copy");
    let chroot = Run::new("chroot").arg(fixture.path("image"));
    chroot.arg("/opt/program").must();
    let run = Run::new(PROGRAM).arg("--root").arg(fixture.path("image"));
    run.args(["--check", "/opt"]).said().is(0, "", "");
    let run = Run::new(PROGRAM).arg("--root").arg(fixture.path("image"));
    run.args(["--versions", "/opt"]).said().is(
        0,
        "bar-libs=2.0-r0\nfoo-libs=1.0-r1\nmusl=1.2.5-r0\n",
        "",
    );
}
