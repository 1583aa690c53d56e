//! The calls of one source, from its tokens: names in calls of loaders and in the variables that end
//! there, then file names anywhere else.

use crate::demand::LibraryName;
use crate::python::source::Call;
use crate::python::source::loaders::{self, Takes, is_library_loader, is_module_for_libraries};
use crate::python::source::names::name;
use crate::python::source::platform::live_lines;
use crate::python::source::sites::{is_part_of_path, is_value, is_variable, loading_call};
use crate::python::source::tokens::{LogicalLine, PythonTokens, TokenKind};
use crate::python::source::variables::Variables;
use std::collections::{BTreeMap, HashSet};

/// Sources have up to some fifty calls.
const MAX_CALLS: usize = 1024;
/// Calls try up to ten names.
const MAX_NAMES: usize = 64;

/// The calls that load a library, by line, each combination of names once.
pub(super) fn calls(tokens: &PythonTokens) -> Vec<Call> {
    let lines = live_lines(tokens);
    let mentions = Mentions::new(tokens, &lines);
    if !mentions.libraries {
        return Vec::new();
    }
    let mut found = FoundCalls::new(tokens);
    found.add_arguments(&lines);
    if mentions.loader {
        found.add_file_names(&lines);
    }
    found.calls()
}

/// What a source mentions.
#[derive(Default)]
struct Mentions {
    /// Something that is made to load libraries, so that a function named like a loader is one.
    libraries: bool,
    /// A loader of ctypes or cffi.
    loader: bool,
}

impl Mentions {
    fn new(tokens: &PythonTokens, lines: &[LogicalLine]) -> Self {
        let mut mentions = Self::default();
        for line in lines {
            let first = line.tokens.start;
            let is_import = tokens.is(first, "import") || tokens.is(first, "from");
            for index in line.tokens.clone() {
                if tokens.kind(index) != Some(TokenKind::Word) {
                    continue;
                }
                let word = tokens.text(index);
                let takes = loaders::exact(word);
                // Other things have a function `find_library` too.
                let is_ctypes =
                    takes.is_some_and(|takes| takes != Takes::Stems) || is_library_loader(word);
                mentions.loader |= takes.is_some() || is_ctypes;
                mentions.libraries |= is_ctypes || is_import && is_module_for_libraries(word);
            }
        }
        mentions
    }
}

/// The names that were found.
struct FoundCalls<'a> {
    tokens: &'a PythonTokens<'a>,
    /// By the token at which the call begins.
    names: BTreeMap<usize, Vec<LibraryName>>,
    /// For each token whether it is in `names`.
    is_used: Vec<bool>,
}

impl<'a> FoundCalls<'a> {
    fn new(tokens: &'a PythonTokens<'a>) -> Self {
        Self {
            tokens,
            names: BTreeMap::new(),
            is_used: vec![false; tokens.all.len()],
        }
    }

    /// Arguments of loaders: strings, and what variables may be.
    fn add_arguments(&mut self, lines: &[LogicalLine]) {
        let tokens = self.tokens;
        let variables = Variables::new(tokens, lines);
        for index in lines.iter().flat_map(|line| line.tokens.clone()) {
            match tokens.kind(index) {
                Some(TokenKind::String) => {
                    if let Some(call) = loading_call(tokens, index) {
                        if is_value(tokens, index) {
                            self.add(call.callee, index, call.takes);
                        }
                    }
                }
                Some(TokenKind::Word) if is_variable(tokens, index) => {
                    if let Some(call) = loading_call(tokens, index) {
                        let variable = tokens.text(index);
                        // What `find_library` returned and what replaces it if that is `None` are
                        // one demand.
                        let site = variables.call(variable).unwrap_or(call.callee);
                        for string in variables.strings(variable) {
                            if !self.is_used[string] && is_value(tokens, string) {
                                self.add(site, string, call.takes);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// File names that no call takes, line by line.
    fn add_file_names(&mut self, lines: &[LogicalLine]) {
        let tokens = self.tokens;
        for line in lines {
            for index in line.tokens.clone() {
                if tokens.kind(index) == Some(TokenKind::String)
                    && !self.is_used[index]
                    && is_value(tokens, index)
                    && !is_part_of_path(tokens, index)
                {
                    // The values of a mapping are not alternatives.
                    let has_key = index > 0 && tokens.is(index - 1, ":");
                    let site = if has_key { index } else { line.tokens.start };
                    self.add(site, index, Takes::Files);
                }
            }
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
        let mut calls = Vec::new();
        let mut seen = HashSet::new();
        for (site, names) in self.names {
            if seen.insert(names.clone()) {
                let line = self.tokens.all[site].line;
                calls.push(Call { line, names });
            }
        }
        calls
    }
}
