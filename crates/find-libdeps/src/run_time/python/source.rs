//! One Python source to the names of the libraries that it may load at run time.
//!
//! What counts is where a string stands: in a call of a loader (`find_library("magic")`), in a call
//! of a function that is called like a loader (`load_library`, `get_dll`), in a variable or loop that
//! ends in such a call, or, if it looks like `lib*.so*`, anywhere in a file that calls a loader. Comments and
//! branches for other systems (`python_platform.rs`) do not count.
//!
//! A heuristic: nothing is executed, so a name that is put together at run time is not found, and what
//! is needed cannot be told from what is an optional feature. Variables are told apart by name
//! only, not by scope. One pass after another over the tokens, all tables capped: time and memory grow
//! with the size of the source and no faster.

use crate::run_time::library_name::Name;
use crate::run_time::python::platform::live_lines;
use crate::run_time::python::tokens::{Kind, Line, NONE, Tokens, TooManyTokens};
use regex::bytes::Regex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::LazyLock;
use thiserror::Error;

/// Real sources that load libraries have up to 1 MB.
const MAX_SOURCE: usize = 8 << 20;
/// Real sources have up to some fifty call sites.
const MAX_CALLS: usize = 1024;
/// Real call sites try up to ten names.
const MAX_NAMES: usize = 64;
/// How much of an assignment or loop is looked at.
const MAX_EXPRESSION: usize = 256;
/// How many brackets are looked through around a string.
const MAX_NESTING: usize = 8;
/// How many variables are looked through from a call to a string.
const MAX_HOPS: usize = 8;
/// `PATH_MAX`.
const MAX_NAME: usize = 4096;

/// One place in a source that loads a library: one need, whose names are alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The line of the source, from 1.
    pub line: u32,
    /// The names that it tries, in order, each once: the first that is there serves.
    pub names: Vec<Name>,
}

/// Why a source was passed over.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not searched for names of libraries: {0}")]
pub struct Unsearched(String);

/// Reads `file`, which is at its beginning, into `buffer`, in one go where it fits into what the buffer
/// has; answers what it read. Of a file that is too large for [`calls`] just enough is read to tell.
pub fn read<'a>(file: &mut File, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
    const FIRST: usize = 256 << 10;
    let mut length = 0;
    loop {
        if length == buffer.len() {
            buffer.resize((length * 4).clamp(FIRST, MAX_SOURCE + 1), 0);
        }
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if length > MAX_SOURCE {
            break;
        }
    }
    Ok(&buffer[..length])
}

/// Whether a source may be run in an image for Linux, by its path: not those of tests, examples,
/// documentation and other systems. `path` begins where the program's own files do, since what lies
/// above says nothing of them.
#[must_use]
pub fn is_for_run_time(path: &Path) -> bool {
    const PASSED_OVER: [&[u8]; 12] = [
        b"test",
        b"tests",
        b"testing",
        b"conftest",
        b"example",
        b"examples",
        b"demo",
        b"demos",
        b"doc",
        b"docs",
        b"windows",
        b"win",
    ];
    const WORDS: [&[u8]; 6] = [b"win32", b"darwin", b"macos", b"macosx", b"osx", b"cocoa"];
    let is =
        |names: &[&[u8]], name: &[u8]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    path.extension() == Some(OsStr::new("py"))
        && !path.iter().any(|part| {
            let part = Path::new(part).file_stem().unwrap_or_default().as_bytes();
            is(&PASSED_OVER, part)
                || part.starts_with(b"test_")
                || part
                    .split(|&byte| byte == b'_')
                    .any(|word| is(&WORDS, word))
        })
}

