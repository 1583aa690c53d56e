//! What the scripts of `packaging/` make, installed and used where nothing else of the project is.

use crate::copyright::copyright;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::programs::{self, checkout, version_of_checkout, with_cargo};
use crate::support::run::Run;
use crate::support::sandbox::Sandbox;
use crate::support::{debian, lock, target_dir};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Each may have to wait for the build of the programs.
const BUILD: u64 = 900;

/// A time for the files.
const EPOCH: &str = "1700000000";

/// Runs `packaging/NAME.sh` for this machine, and returns the files that it names, which are in `out`.
fn package(name: &str, out: &Path, environment: &[(&str, &str)]) -> Vec<PathBuf> {
    let script = in_the_readme(&format!("packaging/{name}.sh"));
    programs::installed();
    // install.sh writes the manuals anew.
    let _lock = lock("installed");
    let run = with_cargo(Run::new(checkout().join(script)))
        .env("CARGO_TARGET_DIR", target_dir().join("install"))
        .env("CARGO_TERM_QUIET", "true")
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .arg(programs::host())
        .arg(out);
    let run = environment
        .iter()
        .fold(run, |run, (name, value)| run.env(name, value));
    run.must().lines().map(PathBuf::from).collect()
}

/// `command`, which the README has.
fn in_the_readme(command: &str) -> String {
    let readme = fs::read_to_string(checkout().join("README.md")).expect("a README");
    assert!(readme.contains(&format!("`{command}`")), "{command}");
    command.to_owned()
}

fn names(files: &[PathBuf]) -> Vec<String> {
    let name = |file: &PathBuf| {
        file.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    files.iter().filter_map(name).collect()
}

fn assert_equal(one: &[PathBuf], other: &[PathBuf]) {
    assert_eq!(names(one), names(other));
    for (one, other) in one.iter().zip(other) {
        let read = |path| fs::read(path).expect("a package");
        assert!(read(one) == read(other), "{} differs", one.display());
    }
}

test!(
    tarballs_hold_the_same_when_made_twice,
    needs = &[Need::Optimised, Need::Cargo],
    limit = BUILD
);
fn tarballs_hold_the_same_when_made_twice() {
    let dir = TempDir::new_in(target_dir()).expect("a directory");
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let files = package("tarball", &first, &[]);
    assert_equal(
        &files,
        &package("tarball", &second, &[("TZ", "Asia/Tokyo")]),
    );

    let (version, host) = (env!("CARGO_PKG_VERSION"), programs::host());
    let name = format!("find-libdeps-{version}-{host}");
    let archive = format!("{name}.tar.gz");
    assert_eq!(names(&files)[0], archive);
    let list = Run::new("tar")
        .env("TZ", "UTC")
        .args(["-tvf", &archive, "--full-time"]);
    let list = list.dir(&first).must();
    let entries: Vec<Vec<&str>> = list
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    for entry in &entries {
        assert_eq!(
            (entry[1], entry[3], entry[4]),
            ("0/0", "2023-11-14", "22:13:20"),
            "{list}"
        );
    }
    let wanted = [
        ("drwxr-xr-x", ""),
        ("-rw-r--r--", "CHANGELOG.md"),
        ("-rw-r--r--", "COPYRIGHT"),
        ("-rw-r--r--", "LICENSE-APACHE"),
        ("-rw-r--r--", "LICENSE-LGPL"),
        ("-rw-r--r--", "LICENSE-MIT"),
        ("drwxr-xr-x", "bin/"),
        ("-rwxr-xr-x", "bin/find-libdeps"),
        ("drwxr-xr-x", "share/"),
        ("drwxr-xr-x", "share/bash-completion/"),
        ("drwxr-xr-x", "share/bash-completion/completions/"),
        (
            "-rw-r--r--",
            "share/bash-completion/completions/find-libdeps",
        ),
        ("drwxr-xr-x", "share/fish/"),
        ("drwxr-xr-x", "share/fish/vendor_completions.d/"),
        (
            "-rw-r--r--",
            "share/fish/vendor_completions.d/find-libdeps.fish",
        ),
        ("drwxr-xr-x", "share/man/"),
        ("drwxr-xr-x", "share/man/man1/"),
        ("-rw-r--r--", "share/man/man1/find-libdeps.1"),
        ("drwxr-xr-x", "share/zsh/"),
        ("drwxr-xr-x", "share/zsh/site-functions/"),
        ("-rw-r--r--", "share/zsh/site-functions/_find-libdeps"),
    ];
    let wanted: Vec<String> = wanted
        .iter()
        .map(|(mode, path)| format!("{mode} {name}/{path}"))
        .collect();
    let found: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {}", entry[0], entry[5]))
        .collect();
    assert_eq!(found, wanted);
    Run::new("tar").args(["-xf", &archive]).dir(&first).must();
    let program = first.join(name).join("bin/find-libdeps");
    assert_eq!(
        Run::new(program).arg("-V").must(),
        version_of_checkout("find-libdeps")
    );
}

/// Both packages, made once for all tests.
fn debs() -> &'static [PathBuf] {
    static MADE: OnceLock<Vec<PathBuf>> = OnceLock::new();
    MADE.get_or_init(|| package("deb", &target_dir().join("debs"), &[]))
}

