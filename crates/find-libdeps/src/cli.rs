//! Arguments and environment to a [`Config`], and the texts of `--help`.

use crate::config::{Config, Dlopen, Lookup};
use clap::error::{ContextKind, ErrorKind};
use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};
use regex::bytes::Regex;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// The version with the commit and target, which the build script passes. The package that writes the
/// manual has none, and needs the number alone.
const VERSION: &str = match option_env!("PROGRAM_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// The sections after the options. `crates/assets` reads them too: a heading ends with a colon, and two
/// spaces separate a term from its description.
const AFTER_HELP: &str = "\
Examples:
  find-libdeps /venv                     print the packages, one per line
  find-libdeps --explain /venv           explain each of them
  find-libdeps --explain libpq5 /venv    explain one of them
  find-libdeps --lookup /venv            search for packages that are not installed, too
  find-libdeps --strict --json .venv     print JSON; exit with 1 if a library is missing
  find-libdeps --trace /venv -- pytest   list what the tests load at run time, too
  find-libdeps --check /venv             check that nothing is missing in the final image

In a multi-stage Dockerfile:
  RUN find-libdeps --strict --lookup /venv > /venv/pkgdeps.txt  # builder stage
  COPY --from=builder /venv /venv                               # final stage
  RUN apt-install -r /venv/pkgdeps.txt
  RUN --mount=from=tools,target=/mnt /mnt/find-libdeps --check /venv

Environment:
  VIRTUAL_ENV      the PATH if none is given
  LD_LIBRARY_PATH  searched as the loader does
  PATH, JAVA_HOME  where --check and --files search for programs and Java
  TMPDIR           where --lookup and --trace keep files while they run
  NO_COLOR, CLICOLOR_FORCE
                   as with --color=never and --color=always

Exit status:
  0  the list is printed; messages name what it may lack
  1  the list is printed, and --strict found something; or --check or --files failed
  2  no list: usage error, unreadable path, no package database, dpkg failed
  With --trace, the status of COMMAND if it fails: no list";

/// Print the Debian or Alpine packages that a virtualenv or other tree of binaries needs at run time.
///
/// Reads the ELF files at or below each PATH, finds the libraries that they need as the loader (ld.so)
/// does, and prints the packages that ship these libraries, one per line. Libraries below a PATH
/// itself need no package. Nothing is executed except the COMMAND of --trace.
#[derive(Debug, Parser)]
#[command(name = "find-libdeps", version = VERSION, after_help = AFTER_HELP, max_term_width = 100)]
#[allow(clippy::struct_excessive_bools)] // one per switch
struct Args {
    /// Files and directories to analyse [default: `$VIRTUAL_ENV`, else `./.venv`]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Print the whole report as one JSON document
    #[arg(long, conflicts_with = "explain")]
    json: bool,

    /// Explain why each package is needed, or explain only NAME
    ///
    /// One line a package names the distributions that need it; with NAME, a package, a soname, a file or
    /// a distribution, all files follow. A directory with a slash, or without another PATH, is a PATH.
    #[arg(long, value_name = "NAME", num_args = 0..=1)]
    #[allow(clippy::option_option)] // absent, without a name, with one
    explain: Option<Option<OsString>>,

    /// Print each package as NAME=VERSION, which apt-install and apt-get accept
    ///
    /// For a package that is not installed, apt must have its lists (`apt-get update`).
    #[arg(long, conflicts_with_all = ["json", "explain", "check", "files"])]
    versions: bool,

    /// Which of the libraries that code loads by name at run time (dlopen) to list
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Dlopen::Known)]
    dlopen: Dlopen,

    /// Search Debian's Contents index for the packages of missing libraries
    ///
    /// apt fetches the index if it has none; DIR keeps it for the next run. Not needed on Alpine.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    #[allow(clippy::option_option)] // absent, without a directory, with one
    lookup: Option<Option<PathBuf>>,

    /// Treat matching sonames as not needed (repeatable)
    #[arg(long, value_name = "REGEX")]
    ignore: Vec<Regex>,

    /// Skip files and directories whose path matches (repeatable)
    #[arg(long, value_name = "REGEX")]
    exclude: Vec<Regex>,

    /// Exit with 1 if the list may lack something
    ///
    /// That is if a library is missing or in no package, if the loader would refuse a file, if an ELF
    /// file is malformed, if a wheel is for another C library, or if the interpreter of a virtualenv does
    /// not exist or is of another version.
    #[arg(long)]
    strict: bool,

    /// Use DIR as /
    ///
    /// Paths, libraries, configuration and package database are read below it, and never outside.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Check that the files below PATH run here, in the final image
    ///
    /// Every library, symbol version, program and interpreter that they need must exist. Prints
    /// nothing and exits with 0 if so, or else prints what fails and exits with 1. Needs neither dpkg
    /// nor a shell.
    #[arg(long, conflicts_with_all = ["explain", "lookup", "strict", "trace"])]
    check: bool,

    /// Take the packages for failures of --check from FILE, the builder's --json report
    #[arg(long, value_name = "FILE", requires = "check")]
    expect: Option<PathBuf>,

    /// Print the files from outside the PATHs that are loaded with them, one per line
    ///
    /// For images without apt, with `tar -T`. These are libraries, the loader, the program of the
    /// interpreter, and the links to them. Checks as --check does, and prints no files if it fails.
    #[arg(long, conflicts_with_all = ["check", "json", "explain", "lookup", "strict", "trace"])]
    files: bool,

    /// Run COMMAND, and list what it loads from outside the PATHs, too
    ///
    /// This includes its child processes. What it asks for and does not get is reported. Its standard
    /// output goes to standard error. If it fails, no list is printed.
    #[arg(long, requires = "command", conflicts_with = "root")]
    trace: bool,

    /// The command to trace, with its arguments
    #[arg(last = true, value_name = "COMMAND", requires = "trace")]
    command: Vec<OsString>,

    /// Number of threads that read files, at most 256; 0 for four per core
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u16).range(0..=256))]
    threads: u16,

    /// Print only what makes the exit status other than 0
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Print what was read and how long it took
    #[arg(short, long, action = ArgAction::SetTrue)]
    verbose: bool,

    /// When to use colors
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    color: Color,
}

