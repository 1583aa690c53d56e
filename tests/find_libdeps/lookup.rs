//! The look-up of packages in Contents indexes: with real apt, on archives made for a test and on
//! Debian's own.
//!
//! Each look-up runs in a separate process, which is this program again, to have its own environment.

use crate::fixture::Fixture;
use crate::support::debian;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::{Run, Said};
use find_libdeps::config::Lookup;
use find_libdeps::demand::{Item, LibraryName};
use find_libdeps::loader::glibc::system_libraries::LdSo;
use find_libdeps::packages::dpkg::Dpkg;
use find_libdeps::packages::lookup::{Found, PackagedLibrary, Wanted, look_up};
use find_libdeps::system::architecture::{ARCHITECTURES, Architecture};
use find_libdeps::system::os_release::OsRelease;
use find_libdeps::system::path_pattern::PathPattern;
use find_libdeps::system::root::Root;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;

/// Set for a process that looks up: `machine`, `temporary`, or a directory.
const SOURCE: &str = "LOOK_UP";

const NEEDS: &[Need] = &[Need::Archive, Need::Dpkg];
const FROM_ELF: &[Need] = &[Need::Archive, Need::Dpkg, Need::Cc];

/// Looks up the arguments, in a process that was started for it.
pub fn driver() -> Option<i32> {
    let source = match std::env::var(SOURCE).ok()?.as_str() {
        "machine" => Lookup::Machine,
        "temporary" => Lookup::Temporary,
        dir => Lookup::Directory(PathBuf::from(dir)),
    };
    let root = Root::machine();
    let dpkg = Dpkg::new(&root).expect("dpkg");
    let alternatives = |names: String| names.split(" | ").map(wanted).collect();
    let wanted: BTreeSet<Vec<Wanted>> = std::env::args().skip(1).map(alternatives).collect();
    match look_up(&root, &dpkg, &LdSo::read(&root), &wanted, &source) {
        Ok(found) => {
            for (wanted, found) in &found {
                println!("{}: {}", called(&wanted.item), told(found));
            }
            Some(0)
        }
        Err(error) => {
            eprintln!("{error}");
            Some(2)
        }
    }
}

/// `libfoo.so.1`, `foo`, `program foo` or `/path`, each possibly with `ARCHITECTURE:` before it.
/// In an argument, ` | ` is between alternatives.
fn wanted(name: &str) -> Wanted {
    let (row, name) = match name.split_once(':') {
        None => (native(), name),
        Some((architecture, name)) => (row(architecture), name),
    };
    let item = if let Some(program) = name.strip_prefix("program ") {
        Item::Program(program.into())
    } else if let Some(pattern) = PathPattern::new(name) {
        Item::File(pattern)
    } else if name.contains(".so") {
        Item::Library(LibraryName::Soname(name.into()))
    } else {
        Item::Library(LibraryName::Stem(name.to_owned()))
    };
    Wanted { item, abi: row.abi }
}

fn row(architecture: &str) -> &'static Architecture {
    let mut all = ARCHITECTURES.iter();
    all.find(|row| row.debian == architecture).expect("known")
}

fn native() -> &'static Architecture {
    row(Dpkg::new(&Root::machine()).expect("dpkg").architecture())
}

fn called(item: &Item) -> String {
    match item {
        Item::Library(LibraryName::Stem(stem)) => stem.clone(),
        item => item.name().to_string_lossy().into_owned(),
    }
}