/// The places in `source` that load libraries, by line.
pub fn calls(source: &[u8]) -> Result<Vec<Call>, Unsearched> {
    /// Every loader, and what is called like one, in one automaton.
    static MAY_LOAD: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            "(?-u)find_?[Ll]ib|find_dll|CDLL|PyDLL|LoadLibrary|dlopen|cdll|DLL\\(|get_?[Ll]ib|get_dll|\
              open_?[Ll]ib|load_?[A-Za-z_]{0,16}(?:[Ll]ib|dll|DLL|shared)",
        )
        .ok()
    });
    if source.len() > MAX_SOURCE {
        return Err(Unsearched(format!("it has more than {MAX_SOURCE} bytes")));
    }
    if !MAY_LOAD.as_ref().is_none_or(|regex| regex.is_match(source)) {
        return Ok(Vec::new());
    }
    let tokens =
        Tokens::new(source).map_err(|TooManyTokens| Unsearched(TooManyTokens.to_string()))?;
    Ok(Search::new(&tokens).calls())
}

/// What a loader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// `find_library`: stems.
    Stems,
    /// `CDLL`: file names.
    Files,
    /// cffi's `dlopen` and functions that are called like loaders: both.
    Both,
}

impl Takes {
    /// Whether the loader takes a name as argument `index`. Wrappers of `dlopen` take cffi's object
    /// first, and functions that are called like loaders differ.
    fn at(self, index: u32) -> bool {
        self == Self::Both || index == 0
    }
}

/// What is known of a variable.
#[derive(Default)]
struct Values<'a> {
    /// The strings that it may be, as tokens.
    strings: Vec<usize>,
    /// Other variables that it may be, or be of.
    names: Vec<&'a [u8]>,
    /// The first call of a loader whose answer it may be.
    site: Option<usize>,
}

struct Search<'a> {
    tokens: &'a Tokens<'a>,
    lines: Vec<Line>,
    values: HashMap<&'a [u8], Values<'a>>,
    /// It mentions what loads libraries, so that a name like a loader's means one.
    is_about_libraries: bool,
    /// It calls a loader.
    has_loader: bool,
}

impl<'a> Search<'a> {
    fn new(tokens: &'a Tokens<'a>) -> Self {
        let mut search = Self {
            tokens,
            lines: live_lines(tokens),
            values: HashMap::new(),
            is_about_libraries: false,
            has_loader: false,
        };
        search.read_words();
        if search.is_about_libraries {
            search.read_values();
        }
        search
    }

    fn read_words(&mut self) {
        let tokens = self.tokens;
        for line in &self.lines {
            let first = line.tokens.start;
            let is_import = tokens.is(first, "import") || tokens.is(first, "from");
            for index in line.tokens.clone() {
                if tokens.kind(index) != Some(Kind::Word) {
                    continue;
                }
                let word = tokens.text(index);
                let takes = strict(word);
                // A function of another kind may be called `find_library` too.
                let is_ctypes = takes.is_some_and(|takes| takes != Takes::Stems)
                    || [&b"cdll"[..], b"pydll"].contains(&word);
                self.has_loader |= takes.is_some() || is_ctypes;
                self.is_about_libraries |= is_ctypes || is_import && is_module_for_libraries(word);
            }
        }
    }

    /// Assignments, loops and default values.
    fn read_values(&mut self) {
        let tokens = self.tokens;
        for line in std::mem::take(&mut self.lines) {
            let end = line.tokens.end;
            for index in line.tokens.clone() {
                match tokens.text(index) {
                    b"=" | b"+=" if index > line.tokens.start => {
                        let outer = tokens.all[index].bracket;
                        // In brackets it is a default value, or the name of an argument, where it
                        // does no harm.
                        if let Some(target) = self.target(index, line.tokens.start) {
                            self.read_value(target, index + 1, end, outer);
                        }
                    }
                    b"for" if tokens.is(index + 2, "in") => {
                        let outer = tokens.all[index].bracket;
                        self.read_value(tokens.text(index + 1), index + 3, end, outer);
                    }
                    _ => {}
                }
            }
            self.lines.push(line);
        }
    }

