//! Builds the command lines and the environment of apt's programs, as plain data. Nothing is run
//! here.
//!
//! The user's `-o` and `-c` come after the options set here and so override them.

use super::configuration;
use super::hooks::HeldOff;
use crate::cli::{AutoRemove, Config, ErrorOn, Setting};
use crate::plan::Plan;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// The path of the program.
    pub(crate) program: PathBuf,
    /// The arguments, without `argv[0]`.
    pub(crate) arguments: Vec<OsString>,
    /// Variables added to the inherited environment.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    /// The name used in messages.
    pub(crate) name: &'static str,
}

/// What the command lines depend on besides the configuration and the plan.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) hooks: HeldOff,
    /// Keep downloaded packages: requested, or they are on a mount.
    pub(crate) keep_cache: bool,
    /// Keep the lists: requested, or they are on a mount.
    pub(crate) keep_lists: bool,
    /// Do not write apt's caches: an earlier layer has them, and rewriting them would add them to
    /// this layer.
    pub(crate) leave_caches: bool,
}

/// There is no one to answer questions: debconf uses the defaults (debconf(7)).
const DEBCONF: (&str, &str) = ("DEBIAN_FRONTEND", "noninteractive");

/// ucf keeps the existing files (ucf(1)), as dpkg does with `--force-confold`. If the user has
/// decided otherwise, ucf would fail with this.
const UCF: (&str, &str) = ("UCF_FORCE_CONFFOLD", "1");

/// dpkg(1): keep conffiles that were changed; otherwise install the new version. Do not wait for each
/// unpacked file to reach the disk: a layer that the machine did not finish is thrown away.
const FORCE: [&str; 3] = ["--force-confdef", "--force-confold", "--force-unsafe-io"];

fn invocation(
    program: &Path,
    config: &Config,
    name: &'static str,
    arguments: Vec<OsString>,
) -> Invocation {
    let mut environment = vec![DEBCONF];
    if !config.ucf_is_set {
        environment.push(UCF);
    }
    Invocation {
        program: program.to_owned(),
        arguments,
        environment,
        name,
    }
}

fn option(key: &str, value: impl AsRef<OsStr>) -> [OsString; 2] {
    let mut setting = OsString::from(key);
    setting.push("=");
    setting.push(value);
    ["-o".into(), setting]
}

fn settings(config: &Config) -> impl Iterator<Item = OsString> + '_ {
    config.settings.iter().flat_map(|setting| match setting {
        Setting::Option(text) => ["-o".into(), text.clone()],
        Setting::File(file) => ["-c".into(), file.clone()],
    })
}

/// Makes apt neither read nor write its caches (apt.conf(5), `Dir::Cache`).
fn no_caches() -> impl Iterator<Item = OsString> {
    ["Dir::Cache::pkgcache", "Dir::Cache::srcpkgcache"]
        .into_iter()
        .flat_map(|key| option(key, ""))
}

/// Makes apt write no logs: they would only be purged, and appending to one of an earlier layer copies
/// all of it into this layer.
fn no_logs() -> impl Iterator<Item = OsString> {
    // The defaults of `Configuration::FindFile` in `pkgDPkgPM::OpenLog` (apt-pkg/deb/dpkgpm.cc);
    // the planner's log has none.
    [
        ("Dir::Log::Terminal", "/dev/null"),
        ("Dir::Log::History", "/dev/null"),
        ("Dir::Log::Planner", ""),
    ]
    .into_iter()
    .flat_map(|(key, value)| option(key, value))
}

/// Options of every dpkg that changes packages.
fn dpkg_options(config: &Config) -> impl Iterator<Item = &'static str> {
    let no_log = (!config.keep.logs).then_some("--log=/dev/null");
    FORCE.into_iter().chain(no_log)
}

/// Appends the user's settings, then the hooks. The hooks are last because the dump from which
/// they were read includes the user's settings.
fn last(config: &Config, context: &Context, arguments: &mut Vec<OsString>) {
    arguments.extend(settings(config));
    arguments.extend(context.hooks.arguments.iter().cloned());
}

