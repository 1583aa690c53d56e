//! Running a program and comparing all of its stdout, stderr and status.

use super::limit::Process;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The output of a program, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The exit status; 128+n where signal n ended it, as in a shell.
    pub status: i32,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// One run of a program: the environment holds `PATH` and what the test sets, nothing else.
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
}

impl Run {
    /// A run of `program`, with nothing on its standard input.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        Self {
            command,
            stdin: Vec::new(),
        }
    }

    /// One more argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// More arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// One more environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// The working directory.
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// The program's standard input.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Runs it to its end.
    pub fn said(self) -> Said {
        let output = self.bytes();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Said {
            status: output
                .status
                .code()
                .or_else(|| output.status.signal().map(|signal| 128 + signal))
                .expect("the program has ended"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The same, for output that is not UTF-8.
    pub fn bytes(mut self) -> Output {
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (_process, mut child) = Process::start(&mut self.command)
            .unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        let mut stdin = child.stdin.take().expect("a pipe was asked for");
        // A program may end without reading its input.
        let _ = stdin.write_all(&self.stdin);
        drop(stdin);
        child.wait_with_output().expect("the program was started")
    }

    /// Runs it, and panics unless it succeeds; for the steps that make a fixture.
    pub fn must(self) -> String {
        let shown = format!("{:?}", self.command);
        let said = self.said();
        assert!(
            said.status == 0,
            "{shown} ended with {}\n{}{}",
            said.status,
            said.stdout,
            said.stderr
        );
        said.stdout
    }
}

impl Said {
    /// Compares the whole output; a difference shows both sides.
    #[track_caller]
    pub fn is(&self, status: i32, stdout: &str, stderr: &str) {
        let wanted = Self {
            status,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        };
        if *self != wanted {
            let mut text = String::new();
            for (side, said) in [("wanted", &wanted), ("got", self)] {
                let _ = write!(
                    text,
                    "--- {side}: status {}\n[stdout]\n{}[stderr]\n{}",
                    said.status, said.stdout, said.stderr
                );
            }
            panic!("the program said something else\n{text}");
        }
    }
}