fn told(found: &Found) -> String {
    let all = |candidates: &[PackagedLibrary]| {
        let one = |candidate: &PackagedLibrary| {
            format!("{} ({})", candidate.package, candidate.path.display())
        };
        candidates.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    match found {
        Found::Package {
            chosen,
            passed_over,
        } => {
            let soname = chosen.soname.to_string_lossy();
            let first = format!("{soname} of {}", all(std::slice::from_ref(chosen)));
            match &passed_over[..] {
                [] => first,
                others => format!("{first}, not {}", all(others)),
            }
        }
        Found::Undecided(candidates) => format!("one of {}", all(candidates)),
        Found::NotShipped => "not shipped".to_owned(),
        Found::NotSearched(problem) => format!("not searched: {problem}"),
        Found::ForeignArchitecture => "foreign".to_owned(),
        Found::Resolved(_) | Found::Unnamed => unreachable!("apk is not asked"),
    }
}

/// An apt with archives that the test makes.
struct Apt {
    fixture: Fixture,
}

impl Apt {
    fn new() -> Self {
        let apt = Self {
            fixture: Fixture::new(),
        };
        for dir in ["lists/partial", "cache", "tmp", "etc"] {
            fs::create_dir_all(apt.fixture.path(dir)).expect("a directory");
        }
        let path = apt.fixture.text("");
        // A hook, and an index target, that are not for the look-up.
        let conf = format!(
            "Dir::State::lists \"{path}lists\";\nDir::Cache \"{path}cache\";\n\
             Dir::Etc \"{path}etc\";\nDir::Etc::main \"-\";\nDir::Etc::parts \"-\";\n\
             APT::Sandbox::User \"root\";\n\
             APT::Update::Post-Invoke {{ \"touch {path}hook\"; }};\n\
             Acquire::Languages \"none\";\nAcquire::Retries \"0\";\n"
        );
        apt.fixture.file("apt.conf", conf);
        apt
    }

    /// Writes a Contents index of the native architecture into a suite, TRIPLET in it replaced.
    fn contents(&self, suite: &str, component: &str, lines: &str) -> &Self {
        self.contents_for(native(), suite, component, lines)
    }

    fn contents_for(&self, row: &Architecture, suite: &str, component: &str, text: &str) -> &Self {
        let text = text.replace("TRIPLET", row.triplet);
        self.contents_named(row.debian, suite, component, &text)
    }

    fn contents_named(&self, end: &str, suite: &str, component: &str, text: &str) -> &Self {
        let name = format!("archive/dists/{suite}/{component}/Contents-{end}");
        let path = self.fixture.file(&name, text);
        Run::new("gzip").arg("-k").arg(path).must();
        self
    }

    /// Writes the Release file of a suite, and names it as a source.
    fn release(&self, suite: &str, origin: &str, codename: &str, components: &str) -> &Self {
        let option = |name: &str, value: &str| format!("APT::FTPArchive::Release::{name}={value}");
        let dir = self.fixture.path("archive/dists").join(suite);
        fs::create_dir_all(&dir).expect("a directory");
        let release = Run::new("apt-ftparchive")
            .args(["-o", &option("Origin", origin)])
            .args(["-o", &option("Codename", codename)])
            .args(["-o", &option("Components", components)])
            .args(["release", "."])
            .dir(&dir)
            .must();
        fs::write(dir.join("Release"), release).expect("a file");
        for entry in fs::read_dir(dir.join("main")).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.extension().is_none() {
                // Archives have the compressed form alone.
                fs::remove_file(path).expect("it is there");
            }
        }
        let line = format!(
            "deb [trusted=yes] copy:{} {suite} {components}\n",
            self.fixture.text("archive")
        );
        let name = "etc/sources.list";
        let known = fs::read_to_string(self.fixture.path(name)).unwrap_or_default();
        self.fixture.file(name, known + &line);
        self
    }

    fn run(&self, source: &str, names: &[&str]) -> Run {
        Run::new(std::env::current_exe().expect("this program"))
            .env(SOURCE, source)
            .env("APT_CONFIG", self.fixture.path("apt.conf"))
            .env("TMPDIR", self.fixture.path("tmp"))
            .args(names)
    }

    /// The same, with apt's lists out of which it looks up kept in `kept`.
    fn run_kept(&self, names: &[&str]) -> Run {
        self.run(&self.fixture.text("kept"), names)
    }

    /// The only index in a directory of lists.
    fn index(&self, dir: &str) -> PathBuf {
        let mut found = list(&self.fixture.path(dir))
            .into_iter()
            .filter(|path| path.to_string_lossy().contains("_Contents-"));
        let one = found.next().expect("an index");
        assert_eq!(found.next(), None);
        one
    }
}

