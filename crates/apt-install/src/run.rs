//! One run of the program, from the configuration to the exit status.

use crate::apt::command_line::Context;
use crate::apt::configuration::Configuration;
use crate::apt::hooks::HeldOff;
use crate::apt::session::{Failure, Session};
use crate::cli::{AutoRemove, Config};
use crate::error::Error;
use crate::layer::PathError;
use crate::layer::leftovers::Places;
use crate::layer::mounts::{self, Mounts};
use crate::layer::purge::{self, Purged};
use crate::layer::snapshot::Snapshot;
use crate::layer::timestamps::{self, Moment};
use crate::message::{self, say, warn};
use crate::plan::Plan;
use crate::request;
use crate::state::dpkg_status::{self, Database};
use crate::state::earlier::Earlier;
use crate::state::extended_states::{self, Marks};
use crate::summary;
use std::io;
use std::path::Path;
use std::time::Duration;

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
    let start = Moment::now();
    let mounts = Mounts::read();
    let installed = database()?;
    let marks = marks(mounts.as_ref().ok())?;
    let plan = Plan::new(config, &requests, &installed, marks.as_ref());
    if plan.done && (plan.manual.is_empty() || config.dry_run) {
        say("all requested packages are already installed; nothing to do");
        return Ok(0);
    }
    let session = Session::new(config, &plan)?;
    if config.dry_run {
        return session.show().map(|()| 0);
    }
    only_root("install packages")?;
    let mounts = mounts.inspect_err(warn_of_unknown_mounts).ok();
    let layer = Layer {
        config,
        mounts,
        start,
    };
    if plan.done {
        return layer.mark_manual(&session, &plan).map(|()| 0);
    }
    let configuration = session.configuration()?;
    let before = Snapshot::take(Path::new(ROOT), places(&configuration));
    let done = layer.install(&session, &plan, &configuration, &before, &installed);
    // Purge even if the installation failed. The closing line is the last one.
    let status = done.map_or_else(|error| fail(&error), |()| 0);
    let purged = layer.purge(&before);
    let changes = database()?.since(&installed);
    say(&summary::closing(&changes, &purged));
    Ok(status)
}

fn purge_only(config: &Config) -> Result<u8, Error> {
    only_root("purge")?;
    let start = Moment::now();
    let mounts = Mounts::read().map_err(Error::unreadable(mounts::FILE))?;
    let configuration = match Session::new(config, &Plan::default()) {
        Ok(session) => session.configuration()?,
        // Without apt there is no configuration either.
        Err(_) => Configuration::default(),
    };
    let layer = Layer {
        config,
        mounts: Some(mounts),
        start,
    };
    let purged = layer.purge(&Snapshot::nothing(places(&configuration)));
    say(&summary::purged(&purged));
    Ok(0)
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
        session.mark_manual()?;
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
        installed: &Database,
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
        session.mark_manual()?;
        if plan.names.is_empty() {
            return Ok(());
        }
        let context = self.context(configuration, before);
        let mut tries_left = self.config.retries;
        let mut pause = Duration::from_secs(1);
        loop {
            let failure = match self.update_and_install(session, &context, before) {
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
        match earlier {
            Some(earlier) => remove_unneeded(session, &context, &earlier, installed),
            None => Ok(()),
        }
    }

    fn update_and_install(
        &self,
        session: &Session<'_>,
        context: &Context,
        before: &Snapshot,
    ) -> Result<(), Failure> {
        if self.config.update {
            session.update(context).inspect_err(|failure| {
                if let Error::Failed { .. } = failure.error {
                    // They can make the next update hang, in this run or a later one.
                    empty_partial(before);
                }
            })?;
        }
        session.install(context)
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

    /// Purges what the run added, reports what could not be purged, and sets times. Without the
    /// mounts, nothing is purged.
    fn purge(&self, before: &Snapshot) -> Purged {
        let Some(mounts) = &self.mounts else {
            return Purged::default();
        };
        let purged = purge::purge(Path::new(ROOT), mounts, before, self.config.keep);
        purged.warnings.iter().for_each(|warning| warn(warning));
        self.clamp();
        purged
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