fn quiet(config: &Config) -> impl Iterator<Item = OsString> {
    std::iter::repeat_n(OsString::from("-q"), config.quiet.into())
}

/// `apt-config dump`: prints the configuration that apt will use.
pub(crate) fn dump(apt_config: &Path, config: &Config) -> Invocation {
    let mut arguments: Vec<OsString> = configuration::DUMP.iter().map(Into::into).collect();
    arguments.extend(settings(config));
    invocation(apt_config, config, "apt-config", arguments)
}

/// `apt-get update`, which fails if a source fails: `APT::Update::Error-Mode`, the option behind
/// `--error-on` of apt-get(8). Versions of apt without it ignore the option.
pub(crate) fn update(apt_get: &Path, config: &Config, context: &Context) -> Invocation {
    let mut arguments = vec!["update".into()];
    arguments.extend(quiet(config));
    let mode = match config.error_on {
        ErrorOn::Any => "any",
        ErrorOn::Persistent => "persistent",
    };
    arguments.extend(option("APT::Update::Error-Mode", mode));
    if !context.keep_lists {
        // Translated descriptions take a second to download and would only be purged.
        arguments.extend(option("Acquire::Languages", "none"));
    }
    // The install reads the lists again: building apt's cache twice takes most of a second where the
    // configuration disables its file (`DoUpdate` in apt-private/private-update.cc).
    arguments.extend(option("pkgCacheFile::Generate", "false"));
    last(config, context, &mut arguments);
    let mut update = invocation(apt_get, config, "apt-get update", arguments);
    // Errors are not translated (gettext(3)), so that their cause can be read from them. An install
    // keeps the language, as maintainer scripts see it.
    update.environment.push(("LANGUAGE", "C"));
    update
}

/// `apt-get install` of the packages that the plan names. Without `removes`, it fails before any
/// download if it would remove a package.
pub(crate) fn install(
    apt_get: &Path,
    config: &Config,
    context: &Context,
    plan: &Plan,
    removes: bool,
) -> Invocation {
    let more: &[&str] = if removes { &[] } else { &["--no-remove"] };
    invocation(
        apt_get,
        config,
        "apt-get install",
        install_arguments(config, context, plan, more),
    )
}

/// The same `apt-get install`, made to print only what it would do.
pub(crate) fn simulate(
    apt_get: &Path,
    config: &Config,
    context: &Context,
    plan: &Plan,
) -> Invocation {
    invocation(
        apt_get,
        config,
        "apt-get install --simulate",
        install_arguments(config, context, plan, &["--simulate", "-qq"]),
    )
}

fn install_arguments(
    config: &Config,
    context: &Context,
    plan: &Plan,
    more: &[&str],
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["install".into(), "-y".into()];
    let mut flag = |on: bool, name: &str| {
        if on {
            arguments.push(name.into());
        }
    };
    flag(config.dry_run, "--dry-run");
    flag(plan.no_upgrade, "--no-upgrade");
    let everything = plan.auto_remove == AutoRemove::Everything;
    flag(everything, "--auto-remove");
    // Explicit, because apt's configuration in the image may enable it.
    flag(!everything, "--no-auto-remove");
    flag(config.recommends, "--install-recommends");
    flag(!config.recommends, "--no-install-recommends");
    flag(config.allow_downgrades, "--allow-downgrades");
    flag(config.allow_held, "--allow-change-held-packages");
    flag(config.reinstall, "--reinstall");
    arguments.extend(more.iter().map(Into::into));
    arguments.extend(quiet(config));
    if let Some(release) = &config.release {
        arguments.extend(["-t".into(), release.clone()]);
    }
    common(config, context, &mut arguments);
    arguments.push("--".into());
    arguments.extend(plan.names.iter().cloned());
    arguments
}