fn list(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// A Debian suite of the machine's own release, with main alone.
fn debian(lines: &str) -> Apt {
    let apt = Apt::new();
    apt.contents("stable", "main", lines);
    apt.release("stable", "Debian", &codename(), "main");
    apt
}

fn codename() -> String {
    let own = OsRelease::read(&Root::machine());
    own.version_codename.unwrap_or_else(|| "sid".to_owned())
}

/// What was said, with TRIPLET for the native one.
#[track_caller]
fn says(run: Run, stdout: &str) {
    let stdout = stdout.replace("TRIPLET", native().triplet);
    run.said().is(0, &stdout, "");
}

const FOO: &str = "usr/lib/TRIPLET/libfoo.so.1    libs/libfoo1\n";

test!(main_comes_before_other_components, needs = NEEDS);
fn main_comes_before_other_components() {
    let apt = Apt::new();
    let own = codename();
    apt.contents("a-third", "main", "usr/lib/TRIPLET/libfoo.so.1 libs/libfoo1,x/third\nlib/TRIPLET/libt.so.1 third\n")
        .contents("backports", "main", "usr/lib/TRIPLET/libfoo.so.1 libs/backport\nusr/lib/TRIPLET/libt.so.1 x\n")
        .contents("stable", "contrib", "usr/lib/TRIPLET/libfoo.so.1 contrib/libs/extra\nusr/lib/TRIPLET/libbar.so.1 contrib/libs/extra\n")
        .contents("stable", "main", "usr/lib/TRIPLET/libfoo.so.1 libs/main\n")
        .contents("updates", "main", "lib/TRIPLET/libfoo.so.1 libs/main\n");
    apt.release("a-third", "Third", &own, "main")
        .release(
            "backports",
            "Debian Backports",
            &format!("{own}-backports"),
            "main",
        )
        .release("stable", "Debian", &own, "main contrib")
        .release("updates", "Debian", &format!("{own}-updates"), "main");
    says(
        apt.run("temporary", &["libfoo.so.1", "libbar.so.1", "libt.so.1"]),
        "libbar.so.1: libbar.so.1 of extra (/usr/lib/TRIPLET/libbar.so.1)\n\
         libfoo.so.1: libfoo.so.1 of main (/lib/TRIPLET/libfoo.so.1), \
         not backport (/usr/lib/TRIPLET/libfoo.so.1), extra (/usr/lib/TRIPLET/libfoo.so.1), \
         libfoo1 (/usr/lib/TRIPLET/libfoo.so.1), third (/usr/lib/TRIPLET/libfoo.so.1)\n\
         libt.so.1: libt.so.1 of x (/usr/lib/TRIPLET/libt.so.1), \
         not third (/lib/TRIPLET/libt.so.1)\n",
    );
}

test!(the_first_rule_that_leaves_one_decides, needs = NEEDS);
fn the_first_rule_that_leaves_one_decides() {
    let apt = debian(
        "FILE LOCATION\n\
         usr/lib/TRIPLET/blas/libblas.so.3 libs/libblas3\n\
         usr/lib/TRIPLET/dino-im/libdino.so.0 net/dino-im\n\
         usr/lib/TRIPLET/frr/libfrr.so.0 net/frr\n\
         usr/lib/TRIPLET/libav_c.so.59 libs/libav-c-extra59,libs/libav-c59t64\n\
         usr/lib/TRIPLET/libgui.so.5 libs/libqtgui5t64,libs/libqtgui5-gles\n\
         usr/lib/TRIPLET/libhs.so.5 libs/libhyperscan5,libs/libvectorscan5\n\
         usr/lib/TRIPLET/libold.so.5 oldlibs/libold5,libs/new\n\
         usr/lib/TRIPLET/libomp.so.5 devel/libomp5-9t64,devel/libomp5-14,devel/libomp5-dev,\
         devel/libomp5-dbg,devel/libomp5-15-dev-x,libomp5-16-cross\n\
         usr/lib/TRIPLET/libx2.so.1 libs/libx21,libs/libx2-1\n\
         usr/lib/TRIPLET/openblas-pthread/libblas.so.3 libs/libopenblas0-pthread\n\
         usr/lib/TRIPLET/openblas-pthread/libopenblas.so.0 libs/libopenblas0-pthread\n\
         usr/lib/TRIPLET/primus/libGL.so.1 utils/primus-libs\n\
         usr/lib/TRIPLET/samba/libhs.so.5 libs/samba-libs\n\
         usr/share/libhs.so.5 libs/doc\n",
    );
    says(
        apt.run(
            "temporary",
            &[
                "libGL.so.1",
                "libav_c.so.59",
                "libblas.so.3",
                "libdino.so.0",
                "libfrr.so.0",
                "libgui.so.5",
                "libhs.so.5",
                "libold.so.5",
                "libomp.so.5",
                "libopenblas.so.0",
                "libx2.so.1",
            ],
        ),
        "libGL.so.1: not shipped\n\
         libav_c.so.59: libav_c.so.59 of libav-c59t64 (/usr/lib/TRIPLET/libav_c.so.59), \
         not libav-c-extra59 (/usr/lib/TRIPLET/libav_c.so.59)\n\
         libblas.so.3: libblas.so.3 of libblas3 (/usr/lib/TRIPLET/blas/libblas.so.3)\n\
         libdino.so.0: not shipped\n\
         libfrr.so.0: not shipped\n\
         libgui.so.5: libgui.so.5 of libqtgui5t64 (/usr/lib/TRIPLET/libgui.so.5), \
         not libqtgui5-gles (/usr/lib/TRIPLET/libgui.so.5)\n\
         libhs.so.5: one of libhyperscan5 (/usr/lib/TRIPLET/libhs.so.5), \
         libvectorscan5 (/usr/lib/TRIPLET/libhs.so.5)\n\
         libold.so.5: libold.so.5 of new (/usr/lib/TRIPLET/libold.so.5), \
         not libold5 (/usr/lib/TRIPLET/libold.so.5)\n\
         libomp.so.5: libomp.so.5 of libomp5-14 (/usr/lib/TRIPLET/libomp.so.5), \
         not libomp5-9t64 (/usr/lib/TRIPLET/libomp.so.5)\n\
         libopenblas.so.0: one of libopenblas0-pthread \
         (/usr/lib/TRIPLET/openblas-pthread/libopenblas.so.0)\n\
         libx2.so.1: libx2.so.1 of libx2-1 (/usr/lib/TRIPLET/libx2.so.1), \
         not libx21 (/usr/lib/TRIPLET/libx2.so.1)\n",
    );
}

test!(
    a_program_is_looked_up_in_path_and_a_file_by_its_path,
    needs = NEEDS
);
fn a_program_is_looked_up_in_path_and_a_file_by_its_path() {
    let apt = debian(
        "bin/gzip utils/gzip\n\
         usr/bin/convert graphics/imagemagick,graphics/graphicsmagick\n\
         usr/bin/foo devel/libfoo-dev,devel/foo-dbg\n\
         usr/bin/git vcs/git,oldlibs/git-core,vcs/git-small\n\
         usr/games/fortune games/fortune\n\
         usr/lib/TRIPLET/girepository-1.0/Gtk-3.0.typelib introspection/gir1.2-gtk-3.0\n\
         usr/lib/TRIPLET/girepository-1.0/more/Gtk-3.0.typelib introspection/other\n\
         usr/lib/git-core/gzip vcs/git\n\
         lib/x/y.1 x/y1\n\
         usr/lib/x/y.2 x/y1\n",
    );
    says(
        apt.run(
            "temporary",
            &[
                "program convert",
                "program foo",
                "program fortune",
                "program git",
                "program /bin/foo",
                "program /opt/foo",
                "program gzip",
                "/usr/lib/*/girepository-1.0/Gtk-3.0.typelib",
                "/usr/lib/x/y.*",
            ],
        ),
        "/bin/foo: foo of libfoo-dev (/usr/bin/foo)\n\
         /opt/foo: not shipped\n\
         convert: one of graphicsmagick (/usr/bin/convert), imagemagick (/usr/bin/convert)\n\
         foo: foo of libfoo-dev (/usr/bin/foo)\n\
         fortune: not shipped\n\
         git: git of git (/usr/bin/git), not git-core (/usr/bin/git), git-small (/usr/bin/git)\n\
         gzip: gzip of gzip (/bin/gzip)\n\
         /usr/lib/*/girepository-1.0/Gtk-3.0.typelib: Gtk-3.0.typelib of gir1.2-gtk-3.0 \
         (/usr/lib/TRIPLET/girepository-1.0/Gtk-3.0.typelib)\n\
         /usr/lib/x/y.*: y.2 of y1 (/usr/lib/x/y.2)\n",
    );
}

test!(a_stem_matches_any_version, needs = NEEDS);
fn a_stem_matches_any_version() {
    let apt = debian(
        "usr/lib/TRIPLET/libargon.so.0 libs/libargon0\n\
         usr/lib/TRIPLET/libargon.so.1 libs/libargon1\n\
         usr/lib/TRIPLET/libcurl-g.so.3 libs/libcurl3\n\
         usr/lib/TRIPLET/libcurl-g.so.4 libs/libcurl3\n\
         usr/lib/TRIPLET/libcurl-g.so.10 libs/libcurl3\n\
         usr/lib/TRIPLET/libmagic.a libdevel/libmagic-dev\n\
         usr/lib/TRIPLET/libmagic.so libdevel/libmagic-dev\n\
         usr/lib/TRIPLET/libmagic.so.1 libs/libmagic1t64\n\
         usr/lib/TRIPLET/libmagic.so.1.0.0 libs/libmagic1t64\n\
         usr/lib/TRIPLET/libmagic.so.x libs/other\n\
         usr/lib/TRIPLET/libmagical.so.1 libs/libmagical1\n\
         usr/lib/TRIPLET/libtidy.so.5deb1 libs/libtidy5deb1\n\
         usr/lib/TRIPLET/libtidy.so.5deb1.6.0 libs/libtidy5deb1\n\
         usr/lib/TRIPLET/libtinfo.so.5 oldlibs/libtinfo5\n\
         usr/lib/TRIPLET/libtinfo.so.6 libs/libtinfo6\n\
         usr/lib/TRIPLET/libuhd.so.4.3.0 libs/libuhd4.3.0\n",
    );
    says(
        apt.run(
            "temporary",
            &[
                "argon",
                "curl-g",
                "magic",
                "pango-1.0-0",
                "tidy",
                "tinfo",
                "uhd",
                "libmagic.so",
            ],
        ),
        "libmagic.so: not shipped\n\
         argon: one of libargon0 (/usr/lib/TRIPLET/libargon.so.0), \
         libargon1 (/usr/lib/TRIPLET/libargon.so.1)\n\
         curl-g: libcurl-g.so.10 of libcurl3 (/usr/lib/TRIPLET/libcurl-g.so.10)\n\
         magic: libmagic.so.1 of libmagic1t64 (/usr/lib/TRIPLET/libmagic.so.1)\n\
         pango-1.0-0: not shipped\n\
         tidy: libtidy.so.5deb1 of libtidy5deb1 (/usr/lib/TRIPLET/libtidy.so.5deb1)\n\
         tinfo: libtinfo.so.6 of libtinfo6 (/usr/lib/TRIPLET/libtinfo.so.6), \
         not libtinfo5 (/usr/lib/TRIPLET/libtinfo.so.5)\n\
         uhd: libuhd.so.4.3.0 of libuhd4.3.0 (/usr/lib/TRIPLET/libuhd.so.4.3.0)\n",
    );
}

const FOUND: &str = "libfoo.so.1: libfoo.so.1 of libfoo1 (/usr/lib/TRIPLET/libfoo.so.1)\n";

test!(the_index_that_apt_has_is_read, needs = NEEDS);
fn the_index_that_apt_has_is_read() {
    let apt = debian(FOO);
    // As apt-file configures apt.
    let conf = "Acquire::IndexTargets::deb::Contents-deb {\n\
                MetaKey \"$(COMPONENT)/Contents-$(ARCHITECTURE)\";\nShortDescription \"x\";\n\
                Description \"x\";\nKeepCompressed \"true\";\n};\n\
                Acquire::IndexTargets::deb::Packages::DefaultEnabled \"false\";\n";
    Run::new("apt-get")
        .arg("-c")
        .arg(apt.fixture.file("apt-file.conf", conf))
        .args(["-qq", "update"])
        .env("APT_CONFIG", apt.fixture.path("apt.conf"))
        .must();
    fs::remove_dir_all(apt.fixture.path("archive")).expect("it is there");
    for source in ["machine", "temporary"] {
        says(apt.run(source, &["libfoo.so.1"]), FOUND);
    }
    says(apt.run_kept(&["libfoo.so.1"]), FOUND);
    assert!(!apt.fixture.path("kept").exists());
}

test!(several_names_of_one_library_give_one_report, needs = NEEDS);
/// The report is the same each time, and says nothing of a path, which no index is asked for.
fn several_names_of_one_library_give_one_report() {
    let apt = debian(FOO);
    let source = "import ctypes\nfrom ctypes.util import find_library\n\
                  find_library('foo')\nctypes.CDLL('libfoo.so.1')\nctypes.CDLL('/usr/lib/libfoo.so.1')\n";
    apt.fixture.file("venv/m.py", source);
    let expected = "libfoo1 (not installed here)  venv/m.py\n  \
                    libfoo.so.1 => /usr/lib/TRIPLET/libfoo.so.1 (Debian's Contents index)\n    \
                    loaded at run time by venv/m.py:3\n  \
                    libfoo.so.1 => /usr/lib/TRIPLET/libfoo.so.1 (Debian's Contents index)\n    \
                    loaded at run time by venv/m.py:4\n\n\
                    possible: code may load these at run time but may work without them\n  \
                    /usr/lib/libfoo.so.1\n    loaded at run time by venv/m.py:5\n    \
                    searched /usr/lib/libfoo.so.1 (named by its path)\n";
    for _ in 0..8 {
        let run = apt
            .fixture
            .run()
            .env("APT_CONFIG", apt.fixture.path("apt.conf"));
        let run = run.env("TMPDIR", apt.fixture.path("tmp"));
        let lookup = format!("--lookup={}", apt.fixture.text("kept"));
        let words = [
            &lookup,
            "-q",
            "--dlopen=all",
            "--explain",
            "venv/m.py",
            "venv",
        ];
        let said = apt.fixture.said(run.args(words));
        said.is(0, &expected.replace("TRIPLET", native().triplet), "");
    }
}

test!(
    the_version_of_a_looked_up_package_is_that_of_apts_lists,
    needs = NEEDS
);
fn the_version_of_a_looked_up_package_is_that_of_apts_lists() {
    let apt = debian(FOO);
    let source = "import ctypes\nctypes.CDLL('libfoo.so.1')\n";
    apt.fixture.file("venv/m.py", source);
    let run = |words: &[&str]| {
        let conf = apt.fixture.path("apt.conf");
        let run = apt.fixture.run().env("APT_CONFIG", conf);
        let run = run.env("TMPDIR", apt.fixture.path("tmp"));
        let lookup = format!("--lookup={}", apt.fixture.text("kept"));
        run.args(["-q", "--dlopen=all", &lookup])
            .args(words)
            .arg("venv")
    };
    run(&["--versions"]).said().is(
        2,
        "",
        "find-libdeps: error: the version of libfoo1 is not known, because it is not installed and \
         not in apt's package lists; no list is printed; run `apt-get update` first, or leave out \
         `--versions`\n",
    );
    // The highest version is the candidate.
    let package = |version: &str| {
        format!(
            "Package: libfoo1\nArchitecture: {}\nVersion: {version}\nMaintainer: x\n\
             Filename: ./{version}.deb\nSize: 1\nSHA256: {:064}\nDescription: x\n\n",
            native().debian,
            0
        )
    };
    let packages = package("1:1.2-3") + &package("1:1.2-2");
    apt.fixture.file("flat/Packages", packages);
    let release = Run::new("apt-ftparchive").args(["release", "."]);
    let release = release.dir(apt.fixture.path("flat")).must();
    apt.fixture.file("flat/Release", release);
    let sources = fs::read_to_string(apt.fixture.path("etc/sources.list")).expect("a file");
    let flat = format!("deb [trusted=yes] copy:{} ./\n", apt.fixture.text("flat"));
    apt.fixture.file("etc/sources.list", sources + &flat);
    let update = Run::new("apt-get").args(["-qq", "update"]);
    update
        .env("APT_CONFIG", apt.fixture.path("apt.conf"))
        .must();
    run(&["--versions"]).said().is(0, "libfoo1=1:1.2-3\n", "");
    let explained = "libfoo1 1:1.2-3 (not installed here)  venv/m.py\n";
    apt.fixture.said(run(&["--explain"])).is(0, explained, "");
}

test!(
    what_no_package_of_the_architecture_ships_is_in_one_for_all,
    needs = NEEDS
);
fn what_no_package_of_the_architecture_ships_is_in_one_for_all() {
    let apt = Apt::new();
    let own = "usr/bin/git vcs/git\nusr/bin/tool x/b,x/c\n";
    apt.contents("stable", "main", &format!("{own}{FOO}"));
    let common = "usr/bin/exiftool perl/exiftool\nusr/bin/tool z/z\nusr/share/x/1.json x/data\n\
                  usr/lib/libbar.so.1 libs/libbar1\n";
    apt.contents_named("all", "stable", "main", common);
    apt.contents_named("all", "stable", "contrib", "usr/bin/exiftool x/other\n");
    apt.release("stable", "Debian", &codename(), "main contrib");
    // Neither a library nor what has an alternative is worth the larger index.
    let names = ["libbar.so.1", "program none | program git", "program tool"];
    let answers = "libbar.so.1: not shipped\ngit: git of git (/usr/bin/git)\n\
                   none: not shipped\ntool: one of b (/usr/bin/tool), c (/usr/bin/tool)\n";
    says(apt.run_kept(&names), answers);
    let first = apt.index("kept/lists");
    let inode = || fs::metadata(&first).expect("a file").ino();
    let before = inode();
    let more = [
        "program exiftool",
        "/usr/share/x/*.json",
        "program none | program git",
    ];
    let found = "exiftool: exiftool of exiftool (/usr/bin/exiftool), not other (/usr/bin/exiftool)\n\
                 git: git of git (/usr/bin/git)\nnone: not shipped\n\
                 /usr/share/x/*.json: 1.json of data (/usr/share/x/1.json)\n";
    let indexes = || {
        let files = list(&apt.fixture.path("kept/lists")).into_iter();
        let indexes = files.filter(|path| path.to_string_lossy().contains("_Contents-"));
        indexes.collect::<BTreeSet<PathBuf>>()
    };
    says(apt.run_kept(&more), found);
    let both = indexes();
    assert_eq!((both.len(), inode()), (3, before));
    // They are kept together, by runs that need only one, too.
    says(
        apt.run_kept(&["program git"]),
        "git: git of git (/usr/bin/git)\n",
    );
    assert_eq!((indexes(), inode()), (both.clone(), before));
    says(apt.run("temporary", &more), found);
    // Its sum is compared as well. What it concerns is not known then, and the rest is.
    let mut indexes = both.iter();
    let larger = indexes.find(|path| path.to_string_lossy().contains("main_Contents-all"));
    let larger = larger.expect("an index");
    let content = fs::read(larger).expect("a file");
    fs::write(larger, &content[..content.len() / 2]).expect("a file");
    let said = apt.run_kept(&["program exiftool", "program git"]).said();
    assert_eq!((said.status, said.stderr.as_str()), (0, ""));
    let begin = format!(
        "exiftool: not searched: cannot read the Contents index {}: ",
        larger.display()
    );
    let end = "; remove it and run again to fetch it\ngit: git of git (/usr/bin/git)\n";
    assert!(said.stdout.starts_with(&begin), "{}", said.stdout);
    assert!(said.stdout.ends_with(end), "{}", said.stdout);
    // A mirror that is out of step.
    fs::write(larger, &content).expect("a file");
    let contrib = "archive/dists/stable/contrib/Contents-all.gz";
    apt.fixture.file(contrib, "x");
    let names = ["program exiftool", "program none"];
    let said = apt.run("temporary", &names).said();
    assert_eq!((said.status, said.stderr.as_str()), (0, ""));
    let begin = "exiftool: not searched: cannot fetch the Contents index: `apt-get update` failed";
    assert!(said.stdout.starts_with(begin), "{}", said.stdout);
}

test!(temporary_lists_are_removed, needs = NEEDS);
fn temporary_lists_are_removed() {
    let apt = debian(FOO);
    says(apt.run("temporary", &["libfoo.so.1"]), FOUND);
    // apt's own lists, its cache, and its hooks are as they were.
    for (dir, number) in [("tmp", 0), ("lists", 1), ("cache", 0)] {
        assert_eq!(list(&apt.fixture.path(dir)).len(), number, "{dir}");
    }
    assert!(!apt.fixture.path("hook").exists());
    // Nor is anything left of a fetch that failed: the archive is not what its Release file says.
    apt.fixture.file("archive/dists/stable/main/Other", "x");
    let release = apt.fixture.path("archive/dists/stable/Release");
    let text = fs::read_to_string(&release).expect("a file");
    fs::write(release, text.replace(".gz", ".xz")).expect("a file");
    let said = apt.run("temporary", &["libfoo.so.1"]).said();
    assert_eq!((said.status, said.stdout.as_str()), (2, ""));
    let begin = "cannot fetch the Contents index: `apt-get update` failed with exit status 100: ";
    let end = "; check with `apt-get update` that the network and apt's sources work\n";
    assert!(said.stderr.starts_with(begin), "{}", said.stderr);
    assert!(said.stderr.ends_with(end), "{}", said.stderr);
    assert!(list(&apt.fixture.path("tmp")).is_empty());
}

test!(a_signal_ends_apt_and_leaves_nothing_behind, needs = NEEDS);
/// While apt waits for an archive that does not answer.
fn a_signal_ends_apt_and_leaves_nothing_behind() {
    let apt = debian(FOO);
    let archive = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = archive.local_addr().expect("an address").port();
    let source = format!("deb [trusted=yes] http://127.0.0.1:{port}/ stable main\n");
    apt.fixture.file("etc/sources.list", source);
    let kept = apt.fixture.text("kept");
    let program = std::env::current_exe().expect("this program");
    for (lists, signal) in [
        ("temporary", Signal::HUP),
        ("temporary", Signal::INT),
        ("temporary", Signal::TERM),
        (&kept, Signal::TERM),
    ] {
        let script = "echo $$ > pid; exec \"$@\"";
        let run = Run::new("sh").dir(apt.fixture.path(""));
        let run = run
            .args(["-c", script, "sh"])
            .arg(&program)
            .arg("libfoo.so.1");
        let run = run
            .env(SOURCE, lists)
            .env("TMPDIR", apt.fixture.path("tmp"));
        let run = run.env("APT_CONFIG", apt.fixture.path("apt.conf"));
        let (mut connection, said) = thread::scope(|scope| {
            let run = scope.spawn(|| run.said());
            let (connection, _) = archive.accept().expect("apt connects");
            let pid = fs::read_to_string(apt.fixture.path("pid")).expect("a file");
            let pid = pid.trim().parse().ok().and_then(Pid::from_raw);
            kill_process(pid.expect("a number"), signal).expect("it runs");
            (connection, run.join().expect("a run"))
        });
        said.is(128 + signal.as_raw(), "", "");
        // It ends with the process at its other end.
        let _ = connection.read_to_end(&mut Vec::new());
        assert!(list(&apt.fixture.path("tmp")).is_empty());
    }
}

test!(kept_lists_are_reused, needs = NEEDS);
fn kept_lists_are_reused() {
    let apt = debian(FOO);
    says(apt.run_kept(&["libfoo.so.1"]), FOUND);
    let before = fs::metadata(apt.index("kept/lists")).expect("a file").ino();
    says(apt.run_kept(&["libfoo.so.1"]), FOUND);
    let after = fs::metadata(apt.index("kept/lists")).expect("a file").ino();
    assert_eq!(before, after);
    assert!(list(&apt.fixture.path("tmp")).is_empty());
}

test!(
    runs_that_share_a_directory_wait_for_one_another,
    needs = NEEDS
);
fn runs_that_share_a_directory_wait_for_one_another() {
    let apt = debian(FOO);
    thread::scope(|scope| {
        let runs = [(); 4].map(|()| scope.spawn(|| apt.run_kept(&["libfoo.so.1"]).said()));
        let found = FOUND.replace("TRIPLET", native().triplet);
        for run in runs {
            run.join().expect("a run").is(0, &found, "");
        }
    });
    // apt's default is to fetch the lists of packages, too.
    let mut kept: Vec<PathBuf> = list(&apt.fixture.path("kept/lists"));
    kept.retain(|path| path.is_file() && path.metadata().is_ok_and(|data| data.len() > 0));
    assert_eq!(kept.len(), 2, "{kept:?}");
}

test!(a_look_up_that_fails_leaves_no_list, needs = FROM_ELF);
fn a_look_up_that_fails_leaves_no_list() {
    let apt = debian(FOO);
    let fixture = &apt.fixture;
    fixture.library("stubs/gone", "int g;", &["-Wl,-soname,libgone.so.1"]);
    fixture.library("venv/e.so", "int e;", &["stubs/gone"]);
    let run = |option: &str| {
        let run = fixture.run().args([option, "venv"]);
        let run = run.env("APT_CONFIG", fixture.path("apt.conf"));
        fixture.said(run.env("TMPDIR", fixture.path("tmp")))
    };
    let why = |error: &str| {
        format!(
            "find-libdeps: error: {error}\nfind-libdeps: error: no list is printed, because it \
             could be incomplete; without `--lookup`, missing libraries are reported instead\n"
        )
    };
    let unusable = |path: &str, reason: &str| {
        why(&format!(
            "cannot use {path} for apt's lists: {reason}; set TMPDIR or pass `--lookup=DIR` to \
             use another directory"
        ))
    };
    fixture.file("file", "");
    run("--lookup=file").is(2, "", &unusable("file", "File exists (os error 17)"));
    fs::create_dir_all(fixture.path("locked/lock")).expect("directories");
    let reason = "Is a directory (os error 21)";
    run("--lookup=locked").is(2, "", &unusable("locked/lock", reason));
    // Nothing listens on this port.
    let source = "deb [trusted=yes] http://127.0.0.1:1/ stable main\n";
    fixture.file("etc/sources.list", source);
    let said = run("--lookup");
    let begin = "find-libdeps: error: cannot fetch the Contents index: `apt-get update` failed";
    assert_eq!((said.status, said.stdout.as_str()), (2, ""));
    assert!(said.stderr.starts_with(begin), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 2, "{}", said.stderr);
    let root = fixture.run().args(["--root", "/", "--lookup"]);
    let said = root.arg(fixture.path("venv")).said();
    assert_eq!((said.status, said.stdout.as_str()), (2, ""));
}

test!(a_damaged_index_is_an_error, needs = NEEDS);
fn a_damaged_index_is_an_error() {
    let apt = debian(&FOO.repeat(50_000));
    says(apt.run_kept(&["libfoo.so.1"]), FOUND);
    // From now on what was fetched is all that there is: apt finds no change.
    let index = apt.index("kept/lists");
    let whole = fs::read(&index).expect("a file");
    let damaged = |content: &[u8]| -> Said {
        fs::write(&index, content).expect("a file");
        let kept = apt.fixture.text("kept/lists");
        let conf = format!(
            "{}Dir::State::lists \"{kept}\";\n",
            fs::read_to_string(apt.fixture.path("apt.conf")).expect("a file")
        );
        let run = apt.run("machine", &["libfoo.so.1"]);
        run.env("APT_CONFIG", apt.fixture.file("kept.conf", conf))
            .said()
    };
    let mut other = whole.clone();
    let middle = other.len() / 2;
    other[middle] ^= 0xff;
    for content in [&whole[..middle], &whole[..0], &other] {
        let said = damaged(content);
        let begin = format!("cannot read the Contents index {}: ", index.display());
        let end = "; remove it and run again to fetch it\n";
        assert_eq!((said.status, said.stdout.as_str()), (2, ""));
        assert!(said.stderr.starts_with(&begin), "{}", said.stderr);
        assert!(said.stderr.ends_with(end), "{}", said.stderr);
    }
    assert_eq!(damaged(&whole).status, 0);
}

test!(errors_name_the_next_step, needs = NEEDS);
fn errors_name_the_next_step() {
    let apt = Apt::new();
    apt.fixture.file("archive/dists/stable/main/Other", "");
    apt.release("stable", "Debian", &codename(), "main");
    let architecture = native().debian;
    apt.run("machine", &["libfoo.so.1"]).said().is(
        2,
        "",
        &format!(
            "apt has no Contents index for {architecture}; pass `--lookup`, or install apt-file \
             and run `apt-get update`\n"
        ),
    );
    apt.run("temporary", &["libfoo.so.1"]).said().is(
        2,
        "",
        &format!(
            "none of apt's sources has a Contents index for {architecture}; add a Debian \
             archive to /etc/apt/sources.list or /etc/apt/sources.list.d\n"
        ),
    );
    let fake = apt.fixture.file(
        "bin/apt-get",
        "#!/bin/sh\necho W: a >&2\necho E: why >&2\nexit 100\n",
    );
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("permissions");
    let path = format!("{}:/usr/bin:/bin", apt.fixture.text("bin"));
    apt.run("temporary", &["libfoo.so.1"])
        .env("PATH", path)
        .said()
        .is(
            2,
            "",
            "`apt-get indextargets` failed with exit status 100: why\n",
        );
    apt.run("temporary", &["libfoo.so.1"])
        .env("PATH", only_dpkg(&apt.fixture))
        .said()
        .is(
            2,
            "",
            "no `apt-get` on PATH; `--lookup` needs apt, so run find-libdeps on Debian\n",
        );
    // With nothing to look up, apt is not run.
    apt.run("temporary", &[]).said().is(0, "", "");
}

/// A PATH on which dpkg is, and nothing else.
fn only_dpkg(fixture: &Fixture) -> PathBuf {
    fixture.link("/usr/bin/dpkg", "dpkg-alone/dpkg");
    fixture.path("dpkg-alone")
}

test!(another_root_is_refused, needs = &[Need::Dpkg, Need::Ldd]);
fn another_root_is_refused() {
    let fixture = crate::own_root::root("");
    let root = Root::below(&fixture.path("root")).expect("a directory");
    let dpkg = Dpkg::new(&root).expect("a database");
    let wanted = BTreeSet::from([vec![wanted("libfoo.so.1")]]);
    let error = look_up(&root, &dpkg, &LdSo::read(&root), &wanted, &Lookup::Machine);
    assert_eq!(
        error.expect_err("a refusal").to_string(),
        "`--lookup` searches for this machine only; run find-libdeps inside the root, without `--root`"
    );
}

test!(a_foreign_architecture_must_be_configured, needs = NEEDS);
fn a_foreign_architecture_must_be_configured() {
    let other = if native().debian == "i386" {
        "amd64"
    } else {
        "i386"
    };
    let apt = Apt::new();
    apt.contents("stable", "main", FOO)
        .contents_for(row(other), "stable", "main", FOO)
        .release("stable", "Debian", &codename(), "main");
    let name = format!("{other}:libfoo.so.1");
    let admindir = apt.fixture.path("dpkg");
    let run = || {
        let run = apt.run("temporary", &[&name, "libfoo.so.1"]);
        run.env("DPKG_ADMINDIR", &admindir)
    };
    apt.fixture.file("dpkg/status", "");
    apt.fixture
        .file("dpkg/arch", format!("{}\n", native().debian));
    let foreign = "libfoo.so.1: foreign\n";
    let native_found = FOUND.replace("TRIPLET", native().triplet);
    assert_eq!(
        sorted(&run().must()),
        sorted(&[foreign, &native_found].concat())
    );

    apt.fixture
        .file("dpkg/arch", format!("{}\n{other}\n", native().debian));
    let other_found = FOUND
        .replace("TRIPLET", row(other).triplet)
        .replace("libfoo1", &format!("libfoo1:{other}"));
    assert_eq!(
        sorted(&run().must()),
        sorted(&[&other_found[..], &native_found].concat())
    );
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn without_paths(text: &str) -> String {
    let mut parts = text.split(" (/");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once(')').expect("the end of a path").1
    })
}