test!(
    debian_packages_install_and_leave_nothing,
    needs = &[
        Need::Mmdebstrap,
        Need::Optimised,
        Need::Cargo,
        Need::Archive
    ],
    limit = BUILD,
    on = [bookworm, trixie]
);
fn debian_packages_install_and_leave_nothing(release: &str) {
    let debs = debs();
    let root = debian::root(release, &[]);
    let root = root.path();
    fs::create_dir(root.join("dist")).expect("a directory");
    for deb in debs {
        let name = deb.file_name().expect("a name");
        fs::copy(deb, root.join("dist").join(name)).expect("a copy");
    }
    let script = |script: &str| {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let run = Run::new("/usr/sbin/chroot").arg(root).env("PATH", path);
        run.args(["sh", "-c", script]).said()
    };
    let files = "find / -xdev -not -path '/proc/*' -not -path '/var/*' -not -name '*.deb' | sort";
    let before = script(files);
    let command =
        in_the_readme("apt-get install ./dist/*.deb").replace("install", "install --yes -qq");
    let installed = script(&format!("cd / && {command} 2>&1"));
    assert_eq!(installed.status, 0, "{}", installed.stdout);
    script("dpkg --verify find-libdeps apt-install").is(0, "", "");
    script("find-libdeps --version && apt-install --version").is(
        0,
        &(version_of_checkout("find-libdeps") + &version_of_checkout("apt-install")),
        "",
    );
    script("find-libdeps /usr/bin/dpkg").is(0, "libc6\nlibmd0\nlibselinux1\n", "");
    script("apt-install find-libdeps").is(
        0,
        "",
        "apt-install: all requested packages are already installed; nothing to do\n",
    );
    let purged = script("dpkg --purge find-libdeps apt-install 2>&1");
    assert_eq!(purged.status, 0, "{}", purged.stdout);
    script(files).is(0, &before.stdout, "");
}

test!(
    lintian_finds_no_errors,
    needs = &[
        Need::Optimised,
        Need::Cargo,
        Need::Archive,
        Need::Program("lintian")
    ],
    limit = BUILD
);
fn lintian_finds_no_errors() {
    let debs = debs();
    let dir = TempDir::new_in(target_dir()).expect("a directory");
    assert_equal(debs, &package("deb", dir.path(), &[("TZ", "Asia/Tokyo")]));
    let lintian = Run::new("lintian").args(["--allow-root", "--display-level", ">=error"]);
    lintian.args(debs).said().is(0, "", "");
}

test!(
    packages_for_arm64_name_their_architecture,
    needs = &[Need::Mmdebstrap, Need::Mounts]
);
/// With stand-ins, in a root with a cross compiler.
fn packages_for_arm64_name_their_architecture() {
    let dir = TempDir::new_in(target_dir()).expect("a directory");
    let mut sandbox = Sandbox::over(&debian::tar("trixie", &debian::CROSS));
    sandbox.bind(&programs::stand_in(), "/srv");
    sandbox.bind(dir.path(), "/opt");
    let target = "aarch64-unknown-linux-gnu";
    let made = |name: &str| {
        let run = sandbox.run(&format!("/srv/packaging/{name}.sh"));
        let run = run
            .args([target, "/opt"])
            .env("CARGO_TARGET_DIR", "/tmp/target");
        run.env("SOURCE_DATE_EPOCH", EPOCH).must()
    };
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        made("tarball"),
        format!(
            "/opt/find-libdeps-{version}-{target}.tar.gz\n/opt/apt-install-{version}-{target}.tar.gz\n"
        )
    );
    let deb = |name: &str| format!("{name}_{version}-1_arm64.deb");
    let debs = ["find-libdeps", "apt-install"].map(deb);
    let [first, second] = &debs;
    assert_eq!(made("deb"), format!("/opt/{first}\n/opt/{second}\n"));
    // The compiler's own copy of the C library.
    let libc = "dpkg-query -W -f '${Built-Using}' libc6-dev-arm64-cross | grep -o 'glibc ([^)]*)'";
    let libc = sandbox.script(libc).must();
    for deb in debs {
        let field = Run::new("dpkg-deb").arg("--show");
        let field = field.arg("--showformat=${Architecture} ${Built-Using}\n");
        let said = field.arg(dir.path().join(&deb)).must();
        assert_eq!(said, format!("arm64 {libc}"));
        let root = dir.path().join("root");
        let extract = Run::new("dpkg-deb").arg("--extract");
        extract.arg(dir.path().join(&deb)).arg(&root).must();
        let name = deb.split('_').next().expect("a name");
        let header = fs::read(root.join("usr/bin").join(name)).expect("a program");
        // EM_AARCH64
        assert_eq!(header[18..20], 183u16.to_le_bytes(), "{deb}");
    }
}

