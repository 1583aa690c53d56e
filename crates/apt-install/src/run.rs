//! One run of the program, from the configuration to the exit status.

use crate::apt::command_line::Context;
use crate::apt::configuration::Configuration;
use crate::apt::hooks::HeldOff;
use crate::apt::locks;
use crate::apt::session::{Failure, Session};
use crate::apt::signals::Signals;
use crate::check::Check;
use crate::cli::{AutoRemove, Config, Keep};
use crate::error::Error;
use crate::layer::PathError;
use crate::layer::leftovers::Places;
use crate::layer::mounts::{self, Mounts};
use crate::layer::purge::{self, Purged};
use crate::layer::snapshot::Snapshot;
use crate::layer::timestamps::{self, Moment};
use crate::message::{self, say, warn};
use crate::plan::Plan;
use crate::request::{self, Request};
use crate::state::dpkg_status::{self, Database};
use crate::state::earlier::Earlier;
use crate::state::extended_states::{self, Marks};
use crate::summary;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// The root to work on. Unit tests of the phases use other directories.
const ROOT: &str = "/";

/// Runs the program and returns its exit status: 0, the status of apt-get, or that of the error
/// that ended the run. All messages are printed before it returns.
pub fn run(config: &Config) -> u8 {
    let done = if config.purge_only {
        purge_only(config)
    } else {
        install(config)
    };
    done.unwrap_or_else(|error| fail(&error))
}

fn install(config: &Config) -> Result<u8, Error> {
    let requests = request::all(config)?;
    if requests.is_empty() {
        say("no packages requested; nothing to do");
        return Ok(0);
    }
    let mounts = Mounts::read();
    let state = State::read(config, &requests, mounts.as_ref().ok())?;
    if state.has_nothing_to_do(config) {
        return Ok(0);
    }
    let session = Session::new(config)?;
    if config.dry_run {
        return session.show(&state.plan).map(|()| 0);
    }
    only_root("install packages")?;
    let _lock = session.lock()?;
    // Another run may have changed it in the meantime.
    let mut state = State::read(config, &requests, mounts.as_ref().ok())?;
    if state.has_nothing_to_do(config) {
        return Ok(0);
    }
    let mounts = mounts.inspect_err(warn_of_unknown_mounts).ok();
    let layer = Layer {
        config,
        mounts,
        start: Moment::now(),
    };
    if state.plan.done {
        return layer.mark_manual(&session, &state.plan).map(|()| 0);
    }
    let configuration = session.configuration()?;
    // apt-get fails if this is on and it must not remove anything (`DoAutomaticRemove` in
    // apt-private/private-install.cc).
    state.plan.removes |= configuration.is_on("APT::Get::AutomaticRemove");
    let before = Snapshot::take(Path::new(ROOT), places(&configuration));
    let check = Check {
        config,
        requests: &requests,
        installed: &state.installed,
        marks: state.marks.as_ref(),
    };
    let done = layer.install(&session, &state.plan, &configuration, &before, &check);
    // Purge even if the installation failed. The closing line is the last one.
    let patience = match done {
        // It has been waited for already.
        Err(Error::Locked { .. }) => Duration::ZERO,
        _ => config.timeout,
    };
    let status = done.map_or_else(|error| fail(&error), |()| 0);
    let (purged, complete) = layer.purge(&before, session.signals(), patience);
    let status = match complete {
        Err(error) if status == 0 => fail(&error),
        _ => status,
    };
    let changes = database()?.since(&state.installed);
    say(&summary::closing(&changes, &purged));
    Ok(status)
}

/// What is installed, and what has to be done about it.
struct State {
    installed: Database,
    /// `None` if the marks may belong to other images.
    marks: Option<Marks>,
    plan: Plan,
}

impl State {
    fn read(config: &Config, requests: &[Request], mounts: Option<&Mounts>) -> Result<Self, Error> {
        let installed = database()?;
        let marks = marks(mounts)?;
        let plan = Plan::new(config, requests, &installed, marks.as_ref());
        Ok(Self {
            installed,
            marks,
            plan,
        })
    }

    fn has_nothing_to_do(&self, config: &Config) -> bool {
        let nothing = self.plan.done && (self.plan.manual.is_empty() || config.dry_run);
        if nothing {
            say("all requested packages are already installed; nothing to do");
        }
        nothing
    }
}

fn purge_only(config: &Config) -> Result<u8, Error> {
    only_root("purge")?;
    match Session::new(config) {
        Ok(session) => purge_with(config, session.signals(), &session.configuration()?),
        // Without apt there is no configuration either.
        Err(_) => purge_with(config, &Signals::catch()?, &Configuration::default()),
    }
}