    /// The name that `=` at `index` gives a value: `x =`, `self.x =`, `x: str =`.
    fn target(&self, index: usize, start: usize) -> Option<&'a [u8]> {
        let tokens = self.tokens;
        let is_annotated = tokens.is(start + 1, ":") && tokens.all[index].bracket == NONE;
        let index = if is_annotated { start } else { index - 1 };
        (tokens.kind(index) == Some(Kind::Word)).then(|| tokens.text(index))
    }

    /// Notes down the strings and variables of an expression that begins at `from` inside `outer`.
    fn read_value(&mut self, target: &'a [u8], from: usize, end: usize, outer: u32) {
        let tokens = self.tokens;
        let mut strings = Vec::new();
        let mut names = Vec::new();
        let mut site = None;
        for index in (from..end).take(MAX_EXPRESSION) {
            let token = tokens.all[index];
            let is_direct = token.bracket == outer;
            let text = tokens.text(index);
            if is_direct
                && (tokens.is(index, ":")
                    || tokens.is(index, ")")
                    || tokens.is(index, "]")
                    || outer != NONE && tokens.is(index, ","))
            {
                break;
            }
            match token.kind {
                Kind::String if self.is_plain(index, outer) => strings.push(index),
                Kind::Word if is_end_of_name(tokens, index) && self.is_plain(index, outer) => {
                    names.push(text);
                }
                Kind::Word if site.is_none() && tokens.is(index + 1, "(") => {
                    let is_loader = self.loader(index + 1, index).is_some();
                    site = (is_loader && self.is_plain(index, outer)).then_some(index);
                }
                _ => {}
            }
        }
        let values = self.values.entry(target).or_default();
        values.site = values.site.or(site);
        let room = MAX_NAMES.saturating_sub(values.strings.len());
        values.strings.extend(strings.into_iter().take(room));
        let room = MAX_HOPS.saturating_sub(values.names.len());
        values.names.extend(names.into_iter().take(room));
    }

    /// Whether only brackets of tuples and lists lie between the token and `outer`.
    fn is_plain(&self, index: usize, outer: u32) -> bool {
        let mut bracket = self.tokens.all[index].bracket;
        for _ in 0..MAX_NESTING {
            if bracket == outer {
                return true;
            }
            if bracket == NONE || self.callee(bracket).is_some() {
                return false;
            }
            bracket = self.tokens.all[bracket as usize].bracket;
        }
        false
    }

    /// The variable and those that it may be of.
    fn variables(&self, name: &'a [u8]) -> Vec<&'a [u8]> {
        let mut names = vec![name];
        let mut next = 0;
        while let Some(name) = names.get(next) {
            next += 1;
            for &other in self
                .values
                .get(name)
                .map_or(&[][..], |values| &values.names)
            {
                if names.len() < MAX_HOPS && !names.contains(&other) {
                    names.push(other);
                }
            }
        }
        names
    }

    fn calls(&self) -> Vec<Call> {
        if !self.is_about_libraries {
            return Vec::new();
        }
        let tokens = self.tokens;
        let mut found = Found::new(tokens);
        for line in &self.lines {
            for index in line.tokens.clone() {
                match tokens.kind(index) {
                    Some(Kind::String) => {
                        if let Some((site, takes)) = self.site(index) {
                            if self.is_value(index) {
                                found.add(site, index, takes);
                            }
                        }
                    }
                    Some(Kind::Word) if is_end_of_name(tokens, index) => {
                        if let Some((site, takes)) = self.site(index) {
                            // What a loader found and what serves where it found nothing are one
                            // need.
                            let site = self.found_by(tokens.text(index)).unwrap_or(site);
                            for string in self.strings(tokens.text(index)) {
                                if !found.is_used[string] && self.is_value(string) {
                                    found.add(site, string, takes);
                                }
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        if self.has_loader {
            for line in &self.lines {
                for index in line.tokens.clone() {
                    if tokens.kind(index) == Some(Kind::String)
                        && !found.is_used[index]
                        && self.is_value(index)
                        && !self.is_part_of_path(index)
                    {
                        // The values of a mapping are for different things.
                        let is_of_key = index > 0 && tokens.is(index - 1, ":");
                        let site = if is_of_key { index } else { line.tokens.start };
                        found.add(site, index, Takes::Files);
                    }
                }
            }
        }
        found.calls()
    }

    /// The call of a loader whose answer the variable may be.
    fn found_by(&self, variable: &[u8]) -> Option<usize> {
        self.values.get(variable)?.site
    }

    /// The strings that a variable may be.
    fn strings(&self, variable: &'a [u8]) -> impl Iterator<Item = usize> {
        self.variables(variable)
            .into_iter()
            .filter_map(|variable| self.values.get(variable))
            .flat_map(|values| values.strings.iter().copied())
    }

    /// The outermost call of a loader that the token is an argument of, by its token, and the
    /// innermost loader.
    fn site(&self, index: usize) -> Option<(usize, Takes)> {
        let tokens = self.tokens;
        let mut child = index;
        let mut found: Option<(usize, Takes)> = None;
        for _ in 0..MAX_NESTING {
            let token = tokens.all[child];
            if token.bracket == NONE {
                break;
            }
            let bracket = token.bracket as usize;
            if let Some(callee) = self.callee(token.bracket) {
                let text = tokens.text(callee);
                if let Some(takes) = self.loader(bracket, callee) {
                    let is_taken = match self.keyword(child) {
                        Some(keyword) => is_keyword_for_names(keyword),
                        None => takes.at(token.commas),
                    };
                    if !is_taken && found.is_none() {
                        return None;
                    }
                    let takes = found.map_or(takes, |(_, inner)| inner);
                    found = Some((callee, takes));
                } else if !is_transparent(text, token.commas) {
                    break;
                }
            }
            child = bracket;
        }
        found
    }

    /// The last word of what is called or subscripted by the bracket.
    fn callee(&self, bracket: u32) -> Option<usize> {
        const KEYWORDS: [&[u8]; 14] = [
            b"in", b"and", b"or", b"not", b"return", b"if", b"elif", b"else", b"yield", b"for",
            b"is", b"lambda", b"await", b"assert",
        ];
        let before = (bracket as usize).checked_sub(1)?;
        let is_called = match self.tokens.kind(before)? {
            Kind::Word => !KEYWORDS.contains(&self.tokens.text(before)),
            Kind::Mark => self.tokens.is(before, ")") || self.tokens.is(before, "]"),
            Kind::String => false,
        };
        (is_called && !self.tokens.is(bracket as usize, "{")).then_some(before)
    }

    fn loader(&self, bracket: usize, callee: usize) -> Option<Takes> {
        let name = self.tokens.text(callee);
        if self.tokens.is(bracket, "[") {
            return [&b"cdll"[..], b"pydll"]
                .contains(&name)
                .then_some(Takes::Files);
        }
        let is_definition = callee
            .checked_sub(1)
            .is_some_and(|before| self.tokens.is(before, "def") || self.tokens.is(before, "class"));
        if is_definition {
            return None;
        }
        strict(name).or_else(|| is_called_like_loader(name).then_some(Takes::Both))
    }

    /// `name` in `name=value`, of the value that begins at the token.
    fn keyword(&self, value: usize) -> Option<&'a [u8]> {
        let equals = value
            .checked_sub(1)
            .filter(|&index| self.tokens.is(index, "="))?;
        Some(self.tokens.text(equals.checked_sub(1)?))
    }

    /// Whether the string stands for itself: not a part of a longer one, a key, or compared with.
    fn is_value(&self, index: usize) -> bool {
        const PARTS: [&[u8]; 12] = [
            b"+", b"%", b"/", b"*", b"==", b"!=", b"<=", b">=", b"<", b">", b"is", b"not",
        ];
        let tokens = self.tokens;
        let before = index.checked_sub(1);
        let line_of = |index: usize| tokens.all.get(index).map(|token| token.bracket);
        let is_part = |other: usize| {
            tokens.kind(other) == Some(Kind::String) && line_of(other) == line_of(index)
                || tokens.kind(other) != Some(Kind::String) && PARTS.contains(&tokens.text(other))
        };
        let is_in_braces =
            tokens.all[index].bracket != NONE && tokens.is(tokens.all[index].bracket as usize, "{");
        !(before.is_some_and(|before| is_part(before) && self.is_same_line(before, index))
            || is_part(index + 1) && self.is_same_line(index, index + 1)
            || tokens.is(index + 1, ".")
            || tokens.is(index + 1, "in")
            || tokens.is(index + 1, ":") && is_in_braces)
    }

    fn is_same_line(&self, a: usize, b: usize) -> bool {
        // The last line that begins at or before `b` must hold `a` too.
        let place = self.lines.partition_point(|line| line.tokens.start <= b);
        place
            .checked_sub(1)
            .is_some_and(|line| self.lines[line].tokens.contains(&a))
    }

    /// Whether the string is joined to a directory, for a library that the program brings along, or
    /// only looked at.
    fn is_part_of_path(&self, index: usize) -> bool {
        let bracket = self.tokens.all[index].bracket;
        let callee = (bracket != NONE).then(|| self.callee(bracket)).flatten();
        callee.is_some_and(|callee| {
            let name = self.tokens.text(callee);
            let names: [&[u8]; 9] = [
                b"join",
                b"joinpath",
                b"Path",
                b"with_name",
                b"endswith",
                b"startswith",
                b"replace",
                b"exists",
                b"isfile",
            ];
            names.contains(&name)
        })
    }
}

/// The names that were found.
struct Found<'a> {
    tokens: &'a Tokens<'a>,
    /// By the token at which the call begins.
    names: BTreeMap<usize, Vec<Name>>,
    /// Strings that are in `names`.
    is_used: Vec<bool>,
}

impl<'a> Found<'a> {
    fn new(tokens: &'a Tokens<'a>) -> Self {
        Self {
            tokens,
            names: BTreeMap::new(),
            is_used: vec![false; tokens.all.len()],
        }
    }

    fn add(&mut self, site: usize, string: usize, takes: Takes) {
        let Some(name) = name(self.tokens.text(string), takes) else {
            return;
        };
        self.is_used[string] = true;
        if self.names.len() < MAX_CALLS || self.names.contains_key(&site) {
            let names = self.names.entry(site).or_default();
            if names.len() < MAX_NAMES && !names.contains(&name) {
                names.push(name);
            }
        }
    }

    fn calls(self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        let mut seen = HashSet::new();
        for (site, names) in self.names {
            if seen.insert(names.clone()) {
                calls.push(Call {
                    line: self.tokens.all[site].line,
                    names,
                });
            }
        }
        calls
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Whether the word ends `a` or `a.b` and is neither called nor subscripted nor part of something
/// longer.
fn is_end_of_name(tokens: &Tokens, index: usize) -> bool {
    const AFTER: [&[u8]; 9] = [b"", b")", b",", b"]", b"or", b"if", b"else", b":", b"for"];
    let starts_name = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80;
    let is_last = tokens.all.get(index + 1).is_none_or(|next| {
        next.line != tokens.all[index].line && next.bracket == NONE
            || next.kind != Kind::String && AFTER.contains(&tokens.text(index + 1))
    });
    is_last && tokens.text(index).first().is_some_and(starts_name)
}

/// The loaders of ctypes and cffi. Leading underscores are those of private aliases.
fn strict(name: &[u8]) -> Option<Takes> {
    let start = name.iter().position(|&byte| byte != b'_')?;
    match &name[start..] {
        b"find_library" => Some(Takes::Stems),
        b"CDLL" | b"PyDLL" | b"LoadLibrary" => Some(Takes::Files),
        b"dlopen" => Some(Takes::Both),
        _ => None,
    }
}

/// A word in the name of a module that loads libraries for others.
fn is_module_for_libraries(word: &[u8]) -> bool {
    [&b"ctypes"[..], b"ffi", b"dll"]
        .iter()
        .any(|part| contains(word, part))
        || word == b"lib"
}

/// `load_library`, `loadLibrary`, `get_dll`, `load_ctypes_library`, `DLL`.
fn is_called_like_loader(name: &[u8]) -> bool {
    static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            "^_*(?:try_?)?(?i:load(?:|.*_|shared|c)(?:libs?|library|libraries|dlls?|shared_object)|\
             (?:find|open|get|import|locate)_?(?:|c_?|shared_?)(?:lib|library|dll)|dll)$",
        )
        .ok()
    });
    name.len() <= 64 && NAME.as_ref().is_some_and(|regex| regex.is_match(name))
}

/// Calls that hand on what they are given.
fn is_transparent(callee: &[u8], commas: u32) -> bool {
    match callee {
        b"tuple" | b"list" | b"iter" | b"set" | b"sorted" | b"reversed" | b"chain" | b"filter"
        | b"map" | b"enumerate" | b"str" | b"fsencode" => true,
        // The first argument is a variable of the environment.
        b"get" | b"getenv" => commas > 0,
        _ => callee.len() <= 64 && contains(callee, b"lib") && contains(callee, b"name"),
    }
}

fn is_keyword_for_names(keyword: &[u8]) -> bool {
    let names: [&[u8]; 14] = [
        b"name",
        b"names",
        b"lib",
        b"libs",
        b"library",
        b"libname",
        b"libnames",
        b"lib_name",
        b"library_name",
        b"library_names",
        b"linux",
        b"unix",
        b"path",
        b"filename",
    ];
    names.contains(&keyword)
}

/// The library that a string names, if it names one that a package could have.
fn name(text: &[u8], takes: Takes) -> Option<Name> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_+-./".contains(byte);
    if text.len() > MAX_NAME || !text.iter().all(is_name) {
        return None;
    }
    if let Some(name) = soname(text) {
        return Some(name);
    }
    if takes == Takes::Files {
        return None;
    }
    stem(text)
}

fn soname(text: &[u8]) -> Option<Name> {
    let (dir, file) = match text.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => text.split_at(slash + 1),
        None => (&b""[..], text),
    };
    let is_systems = dir.is_empty() || dir.starts_with(b"/lib/") || dir.starts_with(b"/usr/lib/");
    let end = file.windows(3).position(|window| window == b".so")?;
    let rest = &file[end + 3..];
    let stem = file.get(..end)?.strip_prefix(b"lib")?;
    let is_version = rest.is_empty() || rest.len() > 1 && rest[0] == b'.';
    let has_steps = dir
        .split(|&byte| byte == b'/')
        .any(|part| part == b".." || part == b".");
    (is_systems && is_version && !stem.is_empty() && !is_c_library(stem) && !has_steps)
        .then(|| Name::Soname(OsStr::from_bytes(text).to_owned()))
}

fn stem(text: &[u8]) -> Option<Name> {
    /// Parts of Windows and macOS that are asked for without a test of the platform.
    const ELSEWHERE: [&str; 24] = [
        "kernel32",
        "user32",
        "gdi32",
        "msvcrt",
        "advapi32",
        "shell32",
        "ole32",
        "oleaut32",
        "opengl32",
        "glu32",
        "winmm",
        "ws2_32",
        "ntdll",
        "psapi",
        "carbon",
        "cocoa",
        "corefoundation",
        "coregraphics",
        "coreaudio",
        "coreservices",
        "foundation",
        "appkit",
        "iokit",
        "quartz",
    ];
    let name = std::str::from_utf8(text).ok()?;
    let is_end = |part: &str| part.starts_with(|first: char| first.is_ascii_digit());
    let sounds = (2..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !name.contains('/')
        // find_library puts `lib` in front.
        && !name.starts_with("lib")
        // A dot is one of a version.
        && name.split('.').skip(1).all(is_end);
    let is_known = is_c_library(text)
        || ELSEWHERE
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other));
    (sounds && !is_known).then(|| Name::Stem(name.to_owned()))
}