const BOOKWORM: &[&str] = &[
    "blas: libblas.so.3 of libblas3",
    "libGL.so.1: libGL.so.1 of libgl1",
    "libblas.so.3: libblas.so.3 of libblas3",
    "libc.so.6: libc.so.6 of libc6",
    "libjack.so.0: libjack.so.0 of libjack0, not libjack-jackd2-0",
    "libjpeg.so.62: libjpeg.so.62 of libjpeg62-turbo",
    "liblapack.so.3: liblapack.so.3 of liblapack3",
    "libnot-there.so.1: not shipped",
    "libodbc.so.2: libodbc.so.2 of libodbc2",
    "libopenblas.so.0: one of libopenblas0-openmp, libopenblas0-pthread, libopenblas0-serial",
    "pango-1.0: libpango-1.0.so.0 of libpango-1.0-0",
    "libQt5Gui.so.5: libQt5Gui.so.5 of libqt5gui5, not libqt5gui5-gles",
    "libavcodec.so.59: libavcodec.so.59 of libavcodec59, not libavcodec-extra59",
    "libmpi.so.40: libmpi.so.40 of libopenmpi3",
    "libsystemd.so.0: libsystemd.so.0 of libsystemd0, not libelogind0",
    "argon2: one of libargon2-0, libargon2-1",
    "magic: libmagic.so.1 of libmagic1",
    "/usr/bin/exiftool: exiftool of libimage-exiftool-perl",
    "/usr/lib/jvm/default-java: default-java of default-jre-headless",
    "tinfo: libtinfo.so.6 of libtinfo6, not libtinfo5",
];
const TRIXIE: &[&str] = &[
    "blas: libblas.so.3 of libblas3",
    "libGL.so.1: libGL.so.1 of libgl1",
    "libblas.so.3: libblas.so.3 of libblas3",
    "libc.so.6: libc.so.6 of libc6",
    "libjack.so.0: libjack.so.0 of libjack0, not libjack-jackd2-0",
    "libjpeg.so.62: libjpeg.so.62 of libjpeg62-turbo",
    "liblapack.so.3: liblapack.so.3 of liblapack3",
    "libnot-there.so.1: not shipped",
    "libodbc.so.2: libodbc.so.2 of libodbc2",
    "libopenblas.so.0: one of libopenblas0-openmp, libopenblas0-pthread, libopenblas0-serial",
    "pango-1.0: libpango-1.0.so.0 of libpango-1.0-0",
    "libQt5Gui.so.5: libQt5Gui.so.5 of libqt5gui5t64, not libqt5gui5-gles",
    "libavcodec.so.61: libavcodec.so.61 of libavcodec61, not libavcodec-extra61",
    "libmpi.so.40: libmpi.so.40 of libopenmpi40",
    "libomp.so.5: libomp.so.5 of libomp5-19, not libomp5-17t64, libomp5-18",
    "libsystemd.so.0: libsystemd.so.0 of libsystemd0",
    "argon2: libargon2.so.1 of libargon2-1",
    "magic: libmagic.so.1 of libmagic1t64",
    "/usr/bin/exiftool: exiftool of libimage-exiftool-perl",
    "/usr/lib/jvm/default-java: default-java of default-jre-headless",
    "tinfo: libtinfo.so.6 of libtinfo6",
];

