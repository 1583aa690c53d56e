//! The first lines of a script, as the kernel, env(1) and the shell read them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

/// How much of a file the kernel reads (`BINPRM_BUF_SIZE` in its `include/uapi/linux/binfmts.h`). The
/// interpreter's name must end within it; what follows the name may be cut off.
const LINE: usize = 256;
/// How much is read here: the second line may name a path of any length.
pub const HEAD: usize = LINE + 4096;

/// How pip and uv begin the second line of a script whose interpreter the kernel would not take, for its
/// length or a space: the shell runs the path that follows, and to Python it is a string
/// (`distlib/scripts.py`).
const EXEC: &[u8] = b"'''exec' ";

/// What starts a script.
#[derive(Debug, PartialEq, Eq)]
pub struct Script {
    /// Each a path or a name in `PATH`: the one that the kernel runs, and the one that this runs if it is
    /// env or, as pip and uv use it, the shell.
    pub programs: Vec<OsString>,
    /// What keeps them from starting it although they exist.
    pub obstacle: Option<Obstacle>,
}

/// Why a script is not started although its programs exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The interpreter's name is longer than the kernel reads.
    TooLong,
    /// Env is given nothing but the path of the script.
    Endless,
    /// The program must be an env that splits its argument; `BusyBox`'s does not (its `coreutils/env.c`).
    Splits,
}

impl Obstacle {
    /// What a message says of it.
    pub fn text(self) -> &'static str {
        match self {
            Self::TooLong => {
                "the kernel does not start it, as the interpreter's name in its `#!` line does not end \
                 within 256 bytes; pass `--exclude REGEX` for scripts that are not used"
            }
            Self::Endless => {
                "its `#!` line names no program, so env runs the script itself, without end; name one, or \
                 pass `--exclude REGEX` for scripts that are not used"
            }
            Self::Splits => {
                "BusyBox's env has no `-S`, as in its `#!` line; install coreutils, or pass `--exclude \
                 REGEX` for scripts that are not used"
            }
        }
    }
}

/// Why no system starts a script by a name.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub text: &'static str,
    pub advice: &'static str,
}

const CARRIAGE_RETURN: Fault = Fault {
    text: "the interpreter's name ends in a carriage return",
    advice: "end the lines of the script with a line feed alone (`dos2unix`), or pass `--exclude REGEX` \
             for scripts that are not used",
};

const WORDS: Fault = Fault {
    text: "env takes all that follows it in a `#!` line for one name",
    advice: "write `env -S` in the `#!` line, or pass `--exclude REGEX` for scripts that are not used",
};

const RELATIVE: Fault = Fault {
    text: "the interpreter's path is relative to the directory in which the script is started",
    advice: "write an absolute path in the `#!` line, or pass `--exclude REGEX` for scripts that are not \
             used",
};

impl Script {
    /// The script that begins with `head`, up to [`HEAD`] bytes; `None` if it is none.
    pub fn read(head: &[u8]) -> Option<Self> {
        let (kernel, argument) = match Line::read(head)? {
            Line::TooLong => {
                return Some(Self {
                    programs: Vec::new(),
                    obstacle: Some(Obstacle::TooLong),
                });
            }
            Line::Names(kernel, argument) => (kernel, argument),
        };
        let rest = head.splitn(2, |&byte| byte == b'\n').nth(1);
        let (next, obstacle) = match file_name(kernel) {
            b"env" => (argument.and_then(after_env), of_env(argument)),
            b"sh" => (rest.and_then(after_exec), None),
            _ => (None, None),
        };
        // The kernel searches no `PATH`.
        let kernel = if kernel.contains(&b'/') {
            kernel.to_owned()
        } else {
            [b"./", kernel].concat()
        };
        let next = next.filter(|program| !file_name(program).is_empty());
        let all = std::iter::once(kernel).chain(next);
        Some(Self {
            programs: all.map(OsString::from_vec).collect(),
            obstacle,
        })
    }
}

/// Whether a list does not name the package of `program`: every image has env and a shell, and Python
/// is the interpreter of the tree.
pub fn is_in_every_image(program: &OsStr) -> bool {
    let name = file_name(program.as_bytes());
    name == b"sh" || name == b"env" || name.starts_with(b"python") || name.starts_with(b"pypy")
}

/// Why no package provides `program`, as a script names it.
pub fn fault(program: &OsStr) -> Option<Fault> {
    let is_absolute = program.as_bytes().starts_with(b"/");
    let is_path = program.as_bytes().contains(&b'/');
    let has_space = |text: &[u8]| text.contains(&b' ') || text.contains(&b'\t');
    let is_of_words = if is_absolute {
        has_space(file_name(program.as_bytes()))
    } else {
        has_space(program.as_bytes())
    };
    if program.as_bytes().ends_with(b"\r") {
        Some(CARRIAGE_RETURN)
    } else if is_of_words {
        Some(WORDS)
    } else if is_path && !is_absolute {
        Some(RELATIVE)
    } else {
        None
    }
}

