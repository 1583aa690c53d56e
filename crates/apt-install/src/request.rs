//! The requested packages: words from the command line and from lists, and what each means to apt.
//! No package is looked up here; only apt knows which exist.

use crate::cli::{Config, List};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use thiserror::Error;

/// The form of a word, see apt-get(8) "install".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `name[:arch]`, in any version.
    Plain,
    /// `name[:arch]=version`; the version may be a pattern.
    Version(String),
    /// `name[:arch]/suite`.
    Suite,
    /// `./local.deb`: the path of a package file.
    File,
    /// A pattern, a task, a removal or a syntax error: only apt can interpret it.
    Other,
}

/// The name of a package, and its architecture if it is named too.
pub(crate) type Name<'a> = (&'a str, Option<&'a str>);

/// One requested package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The word as given, and as passed to apt.
    pub(crate) word: OsString,
    pub(crate) kind: Kind,
    /// The name of the package; empty for [`Kind::File`] and [`Kind::Other`].
    pub(crate) name: String,
    /// The architecture, if the word names one.
    pub(crate) arch: Option<String>,
}

/// Why requests are refused. All of these are usage errors.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    /// The list does not exist or cannot be read.
    #[error("cannot read the list `{list}`: {source}{}", remedy(source))]
    Unreadable { list: String, source: io::Error },
    /// A message that was redirected into the list, as by `2>&1`.
    #[error(
        "{list}:{line}: a message of find-libdeps, not a package; write only its standard output to \
         the list"
    )]
    Message {
        list: String,
        /// From 1.
        line: usize,
    },
    /// A word that apt would treat as an option.
    #[error(
        "{list}:{line}: `{word}` looks like an option; a list may contain only packages, \
         so pass options on the command line"
    )]
    Option {
        list: String,
        /// From 1.
        line: usize,
        word: String,
    },
    /// A word of pip's requirements file, given in place of the list.
    #[error(
        "{list}:{line}: `{requirement}` is a Python requirement, not a Debian package; pass the list \
         that find-libdeps wrote"
    )]
    Python {
        list: String,
        /// From 1.
        line: usize,
        requirement: String,
    },
    /// A word that cannot be an argument of any program.
    #[error(
        "{list}:{line}: package name contains a NUL byte; separate packages with spaces or newlines"
    )]
    Nul {
        list: String,
        /// From 1.
        line: usize,
    },
    /// Several packages in one argument.
    #[error("package name `{word}` contains white space; pass each package as a separate argument")]
    WhiteSpace { word: String },
    /// A path that apt-get would refuse after the update.
    #[error(
        "`{word}` does not exist; check the path, and copy the file into the image before this step"
    )]
    NoFile { word: String },
    /// A package file that apt-get would read as a name.
    #[error("`{word}` is a file: write `./{word}`")]
    NotAPath { word: String },
    /// A file that is not a package.
    #[error("`{word}` is a file: to install the packages that it lists, pass `-r {word}`")]
    List { word: String },
}

/// What to do about a list that cannot be read, with its separator.
fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => {
            "; write it in the builder with `find-libdeps PATH > FILE`, and copy it into this stage"
        }
        _ => "",
    }
}

/// Reads the requests: the words of the command line, then those of its lists.
pub(crate) fn all(config: &Config) -> Result<Vec<Request>, RequestError> {
    let mut requests: Vec<Request> = config.packages.iter().cloned().map(Request::new).collect();
    for list in &config.lists {
        let text = match list {
            List::Stdin => {
                let mut text = Vec::new();
                io::stdin().read_to_end(&mut text).map(|_| text)
            }
            List::File(path) => std::fs::read(path),
        };
        let text = text.map_err(|source| RequestError::Unreadable {
            list: list.to_string(),
            source,
        })?;
        requests.extend(parse(&text, &list.to_string())?);
    }
    for request in &requests {
        check_file(request)?;
        check_white_space(request)?;
    }
    Ok(requests)
}

/// Refuses a path that does not exist, and a file that is not given as apt-get requires
/// (`AddIfVolatile` in apt-private/private-install.cc). A file without an extension may be called as a
/// package is.
fn check_file(request: &Request) -> Result<(), RequestError> {
    let path = Path::new(&request.word);
    let word = || request.word.to_string_lossy().into_owned();
    let is_path = request.kind == Kind::File;
    if !path.is_file() {
        let exists = path.try_exists().unwrap_or(true)
            // apt accepts `./local.deb/suite`, too.
            || path.parent().is_some_and(Path::is_file);
        return if is_path && !exists {
            Err(RequestError::NoFile { word: word() })
        } else {
            Ok(())
        };
    }
    match path.extension().and_then(OsStr::to_str) {
        Some("deb" | "ddeb" | "changes") if is_path => Ok(()),
        Some("deb" | "ddeb" | "changes") => Err(RequestError::NotAPath { word: word() }),
        Some("txt") => Err(RequestError::List { word: word() }),
        // apt reports why it installs none of these.
        Some("udeb" | "dsc") => Ok(()),
        _ if is_path => Err(RequestError::List { word: word() }),
        _ => Ok(()),
    }
}

