//! Which strings a variable may be, by assignments, loops and default values.
//!
//! Variables are distinguished by name only, not by scope: `a.x` and `x` are one.

use crate::python::source::sites::{is_loading_call, is_plain, is_variable};
use crate::python::source::tokens::{LogicalLine, NONE, PythonTokens, TokenKind};
use std::collections::HashMap;
use std::ops::Range;

/// How many tokens of an assignment or loop are read.
const MAX_EXPRESSION: usize = 256;
/// How many tokens of all assignments and loops are read. Sources that load libraries have up to
/// 200,000 tokens.
const MAX_EXPRESSIONS: usize = 1 << 21;
/// How many strings one variable may be.
const MAX_STRINGS: usize = 64;
/// How many variables are followed from a call to a string.
const MAX_HOPS: usize = 8;

/// The variables of a source.
pub(super) struct Variables<'a>(HashMap<&'a [u8], Values<'a>>);

/// What a variable may be.
#[derive(Default)]
struct Values<'a> {
    /// Strings, as tokens.
    strings: Vec<usize>,
    /// Other variables, or their elements.
    names: Vec<&'a [u8]>,
    /// The result of a loader: its first call.
    call: Option<usize>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(tokens: &PythonTokens<'a>, lines: &[LogicalLine]) -> Self {
        let mut variables = Self(HashMap::new());
        let mut left = MAX_EXPRESSIONS;
        for line in lines {
            for index in line.tokens.clone() {
                let (target, from) = match tokens.text(index) {
                    // In brackets it is a default value, or a keyword argument, which does no harm.
                    b"=" | b"+=" if index > line.tokens.start => {
                        let Some(target) = target(tokens, index, line.tokens.start) else {
                            continue;
                        };
                        (target, index + 1)
                    }
                    b"for" if tokens.is(index + 2, "in") => (tokens.text(index + 1), index + 3),
                    _ => continue,
                };
                let outer = tokens.all[index].bracket;
                let end = line.tokens.end.min(from + left.min(MAX_EXPRESSION));
                let values = Values::new(tokens, from..end, outer, &mut left);
                variables.0.entry(target).or_default().extend(values);
            }
        }
        variables
    }

    /// The call of a loader whose result the variable may be.
    pub(super) fn call(&self, variable: &[u8]) -> Option<usize> {
        self.0.get(variable)?.call
    }

    /// The strings that a variable may be, as tokens.
    pub(super) fn strings(&self, variable: &'a [u8]) -> impl Iterator<Item = usize> {
        self.reachable(variable)
            .into_iter()
            .filter_map(|variable| self.0.get(variable))
            .flat_map(|values| values.strings.iter().copied())
    }

    /// The variable, and those that it may be.
    fn reachable(&self, variable: &'a [u8]) -> Vec<&'a [u8]> {
        let mut names = vec![variable];
        let mut next = 0;
        while let Some(name) = names.get(next) {
            next += 1;
            for &other in self.0.get(name).map_or(&[][..], |values| &values.names) {
                if names.len() < MAX_HOPS && !names.contains(&other) {
                    names.push(other);
                }
            }
        }
        names
    }
}

impl<'a> Values<'a> {
    /// Reads the tokens of `expression`, which begins in the bracket `outer`, and takes their number
    /// from `left`.
    fn new(
        tokens: &PythonTokens<'a>,
        expression: Range<usize>,
        outer: u32,
        left: &mut usize,
    ) -> Self {
        let mut values = Self::default();
        for index in expression {
            *left = left.saturating_sub(1);
            let token = tokens.all[index];
            let is_end = [":", ")", "]"].iter().any(|end| tokens.is(index, end))
                || outer != NONE && tokens.is(index, ",");
            if token.bracket == outer && is_end {
                break;
            }
            let is_plain = || is_plain(tokens, index, outer);
            match token.kind {
                TokenKind::String if is_plain() => values.strings.push(index),
                TokenKind::Word if is_variable(tokens, index) && is_plain() => {
                    values.names.push(tokens.text(index));
                }
                TokenKind::Word if values.call.is_none() => {
                    let is_call = is_loading_call(tokens, index) && is_plain();
                    values.call = is_call.then_some(index);
                }
                _ => {}
            }
        }
        values
    }

    fn extend(&mut self, other: Self) {
        let room = MAX_STRINGS.saturating_sub(self.strings.len());
        self.strings.extend(other.strings.into_iter().take(room));
        let room = MAX_HOPS.saturating_sub(self.names.len());
        self.names.extend(other.names.into_iter().take(room));
        self.call = self.call.or(other.call);
    }
}

/// The variable that `=` at `index` assigns to: `x =`, `self.x =`, `x: str =`.
fn target<'a>(tokens: &PythonTokens<'a>, index: usize, start: usize) -> Option<&'a [u8]> {
    let is_annotated = tokens.is(start + 1, ":") && tokens.all[index].bracket == NONE;
    let index = if is_annotated { start } else { index - 1 };
    (tokens.kind(index) == Some(TokenKind::Word)).then(|| tokens.text(index))
}
