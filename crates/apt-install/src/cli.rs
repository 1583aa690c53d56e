//! Parses the command line into a [`Config`] in which every option is decided. Nothing is read or
//! looked up here except the arguments and the environment that the caller passes.

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Which failures of package sources fail the update; `APT::Update::Error-Mode` of apt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ErrorOn {
    /// Any failure.
    Any,
    /// Persistent failures only; a source that does not respond is skipped.
    Persistent,
}

/// Which automatically installed packages are removed when nothing needs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AutoRemove {
    /// None.
    #[default]
    Nothing,
    /// Those that were needed before the run.
    MadeUnneeded,
    /// All of them, as apt does: also those that nothing needed before the run.
    Everything,
}

/// One `-o` or `-c`. Their order is kept, because a later one overrides an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// `-o KEY=VALUE`.
    Option(OsString),
    /// `-c FILE`.
    File(OsString),
}

/// Where a list of packages is read from (`-r`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// Standard input, given as `-`.
    Stdin,
    File(PathBuf),
}

/// What is not purged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct Keep {
    /// Keep the package lists
    #[arg(long = "keep-lists")]
    pub(crate) lists: bool,

    /// Keep the downloaded packages and apt's caches
    #[arg(long = "keep-cache")]
    pub(crate) cache: bool,

    /// Keep the logs
    #[arg(long = "keep-logs")]
    pub(crate) logs: bool,
}

/// All options of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // one per option
pub struct Config {
    /// The packages of the command line, as given.
    pub(crate) packages: Vec<OsString>,
    /// The lists of `-r`, in their order.
    pub(crate) lists: Vec<List>,
    /// Show what apt-get would do and change nothing.
    pub(crate) dry_run: bool,
    /// The number of `-q`.
    pub(crate) quiet: u8,
    /// `-t`: install the versions of this release.
    pub(crate) release: Option<OsString>,
    /// `-o` and `-c`, in their order.
    pub(crate) settings: Vec<Setting>,
    /// Install recommended packages.
    pub(crate) recommends: bool,
    /// Upgrade named packages that are installed.
    pub(crate) upgrade: bool,
    pub(crate) auto_remove: AutoRemove,
    /// Let apt install an older version than the installed one.
    pub(crate) allow_downgrades: bool,
    /// Let apt change packages on hold.
    pub(crate) allow_held: bool,
    /// Let apt remove packages that are not marked as automatically installed.
    pub(crate) allow_remove_manual: bool,
    /// Reinstall named packages that are installed.
    pub(crate) reinstall: bool,
    /// Run `apt-get update` even if every package is installed (`--update`).
    pub(crate) force_update: bool,
    /// Run `apt-get update` (not `--no-update`).
    pub(crate) update: bool,
    pub(crate) keep: Keep,
    /// How often the download from an archive that changes meanwhile is retried.
    pub(crate) retries: u32,
    /// How long to wait for the locks of other processes.
    pub(crate) timeout: Duration,
    pub(crate) error_on: ErrorOn,
    /// Purge and install nothing.
    pub(crate) purge_only: bool,
    /// The environment says which configuration files ucf keeps: do not decide it.
    pub(crate) ucf_is_set: bool,
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970: changed files are not newer than this.
    pub(crate) epoch: Option<i64>,
}

/// The variables of which ucf accepts only one (ucf(1)). An empty one counts as not set.
const UCF: [&str; 2] = ["UCF_FORCE_CONFFOLD", "UCF_FORCE_CONFFNEW"];

