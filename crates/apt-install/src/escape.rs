//! Bytes that a text holds as a mark and digits: `%20` in the output of `apt-config dump`, `\040`
//! in `/proc/self/mountinfo`.

/// The text with each `mark` and `digits` digits of `radix` replaced by the byte that they stand
/// for. A mark that no such digits follow stands for itself.
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
