//! The command lines and the environment of apt's programs, as plain data. Nothing is run here.
//!
//! What the user sets with `-o` and `-c` stands after what is set here, and so wins.

use super::hooks::{self, HeldOff};
use crate::cli::{Config, ErrorOn, Setting};
use crate::plan::Plan;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// One program to run: everything about it that is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// The program, found.
    pub(crate) program: PathBuf,
    /// Its arguments, without its name.
    pub(crate) arguments: Vec<OsString>,
    /// What is set in its environment, beside what this program got.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    /// How messages name it.
    pub(crate) name: &'static str,
}

/// What is known about the machine when the command lines are made.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// The hooks that are held off.
    pub(crate) hooks: HeldOff,
    /// Whether downloaded packages are kept: asked for, or because they lie on a mount.
    pub(crate) keep_cache: bool,
    /// Whether lists are kept: asked for, or because they lie on a mount.
    pub(crate) keep_lists: bool,
    /// Whether apt's caches are left as they are, as an earlier layer has them: written anew,
    /// they would be in this one too.
    pub(crate) leave_caches: bool,
}

/// Nobody answers questions: debconf takes the defaults (debconf(7)), ucf keeps old files
/// (ucf(1)), as dpkg does by `--force-confold`.
const ENVIRONMENT: [(&str, &str); 2] = [
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("UCF_FORCE_CONFFOLD", "1"),
];

/// dpkg(1): changed conffiles are kept, new ones are taken where there is nothing to decide.
const FORCE: [&str; 2] = ["--force-confdef", "--force-confold"];