/// The version with the commit and target, which the build script passes. The package that writes the
/// manual has none, and needs the number alone.
const VERSION: &str = match option_env!("PROGRAM_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// The sections after the options. `crates/assets` reads them too: a heading ends with a colon, and two
/// spaces separate a term from its description.
const AFTER_HELP: &str = "\
PACKAGE is anything that apt-get accepts: name, name:arch, name=1.2*, name/suite, ./local.deb.

Examples:
  apt-install -r /venv/pkgdeps.txt   install the packages of a list
  apt-install g++ libpq-dev          install the named packages
  apt-install --dry-run -r list.txt  simulate apt-get, changing nothing
  apt-install --purge-only           purge what earlier commands in the same layer left behind

Environment:
  SOURCE_DATE_EPOCH   no changed file gets a later modification time
  UCF_FORCE_CONFFOLD, UCF_FORCE_CONFFNEW
                      how ucf treats changed configuration files; otherwise it keeps them

Exit status:
  0      success, or nothing to do
  1      success, but not everything was purged
  2      usage error, or a list that cannot be read
  100    not root, a lock not released in time, or a removal that was not requested
  126    apt-get cannot be run
  127    apt-get not found
  128+n  stopped by signal n
  other  the exit status of apt-get (usually 100)";

/// Install Debian packages into an image layer and leave nothing else behind.
///
/// Runs apt-get update and apt-get install, never prompts, removes what this made unneeded, and purges
/// package lists, caches and logs, on success and on failure.
#[derive(Debug, Parser)]
#[command(
    name = "apt-install",
    version = VERSION,
    override_usage = "apt-install [OPTIONS] -r FILE\n       apt-install [OPTIONS] PACKAGE...",
    after_help = AFTER_HELP,
    max_term_width = 100
)]
#[allow(clippy::struct_excessive_bools)] // one per option
#[allow(rustdoc::broken_intra_doc_links)] // `[default]` is text of the help
struct Args {
    /// Packages to install, in apt-get's syntax
    #[arg(value_name = "PACKAGE")]
    packages: Vec<OsString>,

    /// Also read packages from FILE or `-` (stdin): words or lines, `#` comments; repeatable
    #[arg(short, long, value_name = "FILE")]
    requirements: Vec<OsString>,

    /// Show what apt-get would do with the existing package lists; needs no root, changes nothing
    #[arg(
        short = 's',
        long,
        visible_alias = "simulate",
        aliases = ["just-print", "recon", "no-act"]
    )]
    dry_run: bool,

    /// Make apt-get quieter; repeatable
    #[arg(short, long, action = ArgAction::Count)]
    quiet: u8,

    /// Install versions from this release
    #[arg(short, long, value_name = "RELEASE", visible_alias = "default-release")]
    target_release: Option<OsString>,

    /// Set an apt option; repeatable
    #[arg(short = 'o', long, value_name = "KEY=VALUE")]
    option: Vec<OsString>,

    /// Make apt read this configuration file; repeatable
    #[arg(short, long, value_name = "FILE")]
    config_file: Vec<OsString>,

    /// Also install recommended packages
    #[arg(long, overrides_with = "no_install_recommends")]
    install_recommends: bool,

    /// Do not install recommended packages [default]
    #[arg(long, overrides_with = "install_recommends")]
    no_install_recommends: bool,

    /// Upgrade requested packages that are already installed
    #[arg(long, overrides_with = "no_upgrade")]
    upgrade: bool,

    /// Do not upgrade requested packages that are already installed [default]
    #[arg(long, overrides_with = "upgrade")]
    no_upgrade: bool,

    /// Remove all unneeded packages [default: only those that this run made unneeded]
    #[arg(long, visible_alias = "autoremove", overrides_with = "no_auto_remove")]
    auto_remove: bool,

    /// Remove no unneeded packages
    #[arg(long, visible_alias = "no-autoremove", overrides_with = "auto_remove")]
    no_auto_remove: bool,

    /// Allow apt-get to replace installed packages with older versions
    #[arg(long)]
    allow_downgrades: bool,

    /// Allow apt-get to change packages on hold
    #[arg(long)]
    allow_change_held_packages: bool,

    /// Allow apt-get to remove packages that an earlier command may have requested
    #[arg(long)]
    allow_remove_manual: bool,

    /// Reinstall requested packages that are already installed
    #[arg(long)]
    reinstall: bool,

    /// Run apt-get even if all requested packages are already installed
    #[arg(long, overrides_with = "no_update")]
    update: bool,

    /// Do not run `apt-get update`; use the existing package lists
    #[arg(long, overrides_with = "update")]
    no_update: bool,

    #[command(flatten)]
    keep: Keep,

    /// Number of retries if the archive changes during the download; apt itself retries connections
    #[arg(long, value_name = "N", default_value_t = 2)]
    retries: u32,

    /// How long to wait for locks held by another apt or dpkg
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u32,

    /// Which failures of package sources fail the update
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ErrorOn::Any)]
    error_on: ErrorOn,

    /// Accepted for compatibility with apt-get and ignored: no questions are ever asked
    #[arg(short, long, visible_alias = "assume-yes", overrides_with = "yes")]
    yes: bool,

    /// Only purge what earlier commands in the same layer left behind; install nothing
    #[arg(long, conflicts_with_all = ["packages", "requirements", "dry_run"])]
    purge_only: bool,
}

