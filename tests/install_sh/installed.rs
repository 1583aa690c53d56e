//! What is installed, where, and how.

use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::programs::{self, checkout, install_sh};
use crate::support::run::Run;
use crate::support::target_dir;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

const NEEDS: &[Need] = &[Need::Cargo];

/// Each may have to wait for the build that they share.
const BUILD: u64 = 900;

const PROGRAMS: [&str; 2] = ["find-libdeps", "apt-install"];

/// What a run says that installs into `bin`, and nothing after it.
fn told(bin: &Path) -> String {
    let line = |name: &str| {
        let version = programs::version(name);
        let bin = bin.display();
        format!("install.sh: installed {bin}/{name}: {version}\n")
    };
    PROGRAMS.map(line).concat()
}

fn not_on_path(bin: &Path) -> String {
    format!("install.sh: {} is not on your PATH\n", bin.display())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o7777
}

/// The names in a directory, sorted.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn prefix() -> TempDir {
    TempDir::new().expect("a directory")
}

test!(
    a_second_install_replaces_the_first,
    needs = NEEDS,
    limit = BUILD
);
fn a_second_install_replaces_the_first() {
    let dir = prefix();
    let prefix = dir.path().join("a b/prefix");
    let bin = prefix.join("bin");
    let wanted = told(&bin) + &not_on_path(&bin);
    for _ in 0..2 {
        let run = install_sh().arg("--prefix").arg(&prefix);
        run.said().is(0, "", &wanted);
        assert_eq!(names(&bin), ["apt-install", "find-libdeps"]);
    }
    // A slash at the end is the same directory.
    let slash = format!("--prefix={}/", prefix.display());
    install_sh().arg(slash).said().is(0, "", &wanted);
}

test!(
    modes_do_not_depend_on_the_umask,
    needs = NEEDS,
    limit = BUILD
);
fn modes_do_not_depend_on_the_umask() {
    let dir = prefix();
    for mask in ["077", "000"] {
        let prefix = dir.path().join(mask);
        let script = format!(
            "umask {mask}; exec {}/install.sh \"$@\"",
            programs::stand_in().display()
        );
        programs::with_cargo(Run::new("sh"))
            .args(["-c", &script, "sh", "--prefix"])
            .arg(&prefix)
            .must();
        for place in [
            "",
            "bin",
            "bin/find-libdeps",
            "bin/apt-install",
            "share/man/man1",
        ] {
            assert_eq!(mode(&prefix.join(place)), 0o755, "{mask} {place}");
        }
        for asset in programs::ASSETS {
            let path = prefix.join("share").join(asset);
            assert_eq!(mode(&path), 0o644, "{mask} {asset}");
        }
    }
}

test!(
    a_relative_prefix_is_in_the_working_directory,
    needs = NEEDS,
    limit = BUILD
);
fn a_relative_prefix_is_in_the_working_directory() {
    let dir = prefix();
    let path = dir.path().canonicalize().expect("a path");
    let bin = path.join("dist/bin");
    install_sh()
        .args(["--prefix", "dist"])
        .dir(&path)
        .said()
        .is(0, "", &(told(&bin) + &not_on_path(&bin)));
    assert_eq!(names(&path), ["dist"]);
}

test!(a_prefix_on_path_needs_no_hint, needs = NEEDS, limit = BUILD);
fn a_prefix_on_path_needs_no_hint() {
    let dir = prefix();
    let bin = dir.path().join("bin");
    let path = std::env::var("PATH").expect("a PATH");
    install_sh()
        .arg("--prefix")
        .arg(dir.path())
        .env("PATH", format!("{path}:{}", bin.display()))
        .said()
        .is(0, "", &told(&bin));
}