fn invocation(program: &Path, name: &'static str, arguments: Vec<OsString>) -> Invocation {
    Invocation {
        program: program.to_owned(),
        arguments,
        environment: ENVIRONMENT.to_vec(),
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

/// Has apt neither read nor write its caches (apt.conf(5), `Dir::Cache`).
fn no_caches() -> impl Iterator<Item = OsString> {
    ["Dir::Cache::pkgcache", "Dir::Cache::srcpkgcache"]
        .into_iter()
        .flat_map(|key| option(key, ""))
}

/// What stands at the end of every command line: the user's settings, then the hooks. The hooks
/// are last, as the dump that they were read from has the user's settings in it.
fn last(config: &Config, context: &Context, arguments: &mut Vec<OsString>) {
    arguments.extend(settings(config));
    arguments.extend(context.hooks.arguments.iter().cloned());
}

fn quiet(config: &Config) -> impl Iterator<Item = OsString> {
    std::iter::repeat_n(OsString::from("-q"), config.quiet.into())
}

/// `apt-config`, to print the configuration that apt will have.
pub(crate) fn dump(apt_config: &Path, config: &Config) -> Invocation {
    let mut arguments: Vec<OsString> = hooks::DUMP.iter().map(Into::into).collect();
    arguments.extend(settings(config));
    invocation(apt_config, "apt-config", arguments)
}

/// `apt-get update`, which fails where a source does (`APT::Update::Error-Mode`, apt-get(8)
/// `--error-on`; as an option that apts without it pass over).
pub(crate) fn update(apt_get: &Path, config: &Config, context: &Context) -> Invocation {
    let mut arguments = vec!["update".into()];
    arguments.extend(quiet(config));
    let mode = match config.error_on {
        ErrorOn::Any => "any",
        ErrorOn::Persistent => "persistent",
    };
    arguments.extend(option("APT::Update::Error-Mode", mode));
    if !context.keep_lists {
        // Descriptions in other languages take a second, and are purged unread.
        arguments.extend(option("Acquire::Languages", "none"));
    }
    if context.leave_caches {
        arguments.extend(no_caches());
    }
    last(config, context, &mut arguments);
    invocation(apt_get, "apt-get update", arguments)
}

/// `apt-get install` of what the plan names.
pub(crate) fn install(
    apt_get: &Path,
    config: &Config,
    context: &Context,
    plan: &Plan,
) -> Invocation {
    invocation(
        apt_get,
        "apt-get install",
        install_arguments(config, context, plan, &[]),
    )
}

/// The same `apt-get install`, made to print what it would download, and no more. It fails where
/// the real one would fail before it downloads anything.
pub(crate) fn what_to_download(
    apt_get: &Path,
    config: &Config,
    context: &Context,
    plan: &Plan,
) -> Invocation {
    invocation(
        apt_get,
        "apt-get install --print-uris",
        install_arguments(config, context, plan, &["--print-uris", "-qq"]),
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
    flag(plan.auto_remove, "--auto-remove");
    // Said, not only left out: the image's configuration of apt may ask for it.
    flag(!plan.auto_remove, "--no-auto-remove");
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
    if config.dry_run || context.leave_caches {
        // apt-get as root writes them even when it only shows.
        arguments.extend(no_caches());
    }
    if config.dry_run || !config.keep.logs {
        // The planner's log is written anew each time, so that one that was there before would
        // be replaced; and in a dry run too.
        arguments.extend(option("Dir::Log::Planner", ""));
    }
    if !config.dry_run {
        let timeout = config.timeout.as_secs().to_string();
        arguments.extend(option("DPkg::Lock::Timeout", timeout));
        for force in FORCE {
            arguments.extend(option("Dpkg::Options::", force));
        }
        if context.keep_cache {
            arguments.extend(option("APT::Keep-Downloaded-Packages", "true"));
        }
    }
    last(config, context, &mut arguments);
    arguments.push("--".into());
    arguments.extend(plan.names.iter().cloned());
    arguments
}

/// `dpkg --configure -a`, which finishes what an interrupted dpkg left; apt-get refuses to do
/// anything before that.
pub(crate) fn configure(dpkg: &Path) -> Invocation {
    let arguments = ["--configure", "-a"].iter().chain(&FORCE);
    let arguments = arguments.map(Into::into).collect();
    invocation(dpkg, "dpkg --configure -a", arguments)
}

/// `apt-mark manual` of packages that were only automatically installed.
pub(crate) fn mark_manual(apt_mark: &Path, names: &[OsString]) -> Invocation {
    let mut arguments: Vec<OsString> = vec!["manual".into()];
    // They would be written for nothing, and stay where there is no purge afterwards.
    arguments.extend(no_caches());
    arguments.push("--".into());
    arguments.extend(names.iter().cloned());
    invocation(apt_mark, "apt-mark manual", arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::parse;

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
        shown(&install(Path::new("g"), &config, context, &plan))
    }

    #[test]
    fn nobody_is_asked() {
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
                ("UCF_FORCE_CONFFOLD", "1")
            ]
        );
    }

    #[test]
    fn an_update_is_all_or_nothing() {
        let of = |options: &[&str], context: &Context| {
            shown(&update(Path::new("g"), &parse(options), context))
        };
        assert_eq!(
            of(&["-qq"], &Context::default()),
            "update\n-q\n-q\n-o\nAPT::Update::Error-Mode=any\n-o\nAcquire::Languages=none\n"
        );
        let keep_lists = Context {
            keep_lists: true,
            ..Context::default()
        };
        assert_eq!(
            of(&["--error-on=persistent", "-oA=1"], &keep_lists),
            "update\n-o\nAPT::Update::Error-Mode=persistent\n-o\nA=1\n"
        );
    }

    #[test]
    fn an_install_asks_nothing_and_brings_only_what_is_needed() {
        assert_eq!(
            install_of(&[], &Context::default()),
            "install\n-y\n--no-upgrade\n--auto-remove\n--no-install-recommends\n\
             -o\nDir::Log::Planner=\n\
             -o\nDPkg::Lock::Timeout=300\n\
             -o\nDpkg::Options::=--force-confdef\n-o\nDpkg::Options::=--force-confold\n\
             --\na\nb=1*\n"
        );
    }

    #[test]
    fn options_go_through_and_the_users_are_last_but_for_the_hooks() {
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
             --allow-change-held-packages\n--reinstall\n-q\n-t\nr\n\
             -o\nDPkg::Lock::Timeout=9\n\
             -o\nDpkg::Options::=--force-confdef\n-o\nDpkg::Options::=--force-confold\n\
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
             -o\nDir::Cache::pkgcache=\n-o\nDir::Cache::srcpkgcache=\n-o\nDir::Log::Planner=\n\
             --\na\nb=1*\n"
        );
    }

    #[test]
    fn caches_of_an_earlier_layer_are_left_alone() {
        let context = Context {
            leave_caches: true,
            ..Context::default()
        };
        let off = "-o\nDir::Cache::pkgcache=\n-o\nDir::Cache::srcpkgcache=\n";
        assert!(install_of(&[], &context).contains(off));
        let update = update(Path::new("g"), &parse(&[]), &context);
        assert!(shown(&update).contains(off));
    }

    #[test]
    fn the_smaller_programs() {
        assert_eq!(
            shown(&configure(Path::new("d"))),
            "--configure\n-a\n--force-confdef\n--force-confold\n"
        );
        assert_eq!(
            shown(&mark_manual(Path::new("m"), &["a:i386".into()])),
            "manual\n-o\nDir::Cache::pkgcache=\n-o\nDir::Cache::srcpkgcache=\n--\na:i386\n"
        );
        assert_eq!(
            shown(&dump(Path::new("c"), &parse(&["-oA=1"]))),
            "dump\n--format\n%F %V%n\n-o\nA=1\n"
        );
        let plan = Plan::default();
        assert!(
            shown(&what_to_download(
                Path::new("g"),
                &parse(&[]),
                &Context::default(),
                &plan
            ))
            .contains("\n--print-uris\n-qq\n")
        );
    }
}
