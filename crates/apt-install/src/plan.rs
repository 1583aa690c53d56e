//! Decides which requests the installed packages meet, and what apt has to do for the others.
//! Nothing is read or run here.
//!
//! `apt-get install --no-upgrade` skips a named package that is installed, even if another version
//! or release of it is requested (`TryToInstall` in apt-private/private-install.cc). To avoid
//! losing such a request silently, `--no-upgrade` is omitted if there is one; installed packages
//! are then not named, so that they stay as they are.

use crate::cli::{AutoRemove, Config};
use crate::request::{Kind, Request};
use crate::state::dpkg_status::{Database, Package};
use crate::state::extended_states::Marks;
use std::ffi::OsString;

/// The work of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Every request is met: apt has nothing to do.
    pub(crate) done: bool,
    /// The packages that `apt-get install` is given.
    pub(crate) names: Vec<OsString>,
    /// Pass `--no-upgrade`: apt leaves named packages that are installed as they are.
    pub(crate) no_upgrade: bool,
    /// Packages may be removed, by a request or an option: apt-get is asked which before it installs.
    /// Otherwise it is made to fail if it would remove any, and asked only then.
    pub(crate) removes: bool,
    /// What to remove. Nothing if apt's marks belong to other images: apt could remove packages that
    /// this image requested.
    pub(crate) auto_remove: AutoRemove,
    /// Requested packages that are installed, not in `names`, and marked as automatically
    /// installed: mark them as manually installed, so that apt never removes them.
    pub(crate) manual: Vec<OsString>,
    /// Packages on hold that an option would have changed; each is reported.
    pub(crate) left_held: Vec<String>,
}

/// How the installed packages relate to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Installed as requested.
    Met,
    /// Installed, but possibly not as requested: apt decides, and may change it.
    Unmet,
    /// Not installed, or not affected by `--no-upgrade`.
    Open,
}

impl Plan {
    /// Makes the plan. `marks` is `None` if apt's marks belong to other images.
    pub(crate) fn new(
        config: &Config,
        requests: &[Request],
        database: &Database,
        marks: Option<&Marks>,
    ) -> Self {
        let standings: Vec<Standing> = requests
            .iter()
            .map(|request| standing(request, database))
            .collect();
        // Only these may skip apt: a version pattern is left to apt.
        let exact = requests.iter().all(|request| match &request.kind {
            Kind::Plain => true,
            Kind::Version(version) => !is_pattern(version),
            Kind::Suite | Kind::File | Kind::Other => false,
        });
        let all_met = standings.iter().all(|&standing| standing == Standing::Met);
        let done = all_met && exact && !database.is_halfway() && !config.changes_the_plan();
        let release = config.asks_for_release();
        let must_change = standings.contains(&Standing::Unmet) || release || config.reinstall;
        let no_upgrade = !config.upgrade && !must_change;
        let auto_remove = marks.map_or(AutoRemove::Nothing, |_| config.auto_remove);
        let mut plan = Self {
            done,
            no_upgrade,
            removes: config.allow_remove_manual
                || auto_remove == AutoRemove::Everything
                || requests.iter().any(Request::may_remove),
            auto_remove,
            ..Self::default()
        };
        // These options change named packages unless they are on hold.
        let change = config.upgrade || config.reinstall || release;
        for (request, standing) in requests.iter().zip(standings) {
            let package = installed(request, database);
            let held = !config.allow_held
                && request.kind == Kind::Plain
                && package.is_some_and(|package| package.held);
            let stays = standing == Standing::Met && !no_upgrade && (held || !change);
            if stays && change {
                plan.left_held.push(request.name.clone());
            }
            if stays || done {
                let automatic = package.zip(marks).is_some_and(|(package, marks)| {
                    marks.is_automatic(&request.name, &package.arch)
                });
                if automatic {
                    plan.manual.push(package_word(request));
                }
            } else {
                plan.names.push(request.word.clone());
            }
        }
        plan
    }
}

fn installed<'a>(request: &Request, database: &'a Database) -> Option<&'a Package> {
    let (name, arch) = request.package()?;
    database.installed(name, arch)
}

fn standing(request: &Request, database: &Database) -> Standing {
    let installed = installed(request, database);
    match (&request.kind, installed) {
        (Kind::Plain, Some(_)) => Standing::Met,
        (Kind::Version(wanted), Some(package)) if version_matches(wanted, &package.version) => {
            Standing::Met
        }
        (Kind::Version(_) | Kind::Suite, Some(_)) | (Kind::File, _) => Standing::Unmet,
        (Kind::Plain | Kind::Version(_) | Kind::Suite, None) | (Kind::Other, _) => Standing::Open,
    }
}

