//! Messages: lines on standard error, each prefixed with the program's name. Standard output is
//! reserved for apt.

use std::io::Write as _;

/// Prints one line.
pub(crate) fn say(line: &str) {
    // If standard error is closed, there is nowhere left to report it.
    let _ = writeln!(std::io::stderr(), "apt-install: {line}");
}

/// Prints the error that ends the run.
pub(crate) fn error(message: &str) {
    say(&format!("error: {message}"));
}

/// Prints one line about a failure that does not end the run.
pub(crate) fn warn(line: &str) {
    say(&format!("warning: {line}"));
}