fn purge_with(
    config: &Config,
    signals: &Signals,
    configuration: &Configuration,
) -> Result<u8, Error> {
    let _lock = locks::Run::lock(config.timeout, signals)?;
    let layer = Layer {
        config,
        mounts: Some(Mounts::read().map_err(Error::unreadable(mounts::FILE))?),
        start: Moment::now(),
    };
    let (purged, complete) = layer.purge(
        &Snapshot::nothing(places(configuration)),
        signals,
        config.timeout,
    );
    signals.stop_if_received()?;
    let status = complete.map_or_else(|error| fail(&error), |()| 0);
    say(&summary::purged(&purged));
    Ok(status)
}

/// The layer that a run changes.
struct Layer<'a> {
    config: &'a Config,
    /// `None` if the mounts are unknown.
    mounts: Option<Mounts>,
    start: Moment,
}

impl Layer<'_> {
    /// Marks packages as manually installed if there is nothing to install.
    fn mark_manual(&self, session: &Session<'_>, plan: &Plan) -> Result<(), Error> {
        session.mark_manual(plan)?;
        self.clamp();
        let names: Vec<_> = plan
            .manual
            .iter()
            .map(|name| name.to_string_lossy())
            .collect();
        say(&format!(
            "all requested packages are already installed; marked as manually installed: {}",
            names.join(", ")
        ));
        Ok(())
    }

    /// Updates the lists and installs the packages; tries again after a failed download. Then removes
    /// what this made unneeded.
    fn install(
        &self,
        session: &Session<'_>,
        plan: &Plan,
        configuration: &Configuration,
        before: &Snapshot,
        check: &Check<'_>,
    ) -> Result<(), Error> {
        let earlier = match plan.auto_remove {
            AutoRemove::MadeUnneeded => Some(Earlier::read()?),
            AutoRemove::Nothing | AutoRemove::Everything => None,
        };
        for name in &plan.left_held {
            say(&format!(
                "`{name}` is on hold and will not be changed; to change it, pass \
                 `--allow-change-held-packages`"
            ));
        }
        session.mark_manual(plan)?;
        if plan.names.is_empty() {
            return Ok(());
        }
        let context = self.context(configuration, before);
        let mut tries_left = self.config.retries;
        let mut pause = Duration::from_secs(1);
        loop {
            let failure = match self.update_and_install(session, &context, before, plan, check) {
                Ok(()) => break,
                Err(failure) => failure,
            };
            if !failure.transient || tries_left == 0 {
                return Err(failure.error);
            }
            let error = failure.error.in_short();
            say(&format!("{error}; retrying (retries left: {tries_left})"));
            tries_left -= 1;
            empty_partial(before);
            // apt has its own pauses between tries of one file. This pause is for an archive that
            // changes during the download.
            session.pause(pause)?;
            pause *= 2;
        }
        if let Some(earlier) = earlier {
            remove_unneeded(session, &context, &earlier, check.installed)?;
        }
        match check.unmet(&database()?) {
            Some(unmet) => Err(Error::NotInstalled(unmet)),
            None => Ok(()),
        }
    }

    fn update_and_install(
        &self,
        session: &Session<'_>,
        context: &Context,
        before: &Snapshot,
        plan: &Plan,
        check: &Check<'_>,
    ) -> Result<(), Failure> {
        if self.config.update {
            session.update(context).inspect_err(|failure| {
                if let Error::Failed { .. } = failure.error {
                    // They can make the next update hang, in this run or a later one.
                    empty_partial(before);
                }
            })?;
        }
        session.install(context, plan, check)
    }

    /// Collects what the command lines depend on, and reports what is on a mount.
    fn context(&self, configuration: &Configuration, before: &Snapshot) -> Context {
        let mounted = |path: &Path| {
            self.mounts
                .as_ref()
                .is_some_and(|mounts| mounts.covers(path))
        };
        let Places {
            lists, archives, ..
        } = &before.places;
        let parent = |option| configuration.path(option).unwrap_or_default();
        let (cache, state) = (parent("Dir::Cache"), parent("Dir::State"));
        let on_mounts: Vec<String> = [&cache, archives, &state, lists]
            .into_iter()
            .filter(|place| mounted(place))
            .map(|place| place.display().to_string())
            .collect();
        if !on_mounts.is_empty() {
            let removes = if mounted(Path::new(extended_states::FILE)) {
                "; unneeded packages are not removed, because apt's marks on the mount may belong \
                 to other images"
            } else {
                ""
            };
            say(&format!(
                "mounted directories are used and not purged: {}{removes}",
                on_mounts.join(", ")
            ));
        }
        let keep_cache = self.config.keep.cache || mounted(archives);
        let keep_lists = self.config.keep.lists || mounted(lists);
        Context {
            keep_cache,
            keep_lists,
            leave_caches: !keep_cache && before.has_apts_caches(),
            hooks: HeldOff::new(configuration, keep_cache || keep_lists),
        }
    }

    /// Waits for other apts, for at most `patience`, and purges what the run added. Reports what could
    /// not be purged, and sets times. Without the mounts, nothing is purged.
    fn purge(
        &self,
        before: &Snapshot,
        signals: &Signals,
        patience: Duration,
    ) -> (Purged, Result<(), Error>) {
        let Some(mounts) = &self.mounts else {
            return (Purged::default(), Err(Error::NotPurged));
        };
        wait_to_purge(self.config.keep, mounts, &before.places, signals, patience);
        let purged = purge::purge(Path::new(ROOT), mounts, before, self.config.keep);
        purged.warnings.iter().for_each(|warning| warn(warning));
        self.clamp();
        let complete = if purged.warnings.is_empty() {
            Ok(())
        } else {
            Err(Error::NotPurged)
        };
        (purged, complete)
    }

    /// Sets the times of changed files if `SOURCE_DATE_EPOCH` is set.
    fn clamp(&self) {
        let (Some(epoch), Some(mounts)) = (self.config.epoch, &self.mounts) else {
            return;
        };
        let failures = timestamps::clamp(Path::new(ROOT), mounts, self.start, epoch);
        for PathError { path, error } in failures {
            warn(&format!(
                "cannot set the time of `{}` to SOURCE_DATE_EPOCH: {error}; the layer is not \
                 reproducible",
                path.display()
            ));
        }
    }
}