/// Refuses a word with white space, unless it may be a path or a pattern.
fn check_white_space(request: &Request) -> Result<(), RequestError> {
    let word = request.word.to_string_lossy();
    let is_name = |word: &str| !word.starts_with(['?', '~']) && request.kind != Kind::File;
    if word.contains(|character: char| character.is_ascii_whitespace())
        && is_name(word.trim_start())
    {
        let word = word.replace('\n', "\\n").replace('\t', "\\t");
        return Err(RequestError::WhiteSpace { word });
    }
    Ok(())
}

/// Parses a list: words separated by white space. `#` at the start of a word begins a comment that
/// ends with the line. A byte order mark is skipped.
fn parse(text: &[u8], list: &str) -> Result<Vec<Request>, RequestError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut requests = Vec::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let (list, line_number) = (list.to_owned(), index + 1);
        if line.starts_with(b"find-libdeps: ") {
            return Err(RequestError::Message {
                list,
                line: line_number,
            });
        }
        let words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .take_while(|word| word[0] != b'#');
        for word in words {
            if word.contains(&0) {
                return Err(RequestError::Nul {
                    list,
                    line: line_number,
                });
            }
            if word[0] == b'-' {
                return Err(RequestError::Option {
                    list,
                    line: line_number,
                    word: String::from_utf8_lossy(word).into_owned(),
                });
            }
            if is_python(word) {
                let begins = word[0].is_ascii_alphanumeric();
                let requirement = if begins { word } else { line.trim_ascii() };
                return Err(RequestError::Python {
                    list,
                    line: line_number,
                    requirement: String::from_utf8_lossy(requirement).into_owned(),
                });
            }
            requests.push(Request::new(OsString::from_vec(word.to_vec())));
        }
    }
    Ok(requests)
}

/// Whether the word belongs to a Python requirement (PEP 508): an optional name, optional extras, and
/// then `==`, `~=`, `!=`, `<`, `>`, `;` or `@`, none of which apt accepts there; or a name with extras.
/// Short extras may be a set of characters: apt reads `lib[ab]` as a regular expression.
fn is_python(word: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let name = word.iter().take_while(|byte| is_name(byte)).count();
    let mut rest = &word[name..];
    let extras = || {
        let rest = rest.strip_prefix(b"[").filter(|_| name > 0)?;
        Some(rest.split_at(rest.iter().position(|&byte| byte == b']')?))
    };
    if let Some((extras, end)) = extras() {
        let is_extra = |byte: &u8| byte.is_ascii_alphanumeric() || b"-,_.".contains(byte);
        let mut words = extras.split(|byte| !byte.is_ascii_alphabetic());
        if extras.iter().all(is_extra) {
            rest = &end[1..];
        }
        if rest.is_empty() && words.any(|word| word.len() > 3) {
            return true;
        }
    }
    let ends = ["==", "~=", "!=", "<", ">", ";", "@"];
    ends.iter().any(|end| rest.starts_with(end.as_bytes()))
}

impl Request {
    /// The package that the word names, if it names one.
    pub(crate) fn package(&self) -> Option<Name<'_>> {
        (!self.name.is_empty()).then_some((&self.name, self.arch.as_deref()))
    }

    /// Whether the word may be a request to remove packages.
    pub(crate) fn may_remove(&self) -> bool {
        self.word.as_bytes().ends_with(b"-")
    }

    /// The package that the word asks to install.
    pub(crate) fn installation(&self) -> Option<Name<'_>> {
        self.package().filter(|_| !self.may_remove())
    }

    /// The package that the word asks to remove, by a final `-`.
    pub(crate) fn removal(&self) -> Option<Name<'_>> {
        let (name, arch) = self.package().filter(|_| self.may_remove())?;
        match (&self.kind, arch) {
            (Kind::Plain, None) => Some((name.strip_suffix('-')?, None)),
            (Kind::Plain, Some(arch)) => Some((name, Some(arch.strip_suffix('-')?))),
            _ => Some((name, arch)),
        }
    }

    pub(crate) fn new(word: OsString) -> Self {
        let (kind, name, arch) = read_word(&word);
        Self {
            word,
            kind,
            name,
            arch,
        }
    }
}

fn read_word(word: &OsStr) -> (Kind, String, Option<String>) {
    let other = (Kind::Other, String::new(), None);
    if [&b"/"[..], b"./", b"../"]
        .iter()
        .any(|prefix| word.as_bytes().starts_with(prefix))
    {
        return (Kind::File, String::new(), None);
    }
    let Some(text) = word.to_str() else {
        return other;
    };
    // apt splits at the last `=` or `/`: VersionContainerInterface::FromString in
    // apt-pkg/cacheset.cc.
    let (package, kind) = match text.rfind(['=', '/']) {
        None => (text, Kind::Plain),
        Some(at) if text[at..].starts_with('=') => {
            (&text[..at], Kind::Version(text[at + 1..].to_owned()))
        }
        Some(at) => (&text[..at], Kind::Suite),
    };
    let (name, arch) = match package.split_once(':') {
        None => (package, None),
        Some((name, arch)) => (name, Some(arch)),
    };
    if is_name(name) && arch.is_none_or(is_name) {
        (kind, name.to_owned(), arch.map(str::to_owned))
    } else {
        other
    }
}