/// The line that begins with `#!`, as the kernel reads it (`load_script` in its `fs/binfmt_script.c`).
enum Line<'a> {
    /// The interpreter and its one argument. A carriage return is a part of them.
    Names(&'a [u8], Option<&'a [u8]>),
    TooLong,
}

impl<'a> Line<'a> {
    /// `None` if the kernel takes the file for no script, or if no interpreter is named.
    fn read(head: &'a [u8]) -> Option<Self> {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let buffer = &head[..head.len().min(LINE)];
        let rest = buffer.strip_prefix(b"#!")?;
        let end = rest.iter().position(|&byte| byte == b'\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        let line = &line[line.iter().position(|byte| !is_blank(byte))?..];
        let name_end = line.iter().position(|byte| is_blank(byte) || *byte == 0);
        // What follows a shorter file is zero.
        if name_end.is_none() && end.is_none() && buffer.len() == LINE {
            return Some(Self::TooLong);
        }
        let (name, rest) = line.split_at(name_end.unwrap_or(line.len()));
        let argument = rest.split(|&byte| byte == 0).next()?;
        let first = argument.iter().position(|byte| !is_blank(byte));
        let last = argument.iter().rposition(|byte| !is_blank(byte));
        let argument = first.zip(last).map(|(first, last)| &argument[first..=last]);
        (!name.is_empty()).then_some(Self::Names(name, argument))
    }
}

/// The program in the line `'''exec' PROGRAM "$0" "$@"` with which `text` begins; `None` if it depends on
/// a variable.
fn after_exec(text: &[u8]) -> Option<Vec<u8>> {
    let line = text.split(|&byte| byte == b'\n').next()?;
    let rest = line.strip_prefix(EXEC)?;
    let program = match rest.first()? {
        quote @ (b'"' | b'\'') => rest[1..].split(|byte| byte == quote).next()?,
        _ => rest.split(u8::is_ascii_whitespace).next()?,
    };
    let is_plain = !program.contains(&b'$') && !program.contains(&b'\\');
    (program.starts_with(b"/") && is_plain).then(|| program.to_owned())
}

/// What keeps env from starting a script with this argument.
fn of_env(argument: Option<&[u8]>) -> Option<Obstacle> {
    let Some(argument) = argument else {
        return Some(Obstacle::Endless);
    };
    match argument.strip_prefix(b"-") {
        Some(_) => split(argument).map(|_| Obstacle::Splits),
        // What follows is a part of the value.
        None => argument.contains(&b'=').then_some(Obstacle::Endless),
    }
}

/// The words in the argument of env(1) that it splits (`-S`), if it does.
fn split(argument: &[u8]) -> Option<&[u8]> {
    let long = argument.strip_prefix(b"--split-string=");
    long.or_else(|| {
        let flags = argument.strip_prefix(b"-")?;
        let at = flags.iter().position(|byte| !matches!(byte, b'i' | b'v'))?;
        flags[at..].strip_prefix(b"S")
    })
}

/// The program that env(1) starts with this argument, which is one word unless it splits it (`-S`);
/// `None` where that takes more than plain words: an option with an argument, a quote, a variable or
/// another `PATH`.
fn after_env(argument: &[u8]) -> Option<Vec<u8>> {
    let is_one = !argument.starts_with(b"-") && !argument.contains(&b'=');
    if is_one {
        return Some(argument.to_owned());
    }
    let words = split(argument)?;
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\\' | b'$');
    // Of these, a carriage return is one (`check_escapes` in its `env.c`, C's `isspace`).
    let mut words = words
        .split(|byte| byte.is_ascii_whitespace() || *byte == 0x0b)
        .filter(|word| !word.is_empty());
    loop {
        let word = words.next()?;
        match word {
            _ if word.iter().any(is_special) => return None,
            b"-i" | b"-" | b"-v" | b"--" => {}
            _ if word.starts_with(b"-") || word.starts_with(b"PATH=") => return None,
            _ if word.contains(&b'=') => {}
            _ => return Some(word.to_owned()),
        }
    }
}

fn file_name(path: &[u8]) -> &[u8] {
    let name = Path::new(OsStr::from_bytes(path)).file_name();
    name.unwrap_or_default().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(head: &[u8]) -> Vec<String> {
        let programs = Script::read(head).map(|script| script.programs);
        let programs = programs.iter().flatten();
        programs
            .map(|it| it.to_string_lossy().into_owned())
            .collect()
    }

    fn obstacle(head: &[u8]) -> Option<Obstacle> {
        Script::read(head)?.obstacle
    }

    #[test]
    fn a_script_is_started_by_the_kernel_env_or_the_shell() {
        for (head, expected) in [
            ("#!/usr/bin/perl -w\nx", &["/usr/bin/perl"][..]),
            ("#! \t/bin/bash", &["/bin/bash"]),
            ("#!/bin/bash\0x\n", &["/bin/bash"]),
            ("#!/bin/bash\r\n", &["/bin/bash\r"]),
            ("#!/usr/bin/env node\n", &["/usr/bin/env", "node"]),
            ("#!/usr/bin/env node \t\n", &["/usr/bin/env", "node"]),
            ("#!/usr/bin/env node\r\n", &["/usr/bin/env", "node\r"]),
            ("#!/usr/bin/env node -x\n", &["/usr/bin/env", "node -x"]),
            ("#!/usr/bin/env -S node -x\r\n", &["/usr/bin/env", "node"]),
            ("#!/usr/bin/env -S node\r\n", &["/usr/bin/env", "node"]),
            ("#!/usr/bin/env -ivSnode\n", &["/usr/bin/env", "node"]),
            (
                "#!/usr/bin/env --split-string=node x\n",
                &["/usr/bin/env", "node"],
            ),
            ("#!/usr/bin/env -i node\n", &["/usr/bin/env"]),
            ("#!/usr/bin/env A=1\n", &["/usr/bin/env"]),
            (
                "#!/usr/bin/env -S A=1 -i ruby -w\n",
                &["/usr/bin/env", "ruby"],
            ),
            ("#!/usr/bin/env -S -u X ruby\n", &["/usr/bin/env"]),
            ("#!/usr/bin/env -S A=\"b c\" ruby\n", &["/usr/bin/env"]),
            ("#!/usr/bin/env\n", &["/usr/bin/env"]),
            ("#!/venv/bin/python3.11\n", &["/venv/bin/python3.11"]),
            ("#!/bin/sh\nexec x", &["/bin/sh"]),
            (
                "#!/bin/sh\n'''exec' /a/python \"$0\" \"$@\"\n' '''\n",
                &["/bin/sh", "/a/python"],
            ),
            (
                "#!/bin/sh\n'''exec' \"/a b/python\" \"$0\"",
                &["/bin/sh", "/a b/python"],
            ),
            (
                "#!/bin/sh\n'''exec' '/a b/python' \"$0\"",
                &["/bin/sh", "/a b/python"],
            ),
            (
                "#!/bin/sh\n'''exec' \"$(dirname -- \"$0\")\"/'python3'",
                &["/bin/sh"],
            ),
            ("#!python\n", &["./python"]),
            ("#!bin/x\n", &["bin/x"]),
            ("#!\n", &[]),
            ("#! \t\n/bin/sh", &[]),
            ("/bin/bash", &[]),
            ("", &[]),
        ] {
            assert_eq!(programs(head.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn only_the_name_must_end_in_what_the_kernel_reads() {
        let path = format!("/{}", "x".repeat(LINE - 4));
        for (name, end, expected) in [
            (&*path, "\n", &*path),
            (&path, " ", &path),
            (&path, "", &path),
            ("/bin/sh", &" x".repeat(LINE), "/bin/sh"),
        ] {
            let head = format!("#!{name}{end}");
            assert_eq!(programs(head.as_bytes()), [expected], "{head}");
            assert_eq!(obstacle(head.as_bytes()), None, "{head}");
        }
        for end in ["x", "x\n"] {
            let head = format!("#!{path}{end}");
            assert_eq!(programs(head.as_bytes()), [""; 0], "{head}");
            assert_eq!(obstacle(head.as_bytes()), Some(Obstacle::TooLong));
        }
    }

    #[test]
    fn env_needs_a_program_and_may_have_to_split_its_argument() {
        for (end, expected) in [
            ("", Some(Obstacle::Endless)),
            (" \t", Some(Obstacle::Endless)),
            (" A=1", Some(Obstacle::Endless)),
            (" A=1 node", Some(Obstacle::Endless)),
            (" -S node", Some(Obstacle::Splits)),
            (" -ivSnode", Some(Obstacle::Splits)),
            (" --split-string=node", Some(Obstacle::Splits)),
            (" -i", None),
            (" node", None),
        ] {
            let head = format!("#!/usr/bin/env{end}\n");
            assert_eq!(obstacle(head.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn a_fault_is_seen_in_the_name() {
        let text = |name: &str| fault(OsStr::new(name)).map(|fault| fault.text);
        for (name, expected) in [
            ("/bin/x\r", Some(CARRIAGE_RETURN)),
            ("x\r", Some(CARRIAGE_RETURN)),
            ("python3 -u", Some(WORDS)),
            ("/usr/bin/python3 -u", Some(WORDS)),
            ("bash /x", Some(WORDS)),
            ("./x", Some(RELATIVE)),
            ("/a b/python", None),
            ("x", None),
        ] {
            assert_eq!(text(name), expected.map(|fault| fault.text), "{name}");
        }
    }
}