/// Waits until no other apt uses what is to be purged, for at most `patience`. If this takes longer, the
/// purge reports it.
fn wait_to_purge(
    keep: Keep,
    mounts: &Mounts,
    places: &Places,
    signals: &Signals,
    patience: Duration,
) {
    let start = Instant::now();
    for (directory, kept) in [(&places.lists, keep.lists), (&places.archives, keep.cache)] {
        let lock = directory.join("lock");
        if !kept && !mounts.covers(&lock) {
            let left = patience.saturating_sub(start.elapsed());
            locks::wait(&lock.to_string_lossy(), left, signals);
        }
    }
}

/// Reports an error and returns its exit status.
fn fail(error: &Error) -> u8 {
    message::error(&error.to_string());
    error.status()
}

/// Removes the packages that became unneeded since `earlier`. Packages that nothing needed before the
/// run stay: a program that an earlier layer built may use them, and they would remain in that layer.
fn remove_unneeded(
    session: &Session<'_>,
    context: &Context,
    earlier: &Earlier,
    installed: &Database,
) -> Result<(), Error> {
    let changes = database()?.since(installed);
    if changes.changed.is_empty() && changes.removed.is_empty() {
        // New packages alone make none unneeded.
        return Ok(());
    }
    match session.made_unneeded(earlier)? {
        Some(names) if names.is_empty() => {}
        Some(names) => session.remove(context, &names)?,
        None => warn(
            "cannot determine which packages this run made unneeded, so none were removed; to list \
             all unneeded packages, run `apt-get autoremove --simulate`",
        ),
    }
    Ok(())
}

fn empty_partial(before: &Snapshot) {
    let emptied = purge::empty_partial(Path::new(ROOT), before);
    emptied.warnings.iter().for_each(|warning| warn(warning));
}

fn places(configuration: &Configuration) -> Places {
    Places::find(Path::new(ROOT), configuration)
}

fn database() -> Result<Database, Error> {
    Database::read(Path::new(dpkg_status::DIRECTORY))
        .map_err(Error::unreadable(dpkg_status::DIRECTORY))
}

/// Reads apt's marks. `None` if they are on a mount, and so may belong to other images, or if the
/// mounts are unknown.
fn marks(mounts: Option<&Mounts>) -> Result<Option<Marks>, Error> {
    let file = Path::new(extended_states::FILE);
    mounts
        .filter(|mounts| !mounts.covers(file))
        .map(|_| Marks::read(file).map_err(Error::unreadable(extended_states::FILE)))
        .transpose()
}

fn only_root(what: &'static str) -> Result<(), Error> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(Error::NotRoot { what })
    }
}

fn warn_of_unknown_mounts(error: &io::Error) {
    warn(&format!(
        "cannot read `{}`: {error}; mounts are unknown, so nothing will be purged and no unneeded \
         packages will be removed; to enable both, mount `/proc`",
        mounts::FILE
    ));
}
