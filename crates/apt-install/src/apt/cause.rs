//! The cause of apt-get's failure, from what it wrote to standard error. Nothing is run here.
//!
//! apt has no status and no other output that shows it. The messages are those without translation,
//! from apt-pkg/acquire-item.cc and strerror(3).

/// Why apt-get failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    ReadOnly,
    FullDisk,
    /// apt does not accept a repository.
    Refused,
    /// The indexes do not fit each other or the packages. apt itself does not try again then, as it
    /// does after a failed connection.
    Changed,
    Unreachable,
    Unknown,
}

const REFUSED: [&str; 5] = [
    " is not signed.",
    " does not have a Release file.",
    " is expired ",
    " is not valid yet ",
    " couldn't be verified ",
];
const CHANGED: [&str; 4] = [
    "  404  ",
    "  File has unexpected size ",
    "  Hash Sum mismatch",
    "  Size mismatch",
];

impl Cause {
    /// Determines the cause from all that was written.
    pub(super) fn of(output: &str) -> Self {
        if output.contains("No space left on device") || output.contains("enough free space in") {
            return Self::FullDisk;
        }
        if output.contains("Read-only file system") {
            return Self::ReadOnly;
        }
        let has = |line: &str, marks: &[&str]| marks.iter().any(|mark| line.contains(mark));
        let errors = || output.lines().filter_map(|line| line.strip_prefix("E: "));
        if errors().any(|line| has(line, &REFUSED)) {
            return Self::Refused;
        }
        let failed: Vec<&str> = errors()
            .filter(|line| line.starts_with("Failed to fetch "))
            .collect();
        match failed.iter().filter(|line| has(line, &CHANGED)).count() {
            _ if failed.is_empty() => Self::Unknown,
            changed if changed == failed.len() => Self::Changed,
            _ => Self::Unreachable,
        }
    }

    /// The rest of an error message, with its separator.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::ReadOnly => "; a file system is mounted read-only",
            Self::FullDisk => "; the disk is full",
            Self::Refused => {
                "; a repository is unsigned, expired or not valid yet, or there is none at its \
                 address: check its entry in `/etc/apt`, its key and the clock"
            }
            Self::Changed => "; the archive changed during the download, or a mirror is incomplete",
            Self::Unreachable => {
                "; a server could not be reached: check its address, the network and the proxy"
            }
            Self::Unknown => "",
        }
    }
}

/// Commands of apt-get that are given as packages by mistake.
const COMMANDS: [&str; 12] = [
    "autoclean",
    "autopurge",
    "autoremove",
    "clean",
    "dist-upgrade",
    "full-upgrade",
    "install",
    "purge",
    "reinstall",
    "remove",
    "update",
    "upgrade",
];

/// The rest of an error message if the output names packages, versions or releases that no source has
/// (`apt-private/private-cacheset.cc`, `apt-pkg/cacheset.cc` and `apt-pkg/policy.cc`).
pub(super) fn absent(output: &str) -> Option<String> {
    let errors: Vec<&str> = output
        .lines()
        .filter_map(|line| line.strip_prefix("E: "))
        .collect();
    // Returns what all errors of one kind name.
    let all = |read: fn(&str) -> Option<String>| {
        let found: Vec<String> = errors.iter().copied().filter_map(read).collect();
        (!found.is_empty()).then_some(found)
    };
    if let Some(names) = all(absent_package) {
        return Some(about_packages(&names));
    }
    if let Some(releases) = all(absent_default_release) {
        let releases = releases.join("`, `");
        return Some(format!(
            "; no source has the release `{releases}`: check the name, or add a source of it to \
             `/etc/apt/sources.list.d`"
        ));
    }
    if let Some(requests) = all(absent_from_release) {
        let requests = requests.join("`, `");
        return Some(format!(
            "; no source has `{requests}`: check the release, or add a source of it to \
             `/etc/apt/sources.list.d`"
        ));
    }
    let versions = all(absent_version)?.join("`, `");
    Some(format!(
        "; no source has `{versions}`: the list may be of another release, or older than an update of \
         the archive"
    ))
}