test!(
    destdir_is_put_before_the_prefix,
    needs = NEEDS,
    limit = BUILD
);
fn destdir_is_put_before_the_prefix() {
    let dir = prefix();
    let bin = dir.path().join("usr/local/bin");
    install_sh()
        .env("DESTDIR", dir.path())
        .said()
        .is(0, "", &told(&bin));
    let bin = dir.path().join("opt/bin");
    install_sh()
        .env("DESTDIR", dir.path())
        .args(["--prefix", "/opt"])
        .said()
        .is(0, "", &told(&bin));
    assert_eq!(names(dir.path()), ["opt", "usr"]);
}

test!(a_named_target_is_built, needs = NEEDS, limit = BUILD);
fn a_named_target_is_built() {
    let dir = prefix();
    let bin = dir.path().join("bin");
    install_sh()
        .args(["--target", &programs::host(), "--prefix"])
        .arg(dir.path())
        .said()
        .is(0, "", &(told(&bin) + &not_on_path(&bin)));
    let dir = prefix();
    let said = install_sh()
        .args(["--target=no-such-target", "--prefix"])
        .arg(dir.path())
        .said();
    assert_ne!(said.status, 0);
    assert!(said.stderr.contains("no-such-target"), "{}", said.stderr);
    assert!(names(dir.path()).is_empty());
}

test!(
    uninstall_removes_what_was_installed,
    needs = NEEDS,
    limit = BUILD
);
fn uninstall_removes_what_was_installed() {
    let dir = prefix();
    let bin = dir.path().join("bin");
    let files = || {
        Run::new("find")
            .arg(dir.path())
            .args(["-type", "f", "-printf", "%P\\n"])
    };
    install_sh().arg("--prefix").arg(dir.path()).must();
    let installed = files().must();
    let mut installed: Vec<_> = installed.lines().collect();
    installed.sort_unstable();
    let assets = programs::ASSETS.map(|asset| format!("share/{asset}"));
    let wanted = ["bin/apt-install", "bin/find-libdeps"].map(str::to_owned);
    assert_eq!(installed, [&wanted[..], &assets[..]].concat());
    fs::write(bin.join("other"), "").expect("a file");
    let wanted = format!("install.sh: {} has neither program now\n", bin.display());
    for _ in 0..2 {
        // Removing needs no tool of the build.
        Run::new(checkout().join("install.sh"))
            .args(["--uninstall", "--prefix"])
            .arg(dir.path())
            .env("PATH", "/bin:/usr/bin")
            .said()
            .is(0, "", &wanted);
        assert_eq!(files().must(), "bin/other\n");
    }
    fs::create_dir(bin.join("apt-install")).expect("a directory");
    let said = install_sh()
        .args(["--uninstall", "--prefix"])
        .arg(dir.path())
        .said();
    let path = bin.join("apt-install");
    let path = path.display();
    said.is(
        1,
        "",
        &format!("rm: cannot remove '{path}': Is a directory\ninstall.sh: cannot remove {path}\n"),
    );
}

test!(a_running_program_is_replaced, needs = NEEDS, limit = BUILD);
fn a_running_program_is_replaced() {
    // A file that is being executed cannot be written to (ETXTBSY): it has to be replaced.
    let dir = prefix();
    let bin = dir.path().join("bin");
    let wanted = told(&bin) + &not_on_path(&bin);
    fs::create_dir(&bin).expect("a directory");
    let old = bin.join("find-libdeps");
    // With `cp`: a child that another test starts inherits what this process has open for writing, and
    // a program that is open for writing cannot be executed (ETXTBSY).
    Run::new("cp").arg("/bin/cat").arg(&old).must();
    let mut child = std::process::Command::new(&old)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let said = install_sh().arg("--prefix").arg(dir.path()).said();
    drop(child.stdin.take());
    assert!(child.wait().expect("it has run").success());
    said.is(0, "", &wanted);
}

