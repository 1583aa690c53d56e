//! The command `apt-install`; the work is done by the library crate.

use apt_install::cli::{self, Action};
use apt_install::message;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::config(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(Action::Run(config)) => ExitCode::from(apt_install::run(&config)),
        Ok(Action::Text(text)) => {
            // A closed pipe is not an error (`apt-install --help | head -1`).
            let _ = write!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            message::error(&message);
            ExitCode::from(apt_install::USAGE)
        }
    }
}
