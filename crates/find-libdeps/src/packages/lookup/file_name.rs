//! The parts of a library's file name: `libfoo.so.1.2` has the stem `libfoo` and the version `1.2`.

/// `libfoo` in `libfoo.so` and `libfoo.so.1`.
pub fn stem(file_name: &[u8]) -> Option<&[u8]> {
    let is_end = |at: usize| matches!(file_name.get(at + 3), None | Some(b'.'));
    let at = file_name
        .windows(3)
        .enumerate()
        .position(|(at, three)| three == b".so" && is_end(at))?;
    Some(&file_name[..at])
}

/// `1.2` in `libfoo.so.1.2`.
pub fn version(file_name: &[u8]) -> Option<&[u8]> {
    file_name.get(stem(file_name)?.len() + 4..)
}

/// Whether the name ends in a version: `libtidy.so.5deb1` does, `libfoo.so.debug` does not.
pub fn is_versioned(file_name: &[u8]) -> bool {
    version(file_name).is_some_and(|version| version.first().is_some_and(u8::is_ascii_digit))
}

/// The version as numbers; `None` if any part of it is not a number.
pub fn version_numbers(file_name: &[u8]) -> Option<Vec<u64>> {
    std::str::from_utf8(version(file_name)?)
        .ok()?
        .split('.')
        .map(|number| number.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stem_ends_at_the_first_so_that_is_a_whole_part() {
        assert_eq!(stem(b"libfoo.so"), Some(&b"libfoo"[..]));
        assert_eq!(stem(b"libfoo.so.1"), Some(&b"libfoo"[..]));
        assert_eq!(stem(b"lib.some.so.1"), Some(&b"lib.some"[..]));
        assert_eq!(stem(b"libfoo.some"), None);
    }

    #[test]
    fn a_version_begins_with_a_digit() {
        assert!(is_versioned(b"libtidy.so.5deb1"));
        assert!(!is_versioned(b"libfoo.so.debug"));
        assert!(!is_versioned(b"libfoo.so"));
        assert_eq!(version_numbers(b"libfoo.so.10.2"), Some(vec![10, 2]));
        assert_eq!(version_numbers(b"libtidy.so.5deb1"), None);
    }
}
