//! Which lines of a Python source run on Linux, as far as its tests of the platform tell.
//!
//! Told by indentation: the branches of `if`, `elif` and `else` whose condition compares with the
//! name of a system (`sys.platform == "win32"`), or asks a flag that is called as one
//! (`IS_WINDOWS`). Where a condition does not tell, all its branches count. Not seen: a `return` or
//! `raise` that ends a function on other systems, `match`, conditions kept in a variable under
//! another name.

use crate::run_time::python::tokens::{Kind, Line, NONE, Tokens};
use std::ops::Range;

/// What `sys.platform`, `os.name` and `platform.system()` are elsewhere, in lower case; a comparison
/// may name just the beginning.
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
const OURS: [&str; 4] = ["linux", "linux2", "linux3", "posix"];
/// Words in the names of flags beside those of systems.
const FILLERS: [&str; 7] = ["is", "on", "os", "sys", "platform", "running", ""];
/// How much of a condition is looked at.
const MAX_CONDITION: usize = 256;

/// The lines that may run on Linux.
pub(crate) fn live_lines(tokens: &Tokens) -> Vec<Line> {
    let mut live = Vec::new();
    let mut blocks: Vec<Block> = Vec::new();
    for line in &tokens.lines {
        let mut before = None;
        while blocks
            .last()
            .is_some_and(|block| block.indent >= line.indent)
        {
            before = blocks.pop().filter(|block| block.indent == line.indent);
        }
        let is_outer_live = blocks.last().is_none_or(|block| block.is_live);
        let first = line.tokens.start;
        let word = tokens.text(first);
        let mut block = Block {
            indent: line.indent,
            is_live: is_outer_live,
            was_taken: false,
        };
        if tokens.kind(first) == Some(Kind::Word) && [&b"if"[..], b"elif", b"else"].contains(&word)
        {
            let earlier = before.is_some_and(|before| word != b"if" && before.was_taken);
            let runs = if word == b"else" {
                None
            } else {
                runs_on_linux(tokens, condition(tokens, first + 1..line.tokens.end))
            };
            block.is_live = is_outer_live && !earlier && runs != Some(false);
            block.was_taken = earlier || runs == Some(true);
        }
        if block.is_live {
            live.push(line.clone());
        }
        blocks.push(block);
    }
    live
}

/// A line and what is indented below it.
struct Block {
    indent: u32,
    is_live: bool,
    /// One of the branches so far is the one that runs on Linux.
    was_taken: bool,
}

/// The tokens up to the colon that ends the header.
fn condition(tokens: &Tokens, rest: Range<usize>) -> Range<usize> {
    let end = rest
        .clone()
        .take(MAX_CONDITION)
        .find(|&index| tokens.is(index, ":") && tokens.all[index].bracket == NONE);
    rest.start..end.unwrap_or(rest.start)
}

