//! Writes the manuals and shell completions of both programs, from the definitions of their arguments:
//! `assets DIR DATE`. The files lie below DIR as they do below `share` of a prefix.

// The definitions refer to `crate::config`. The programs use the rest of them.
#[allow(dead_code, unreachable_pub)]
#[path = "../../apt-install/src/cli.rs"]
mod apt_install;
#[allow(dead_code, unreachable_pub)]
#[path = "../../find-libdeps/src/config.rs"]
mod config;
#[allow(dead_code, unreachable_pub)]
#[path = "../../find-libdeps/src/cli.rs"]
mod find_libdeps;
mod manual;

use clap_complete::Shell;
use std::error::Error;
use std::fs;
use std::path::Path;

/// What the manuals refer to.
const FIND_LIBDEPS_SEE_ALSO: &[(&str, &str)] = &[
    ("apt-install", "1"),
    ("ldd", "1"),
    ("ld.so", "8"),
    ("dpkg-query", "1"),
];
const APT_INSTALL_SEE_ALSO: &[(&str, &str)] = &[
    ("find-libdeps", "1"),
    ("apt-get", "8"),
    ("apt.conf", "5"),
    ("ucf", "1"),
];

/// Directories that the shells search, and Debian's bash-completion.
const SHELLS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions"),
    (Shell::Zsh, "zsh/site-functions"),
    (Shell::Fish, "fish/vendor_completions.d"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, date] = &arguments[..] else {
        return Err("usage: assets DIR DATE".into());
    };
    let dir = Path::new(dir);
    for (command, see_also) in [
        (find_libdeps::command(), FIND_LIBDEPS_SEE_ALSO),
        (apt_install::command(), APT_INSTALL_SEE_ALSO),
    ] {
        write(&command, see_also, dir, date)?;
    }
    Ok(())
}

fn write(
    command: &clap::Command,
    see_also: &[(&str, &str)],
    dir: &Path,
    date: &str,
) -> Result<(), Box<dyn Error>> {
    let name = command.get_name();
    let manuals = dir.join("man/man1");
    fs::create_dir_all(&manuals)?;
    let text = manual::text(command, see_also, date)?;
    fs::write(manuals.join(format!("{name}.1")), text)?;
    for (shell, place) in SHELLS {
        let place = dir.join(place);
        fs::create_dir_all(&place)?;
        let written = clap_complete::generate_to(shell, &mut command.clone(), name, &place)?;
        // bash-completion looks for the name of the program alone.
        if shell == Shell::Bash {
            fs::rename(written, place.join(name))?;
        }
    }
    Ok(())
}