/// Debian Policy 5.6.1. A name may end in `+` or `-`: apt treats these as modifiers only if there
/// is no package with that name.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        parse(text.as_bytes(), "list")
            .expect("a list")
            .into_iter()
            .map(|request| request.word.into_string().expect("UTF-8"))
            .collect()
    }

    fn refused(text: &str) -> String {
        parse(text.as_bytes(), "list").map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn lists_have_lines_words_and_comments() {
        let text = "\u{feff}a b\r\n\r\n# no\n  c=1.0 # the rest\td\n./e#1.deb\n";
        assert_eq!(words(text), ["a", "b", "c=1.0", "./e#1.deb"]);
        assert_eq!(words(""), [""; 0]);
    }

    #[test]
    fn an_option_in_a_list_is_refused_with_its_place() {
        assert_eq!(
            refused("a\nb --allow-unauthenticated\n"),
            "list:2: `--allow-unauthenticated` looks like an option; a list may contain only \
             packages, so pass options on the command line"
        );
        assert_eq!(
            refused("a\0b"),
            "list:1: package name contains a NUL byte; separate packages with spaces or newlines"
        );
    }

    #[test]
    fn a_python_requirement_is_refused_with_its_place() {
        for (text, requirement) in [
            ("django==5.2  # via -r base.in\n", "django==5.2"),
            ("psycopg[binary]\n", "psycopg[binary]"),
            ("x[async-pool]", "x[async-pool]"),
            ("argon2-cffi[a,b]>=21", "argon2-cffi[a,b]>=21"),
            ("foo~=1.0", "foo~=1.0"),
            ("foo!=1.0", "foo!=1.0"),
            ("foo<=1.0", "foo<=1.0"),
            ("tomli;python_version<'3.11'", "tomli;python_version<'3.11'"),
            ("foo >= 1.0\r\n", "foo >= 1.0"),
            ("foo @ file:///a.whl", "foo @ file:///a.whl"),
        ] {
            assert_eq!(
                refused(&format!("gunicorn\n{text}")),
                format!(
                    "list:2: `{requirement}` is a Python requirement, not a Debian package; pass the \
                     list that find-libdeps wrote"
                )
            );
        }
    }

    #[test]
    fn what_apt_accepts_is_no_python_requirement() {
        let text = "a a:any a:amd64=1:1.2~rc1-1+b1 a=1.* a/sid a+ a- g++ task^ lib* ~nlib !~nlib ?name(x) \
                    ?version(>=1) ^lib[a-z0-9]+$ libpq[0-9] lib[ab] lib[a-zA-Z0-9] /a;b.deb ./a@b==1.deb";
        assert_eq!(words(text), text.split(' ').collect::<Vec<_>>());
    }

    #[test]
    fn only_paths_and_patterns_contain_white_space() {
        let refused = |word: &str| check_white_space(&Request::new(word.into())).err();
        for (word, shown) in [
            ("libpq5 bc", "libpq5 bc"),
            ("libpq5\nbc\n", "libpq5\\nbc\\n"),
            (" \tbc", " \\tbc"),
            ("a=1 b", "a=1 b"),
        ] {
            assert_eq!(
                refused(word).map(|error| error.to_string()),
                Some(format!(
                    "package name `{shown}` contains white space; pass each package as a separate \
                     argument"
                ))
            );
        }
        for word in ["./a b.deb", "/a b/c.deb", "?and(~i, ~na)", "~na ~nb", "a"] {
            assert!(refused(word).is_none(), "{word}");
        }
    }

    #[test]
    fn words_are_read_as_apt_reads_them() {
        let read = |word: &str| {
            let request = Request::new(word.into());
            (request.kind, request.name, request.arch)
        };
        let plain = |name: &str| (Kind::Plain, name.to_owned(), None);
        let other = (Kind::Other, String::new(), None);
        assert_eq!(read("libpq5"), plain("libpq5"));
        assert_eq!(read("g++"), plain("g++"));
        assert_eq!(read("pkg-"), plain("pkg-"));
        assert_eq!(
            read("libc6:i386"),
            (Kind::Plain, "libc6".to_owned(), Some("i386".to_owned()))
        );
        assert_eq!(
            read("a:amd64=1:1.2*"),
            (
                Kind::Version("1:1.2*".to_owned()),
                "a".to_owned(),
                Some("amd64".to_owned())
            )
        );
        assert_eq!(read("a/stable").0, Kind::Suite);
        for word in ["./a.deb", "../a.deb", "/tmp/a_1.deb"] {
            assert_eq!(read(word), (Kind::File, String::new(), None), "{word}");
        }
        for word in ["~nlib", "?name(x)", "task^", "lib*", "", "A"] {
            assert_eq!(read(word), other, "{word}");
        }
    }
}