/// Appends the options of every apt-get that changes packages.
fn common(config: &Config, context: &Context, arguments: &mut Vec<OsString>) {
    if config.dry_run || context.leave_caches {
        // As root, apt-get writes them even in a simulation.
        arguments.extend(no_caches());
    }
    if config.dry_run || !config.keep.logs {
        // Even in a simulation, apt rewrites the planner's log.
        arguments.extend(no_logs());
    }
    if !config.dry_run {
        let timeout = config.timeout.as_secs().to_string();
        arguments.extend(option("DPkg::Lock::Timeout", timeout));
        for word in dpkg_options(config) {
            arguments.extend(option("Dpkg::Options::", word));
        }
        if context.keep_cache {
            arguments.extend(option("APT::Keep-Downloaded-Packages", "true"));
        }
    }
    last(config, context, arguments);
}

/// `apt-get autoremove --simulate`: prints the packages that nothing needs. `status` and `marks` are
/// files to read instead of dpkg's and apt's own.
///
/// `APT::AutoRemove` is set to apt's defaults, because the configuration of the image may have apt
/// ignore recommended and suggested packages. Without sources and caches apt reads installed packages
/// only, which takes it a fraction of the time.
pub(crate) fn unneeded(
    apt_get: &Path,
    config: &Config,
    status: Option<&Path>,
    marks: Option<&Path>,
) -> Invocation {
    let mut arguments: Vec<OsString> = ["autoremove", "--simulate", "-qq"].map(Into::into).into();
    for key in ["RecommendsImportant", "SuggestsImportant"] {
        arguments.extend(option(&format!("APT::AutoRemove::{key}"), "true"));
    }
    for key in ["Dir::Etc::sourcelist", "Dir::Etc::sourceparts"] {
        arguments.extend(option(key, "/dev/null"));
    }
    arguments.extend(no_caches());
    arguments.extend(option("Dir::Log::Planner", ""));
    arguments.extend(settings(config));
    let files = [
        ("Dir::State::status", status),
        ("Dir::State::extended_states", marks),
    ];
    for (key, file) in files {
        arguments.extend(file.into_iter().flat_map(|file| option(key, file)));
    }
    invocation(apt_get, config, "apt-get autoremove --simulate", arguments)
}

/// `apt-get remove` of exactly these packages.
pub(crate) fn remove(
    apt_get: &Path,
    config: &Config,
    context: &Context,
    names: &[String],
) -> Invocation {
    let mut arguments: Vec<OsString> = ["remove", "-y", "--no-auto-remove"].map(Into::into).into();
    arguments.extend(quiet(config));
    common(config, context, &mut arguments);
    arguments.push("--".into());
    arguments.extend(names.iter().map(Into::into));
    invocation(apt_get, config, "apt-get remove", arguments)
}

/// `dpkg --configure -a`, which completes the work of an interrupted dpkg. Until then, apt-get
/// refuses to run.
pub(crate) fn configure(dpkg: &Path, config: &Config) -> Invocation {
    let arguments = ["--configure", "-a"]
        .into_iter()
        .chain(dpkg_options(config));
    let arguments = arguments.map(Into::into).collect();
    invocation(dpkg, config, "dpkg --configure -a", arguments)
}