/// The definition of the arguments.
pub fn command() -> clap::Command {
    Args::command()
}

/// Parses the command line; `variable` looks up environment variables.
///
/// # Errors
/// A usage error; or the help or the version, which clap reports likewise.
pub fn config(
    arguments: impl IntoIterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Config, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    let args = Args::from_arg_matches(&matches)?;
    let settings = settings(&matches);
    let carriage_return = |word: &&OsString| word.as_encoded_bytes().contains(&b'\r');
    if let Some(word) = args.packages.iter().find(carriage_return) {
        return Err(usage(&format!(
            "package name `{}` contains a carriage return, probably from a list with Windows line \
             endings; pass the list with `-r FILE`, which accepts them",
            word.to_string_lossy().replace('\r', "\\r")
        )));
    }
    if let Some(word) = args
        .packages
        .iter()
        .find(|word| word.is_empty() || word.as_encoded_bytes().starts_with(b"-"))
    {
        return Err(usage(&format!(
            "`{}` is not a package name",
            word.to_string_lossy()
        )));
    }
    let epoch = match variable("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty()) {
        None => None,
        Some(value) => Some(seconds(&value).ok_or_else(|| {
            usage(&format!(
                "SOURCE_DATE_EPOCH is `{}`; expected seconds since 1970-01-01",
                value.to_string_lossy()
            ))
        })?),
    };
    Ok(Config {
        packages: args.packages,
        lists: args.requirements.into_iter().map(List::from).collect(),
        dry_run: args.dry_run,
        quiet: args.quiet,
        release: args.target_release,
        settings,
        recommends: args.install_recommends,
        upgrade: args.upgrade,
        auto_remove: match (args.auto_remove, args.no_auto_remove) {
            (true, _) => AutoRemove::Everything,
            (_, true) => AutoRemove::Nothing,
            _ => AutoRemove::MadeUnneeded,
        },
        allow_downgrades: args.allow_downgrades,
        allow_held: args.allow_change_held_packages,
        allow_remove_manual: args.allow_remove_manual,
        reinstall: args.reinstall,
        force_update: args.update,
        update: !args.no_update,
        keep: args.keep,
        retries: args.retries,
        timeout: Duration::from_secs(args.timeout.into()),
        error_on: args.error_on,
        purge_only: args.purge_only,
        ucf_is_set: UCF
            .iter()
            .any(|name| variable(name).is_some_and(|value| !value.is_empty())),
        epoch,
    })
}

fn usage(message: &str) -> clap::Error {
    command().error(ErrorKind::ValueValidation, message)
}

impl From<OsString> for List {
    fn from(name: OsString) -> Self {
        if name == "-" {
            Self::Stdin
        } else {
            Self::File(PathBuf::from(name))
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => formatter.write_str("standard input"),
            Self::File(path) => path.display().fmt(formatter),
        }
    }
}

fn seconds(value: &OsStr) -> Option<i64> {
    value
        .to_str()?
        .parse()
        .ok()
        .filter(|&seconds: &i64| seconds >= 0)
}

/// Collects `-o` and `-c` in the order given.
fn settings(matches: &clap::ArgMatches) -> Vec<Setting> {
    let of = |id: &str, make: fn(OsString) -> Setting| -> Vec<(usize, Setting)> {
        let values = matches.get_many::<OsString>(id).into_iter().flatten();
        let places = matches.indices_of(id).into_iter().flatten();
        places.zip(values.cloned().map(make)).collect()
    };
    let mut settings = of("option", Setting::Option);
    settings.extend(of("config_file", Setting::File));
    settings.sort_by_key(|(place, _)| *place);
    settings.into_iter().map(|(_, setting)| setting).collect()
}

