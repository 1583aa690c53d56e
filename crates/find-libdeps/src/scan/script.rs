//! The first line of a script, as the kernel and env(1) read it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// How much of a file the kernel reads to find the interpreter (`BINPRM_BUF_SIZE` in its
/// `include/uapi/linux/binfmts.h`).
pub const HEAD: usize = 256;

/// The program that runs the script which begins with `head`: a path, or a name in `PATH` if it is
/// started through env. `None` if this is no script, or a shell or Python runs it: every image has the
/// one, and the other is the interpreter of the tree.
pub fn interpreter(head: &[u8]) -> Option<&str> {
    let line = head.strip_prefix(b"#!")?;
    let end = line.iter().position(|&byte| byte == b'\n');
    // The kernel refuses a line that is longer (`load_script` in its `fs/binfmt_script.c`).
    if end.is_none() && head.len() >= HEAD {
        return None;
    }
    let mut words = std::str::from_utf8(&line[..end.unwrap_or(line.len())])
        .ok()?
        .split_ascii_whitespace();
    let first = words.next()?;
    let program = match file_name(first) {
        b"env" => after_env(words)?,
        _ => first,
    };
    let name = file_name(program);
    let is_everywhere = name == b"sh" || name.starts_with(b"python") || name.starts_with(b"pypy");
    let is_usable = program.starts_with('/') || !program.contains('/');
    (!is_everywhere && is_usable && !name.is_empty()).then_some(program)
}

/// The program that env(1) starts; `None` where that takes more than plain words: an option with an
/// argument, a quote or a variable.
fn after_env<'w>(mut words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let is_plain = |word: &str| !word.contains(['"', '\'', '\\', '$']);
    loop {
        let word = words.next().filter(|word| is_plain(word))?;
        match word {
            "-S" | "-i" | "-" | "-v" => {}
            _ if word.starts_with('-') => return None,
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
    fn the_interpreter_is_a_path_or_a_name_after_env() {
        for (head, expected) in [
            ("#!/usr/bin/perl -w\nx", Some("/usr/bin/perl")),
            ("#! \t/bin/bash", Some("/bin/bash")),
            ("#!/usr/bin/env node\n", Some("node")),
            ("#!/usr/bin/env -S A=1 -i ruby -w\n", Some("ruby")),
            ("#!/usr/bin/env -S -u X ruby\n", None),
            ("#!/usr/bin/env -S A=\"b c\" ruby\n", None),
            ("#!/bin/sh\n", None),
            ("#!/usr/bin/env python3\n", None),
            ("#!/venv/bin/python3.11\n", None),
            ("#!/usr/bin/env\n", None),
            ("#!\n", None),
            ("#!bin/x\n", None),
            ("#!/\n", None),
            ("/bin/bash", None),
        ] {
            assert_eq!(interpreter(head.as_bytes()), expected, "{head}");
        }
        let long = format!("#!/{}", "x".repeat(HEAD));
        assert_eq!(interpreter(&long.as_bytes()[..HEAD]), None);
    }
}
