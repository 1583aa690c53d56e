//! Leaves out the lines of a Python source that run on other systems only.
//!
//! A branch of `if` or `elif` is left out if its condition compares with the name of another system
//! (`sys.platform == "win32"`, `os.name in ("nt", "ce")`), and every alternative of an `or` does.
//! Every other line may run: a condition with `not` or `!=`, the `else` of a test for Linux, what
//! follows a `return`, flags such as `IS_WINDOWS`.

use crate::python::source::tokens::{LogicalLine, NONE, PythonTokens, TokenKind};

/// Values of `sys.platform`, `os.name` and `platform.system()` on other systems, in lower case, and
/// what `startswith` and `in` look for in them.
const OTHERS: [&str; 24] = [
    "win",
    "windows",
    "win32",
    "win64",
    "cygwin",
    "msys",
    "nt",
    "ce",
    "darwin",
    "mac",
    "macos",
    "macosx",
    "osx",
    "os2",
    "java",
    "cli",
    "ios",
    "android",
    "freebsd",
    "openbsd",
    "netbsd",
    "sunos",
    "aix",
    "emscripten",
];
/// How many tokens of a condition are read.
const MAX_CONDITION: usize = 256;

/// The lines that may run on Linux.
pub(super) fn live_lines(tokens: &PythonTokens) -> Vec<LogicalLine> {
    // The indentation of the branch that is left out.
    let mut left_out = None;
    let mut live = Vec::new();
    for line in &tokens.lines {
        if left_out.is_some_and(|indent| line.indent > indent) {
            continue;
        }
        let is_elsewhere = is_for_another_system(tokens, line);
        left_out = is_elsewhere.then_some(line.indent);
        if !is_elsewhere {
            live.push(line.clone());
        }
    }
    live
}

/// Whether the line begins a branch that runs on other systems only.
fn is_for_another_system(tokens: &PythonTokens, line: &LogicalLine) -> bool {
    let first = line.tokens.start;
    if !tokens.is(first, "if") && !tokens.is(first, "elif") {
        return false;
    }
    // Whether the current alternative of `or` does.
    let mut names_another = false;
    for index in (first + 1..line.tokens.end).take(MAX_CONDITION) {
        let text = tokens.text(index);
        match (tokens.kind(index), text) {
            (Some(TokenKind::String), _) if is_another_system(text) => names_another = true,
            (Some(TokenKind::String), _) | (_, b"not" | b"!=") => return false,
            (_, b"or") if names_another => names_another = false,
            (_, b"or") => return false,
            (_, b":") if tokens.all[index].bracket == NONE => return names_another,
            _ => {}
        }
    }
    false
}

fn is_another_system(name: &[u8]) -> bool {
    OTHERS
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the live lines.
    fn live(source: &str) -> Vec<u32> {
        let tokens = PythonTokens::new(source.as_bytes()).unwrap();
        live_lines(&tokens)
            .iter()
            .map(|line| tokens.all[line.tokens.start].line)
            .collect()
    }

    #[test]
    fn a_condition_that_names_only_other_systems_is_for_them() {
        for condition in [
            "sys.platform == 'win32'",
            "'darwin' in sys.platform",
            "platform.system() == 'Windows' and x",
            "sys.platform in ['win32', 'cygwin'] or os.name == 'nt'",
        ] {
            let source = format!("if {condition}:\n a");
            assert!(live(&source).is_empty(), "{condition}");
        }
        for condition in [
            "sys.platform == 'linux'",
            "platform.system() in ('Linux', 'FreeBSD')",
            "os.name != 'nt'",
            "not sys.platform.startswith(\"win\")",
            "x or os.name == 'nt'",
            "(os.name == 'nt' or x)",
            "name == 'magic'",
            "x",
            "",
        ] {
            let source = format!("if {condition}:\n a");
            assert_eq!(live(&source), [1, 2], "{condition}");
        }
    }

    #[test]
    fn branches_for_other_systems_are_left_out() {
        let source = "\
if sys.platform == 'win32':
    a
    if x:
        b
elif x:
    c
elif os.name == 'nt':
    d
else:
    e
f
if os.name == 'nt': g
else: h
";
        assert_eq!(live(source), [5, 6, 9, 10, 11, 13]);
        assert_eq!(live("  if x == 'nt':\n    a\n b\nelse:\n  c"), [3, 4, 5]);
    }
}