test!(
    the_version_names_the_commit_of_a_clone,
    needs = &[Need::Cargo, Need::Program("git")],
    limit = BUILD
);
fn the_version_names_the_commit_of_a_clone() {
    // All other tests are without git's files, or below those of another repository.
    let dir = TempDir::new_in(target_dir()).expect("a directory");
    let clone = dir.path().join("clone");
    let git = |arguments: &[&str]| {
        let run = Run::new("git").arg("-C").arg(&clone);
        let run = run.args(["-c", "user.name=a", "-c", "user.email=a@b"]);
        let run = run.env("GIT_COMMITTER_DATE", "2025-12-24T23:30:00Z");
        run.args(arguments).must()
    };
    let install = || {
        let prefix = dir.path().join("prefix");
        programs::with_cargo(Run::new(clone.join("install.sh")))
            .env("CARGO_TERM_QUIET", "true")
            .arg("--prefix")
            .arg(&prefix)
            .must();
        PROGRAMS.map(|name| Run::new(prefix.join("bin").join(name)).arg("-V").must())
    };
    programs::copy(&programs::stand_in(), &clone);
    git(&["init", "--quiet"]);
    for message in ["one", "two"] {
        git(&["add", "crates", "install.sh", "Cargo.toml", "Cargo.lock"]);
        git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        let hash = git(&["rev-parse", "HEAD"]);
        let (version, target) = (env!("CARGO_PKG_VERSION"), programs::host());
        let built_from = format!("{version} ({} 2025-12-24, {target})\n", &hash[..7]);
        assert_eq!(
            install(),
            PROGRAMS.map(|name| format!("{name} {built_from}"))
        );
    }
}

/// What `readelf` says of the headers that only a dynamic program has.
fn assert_static(bin: &Path) {
    for name in PROGRAMS {
        let headers = Run::new("readelf").arg("-ldW").arg(bin.join(name)).must();
        assert!(!headers.contains("INTERP"), "{name}\n{headers}");
        assert!(!headers.contains("NEEDED"), "{name}\n{headers}");
    }
}

test!(
    programs_are_static_and_small,
    needs = &[Need::Cargo, Need::Optimised],
    limit = BUILD
);
fn programs_are_static_and_small() {
    let bin = programs::installed();
    assert_static(&bin);
    for name in PROGRAMS {
        let size = fs::metadata(bin.join(name)).expect("it is there").len();
        assert!(size < 4_000_000, "{name} has {size} bytes");
    }
}

test!(
    programs_are_static_whatever_the_flags,
    needs = NEEDS,
    limit = BUILD
);
fn programs_are_static_whatever_the_flags() {
    // In a copy, whose cargo reads a configuration that has everything wrong.
    let dir = TempDir::new_in(target_dir()).expect("a directory");
    let copy = dir.path().join("copy");
    Run::new("cp")
        .arg("-r")
        .arg(programs::stand_in())
        .arg(&copy)
        .must();
    fs::create_dir(copy.join(".cargo")).expect("a directory");
    let other = dir.path().join("other");
    fs::write(
        copy.join(".cargo/config.toml"),
        format!(
            "[build]\nrustflags = [\"-Ctarget-feature=-crt-static\"]\n\
             target = \"i686-unknown-linux-gnu\"\ntarget-dir = \"{}\"\n",
            other.display()
        ),
    )
    .expect("a file");
    for (name, value) in [
        ("CARGO_BUILD_TARGET", "i686-unknown-linux-gnu"),
        ("RUSTFLAGS", "-C target-feature=-crt-static"),
        (
            "CARGO_ENCODED_RUSTFLAGS",
            "-C\u{1f}target-feature=-crt-static",
        ),
        ("CARGO_BUILD_RUSTFLAGS", "-Ctarget-feature=-crt-static"),
    ] {
        let prefix = dir.path().join(name);
        let bin = prefix.join("bin");
        programs::with_cargo(Run::new(copy.join("install.sh")))
            .env("CARGO_TERM_QUIET", "true")
            .dir(&copy)
            .env(name, value)
            .arg("--prefix")
            .arg(&prefix)
            .said()
            .is(0, "", &(told(&bin) + &not_on_path(&bin)));
        assert_static(&bin);
    }
    assert!(!other.exists());
}