/// What libc6 brings, without which nothing runs.
fn is_c_library(stem: &[u8]) -> bool {
    let stems: [&[u8]; 8] = [
        b"c", b"m", b"dl", b"rt", b"pthread", b"util", b"resolv", b"anl",
    ];
    stems.contains(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each call as its line and names, stems in angle brackets.
    fn found(source: impl AsRef<[u8]>) -> Vec<String> {
        let shown = |name: &Name| match name {
            Name::Soname(name) => name.to_string_lossy().into_owned(),
            Name::Stem(stem) => format!("<{stem}>"),
        };
        let line = |call: &Call| {
            let names: Vec<String> = call.names.iter().map(shown).collect();
            format!("{}: {}", call.line, names.join(" "))
        };
        calls(source.as_ref()).unwrap().iter().map(line).collect()
    }

    #[test]
    fn literals_in_calls_of_loaders() {
        let source = "\
import ctypes
find_library('magic')
ctypes.CDLL(ctypes.util.find_library(\"pq\") or 'libpq.so.5', mode='no')
ctypes.cdll['liba.so.1']
ffi.dlopen('/usr/lib/libb.so.2')
_dlopen(ffi, 'pango-1.0-0', 'libpango-1.0.so.0')
PyDLL(name='libc2.so')
CDLL(os.environ.get('NAME', 'libd.so.1'))
CDLL('not-a-file'), cdll.LoadLibrary(
    b'libe.so.3')
";
        let expected = [
            "2: <magic>",
            "3: <pq> libpq.so.5",
            "4: liba.so.1",
            "5: /usr/lib/libb.so.2",
            "6: <pango-1.0-0> libpango-1.0.so.0",
            "7: libc2.so",
            "8: libd.so.1",
            "9: libe.so.3",
        ];
        assert_eq!(found(source), expected);
    }

    #[test]
    fn functions_that_are_called_like_loaders() {
        let source = "\
import pyglet.lib
pyglet.lib.load_library('GL', win32='opengl32', framework='/System/GL.framework')
loadLibrary(ctypes.cdll, 'EGL', mode=x)
dll = DLL('SDL2', ['SDL2', 'SDL2-2.0'], getenv('PATH_TO_IT'))
";
        let expected = ["2: <GL>", "3: <EGL>", "4: <SDL2> <SDL2-2.0>"];
        assert_eq!(found(source), expected);
        // Where nothing is about libraries, the name alone says nothing.
        assert!(found("load_library('GL')\nfind_library('x1')").is_empty());
    }

    #[test]
    fn variables_and_loops_that_end_in_a_loader() {
        let source = "\
from ctypes.util import find_library as _find_library
NAMES = ('hid', 'hid-libusb')
class A:
    paths: list = ['liba.so.1', 'liba.so']
    def f(self):
        for path in self.paths:
            ctypes.CDLL(path)
for name in NAMES:
    lib = _find_library(name)
    CDLL(lib)
[CDLL(x) for x in ('libb.so.1', 'libb.so')]
for y in 'libd.so.1', 'libd.so':
    CDLL(y)
";
        let expected = [
            "7: liba.so.1 liba.so",
            "9: <hid> <hid-libusb>",
            "11: libb.so.1 libb.so",
            "13: libd.so.1 libd.so",
        ];
        assert_eq!(found(source), expected);
    }

    #[test]
    fn a_name_for_where_nothing_was_found_is_an_alternative() {
        let source = "\
soname = ctypes.util.find_library('xcb')
if soname is None:
    soname = 'libxcb.so.1'
ffi.dlopen(soname)
";
        assert_eq!(found(source), ["1: <xcb> libxcb.so.1"]);
    }

    #[test]
    fn file_names_anywhere_where_a_loader_is_called() {
        let source = "\
import ctypes
'''Opens libno.so'''
x = [\"liba.so.1\", 'liba.so'] # libno.so
y = {'linux': 'libb.so.1', 'more': 'libc2.so'}
z = os.path.join(here, 'libno.so')
raise OSError('libno.so is missing')
'libno.so' + suffix, here / 'libno.so', 'libno%s.so' % x, f'libno{x}.so', 'libno.so'.format()
";
        assert!(found(source).is_empty());
        let source = format!("{source}ctypes.CDLL(unknown)\n");
        let expected = ["3: liba.so.1 liba.so", "4: libb.so.1", "4: libc2.so"];
        assert_eq!(found(source), expected);
    }

    #[test]
    fn what_is_no_library_of_a_package_is_dropped() {
        for name in [
            "foo.dll",
            "libfoo.dylib",
            "libc.so.6",
            "libm.so.6",
            "libdl.so.2",
            "/opt/lib/libx.so",
            "/usr/lib/../libx.so",
            "./libx.so",
            "libx.sound",
            ".so",
            "lib.so",
            "c",
            "m",
            "pthread",
            "kernel32",
            "lib%s.so",
            "{x}",
            "a b",
            "x/y",
            "libfoo",
            "data.json",
            "",
        ] {
            let source = format!("import ctypes\nCDLL('{name}')\nfind_library('{name}')");
            assert!(found(source).is_empty(), "{name}");
        }
    }

    #[test]
    fn branches_for_other_systems_are_dropped() {
        let source = "\
if sys.platform == 'win32':
    CDLL('liba.so')
else:
    CDLL('libb.so')
";
        assert_eq!(found(source), ["4: libb.so"]);
    }

    #[test]
    fn sources_that_do_not_run_in_an_image_are_told_by_their_path() {
        for path in ["a/b.py", "magic/loader.py", "a/latest.py", "a/window.py"] {
            assert!(is_for_run_time(Path::new(path)), "{path}");
        }
        for path in [
            "a/tests/b.py",
            "examples/b.py",
            "a/docs/b.py",
            "a/win32/b.py",
            "a/_darwin.py",
            "test_b.py",
            "a/loop_macos.py",
            "a/conftest.py",
            "a/b.pyc",
            "a/b",
        ] {
            assert!(!is_for_run_time(Path::new(path)), "{path}");
        }
    }

    /// Sources that break what trusts them, each of `size` bytes or so.
    fn hostile(size: usize) -> Vec<Vec<u8>> {
        let pieces: [&[u8]; 24] = [
            b"(",
            b"CDLL(",
            b"find_library('",
            b"CDLL('''",
            b"CDLL(\"a\", ",
            b"\0\xff",
            b"a = a\nCDLL(a)\n",
            b"x",
            b"if x:\n ",
            b"else:\n",
            b"CDLL(x for x in x) ",
            b"def f(x): CDLL(x)\n",
            b"def f(x):\n return f(x) or CDLL(x, x, x, x, x)\n",
            b"a = b = c = d = e = f = 'x'\n",
            b"for x in x in (CDLL(x), ",
            b"'a' if os.name == 'nt' else ",
            b"\\\n",
            b"\\",
            b"# \n",
            b"class A:\n def __init__(self, x): CDLL(self.x)\n",
            b"or and not in == 'nt' ",
            b"CDLL(['liba.so', 'libb.so.1'])\n",
            b"a=b,c,d,e\nb=c=d=e=a,b,'x1','x2'\nc=d\nCDLL(a,b,c)\n",
            b"'''\\''''",
        ];
        let start = &b"import ctypes, CDLL\n"[..];
        pieces
            .iter()
            .map(|piece| [start, &piece.repeat(size / piece.len())[..]].concat())
            .collect()
    }

    #[test]
    fn hostile_sources_end() {
        for source in hostile(1 << 16) {
            let _ = calls(&source);
            let _ = calls(&source[..source.len() - 1]);
        }
        let many = "CDLL('liba.so') ; x".repeat(1 << 10);
        assert_eq!(found(many), ["1: liba.so"]);
    }

    #[test]
    fn a_source_that_is_too_large_is_passed_over() {
        let source = vec![b'\n'; MAX_SOURCE + 1];
        assert!(calls(&source).is_err());
        assert_eq!(calls(&source[1..]), Ok(Vec::new()));
        let tokens = [&b"CDLL"[..], &b"(".repeat(MAX_SOURCE / 2)].concat();
        assert!(calls(&tokens).is_err());
    }

    #[test]
    fn a_file_is_read_into_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.py");
        let mut buffer = Vec::new();
        for size in [0, 3, 300_000, MAX_SOURCE + 100] {
            std::fs::write(&path, vec![b'x'; size]).unwrap();
            let bytes = read(&mut File::open(&path).unwrap(), &mut buffer).unwrap();
            assert!(bytes.len() == size || size > MAX_SOURCE && bytes.len() > MAX_SOURCE);
            assert!(bytes.iter().all(|&byte| byte == b'x'));
        }
    }
}
