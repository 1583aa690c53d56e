//! The command `apt-install`; the work is done by the library crate.

use apt_install::cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::config(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(config) => ExitCode::from(apt_install::run(&config)),
        Err(error) => {
            // A closed pipe is not an error (`apt-install --help | head -1`).
            let _ = error.print();
            ExitCode::from(if error.use_stderr() {
                apt_install::USAGE
            } else {
                0
            })
        }
    }
}