/// What to do about packages that no source has. A list that was made on another release names such
/// packages: Debian 13 renamed libraries to names that end in `t64`.
fn about_packages(names: &[String]) -> String {
    let renamed = if names.iter().any(|name| name.ends_with("t64")) {
        " (names in `t64` are of Debian 13 and later)"
    } else {
        ""
    };
    let command = if names.iter().any(|name| COMMANDS.contains(&&**name)) {
        "; apt-install takes names of packages only, no commands"
    } else {
        ""
    };
    let mut architectures = names
        .iter()
        .filter_map(|name| Some(name.split_once(':')?.1))
        .filter(|architecture| !["all", "any", "native"].contains(architecture));
    let foreign = architectures.next().map_or_else(String::new, |name| {
        format!("; for another architecture, run `dpkg --add-architecture {name}` first")
    });
    format!(
        "; no source has `{}`: check the name, or that the list is of this \
         release{renamed}{command}{foreign}",
        names.join("`, `")
    )
}

fn absent_package(error: &str) -> Option<String> {
    let quoted = || {
        error
            .strip_prefix("Package '")?
            .strip_suffix("' has no installation candidate")
    };
    let name = error.strip_prefix("Unable to locate package ");
    name.or_else(quoted).map(str::to_owned)
}

fn absent_default_release(error: &str) -> Option<String> {
    let (release, _) = error
        .strip_prefix("The value '")?
        .split_once("' is invalid for APT::Default-Release")?;
    Some(release.to_owned())
}

fn absent_from_release(error: &str) -> Option<String> {
    selected(error, "Release '", '/')
}

fn absent_version(error: &str) -> Option<String> {
    selected(error, "Version '", '=')
}

/// Reads the request from an error such as `Version '1' for 'name' was not found`.
fn selected(error: &str, start: &str, separator: char) -> Option<String> {
    let selector = error.strip_prefix(start)?.strip_suffix("' was not found")?;
    let (selector, name) = selector.split_once("' for '")?;
    Some(format!("{name}{separator}{selector}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_architecture_can_be_added() {
        let check = "check the name, or that the list is of this release";
        for (name, foreign) in [
            ("x:any", ""),
            (
                "x:i386",
                "; for another architecture, run `dpkg --add-architecture i386` first",
            ),
        ] {
            assert_eq!(
                absent(&format!("E: Unable to locate package {name}\n")),
                Some(format!("; no source has `{name}`: {check}{foreign}"))
            );
        }
    }

    #[test]
    fn the_cause_is_that_of_all_errors() {
        let dead = "E: Failed to fetch http://a/InRelease  Could not resolve 'a'\n";
        let gone = "E: Failed to fetch http://b/Packages  404  Not Found [IP: 127.0.0.1 80]\n";
        let size = "E: Failed to fetch http://b/Packages  File has unexpected size (2 != 1). \
                    Mirror sync in progress?\n   Hashes of expected file:\n";
        let end = "E: Some index files failed to download. They have been ignored.\n";
        for (output, cause) in [
            ([dead, end].concat(), Cause::Unreachable),
            ([dead, gone, end].concat(), Cause::Unreachable),
            ([gone, size, end].concat(), Cause::Changed),
            (
                "E: The repository 'http://a ./ Release' is not signed.\n".to_owned() + dead,
                Cause::Refused,
            ),
            (
                "E: Failed to fetch http://a  Error writing - write (28: No space left on device)"
                    .to_owned(),
                Cause::FullDisk,
            ),
            (
                "W: Problem unlinking the file x (30: Read-only file system)\n".to_owned(),
                Cause::ReadOnly,
            ),
            ("E: Unable to locate package x\n".to_owned(), Cause::Unknown),
            ("x is not signed.\n".to_owned(), Cause::Unknown),
        ] {
            assert_eq!(Cause::of(&output), cause, "{output}");
        }
    }
}