/// `apt-mark manual` of packages marked as automatically installed.
pub(crate) fn mark_manual(apt_mark: &Path, config: &Config, names: &[OsString]) -> Invocation {
    let mut arguments: Vec<OsString> = vec!["manual".into()];
    // Writing them is useless, and they would stay if no purge follows.
    arguments.extend(no_caches());
    arguments.push("--".into());
    arguments.extend(names.iter().cloned());
    invocation(apt_mark, config, "apt-mark manual", arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{parse, parse_in};

    fn shown(invocation: &Invocation) -> String {
        let words = invocation
            .arguments
            .iter()
            .map(|word| word.to_string_lossy());
        words.map(|word| word.into_owned() + "\n").collect()
    }

    fn install_of(options: &[&str], context: &Context) -> String {
        let config = parse(options);
        let plan = Plan {
            names: vec!["a".into(), "b=1*".into()],
            no_upgrade: true,
            auto_remove: config.auto_remove,
            ..Plan::default()
        };
        shown(&install(Path::new("g"), &config, context, &plan, false))
    }

    #[test]
    fn no_questions_are_asked() {
        let update = update(
            Path::new("/usr/bin/apt-get"),
            &parse(&[]),
            &Context::default(),
        );
        assert_eq!(update.program, Path::new("/usr/bin/apt-get"));
        assert_eq!(
            update.environment,
            [
                ("DEBIAN_FRONTEND", "noninteractive"),
                ("UCF_FORCE_CONFFOLD", "1"),
                ("LANGUAGE", "C")
            ]
        );
    }

    #[test]
    fn what_the_user_decided_for_ucf_is_not_overridden() {
        let environment = |name, value| {
            let config = parse_in(&[], &[(name, value)]);
            configure(Path::new("d"), &config).environment
        };
        for name in ["UCF_FORCE_CONFFNEW", "UCF_FORCE_CONFFOLD"] {
            assert_eq!(environment(name, "YES"), [DEBCONF]);
            assert_eq!(environment(name, ""), [DEBCONF, UCF]);
        }
    }

    #[test]
    fn an_update_fails_if_any_source_fails() {
        let of = |options: &[&str], context: &Context| {
            shown(&update(Path::new("g"), &parse(options), context))
        };
        assert_eq!(
            of(&["-qq"], &Context::default()),
            "update\n-q\n-q\n-o\nAPT::Update::Error-Mode=any\n-o\nAcquire::Languages=none\n\
             -o\npkgCacheFile::Generate=false\n"
        );
        let keep_lists = Context {
            keep_lists: true,
            ..Context::default()
        };
        assert_eq!(
            of(&["--error-on=persistent", "-oA=1"], &keep_lists),
            "update\n-o\nAPT::Update::Error-Mode=persistent\n-o\npkgCacheFile::Generate=false\n\
             -o\nA=1\n"
        );
    }

    #[test]
    fn an_install_asks_nothing_and_adds_only_what_is_needed() {
        assert_eq!(
            install_of(&[], &Context::default()),
            "install\n-y\n--no-upgrade\n--no-auto-remove\n--no-install-recommends\n--no-remove\n\
             -o\nDir::Log::Terminal=/dev/null\n-o\nDir::Log::History=/dev/null\n\
             -o\nDir::Log::Planner=\n\
             -o\nDPkg::Lock::Timeout=300\n\
             -o\nDpkg::Options::=--force-confdef\n-o\nDpkg::Options::=--force-confold\n\
             -o\nDpkg::Options::=--force-unsafe-io\n\
             -o\nDpkg::Options::=--log=/dev/null\n\
             --\na\nb=1*\n"
        );
    }

    #[test]
    fn options_are_passed_on_and_only_hooks_follow_those_of_the_user() {
        let context = Context {
            hooks: HeldOff {
                arguments: ["-c", "/proc/self/fd/3", "-o", "X::=y"]
                    .map(Into::into)
                    .to_vec(),
                _file: None,
            },
            keep_cache: true,
            ..Context::default()
        };
        let options = [
            "-q",
            "-tr",
            "-oA=1",
            "-cf",
            "--no-auto-remove",
            "--install-recommends",
            "--allow-downgrades",
            "--allow-change-held-packages",
            "--reinstall",
            "--keep-logs",
            "--timeout=9",
        ];
        assert_eq!(
            install_of(&options, &context),
            "install\n-y\n--no-upgrade\n--no-auto-remove\n--install-recommends\n\
             --allow-downgrades\n\
             --allow-change-held-packages\n--reinstall\n--no-remove\n-q\n-t\nr\n\
             -o\nDPkg::Lock::Timeout=9\n\
             -o\nDpkg::Options::=--force-confdef\n-o\nDpkg::Options::=--force-confold\n\
             -o\nDpkg::Options::=--force-unsafe-io\n\
             -o\nAPT::Keep-Downloaded-Packages=true\n\
             -o\nA=1\n-c\nf\n-c\n/proc/self/fd/3\n-o\nX::=y\n\
             --\na\nb=1*\n"
        );
    }

    #[test]
    fn a_dry_run_writes_no_caches() {
        assert_eq!(
            install_of(&["-s", "--no-auto-remove"], &Context::default()),
            "install\n-y\n--dry-run\n--no-upgrade\n--no-auto-remove\n--no-install-recommends\n\
             --no-remove\n\
             -o\nDir::Cache::pkgcache=\n-o\nDir::Cache::srcpkgcache=\n\
             -o\nDir::Log::Terminal=/dev/null\n-o\nDir::Log::History=/dev/null\n\
             -o\nDir::Log::Planner=\n\
             --\na\nb=1*\n"
        );
    }

    #[test]
    fn caches_of_an_earlier_layer_are_not_rewritten() {
        let context = Context {
            leave_caches: true,
            ..Context::default()
        };
        let off = "-o\nDir::Cache::pkgcache=\n-o\nDir::Cache::srcpkgcache=\n";
        assert!(install_of(&[], &context).contains(off));
    }

    #[test]
    fn apt_removes_what_nothing_needs_only_on_request() {
        let everything = install_of(&["--auto-remove"], &Context::default());
        assert!(everything.starts_with("install\n-y\n--no-upgrade\n--auto-remove\n"));
        let config = parse(&["-qoA=1", "-s"]);
        let names = ["a".to_owned(), "b:i386".to_owned()];
        let remove = remove(Path::new("g"), &config, &Context::default(), &names);
        let remove = shown(&remove);
        assert!(remove.starts_with("remove\n-y\n--no-auto-remove\n-q\n"));
        assert!(remove.ends_with("-o\nA=1\n--\na\nb:i386\n"));
    }

    #[test]
    fn apt_is_asked_for_unneeded_packages_with_its_own_defaults() {
        let config = parse(&["-oA=1"]);
        let question = unneeded(
            Path::new("g"),
            &config,
            Some(Path::new("s")),
            Some(Path::new("m")),
        );
        assert_eq!(
            shown(&question),
            "autoremove\n--simulate\n-qq\n-o\nAPT::AutoRemove::RecommendsImportant=true\n\
             -o\nAPT::AutoRemove::SuggestsImportant=true\n\
             -o\nDir::Etc::sourcelist=/dev/null\n-o\nDir::Etc::sourceparts=/dev/null\n\
             -o\nDir::Cache::pkgcache=\n-o\nDir::Cache::srcpkgcache=\n-o\nDir::Log::Planner=\n\
             -o\nA=1\n-o\nDir::State::status=s\n-o\nDir::State::extended_states=m\n"
        );
    }

    #[test]
    fn other_programs_get_short_command_lines() {
        assert_eq!(
            shown(&configure(Path::new("d"), &parse(&[]))),
            "--configure\n-a\n--force-confdef\n--force-confold\n--force-unsafe-io\n--log=/dev/null\n"
        );
        assert_eq!(
            shown(&mark_manual(
                Path::new("m"),
                &parse(&[]),
                &["a:i386".into()]
            )),
            "manual\n-o\nDir::Cache::pkgcache=\n-o\nDir::Cache::srcpkgcache=\n--\na:i386\n"
        );
        assert_eq!(
            shown(&dump(Path::new("c"), &parse(&["-oA=1"]))),
            "dump\n--format\n%F %V%n\n-o\nA=1\n"
        );
        let plan = Plan::default();
        assert!(
            shown(&simulate(
                Path::new("g"),
                &parse(&[]),
                &Context::default(),
                &plan
            ))
            .contains("\n--simulate\n-qq\n")
        );
    }
}
