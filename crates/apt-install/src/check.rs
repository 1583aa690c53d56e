//! Checks apt-get against the requests: what it would remove, and what it has installed. Nothing is
//! read or run here.

use crate::cli::Config;
use crate::error::Error;
use crate::plan::is_pattern;
use crate::request::{Kind, Name, Request};
use crate::state::dpkg_status::{Database, Package};
use crate::state::extended_states::Marks;

/// What apt-get is checked against.
pub(crate) struct Check<'a> {
    pub(crate) config: &'a Config,
    pub(crate) requests: &'a [Request],
    /// The packages that were installed before the run.
    pub(crate) installed: &'a Database,
    /// `None` if it is unknown which of them were installed automatically.
    pub(crate) marks: Option<&'a Marks>,
}

impl Check<'_> {
    /// Checks the packages that apt-get would remove, each `name` or `name:arch`. It may remove what
    /// was installed automatically, and what a request names with a final `-`.
    pub(crate) fn removals(&self, removed: &[String]) -> Result<(), Error> {
        let mut requested = Vec::new();
        let mut manual = Vec::new();
        for word in removed {
            let (name, arch) = split(word);
            let Some(package) = self.installed.present(name, arch) else {
                continue;
            };
            if self.names(package, Request::installation) {
                requested.push(word);
            } else if !(self.config.allow_remove_manual
                || self.is_automatic(name, package)
                || self.names(package, Request::removal))
            {
                manual.push(word);
            }
        }
        if !requested.is_empty() {
            return Err(Error::RequestedRemoval(list(&requested, "")));
        }
        if !manual.is_empty() {
            return Err(Error::ManualRemoval {
                removed: list(&manual, ""),
                removals: list(&manual, "-"),
            });
        }
        Ok(())
    }

    /// Returns the requests that are not met after apt-get has succeeded, as a list; `None` if there
    /// is none. Requests that only apt can interpret count as met.
    pub(crate) fn unmet(&self, now: &Database) -> Option<String> {
        let requests = self.requests.iter();
        let unmet: Vec<_> = requests
            .filter(|request| !is_met(request, now))
            .map(|request| request.word.to_string_lossy())
            .collect();
        (!unmet.is_empty()).then(|| list(&unmet, ""))
    }

    fn is_automatic(&self, name: &str, package: &Package) -> bool {
        self.marks
            .is_some_and(|marks| marks.is_automatic(name, &package.arch))
    }

    /// Whether a request names the package, by what `read` reads from it.
    fn names(&self, package: &Package, read: fn(&Request) -> Option<Name<'_>>) -> bool {
        let named = self.requests.iter().filter_map(read);
        let mut found = named.filter_map(|(name, arch)| self.installed.present(name, arch));
        found.any(|found| std::ptr::eq(found, package))
    }
}

fn is_met(request: &Request, database: &Database) -> bool {
    let Some((name, arch)) = request.installation() else {
        return true;
    };
    if let Kind::Version(wanted) = &request.kind {
        if let Some(package) = database.whole(name, arch) {
            return is_pattern(wanted)
                // Not versions (`VersionContainerInterface::FromString` in apt-pkg/cacheset.cc).
                || ["candidate", "newest", "installed"].contains(&wanted.as_str())
                || package.version.eq_ignore_ascii_case(wanted);
        }
    }
    // apt installs what it knows under this name, or under the name without a final `+`.
    database.has(name)
        || name
            .strip_suffix('+')
            .is_some_and(|name| database.has(name))
}

/// Splits `name` or `name:arch`.
fn split(word: &str) -> Name<'_> {
    match word.split_once(':') {
        None => (word, None),
        Some((name, arch)) => (name, Some(arch)),
    }
}

/// Formats names, each with `end`, as in "`a`, `b`".
fn list<S: AsRef<str>>(names: &[S], end: &str) -> String {
    let quoted: Vec<_> = names
        .iter()
        .map(|name| format!("`{}{end}`", name.as_ref()))
        .collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::parse;

    const STATUS: &str = "\
Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22

Package: a
Status: install ok installed
Architecture: amd64
Version: 1
Provides: v (= 1), w:any

Package: b
Status: install ok installed
Architecture: i386
Version: 1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
Provides: x

Package: leaving
Status: deinstall ok installed
Architecture: amd64
Version: 1

Package: unpacked
Status: install ok unpacked
Architecture: amd64
Version: 1
";

    fn requests(words: &[&str]) -> Vec<Request> {
        words.iter().map(|word| Request::new(word.into())).collect()
    }

    /// The message about the removal of `removed`.
    fn refusal(options: &[&str], words: &[&str], removed: &[&str], marks: &str) -> Option<String> {
        let removed: Vec<String> = removed.iter().map(|&name| name.to_owned()).collect();
        let marks = Marks::parse(marks);
        let check = Check {
            config: &parse(options),
            requests: &requests(words),
            installed: &Database::parse(STATUS),
            marks: Some(&marks),
        };
        let refused = check.removals(&removed).err();
        refused.map(|error| error.to_string())
    }

    fn unmet(words: &[&str]) -> Option<String> {
        let check = Check {
            config: &parse(&[]),
            requests: &requests(words),
            installed: &Database::default(),
            marks: None,
        };
        check.unmet(&Database::parse(STATUS))
    }

    #[test]
    fn what_is_automatic_or_asked_for_may_be_removed() {
        let marks = "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n";
        assert_eq!(refusal(&[], &["new"], &["a"], marks), None);
        assert_eq!(
            refusal(&[], &["new", "a-", "b:i386-"], &["a", "b:i386"], ""),
            None
        );
        assert_eq!(
            refusal(&["--allow-remove-manual"], &["new"], &["a"], ""),
            None
        );
        assert_eq!(
            refusal(&[], &["new", "b-"], &["a", "b:i386"], "").as_deref(),
            Some(
                "`apt-get install` would remove `a`, `b:i386`, which an earlier command may have \
                 requested (not known to be installed automatically); to remove it, request `a-`, \
                 `b:i386-` as well, or pass `--allow-remove-manual`"
            )
        );
    }

    #[test]
    fn an_unfinished_package_is_not_removed() {
        assert!(refusal(&[], &["new"], &["unpacked"], "").is_some());
        assert_eq!(
            refusal(&[], &["new", "unpacked=1-"], &["unpacked"], ""),
            None
        );
        assert_eq!(refusal(&[], &["new"], &["gone"], ""), None);
    }

    #[test]
    fn what_is_requested_is_never_removed() {
        let marks = "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n";
        for word in ["a", "a:amd64", "a=1", "a/x"] {
            assert_eq!(
                refusal(&["--allow-remove-manual"], &["new", word], &["a"], marks).as_deref(),
                Some(
                    "`apt-get install` would remove `a`, which this command also requests; request \
                     packages that do not conflict"
                ),
                "{word}"
            );
        }
    }

    #[test]
    fn unmet_requests_are_named() {
        let met = [
            "a",
            "a=1",
            "a=1*",
            "a=candidate",
            "v",
            "w",
            "b:i386",
            "a:any",
            "a/x",
            "gone-",
            "gone:i386-",
            "gone=1-",
            "a+",
            "lib.*",
            "./x.deb",
            "~nq",
            "leaving",
        ];
        assert_eq!(unmet(&met), None);
        assert_eq!(
            unmet(&[
                "a", "a=2", "gone", "x", "gone/x", "gone=1", "a.1", "unpacked"
            ])
            .as_deref(),
            Some("`a=2`, `gone`, `x`, `gone/x`, `gone=1`, `a.1`, `unpacked`")
        );
    }
}