/// `pkgVersionMatch::MatchVer` in apt-pkg/versionmatch.cc: equal, or a prefix before a final `*`.
/// Other patterns are not evaluated here and match nothing.
fn version_matches(wanted: &str, installed: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => !is_pattern(beginning) && installed.starts_with(beginning),
        None => wanted == installed,
    }
}

/// Whether a requested version is a pattern.
pub(crate) fn is_pattern(version: &str) -> bool {
    version.contains(['*', '?', '[', '/'])
}

/// `name[:arch]`, without the requested version.
fn package_word(request: &Request) -> OsString {
    match &request.arch {
        None => request.name.clone().into(),
        Some(arch) => format!("{}:{arch}", request.name).into(),
    }
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
Version: 1.2-3

Package: held
Status: hold ok installed
Architecture: all
Version: 7
";

    fn plan(options: &[&str], words: &[&str]) -> Plan {
        let requests: Vec<Request> = words.iter().map(|word| Request::new(word.into())).collect();
        let marks = Marks::parse("Package: a\nArchitecture: amd64\nAuto-Installed: 1\n");
        let database = Database::parse(STATUS);
        Plan::new(&parse(options), &requests, &database, Some(&marks))
    }

    fn names(plan: &Plan) -> (Vec<&str>, bool) {
        let names = plan.names.iter().filter_map(|name| name.to_str());
        (names.collect(), plan.no_upgrade)
    }

    #[test]
    fn what_is_installed_is_done_and_becomes_manual() {
        let plan = plan(&[], &["a", "held", "a=1.2-3", "dpkg:amd64"]);
        assert!(plan.done && plan.names.is_empty());
        assert_eq!(plan.manual, ["a", "a"]);
    }

    #[test]
    fn an_option_that_changes_the_plan_leaves_it_to_apt() {
        for options in [
            &["--upgrade"][..],
            &["--reinstall"],
            &["--update"],
            &["-tx"],
            &["-oA=1"],
            &["-cf"],
        ] {
            assert!(!plan(options, &["a"]).done, "{options:?}");
        }
        assert!(plan(&["--install-recommends", "--allow-downgrades"], &["a"]).done);
    }

    #[test]
    fn a_halfway_database_leaves_it_to_apt() {
        let text = format!("{STATUS}\nPackage: b\nStatus: install ok unpacked\n");
        let requests = [Request::new("a".into())];
        let plan = Plan::new(&parse(&[]), &requests, &Database::parse(&text), None);
        assert!(!plan.done);
        assert_eq!(names(&plan), (vec!["a"], true));
    }

    #[test]
    fn without_a_wish_for_versions_installed_packages_are_named_and_passed_over() {
        let plan = plan(&[], &["a", "b", "b=1", "b/x", "~nq", "a=1.2*"]);
        assert_eq!(
            names(&plan),
            (vec!["a", "b", "b=1", "b/x", "~nq", "a=1.2*"], true)
        );
        assert!(plan.manual.is_empty());
    }

    #[test]
    fn a_wish_that_is_not_met_leaves_no_upgrade_out_and_installed_packages_unnamed() {
        for wish in ["a=1.3*", "a=2", "a/backports", "./x.deb", "a=1.2-?"] {
            let plan = plan(&[], &["held", "a", "new", wish]);
            assert_eq!(names(&plan), (vec!["new", wish], false), "{wish}");
            assert_eq!(plan.manual, ["a"]);
        }
    }

    #[test]
    fn a_release_names_all_but_the_held() {
        for options in [&["-t", "x"][..], &["-oAPT::Default-Release=x"]] {
            let plan = plan(options, &["held", "a", "new"]);
            assert_eq!(names(&plan), (vec!["a", "new"], false));
            assert_eq!(plan.left_held, ["held"]);
        }
        let plan = plan(&["-tx", "--allow-change-held-packages"], &["held"]);
        assert_eq!(names(&plan), (vec!["held"], false));
    }

    #[test]
    fn a_version_asked_of_a_held_package_is_asked_of_apt() {
        assert_eq!(names(&plan(&[], &["held=8"])), (vec!["held=8"], false));
    }

    #[test]
    fn upgrade_and_reinstall_name_all_but_the_held() {
        for option in ["--upgrade", "--reinstall"] {
            let plan = plan(&[option], &["a", "held", "a=2"]);
            assert_eq!(names(&plan), (vec!["a", "a=2"], false));
            assert_eq!(plan.left_held, ["held"]);
        }
    }
}
