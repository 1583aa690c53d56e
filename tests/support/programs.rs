//! Both programs as `install.sh` makes them, built once for all test programs and kept between runs:
//! optimised as for a release, or quickly, where only the installing matters.

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

/// What makes a release build quick: it takes half of the time.
pub const QUICK: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

/// A run of `install.sh` that builds quickly.
pub fn install_sh() -> Run {
    building(Run::new(checkout().join("install.sh")))
}

/// A run that builds quickly, and where earlier ones did.
pub fn building(run: Run) -> Run {
    let run = QUICK
        .into_iter()
        .fold(run, |run, (name, value)| run.env(name, value));
    building_in(run, "install-quick")
}

/// A run that builds in this folder, without cargo's output.
fn building_in(run: Run, folder: &str) -> Run {
    with_cargo(run)
        .env("CARGO_TARGET_DIR", super::target_dir().join(folder))
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

/// The directory that holds both optimised programs, and nothing else.
pub fn installed() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let prefix = super::target_dir().join("installed");
    BUILT.get_or_init(|| {
        let _lock = super::lock("installed");
        let run = Run::new(checkout().join("install.sh"));
        building_in(run, "install")
            .arg("--prefix")
            .arg(&prefix)
            .must();
    });
    prefix.join("bin")
}
