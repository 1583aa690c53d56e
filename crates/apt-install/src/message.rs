//! What this program says: lines on standard error, each with the program's name before it.
//! Standard output is apt's alone.

use std::io::Write as _;

/// Says one line.
pub fn say(line: &str) {
    // Nobody is left to be told that standard error is closed.
    let _ = writeln!(std::io::stderr(), "apt-install: {line}");
}

/// Says one line about something that did not work and that the run goes on without.
pub(crate) fn warn(line: &str) {
    say(&format!("warning: {line}"));
}
