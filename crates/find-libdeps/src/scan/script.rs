//! The first lines of a script, as the kernel, env(1) and the shell read them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// How much of a file the kernel reads to find the interpreter (`BINPRM_BUF_SIZE` in its
/// `include/uapi/linux/binfmts.h`).
const LINE: usize = 256;
/// How much is read here: the second line may name a path of any length.
pub const HEAD: usize = LINE + 4096;

/// How pip and uv begin the second line of a script whose interpreter the kernel would not take, for its
/// length or a space: the shell runs the path that follows, and to Python it is a string.
const EXEC: &str = "'''exec' ";

/// The programs that start the script which begins with `head`, each a path or a name in `PATH`: the
/// one that the kernel runs, and the one that this runs if it is env or, as pip and uv use it, the
/// shell. Empty if this is no script.
pub fn programs(head: &[u8]) -> Vec<&str> {
    let mut lines = head.split(|&byte| byte == b'\n');
    let first = lines.next().and_then(|line| line.strip_prefix(b"#!"));
    // The kernel refuses a line that is longer (`load_script` in its `fs/binfmt_script.c`).
    let first = first.filter(|line| b"#!".len() + line.len() < LINE);
    let text = |line| std::str::from_utf8(line).ok();
    let mut words = first.and_then(text).unwrap_or("").split_ascii_whitespace();
    let Some(kernel) = words.next() else {
        return Vec::new();
    };
    let next = match file_name(kernel) {
        b"env" => after_env(words),
        b"sh" => lines.next().and_then(text).and_then(after_exec),
        _ => None,
    };
    let is_usable = |program: &&str| {
        let is_clear = program.starts_with('/') || !program.contains('/');
        is_clear && !file_name(program).is_empty()
    };
    [Some(kernel), next]
        .into_iter()
        .flatten()
        .filter(is_usable)
        .collect()
}

/// Whether a list does not name the package of `program`: every image has env and a shell, and Python
/// is the interpreter of the tree.
pub fn is_in_every_image(program: &str) -> bool {
    let name = file_name(program);
    name == b"sh" || name == b"env" || name.starts_with(b"python") || name.starts_with(b"pypy")
}

/// The program in the line `'''exec' PROGRAM "$0" "$@"`; `None` if it depends on a variable.
fn after_exec(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(EXEC)?;
    let program = match rest.chars().next()? {
        quote @ ('"' | '\'') => rest[1..].split(quote).next()?,
        _ => rest.split_ascii_whitespace().next()?,
    };
    let is_plain = !program.contains(['$', '\\']);
    (program.starts_with('/') && is_plain).then_some(program)
}

/// The program that env(1) starts; `None` where that takes more than plain words: an option with an
/// argument, a quote, a variable or another `PATH`.
fn after_env<'w>(mut words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let is_plain = |word: &str| !word.contains(['"', '\'', '\\', '$']);
    loop {
        let word = words.next().filter(|word| is_plain(word))?;
        match word {
            "-S" | "-i" | "-" | "-v" => {}
            _ if word.starts_with('-') || word.starts_with("PATH=") => return None,
            _ if word.contains('=') => {}
            _ => return Some(word),
        }
    }
}

fn file_name(path: &str) -> &[u8] {
    let name = Path::new(path).file_name().unwrap_or(OsStr::new(""));
    name.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_started_by_the_kernel_env_or_the_shell() {
        for (head, expected) in [
            ("#!/usr/bin/perl -w\nx", &["/usr/bin/perl"][..]),
            ("#! \t/bin/bash", &["/bin/bash"]),
            ("#!/usr/bin/env node\n", &["/usr/bin/env", "node"]),
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
            ("#!\n", &[]),
            ("#!bin/x\n", &[]),
            ("#!/\n", &[]),
            ("/bin/bash", &[]),
            ("", &[]),
        ] {
            assert_eq!(programs(head.as_bytes()), expected, "{head}");
        }
        for is_ended in [false, true] {
            let path = format!("/{}", "x".repeat(LINE - 4));
            let head = format!("#!{path}{}", if is_ended { "\n" } else { "x" });
            assert_eq!(programs(head.as_bytes()).len(), usize::from(is_ended));
        }
    }
}