test!(
    debians_own_index_is_searched,
    needs = &[Need::Mmdebstrap],
    cases = [bookworm("bookworm", BOOKWORM), trixie("trixie", TRIXIE)]
);
/// In a root of `release`, with its own apt and Debian's own index.
fn debians_own_index_is_searched(release: &str, expected: &[&str]) {
    let root = debian::root(release, &[]);
    let program = root.path().join("look-up");
    fs::copy(std::env::current_exe().expect("this program"), program).expect("a copy");
    let resolv = root.path().join("etc/resolv.conf");
    let _ = fs::remove_file(&resolv);
    fs::copy("/etc/resolv.conf", resolv).expect("a copy");
    let lists = list(&root.path().join("var/lib/apt/lists"));
    let names = expected
        .iter()
        .map(|line| line.split_once(':').expect("a name").0);
    let said = Run::new("chroot")
        .arg(root.path())
        .arg("/look-up")
        .args(names)
        .env(SOURCE, "temporary")
        .said();
    assert_eq!((said.status, said.stderr.as_str()), (0, ""));
    assert_eq!(
        sorted(&without_paths(&said.stdout)),
        sorted(&expected.join("\n"))
    );
    assert_eq!(list(&root.path().join("var/lib/apt/lists")), lists);
    assert!(list(&root.path().join("tmp")).is_empty());
}
