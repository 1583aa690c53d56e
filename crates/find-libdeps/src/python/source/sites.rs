//! Where a token stands: in which call, and as what. Syntax only: no values.

use crate::python::source::loaders::{
    self, Takes, is_keyword_for_names, is_library_loader, is_transparent,
};
use crate::python::source::tokens::{NONE, PythonTokens, TokenKind};

/// How many brackets around a token are looked at.
const MAX_NESTING: usize = 8;

/// A call that loads what it is given.
#[derive(Clone, Copy)]
pub(super) struct LoadingCall {
    /// The last token of what is called.
    pub(super) callee: usize,
    pub(super) takes: Takes,
}

/// The call of a loader that token `index` is an argument of. Of nested ones, as in
/// `CDLL(find_library("x"))`, the outermost is the call, and the innermost says what is taken.
pub(super) fn loading_call(tokens: &PythonTokens, index: usize) -> Option<LoadingCall> {
    let mut child = index;
    let mut found: Option<LoadingCall> = None;
    for _ in 0..MAX_NESTING {
        let token = tokens.all[child];
        if token.bracket == NONE {
            break;
        }
        if let Some(callee) = callee(tokens, token.bracket) {
            if let Some(takes) = loader(tokens, token.bracket, callee) {
                let is_taken = match keyword(tokens, child) {
                    Some(keyword) => is_keyword_for_names(keyword),
                    None => takes.at(token.commas),
                };
                if !is_taken && found.is_none() {
                    return None;
                }
                let takes = found.map_or(takes, |inner| inner.takes);
                found = Some(LoadingCall { callee, takes });
            } else if !is_transparent(tokens.text(callee), token.commas) {
                break;
            }
        }
        child = token.bracket as usize;
    }
    found
}

/// Whether the word `index` is followed by `(` and is a loader.
pub(super) fn is_loading_call(tokens: &PythonTokens, index: usize) -> bool {
    tokens.is(index + 1, "(") && named_loader(tokens, index).is_some()
}

/// Whether only the brackets of tuples and lists lie between the token and the bracket `outer`.
pub(super) fn is_plain(tokens: &PythonTokens, index: usize, outer: u32) -> bool {
    let mut bracket = tokens.all[index].bracket;
    for _ in 0..MAX_NESTING {
        if bracket == outer {
            return true;
        }
        if bracket == NONE || callee(tokens, bracket).is_some() {
            return false;
        }
        bracket = tokens.all[bracket as usize].bracket;
    }
    false
}

/// Whether the string stands for itself: it is not part of a longer one, a key, or compared.
pub(super) fn is_value(tokens: &PythonTokens, index: usize) -> bool {
    const PARTS: [&[u8]; 12] = [
        b"+", b"%", b"/", b"*", b"==", b"!=", b"<=", b">=", b"<", b">", b"is", b"not",
    ];
    let bracket = tokens.all[index].bracket;
    let joins = |other: usize| match tokens.all.get(other) {
        Some(token) if token.kind == TokenKind::String => token.bracket == bracket,
        Some(_) => PARTS.contains(&tokens.text(other)),
        None => false,
    };
    let before = index.checked_sub(1);
    let is_joined = before
        .is_some_and(|before| joins(before) && tokens.is_same_line(before, index))
        || joins(index + 1) && tokens.is_same_line(index, index + 1);
    let is_in_braces = bracket != NONE && tokens.is(bracket as usize, "{");
    !(is_joined
        || tokens.is(index + 1, ".")
        || tokens.is(index + 1, "in")
        || tokens.is(index + 1, ":") && is_in_braces)
}

/// Whether the string is joined to a directory, as for a library that the program ships, or is only
/// compared.
pub(super) fn is_part_of_path(tokens: &PythonTokens, index: usize) -> bool {
    const CALLEES: [&[u8]; 9] = [
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
    let bracket = tokens.all[index].bracket;
    let callee = (bracket != NONE).then(|| callee(tokens, bracket)).flatten();
    callee.is_some_and(|callee| CALLEES.contains(&tokens.text(callee)))
}

/// Whether the word is a variable `a`, or the last part of `a.b`, and is used as it is: not called,
/// subscripted or part of a longer expression.
pub(super) fn is_variable(tokens: &PythonTokens, index: usize) -> bool {
    const AFTER: [&[u8]; 9] = [b"", b")", b",", b"]", b"or", b"if", b"else", b":", b"for"];
    let starts_name = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80;
    let is_last = tokens.all.get(index + 1).is_none_or(|next| {
        next.line != tokens.all[index].line && next.bracket == NONE
            || next.kind != TokenKind::String && AFTER.contains(&tokens.text(index + 1))
    });
    is_last && tokens.text(index).first().is_some_and(starts_name)
}

/// The last token of what the bracket calls or subscripts.
fn callee(tokens: &PythonTokens, bracket: u32) -> Option<usize> {
    const KEYWORDS: [&[u8]; 14] = [
        b"in", b"and", b"or", b"not", b"return", b"if", b"elif", b"else", b"yield", b"for", b"is",
        b"lambda", b"await", b"assert",
    ];
    let bracket = bracket as usize;
    let before = bracket.checked_sub(1)?;
    let is_called = match tokens.kind(before)? {
        TokenKind::Word => !KEYWORDS.contains(&tokens.text(before)),
        TokenKind::Mark => tokens.is(before, ")") || tokens.is(before, "]"),
        TokenKind::String => false,
    };
    (is_called && !tokens.is(bracket, "{")).then_some(before)
}

/// What the bracket's callee takes, if it is a loader.
fn loader(tokens: &PythonTokens, bracket: u32, callee: usize) -> Option<Takes> {
    if tokens.is(bracket as usize, "[") {
        is_library_loader(tokens.text(callee)).then_some(Takes::Files)
    } else {
        named_loader(tokens, callee)
    }
}

/// What the function takes, if it is a loader and not defined here.
fn named_loader(tokens: &PythonTokens, callee: usize) -> Option<Takes> {
    let is_definition = callee
        .checked_sub(1)
        .is_some_and(|before| tokens.is(before, "def") || tokens.is(before, "class"));
    if is_definition {
        return None;
    }
    loaders::loader(tokens.text(callee))
}

/// `name` of `name=value`, where `value` is the first token of the value.
fn keyword<'a>(tokens: &PythonTokens<'a>, value: usize) -> Option<&'a [u8]> {
    let equals = value
        .checked_sub(1)
        .filter(|&index| tokens.is(index, "="))?;
    Some(tokens.text(equals.checked_sub(1)?))
}