impl Config {
    /// Whether a release is requested, by `-t` or by the apt option that `-t` sets.
    pub(crate) fn asks_for_release(&self) -> bool {
        self.release.is_some()
            || self.settings.iter().any(|setting| match setting {
                Setting::File(_) => false,
                Setting::Option(text) => text.to_str().is_some_and(|text| {
                    let key = text.split('=').next().unwrap_or(text);
                    key.eq_ignore_ascii_case("APT::Default-Release")
                }),
            })
    }

    /// Whether an option may change packages that are installed, so that only apt knows whether
    /// there is anything to do.
    pub(crate) fn changes_the_plan(&self) -> bool {
        self.release.is_some()
            || !self.settings.is_empty()
            || self.upgrade
            || self.reinstall
            || self.force_update
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Parses arguments, for tests of other modules.
    pub(crate) fn parse(arguments: &[&str]) -> Config {
        parse_in(arguments, &[])
    }

    /// Parses arguments in this environment.
    pub(crate) fn parse_in(arguments: &[&str], variables: &[(&str, &str)]) -> Config {
        match read_in(arguments, variables) {
            Ok(config) => config,
            Err(error) => panic!("{error}"),
        }
    }

    fn read(arguments: &[&str]) -> Result<Config, clap::Error> {
        read_in(arguments, &[])
    }

    fn read_in(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, clap::Error> {
        let arguments = [&["apt-install"], arguments].concat();
        config(arguments.into_iter().map(OsString::from), |name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_arguments_of_clap_are_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_defaults_are_those_of_an_image_build() {
        let config = parse(&["a"]);
        assert!(config.update);
        assert_eq!(config.auto_remove, AutoRemove::MadeUnneeded);
        assert!(!config.recommends && !config.upgrade && !config.changes_the_plan());
        assert_eq!((config.retries, config.timeout.as_secs()), (2, 300));
        assert_eq!(config.error_on, ErrorOn::Any);
    }

    #[test]
    fn of_two_opposites_the_later_wins() {
        let config = parse(&["--no-upgrade", "--upgrade", "--update", "--no-update"]);
        assert!(config.upgrade && !config.update && !config.force_update);
        assert!(!parse(&["--install-recommends", "--no-install-recommends"]).recommends);
        let auto_remove = |options: &[&str]| parse(options).auto_remove;
        assert_eq!(
            auto_remove(&["--no-auto-remove", "--auto-remove"]),
            AutoRemove::Everything
        );
        assert_eq!(
            auto_remove(&["--autoremove", "--no-autoremove"]),
            AutoRemove::Nothing
        );
    }

    #[test]
    fn settings_keep_their_order() {
        let config = parse(&["-o", "A=1", "-c", "f", "--option=B::=2", "-cg"]);
        let shown: Vec<String> = config.settings.iter().map(|s| format!("{s:?}")).collect();
        assert_eq!(
            shown,
            [
                "Option(\"A=1\")",
                "File(\"f\")",
                "Option(\"B::=2\")",
                "File(\"g\")"
            ]
        );
        assert!(config.changes_the_plan() && !config.asks_for_release());
        assert!(parse(&["-o", "apt::default-release=x"]).asks_for_release());
    }

    #[test]
    fn an_option_is_no_package() {
        assert!(read(&["--", "-x"]).is_err());
        assert!(read(&["-x"]).is_err());
        assert!(read(&[""]).is_err());
    }

    #[test]
    fn yes_is_accepted_and_ignored() {
        assert_eq!(
            parse(&["-yq", "-y", "--yes", "--assume-yes", "a"]),
            parse(&["-q", "a"])
        );
    }

    #[test]
    fn the_epoch_is_seconds_since_1970() {
        let epoch = |text| read_in(&[], &[("SOURCE_DATE_EPOCH", text)]).map(|config| config.epoch);
        assert_eq!(epoch("1700000000").ok(), Some(Some(1_700_000_000)));
        assert_eq!(epoch("").ok(), Some(None));
        assert!(epoch("-1").is_err());
        assert!(epoch("yesterday").is_err());
    }
}
