//! Decodes bytes escaped as a mark and digits: `%20` in the output of `apt-config dump`, `\040` in
//! `/proc/self/mountinfo`.

/// Replaces each `mark` followed by `digits` digits in base `radix` with the byte of that value. A
/// mark without such digits stays as it is.
pub(crate) fn decode(text: &[u8], mark: u8, digits: usize, radix: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..digits)
            .filter(|_| first == mark)
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, radix).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() {
            &tail[digits..]
        } else {
            tail
        };
    }
    bytes
}
