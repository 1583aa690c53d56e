//! Both programs as `install.sh` makes them, built once for all test programs and kept between
//! runs.

use super::run::Run;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The checkout that is tested.
pub fn checkout() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("a package lies two folders below the workspace")
        .to_owned()
}

/// Copies the checkout into the new directory `to`, without what was built or is git's.
pub fn copy(to: &Path) {
    std::fs::create_dir(to).expect("a directory");
    let entries = std::fs::read_dir(checkout()).expect("the checkout");
    let entries = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            !["target", "dist", ".git"]
                .iter()
                .any(|name| path.ends_with(name))
        });
    Run::new("cp").arg("-r").args(entries).arg(to).must();
}

/// A run of `install.sh`.
pub fn install_sh() -> Run {
    building(Run::new(checkout().join("install.sh")))
}

/// A run that builds where earlier ones did, with cargo's own output left out.
pub fn building(run: Run) -> Run {
    with_cargo(run)
        .env("CARGO_TARGET_DIR", super::target_dir().join("install"))
        .env("CARGO_TERM_QUIET", "true")
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

/// The directory that holds both programs, and nothing else.
pub fn installed() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let prefix = super::target_dir().join("installed");
    BUILT.get_or_init(|| {
        install_sh().arg("--prefix").arg(&prefix).must();
    });
    prefix.join("bin")
}