/// A directory with maturin and wheel, made once.
fn maturin() -> PathBuf {
    let venv = target_dir().join("maturin");
    let _lock = lock("maturin");
    if !venv.join("bin/wheel").exists() {
        Run::new("python3").args(["-m", "venv"]).arg(&venv).must();
        let pip = Run::new(venv.join("bin/pip"));
        pip.args([
            "--quiet",
            "--disable-pip-version-check",
            "install",
            "maturin",
            "wheel",
        ])
        .must();
    }
    venv.join("bin")
}

/// `PATH` with these programs in it.
fn path_with(programs: &Path) -> String {
    let path = std::env::var("PATH").expect("a PATH");
    format!("{}:{path}", programs.display())
}

test!(
    wheels_install_in_a_fresh_virtualenv,
    needs = &[Need::Optimised, Need::Cargo, Need::Pip],
    limit = BUILD
);
fn wheels_install_in_a_fresh_virtualenv() {
    let path = path_with(&maturin());
    let dir = TempDir::new_in(target_dir()).expect("a directory");
    let out = dir.path().join("out");
    let files = package("wheel", &out, &[("PATH", &path)]);
    assert_equal(
        &files,
        &package("wheel", &dir.path().join("again"), &[("PATH", &path)]),
    );
    let (version, machine) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let tags =
        ["manylinux2014", "manylinux_2_17", "musllinux_1_1"].map(|tag| format!("{tag}_{machine}"));
    let tags = tags.join(".");
    assert_eq!(
        names(&files),
        [
            format!("apt_install-{version}-py3-none-{tags}.whl"),
            format!("find_libdeps-{version}-py3-none-{tags}.whl"),
            format!("apt_install-{version}.tar.gz"),
            format!("find_libdeps-{version}.tar.gz"),
        ]
    );
    Run::new("python3")
        .args(["-m", "venv", ".venv"])
        .dir(dir.path())
        .must();
    let pip = Run::new(dir.path().join(".venv/bin/pip")).dir(dir.path());
    pip.args([
        "--quiet",
        "--disable-pip-version-check",
        "install",
        "--no-index",
        "--find-links",
        "out",
    ])
    .args(["find-libdeps", "apt-install"])
    .must();
    let bin = dir.path().join(".venv/bin");
    let same = |name: &str| {
        fs::read(bin.join(name)).ok() == fs::read(programs::installed().join(name)).ok()
    };
    assert!(same("find-libdeps") && same("apt-install"));
    for name in ["find_libdeps", "apt_install"] {
        let script = format!(
            "from importlib.metadata import *; d = distribution('{name}'); \
             print(*d.metadata.get_all('License-File'), d.read_text('licenses/COPYRIGHT'), sep='\\n', end='')"
        );
        let said = Run::new(bin.join("python")).args(["-c", &script]).must();
        let files = "LICENSE-APACHE\nCOPYRIGHT\nLICENSE-LGPL\nLICENSE-MIT\n";
        assert_eq!(
            said,
            format!("{files}{}", copyright(&name.replace('_', "-")))
        );
    }
    let said = Run::new(bin.join("find-libdeps"))
        .arg(".venv")
        .dir(dir.path())
        .said();
    assert_eq!(
        (said.status, said.stdout.as_str()),
        (0, ""),
        "{}",
        said.stderr
    );

    // The source distribution builds, without git and below another repository.
    Run::new("tar")
        .arg("-xf")
        .arg(&files[3])
        .dir(dir.path())
        .must();
    with_built_crates(Run::new(maturin().join("maturin")))
        .args(["build", "--out", "built", "--target", &programs::host()])
        .dir(dir.path().join(format!("find_libdeps-{version}")))
        .must();
    let program = Path::new("install").join(programs::host());
    let program = target_dir().join(program).join("debug/find-libdeps");
    let wanted = programs::version("find-libdeps") + "\n";
    assert_eq!(Run::new(program).arg("-V").must(), wanted);
}

/// A run that finds the crates that install.sh has built for the manuals: it has the same settings, and
/// needs `--target`.
fn with_built_crates(run: Run) -> Run {
    with_cargo(run)
        .env("CARGO_TARGET_DIR", target_dir().join("install"))
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
}

test!(
    crates_build_as_they_are_packaged,
    needs = &[Need::Optimised, Need::Cargo],
    limit = BUILD
);
fn crates_build_as_they_are_packaged() {
    for (name, tests) in [
        ("apt-install", ["apt_install", "install_sh"]),
        ("find-libdeps", ["docker", "find_libdeps"]),
    ] {
        let run = with_built_crates(Run::new("cargo")).args(["package", "--locked"]);
        let run = run.args([
            "--allow-dirty",
            "--target",
            &programs::host(),
            "--package",
            name,
        ]);
        let said = run.dir(checkout()).said();
        assert_eq!(said.status, 0, "{}", said.stderr);
        // The tests need the checkout.
        let mut wanted =
            vec!["warning: manifest has no documentation, homepage or repository".to_owned()];
        wanted.extend(tests.map(|test| {
            format!(
                "warning: ignoring test `{test}` as `../../tests/{test}/main.rs` is not included in the published package"
            )
        }));
        let warnings = said
            .stderr
            .lines()
            .filter(|line| line.starts_with("warning"));
        assert_eq!(warnings.collect::<Vec<_>>(), wanted);
    }
}