/// When to use colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// What is printed on standard output.
#[derive(Debug, PartialEq, Eq)]
pub enum Format {
    /// Package names, one per line.
    List,
    /// The same, each with `=` and its version.
    Versions,
    /// The whole report as JSON.
    Json,
    /// The explanation, or the part of it about a name.
    Explain(Option<OsString>),
}

/// What is printed instead after a check of the image.
#[derive(Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing, or with `is_json` what fails. `expect` is the builder's report.
    Failures {
        is_json: bool,
        expect: Option<PathBuf>,
    },
    /// Files that are loaded from outside the paths, one per line.
    Files,
}

/// What is printed on standard error besides errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing.
    Quiet,
    /// Warnings.
    Normal,
    /// Warnings and a summary.
    Verbose,
}

/// The arguments, with the environment and defaults applied.
#[derive(Debug)]
pub struct Invocation {
    pub config: Config,
    pub format: Format,
    /// Whether the tree is checked in its image, in place of a list.
    pub check: Option<Check>,
    /// Whether an incomplete list is an error.
    pub is_strict: bool,
    pub verbosity: Verbosity,
    pub color: Color,
}

/// The definition of the arguments.
pub fn command() -> clap::Command {
    Args::command()
}

/// Reads the process's arguments and environment. Exits with status 2 on a usage error, and with 0
/// after `--help` or `--version`.
pub fn invocation() -> Invocation {
    let args = command()
        .try_get_matches()
        .and_then(|mut matches| Args::from_arg_matches_mut(&mut matches));
    let args = args.unwrap_or_else(|mut error| {
        // What follows `--` is a command, not a value.
        error.remove(ContextKind::Suggested);
        exit(&error)
    });
    let environment = |name| match args.root {
        None => std::env::var_os(name).unwrap_or_default(),
        Some(_) => OsString::new(),
    };
    let virtual_env = environment("VIRTUAL_ENV");
    let ld_library_path = environment("LD_LIBRARY_PATH");
    let (path, java_home) = (environment("PATH"), environment("JAVA_HOME"));
    // Those of a builder are not the final image's.
    let (path, java_home) = if args.check || args.files {
        (path, java_home)
    } else {
        Default::default()
    };
    let default = default_path(virtual_env, args.root.is_none());
    let (explain, mut paths) = explained(args.explain, args.paths, default.is_some());
    if paths.is_empty() {
        paths.extend(default);
    }
    if paths.is_empty() {
        usage(if args.root.is_none() {
            "no PATH given, $VIRTUAL_ENV is not set, and there is no directory ./.venv"
        } else {
            "no PATH given, and --root ignores $VIRTUAL_ENV and ./.venv"
        })
    }
    let format = match explain {
        Some(name) => Format::Explain(name),
        None if args.json => Format::Json,
        None if args.versions => Format::Versions,
        None => Format::List,
    };
    let check = match (args.check, args.files) {
        (true, _) => Some(Check::Failures {
            is_json: args.json,
            expect: args.expect,
        }),
        (false, true) => Some(Check::Files),
        (false, false) => None,
    };
    Invocation {
        config: Config {
            paths,
            root: args.root,
            ld_library_path,
            path,
            java_home,
            ignore: args.ignore,
            exclude: args.exclude,
            dlopen: args.dlopen,
            lookup: match args.lookup {
                None => Lookup::Machine,
                Some(None) => Lookup::Temporary,
                Some(Some(dir)) => Lookup::Directory(dir),
            },
            command: args.command,
            threads: usize::from(args.threads),
            with_versions: format != Format::List,
            with_files: format == Format::Json,
            with_details: matches!(format, Format::Json | Format::Explain(_)),
        },
        check,
        format,
        is_strict: args.strict,
        verbosity: match (args.quiet, args.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        },
        color: args.color,
    }
}

