//! Starts programs and waits for them. No other module does.

use super::command_line::Invocation;
use super::relay::Relays;
use super::signals::Signals;
use crate::error::Ended;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use std::io::{self, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Runs a program to its end. Its standard input is empty. Its output is that of this process; if it
/// goes to a pipe, the reader may end before the program does. Returns the end of what it has written,
/// too: all of standard error, but not what it has written to a terminal or a file as standard output.
pub(crate) fn run(invocation: &Invocation, signals: &Signals) -> io::Result<(Ended, String)> {
    let mut command = command(invocation);
    let relays = Relays::attach(&mut command)?;
    let child = command.spawn();
    // It holds the ends of the pipes that only the program is to have.
    drop(command);
    let ended = child.and_then(|child| wait(child, signals));
    let output = relays.finish();
    Ok((ended?, output))
}

/// Runs a program to its end and returns its standard output. Standard error is discarded: another
/// run of apt reports the same failure.
pub(crate) fn ask(invocation: &Invocation, signals: &Signals) -> io::Result<(Ended, String)> {
    let mut child = command(invocation)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut answer = Vec::new();
    let read = match child.stdout.take() {
        Some(mut stdout) => stdout.read_to_end(&mut answer),
        None => Ok(0),
    };
    let ended = wait(child, signals)?;
    read?;
    Ok((ended, String::from_utf8_lossy(&answer).into_owned()))
}

fn command(invocation: &Invocation) -> Command {
    let mut command = Command::new(&invocation.program);
    command
        .args(&invocation.arguments)
        .envs(invocation.environment.iter().copied())
        .stdin(Stdio::null())
        .process_group(0);
    command
}

fn wait(mut child: Child, signals: &Signals) -> io::Result<Ended> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = group {
        signals.pass_to(pid);
        // Wait without reaping, so that no signal is sent to a process id that was reused.
        while let Err(rustix::io::Errno::INTR) = rustix::process::waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        ) {}
        signals.release();
    }
    let stopped = signals.received().is_some();
    if let Some(pid) = group.filter(|_| stopped) {
        end_downloads(pid, &mut child)
    } else {
        child.wait().map(ended)
    }
}

/// Reaps an interrupted apt. If SIGINT ended it, no dpkg was running, but its download methods may
/// still be writing to the directories that are about to be purged: end them, and wait for them for
/// at most five seconds.
fn end_downloads(group: Pid, child: &mut Child) -> io::Result<Ended> {
    // The child is not reaped yet, so the id of its group cannot be reused.
    let interrupted = || -> Option<()> {
        let status = rustix::process::waitid(
            WaitId::Pid(group),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG,
        )
        .ok()??;
        (status.terminating_signal() == Some(Signal::INT.as_raw())).then_some(())
    };
    let alone = interrupted().is_some();
    if alone {
        let _ = rustix::process::kill_process_group(group, Signal::TERM);
    }
    let status = child.wait()?;
    let mut tries = 0;
    while alone && tries < 100 && rustix::process::test_kill_process_group(group).is_ok() {
        std::thread::sleep(Duration::from_millis(50));
        tries += 1;
    }
    Ok(ended(status))
}

fn ended(status: ExitStatus) -> Ended {
    let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Status(byte(code)),
        (None, signal) => Ended::Signal(byte(signal.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn sh(script: &str) -> Invocation {
        Invocation {
            program: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("GREETING", "hello")],
            name: "sh",
        }
    }

    #[test]
    fn the_code_is_that_of_a_shell() {
        let signals = Signals::catch().expect("signals");
        let code = |script| {
            run(&sh(script), &signals)
                .map(|(ended, _)| ended.code())
                .ok()
        };
        assert_eq!(code("exit 100"), Some(100));
        assert_eq!(code("kill -9 $$"), Some(137));
        assert_eq!(code("read line || exit 7"), Some(7));
    }

    #[test]
    fn asking_returns_standard_output() {
        let signals = Signals::catch().expect("signals");
        let answer = ask(&sh("echo $GREETING; echo noise >&2; exit 3"), &signals).ok();
        assert_eq!(answer, Some((Ended::Status(3), "hello\n".to_owned())));
    }
}
