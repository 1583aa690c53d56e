//! Both programs as `install.sh` makes them, built once for all test programs and kept between runs,
//! and a checkout with stand-ins for them, where only the installing matters.

use super::debian;
use super::run::Run;
use super::sandbox::Sandbox;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The checkout that is tested.
pub fn checkout() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("a package lies two folders below the workspace")
        .to_owned()
}

/// Copies `checkout` into the new directory `to`, without what was built or is git's.
pub fn copy(checkout: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory");
    let entries = fs::read_dir(checkout).expect("the checkout");
    let entries = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            !["target", "dist", ".git"]
                .iter()
                .any(|name| path.ends_with(name))
        });
    Run::new("cp").arg("-r").args(entries).arg(to).must();
}

/// A checkout with `install.sh` and the files for Docker, in which both programs only print their
/// version, and their manuals and completions are empty: how they are built and installed does not
/// depend on what they do. Made once.
pub fn stand_in() -> PathBuf {
    static MADE: OnceLock<()> = OnceLock::new();
    let dir = super::target_dir().join("stand-in");
    MADE.get_or_init(|| {
        let _lock = super::lock("stand-in");
        write_stand_in(&dir).expect("a directory that can be written to");
    });
    dir
}

fn write_stand_in(dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::create_dir_all(dir.join("packaging"))?;
    for file in [
        "install.sh",
        "Dockerfile",
        ".dockerignore",
        "CHANGELOG.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "packaging/common.sh",
        "packaging/copyright.sh",
        "packaging/cross.sh",
        "packaging/deb.sh",
        "packaging/image.sh",
        "packaging/tarball.sh",
    ] {
        fs::copy(checkout().join(file), dir.join(file))?;
    }
    let version = env!("CARGO_PKG_VERSION");
    let mut lock = "version = 4\n".to_owned();
    for name in ["apt-install", "assets", "find-libdeps"] {
        let package = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        lock = format!("{lock}\n[[package]]\n{package}");
        let crate_dir = dir.join("crates").join(name);
        fs::create_dir_all(crate_dir.join("src"))?;
        let manifest = format!("[package]\n{package}edition = \"2024\"\n");
        fs::write(crate_dir.join("Cargo.toml"), manifest)?;
        let main = if name == "assets" {
            stand_in_for_assets()
        } else {
            let build = Path::new("crates").join(name).join("build.rs");
            fs::copy(checkout().join(&build), dir.join(&build))?;
            "fn main() {\n    println!(\"{} {}\", env!(\"CARGO_PKG_NAME\"), env!(\"PROGRAM_VERSION\"));\n}\n"
                .to_owned()
        };
        fs::write(crate_dir.join("src/main.rs"), main)?;
    }
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n\n";
    let workspace = format!("{workspace}[workspace.package]\nversion = \"{version}\"\n");
    fs::write(dir.join("Cargo.toml"), workspace)?;
    fs::write(dir.join("Cargo.lock"), lock)
}

/// A program that writes empty assets.
fn stand_in_for_assets() -> String {
    format!(
        "fn main() {{
    let dir = std::env::args().nth(1).unwrap();
    for asset in {ASSETS:?} {{
        let path = std::path::Path::new(&dir).join(asset);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, \"\").unwrap();
    }}
}}
"
    )
}

/// What `install.sh` installs below `share`.
pub const ASSETS: [&str; 8] = [
    "bash-completion/completions/apt-install",
    "bash-completion/completions/find-libdeps",
    "fish/vendor_completions.d/apt-install.fish",
    "fish/vendor_completions.d/find-libdeps.fish",
    "man/man1/apt-install.1",
    "man/man1/find-libdeps.1",
    "zsh/site-functions/_apt-install",
    "zsh/site-functions/_find-libdeps",
];

/// The target that rustc builds for by default.
pub fn host() -> String {
    let said = with_cargo(Run::new("rustc").arg("-vV")).must();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}

/// What `--version` of a program prints that was built without git.
pub fn version(name: &str) -> String {
    format!("{name} {} ({})", env!("CARGO_PKG_VERSION"), host())
}

/// What `--version` of a program prints that was built from this checkout, and a line break.
pub fn version_of_checkout(name: &str) -> String {
    format!("{name} {}\n", env!("PROGRAM_VERSION"))
}

/// A run of the `install.sh` of [`stand_in`].
pub fn install_sh() -> Run {
    with_cargo(Run::new(stand_in().join("install.sh"))).env("CARGO_TERM_QUIET", "true")
}

/// A run with what cargo needs of the environment.
pub fn with_cargo(mut run: Run) -> Run {
    for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = std::env::var_os(name) {
            run = run.env(name, value);
        }
    }
    run
}

/// The directory that holds both optimised programs, and nothing else. Manuals and completions are in
/// `share` beside it.
pub fn installed() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let prefix = super::target_dir().join("installed");
    BUILT.get_or_init(|| {
        let _lock = super::lock("installed");
        let run = Run::new(checkout().join("install.sh"));
        with_cargo(run)
            .env("CARGO_TARGET_DIR", super::target_dir().join("install"))
            .env("CARGO_TERM_QUIET", "true")
            .arg("--prefix")
            .arg(&prefix)
            .must();
    });
    prefix.join("bin")
}

/// The directory that holds both programs for arm64, built in a root with a cross compiler, and quickly:
/// not optimised and without manuals, and so by cargo itself, with the flags of `install.sh`.
pub fn arm64() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let kept = super::target_dir().join("arm64");
    BUILT.get_or_init(|| {
        let _lock = super::lock("arm64");
        fs::create_dir_all(&kept).expect("a directory");
        let fetch = with_cargo(Run::new("cargo")).args(["fetch", "--quiet", "--locked"]);
        let fetch = fetch.env("CARGO_HOME", kept.join("crates"));
        fetch.dir(checkout()).must();
        let mut sandbox = Sandbox::over(&debian::tar("trixie", &debian::CROSS));
        sandbox.bind(&checkout(), "/srv");
        sandbox.bind(&kept, "/opt");
        let linker = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER";
        let run = sandbox.run("/usr/bin/cargo");
        run.args(["build", "--quiet", "--locked", "--offline"])
            .args(["--package=find-libdeps", "--package=apt-install"])
            .args([
                "--manifest-path=/srv/Cargo.toml",
                "--target-dir=/opt/target",
            ])
            .arg("--target=aarch64-unknown-linux-gnu")
            .env("CARGO_HOME", "/opt/crates")
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("RUSTFLAGS", "-Ctarget-feature=+crt-static")
            .env(linker, "aarch64-linux-gnu-gcc")
            .must();
    });
    kept.join("target/aarch64-unknown-linux-gnu/debug")
}
