//! Parses stanzas of `Field: value` lines, the format of dpkg's and apt's databases (Debian Policy
//! 5.1). Only the first line of a value is returned, because no field used here has more.

#[derive(Clone, Copy, Debug)]
pub(crate) struct Stanza<'a> {
    text: &'a str,
}

impl<'a> Stanza<'a> {
    /// Returns the first line of a field's value, trimmed. Field names are case-insensitive.
    pub(crate) fn field(self, name: &str) -> Option<&'a str> {
        self.text.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            // A continuation line begins with a space and so never matches.
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

pub(crate) fn stanzas(text: &str) -> impl Iterator<Item = Stanza<'_>> {
    text.split("\n\n")
        .map(|text| text.trim_matches('\n'))
        .filter(|text| !text.is_empty())
        .map(|text| Stanza { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let text = "Package: a\nDescription: short\n Version: 9\nVersion: 1\n\n\nPackage: b\n";
        let found: Vec<_> = stanzas(text)
            .map(|stanza| (stanza.field("package"), stanza.field("Version")))
            .collect();
        assert_eq!(found, [(Some("a"), Some("1")), (Some("b"), None)]);
    }
}