/// Whether a condition holds on Linux, where it tells: `or` of `and` of comparisons, without
/// nested brackets.
fn runs_on_linux(tokens: &Tokens, condition: Range<usize>) -> Option<bool> {
    let mut any = Some(false);
    for alternative in split(tokens, condition, "or") {
        let mut all = Some(true);
        for part in split(tokens, alternative, "and") {
            all = match (all, comparison(tokens, part)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        any = match (any, all) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
    }
    any
}

fn split(tokens: &Tokens, mut rest: Range<usize>, word: &str) -> Vec<Range<usize>> {
    let bracket = |index: usize| tokens.all.get(index).map(|token| token.bracket);
    let around = bracket(rest.start);
    let mut parts = Vec::new();
    for index in rest.clone() {
        if tokens.is(index, word) && bracket(index) == around {
            parts.push(rest.start..index);
            rest.start = index + 1;
        }
    }
    parts.push(rest);
    parts
}

fn comparison(tokens: &Tokens, part: Range<usize>) -> Option<bool> {
    let mut is_negated = false;
    let mut is_comparison = false;
    let (mut ours, mut others) = (false, false);
    let mut flag = None;
    for index in part {
        let text = tokens.text(index);
        match tokens.kind(index)? {
            Kind::String => match system(text) {
                Some(is_ours) => *if is_ours { &mut ours } else { &mut others } = true,
                None => return None,
            },
            Kind::Word if text == b"not" => is_negated = !is_negated,
            Kind::Word if text == b"in" || text == b"startswith" => is_comparison = true,
            Kind::Word => flag = system_of_flag(text).or(flag),
            Kind::Mark if text == b"!=" => {
                is_negated = !is_negated;
                is_comparison = true;
            }
            Kind::Mark if text == b"==" => is_comparison = true,
            Kind::Mark => {}
        }
    }
    let holds = match (is_comparison, ours, others) {
        (true, true, _) => true,
        (true, false, true) => false,
        (false, false, false) => flag?,
        _ => return None,
    };
    Some(holds != is_negated)
}

/// Whether the name of a system is Linux's.
fn system(name: &[u8]) -> Option<bool> {
    let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    if OURS.contains(&name.as_str()) {
        Some(true)
    } else if OTHERS.contains(&name.as_str()) {
        Some(false)
    } else {
        None
    }
}

fn system_of_flag(name: &[u8]) -> Option<bool> {
    if name.len() > 32 {
        return None;
    }
    let mut found = None;
    for word in name.split(|&byte| byte == b'_') {
        match system(word) {
            Some(is_ours) => found = Some(is_ours),
            None if FILLERS
                .iter()
                .any(|filler| word.eq_ignore_ascii_case(filler.as_bytes())) => {}
            None => return None,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the lines that are live.
    fn live(source: &str) -> Vec<u32> {
        let tokens = Tokens::new(source.as_bytes()).unwrap();
        live_lines(&tokens)
            .iter()
            .map(|line| tokens.all[line.tokens.start].line)
            .collect()
    }

    fn holds(condition: &str) -> Option<bool> {
        let tokens = Tokens::new(condition.as_bytes()).unwrap();
        runs_on_linux(&tokens, 0..tokens.all.len())
    }

    #[test]
    fn conditions_tell_by_the_name_of_a_system() {
        for condition in [
            "sys.platform == 'linux'",
            "sys.platform.startswith('linux')",
            "os.name != 'nt'",
            "platform.system() in ('Linux', 'FreeBSD')",
            "not sys.platform.startswith(\"win\")",
            "sys.platform not in ('win32', 'darwin')",
            "x and y or os.name == 'posix'",
            "not IS_WINDOWS",
            "IS_LINUX",
        ] {
            assert_eq!(holds(condition), Some(true), "{condition}");
        }
        for condition in [
            "sys.platform == 'win32'",
            "'darwin' in sys.platform",
            "platform.system() == 'Windows' and x",
            "sys.platform in ['win32', 'cygwin'] or os.name == 'nt'",
            "_IS_WIN",
        ] {
            assert_eq!(holds(condition), Some(false), "{condition}");
        }
        for condition in [
            "x",
            "sys.platform",
            "x or os.name == 'nt'",
            "name == 'magic'",
            "not x",
            "",
        ] {
            assert_eq!(holds(condition), None, "{condition}");
        }
    }

    #[test]
    fn branches_for_other_systems_do_not_run() {
        let source = "\
if sys.platform == 'win32':
    a
    if x:
        b
elif x:
    c
elif os.name == 'posix':
    d
else:
    e
f
if os.name == 'nt': g
else: h
";
        assert_eq!(live(source), [5, 6, 7, 8, 11, 13]);
        assert_eq!(live("  if IS_MAC:\n    a\n b\nelse:\n  c"), [3, 4, 5]);
    }

    #[test]
    fn deep_nesting_is_no_trouble() {
        let mut source = String::new();
        for depth in 0..2000 {
            source.push_str(&" ".repeat(depth));
            source.push_str("if x:\n");
        }
        assert_eq!(live(&source).len(), 2000);
    }
}
