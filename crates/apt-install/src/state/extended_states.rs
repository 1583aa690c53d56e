//! Reads apt's `extended_states`: which packages are marked as automatically installed. Only
//! `apt-mark` changes the marks.

use crate::state::deb822;
use std::io;
use std::path::Path;

/// The file, `Dir::State::extended_states` of apt.
pub(crate) const FILE: &str = "/var/lib/apt/extended_states";

/// The packages that apt may remove when nothing needs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    automatic: Vec<(String, String)>,
}

impl Marks {
    /// Reads the marks in `file`. A missing file has none.
    pub(crate) fn read(file: &Path) -> io::Result<Self> {
        match std::fs::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            other => other.map(|text| Self::parse(&String::from_utf8_lossy(&text))),
        }
    }

    /// Parses the text of an `extended_states` file.
    pub(crate) fn parse(text: &str) -> Self {
        let automatic = deb822::stanzas(text)
            .filter(|stanza| stanza.field("Auto-Installed") == Some("1"))
            .filter_map(|stanza| {
                let name = stanza.field("Package")?.to_owned();
                let arch = stanza.field("Architecture").unwrap_or("").to_owned();
                Some((name, arch))
            })
            .collect();
        Self { automatic }
    }

    /// Whether `name`, installed for `arch`, is marked. apt records a package for `all` under the
    /// native architecture, so only the name is compared for these.
    pub(crate) fn is_automatic(&self, name: &str, arch: &str) -> bool {
        self.automatic
            .iter()
            .any(|(marked, marked_arch)| marked == name && (arch == "all" || marked_arch == arch))
    }

    /// Returns the text of an `extended_states` file without the marks of `packages`, each `name` or
    /// `name:arch`. A name alone stands for all architectures.
    pub(crate) fn text_without(&self, packages: &[String]) -> String {
        let stays = |name: &str, arch: &str| {
            let qualified = format!("{name}:{arch}");
            !packages.iter().any(|one| one == name || *one == qualified)
        };
        let mut text = String::new();
        for (name, arch) in &self.automatic {
            if stays(name, arch) {
                let fields = ["Package: ", name, "\nArchitecture: ", arch];
                text.extend(fields);
                text.push_str("\nAuto-Installed: 1\n\n");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read() {
        let marks = Marks::parse(
            "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\n\
             Package: b\nArchitecture: amd64\nAuto-Installed: 0\n",
        );
        assert!(marks.is_automatic("a", "amd64"));
        assert!(marks.is_automatic("a", "all"));
        assert!(!marks.is_automatic("a", "i386"));
        assert!(!marks.is_automatic("b", "amd64"));
    }

    #[test]
    fn marks_are_written_without_those_of_some_packages() {
        let mark = |name: &str, arch: &str| {
            format!("Package: {name}\nArchitecture: {arch}\nAuto-Installed: 1\n\n")
        };
        let text = [
            mark("a", "amd64"),
            mark("b", "amd64"),
            mark("b", "i386"),
            mark("c", "amd64"),
        ];
        let marks = Marks::parse(&text.concat());
        let without = marks.text_without(&["a".to_owned(), "b:i386".to_owned()]);
        assert_eq!(without, [mark("b", "amd64"), mark("c", "amd64")].concat());
    }
}
