//! The README's installation on a bare Debian 13, with the packages that it names and no others, for
//! an ordinary user and for root. What it ships is the oldest compiler that is promised: it installs
//! stand-ins, checks the programs and the tests, and builds the programs in `programs::arm64`.

use crate::support::debian;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::programs::{self, with_cargo};
use crate::support::run::Run;
use std::fs;
use std::path::Path;

/// The packages that the README names.
const PACKAGES: [&str; 2] = ["cargo", "gcc"];

/// Runs a script in `root`, in new namespaces. It needs no network: the crates are in the root.
fn script(root: &Path, user: &str, script: &str) -> Run {
    let inside = "mount -t proc proc \"$1/proc\" && mount --rbind /dev \"$1/dev\" && \
                  exec chroot --userspec=\"$2\" \"$1\" sh -c \"cd /src && $3\"";
    Run::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c"])
        .args([inside, "sh"])
        .arg(root)
        .args([user, script])
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("CARGO_HOME", "/crates")
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_QUIET", "true")
}

fn told(bin: &str, rest: &str) -> String {
    let line = |name| {
        let version = programs::version(name);
        format!("install.sh: installed {bin}/{name}: {version}\n")
    };
    line("find-libdeps") + &line("apt-install") + rest
}

test!(
    the_installation_of_the_readme_works,
    needs = &[Need::Cargo, Need::Mmdebstrap, Need::Mounts],
    limit = 1800
);
fn the_installation_of_the_readme_works() {
    let root = debian::root("trixie", &PACKAGES);
    let root = root.path();
    let (source, crates) = (root.join("src"), root.join("crates"));
    programs::copy(&programs::stand_in(), &source);
    fs::create_dir(&crates).expect("a directory");
    Run::new("chown")
        .args(["-R", "nobody"])
        .args([&source, &crates])
        .must();

    // The default prefix is refused for an ordinary user, before the build.
    script(root, "nobody", "./install.sh").said().is(
        1,
        "",
        "install.sh: cannot write into /usr/local/bin: run this as root, or choose another place \
         with --prefix\n",
    );
    assert!(!source.join("target").exists());
    script(
        root,
        "nobody",
        "./install.sh --prefix dist && stat -c '%U %a %n' dist/bin/*",
    )
    .said()
    .is(
        0,
        "nobody 755 dist/bin/apt-install\nnobody 755 dist/bin/find-libdeps\n",
        &told(
            "/src/dist/bin",
            "install.sh: /src/dist/bin is not on your PATH\n",
        ),
    );
    script(root, "root", "./install.sh && find-libdeps")
        .said()
        .is(
            0,
            &(programs::version("find-libdeps") + "\n"),
            &told("/usr/local/bin", ""),
        );

    // The programs and the tests, which ran where this one runs.
    programs::copy(&programs::checkout(), &root.join("checkout"));
    // From this machine's cache.
    with_cargo(Run::new("cargo"))
        .args(["fetch", "--quiet", "--locked"])
        .dir(programs::checkout())
        .env("CARGO_HOME", &crates)
        .must();
    script(
        root,
        "root",
        "cd /checkout && cargo check --workspace --all-targets --locked",
    )
    .env("CARGO_INCREMENTAL", "0")
    .env("CARGO_PROFILE_DEV_DEBUG", "0")
    .must();
}