/// The PATH to use if none is given, as uv finds it: the active virtualenv, or else the one in the
/// working directory, which another root does not have.
fn default_path(virtual_env: OsString, is_machine: bool) -> Option<PathBuf> {
    if !virtual_env.is_empty() {
        return Some(PathBuf::from(virtual_env));
    }
    let local = PathBuf::from("./.venv");
    (is_machine && local.is_dir()).then_some(local)
}

/// Distinguishes `--explain PATH` from `--explain NAME`. A directory is a PATH if it is written with a
/// slash or is a virtualenv, or if there is no other PATH; a distribution may have the name of any other.
/// Without another PATH, any word with a slash is a PATH, too.
#[allow(clippy::option_option)]
fn explained(
    explain: Option<Option<OsString>>,
    mut paths: Vec<PathBuf>,
    has_default: bool,
) -> (Option<Option<OsString>>, Vec<PathBuf>) {
    if let Some(Some(word)) = &explain {
        let has_slash = word.as_bytes().contains(&b'/');
        let is_directory = PathBuf::from(word).is_dir();
        let is_alone = paths.is_empty();
        let is_virtualenv = || PathBuf::from(word).join("pyvenv.cfg").is_file();
        let is_path = has_slash || is_alone && (!has_default || is_virtualenv());
        if is_directory && is_path || has_slash && is_alone && !has_default {
            paths.insert(0, PathBuf::from(word));
            return (Some(None), paths);
        }
    }
    (explain, paths)
}

fn usage(message: &str) -> ! {
    exit(&command().error(ErrorKind::MissingRequiredArgument, message))
}

/// Prints a usage error, the help or the version, and exits: with status 2 if the help could not be
/// written.
fn exit(error: &clap::Error) -> ! {
    let written = error.print().and_then(|()| io::stdout().flush());
    let status = match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("find-libdeps: error: cannot write to standard output: {error}");
            2
        }
        _ => error.exit_code(),
    };
    std::process::exit(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_arguments_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_directory_after_explain_is_a_path() {
        let word = |text: &str| Some(Some(OsString::from(text)));
        let venv = || vec![PathBuf::from("/venv")];
        assert_eq!(
            explained(word("/usr"), vec![], false),
            (Some(None), vec![PathBuf::from("/usr")])
        );
        // The working directory is that of the crate.
        assert_eq!(
            explained(word("src"), vec![], false),
            (Some(None), vec![PathBuf::from("src")])
        );
        assert_eq!(explained(word("src"), vec![], true), (word("src"), vec![]));
        assert_eq!(
            explained(word("./src"), venv(), true),
            (Some(None), vec![PathBuf::from("./src"), "/venv".into()])
        );
        assert_eq!(
            explained(word("libpq5"), venv(), false),
            (word("libpq5"), venv())
        );
        assert_eq!(
            explained(word("/venv/x.so"), venv(), false),
            (word("/venv/x.so"), venv())
        );
        assert_eq!(
            explained(word("/x.so"), vec![], true),
            (word("/x.so"), vec![])
        );
    }
}
