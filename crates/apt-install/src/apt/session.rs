//! One run of apt's programs, one after the other, and what comes after it: what is decided is
//! decided elsewhere; here it is done, and done again where a download failed.

use crate::apt::command_line::{self, Invocation, Surroundings};
use crate::apt::hooks::Hooks;
use crate::apt::locks::{self, Waited};
use crate::apt::process::{self, Ended};
use crate::apt::signals::Signals;
use crate::cli::{Config, ErrorOn};
use crate::layer::PathError;
use crate::layer::mounts::Mounts;
use crate::layer::places;
use crate::layer::purge::{self, Purged};
use crate::layer::snapshot::Snapshot;
use crate::layer::timestamps::Moment;
use crate::message::{say, warn};
use crate::plan::Plan;
use crate::state::{dpkg_status, extended_states};
use crate::{Error, ROOT, database};
use rustix::fs::MemfdFlags;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The programs that are run, found on PATH before anything is done.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    apt_get: PathBuf,
}

impl Programs {
    /// Finds `apt-get`; the others are looked for when they are needed, as they come with it.
    pub(crate) fn find() -> Result<Self, Error> {
        let apt_get = find("apt-get")?;
        Ok(Self { apt_get })
    }
}

fn find(program: &'static str) -> Result<PathBuf, Error> {
    which::which(program).map_err(|_| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if std::env::split_paths(&path).any(|dir| dir.join(program).is_file()) {
            Error::NotExecutable { program }
        } else {
            Error::NotFound { program }
        }
    })
}

/// Shows what apt-get would do.
pub(crate) fn dry(config: &Config, programs: &Programs, plan: &Plan) -> Result<u8, Error> {
    let signals = Signals::catch().map_err(Error::Signals)?;
    let around = Surroundings {
        own_marks: Mounts::read()
            .is_ok_and(|mounts| !mounts.covers(Path::new(extended_states::FILE))),
        ..Surroundings::default()
    };
    let install = command_line::install(&programs.apt_get, config, &around, plan);
    let ended = run(&install, &signals)?;
    if let Some(signal) = signals.received() {
        return Err(Error::Stopped { signal });
    }
    if ended.is_success() {
        return Ok(0);
    }
    let hint = "; a dry run downloads no package lists, and sees only those that are there";
    Err(failed(&install, ended, hint))
}

/// Sets the times of what changed since `start`, where `SOURCE_DATE_EPOCH` asks for it.
pub(crate) fn clamp(config: &Config, mounts: Option<&Mounts>, start: Moment) {
    let (Some(epoch), Some(mounts)) = (config.epoch, mounts) else {
        return;
    };
    for PathError { path, error } in
        crate::layer::timestamps::clamp(Path::new(ROOT), mounts, start, epoch)
    {
        warn(&format!(
            "cannot set the time of `{}` to SOURCE_DATE_EPOCH: {error}",
            path.display()
        ));
    }
}

fn run(invocation: &Invocation, signals: &Signals) -> Result<Ended, Error> {
    process::run(invocation, signals).map_err(|source| cannot_run(invocation, source))
}

fn cannot_run(invocation: &Invocation, source: std::io::Error) -> Error {
    Error::CannotRun {
        program: invocation.program.clone(),
        source,
    }
}

fn failed(invocation: &Invocation, ended: Ended, hint: &'static str) -> Error {
    Error::Failed {
        name: invocation.name,
        status: ended.code(),
        hint,
    }
}

/// Everything that a run needs to know.
pub(crate) struct Run<'a> {
    config: &'a Config,
    programs: Programs,
    plan: Plan,
    signals: Signals,
    /// `None` where the mounts are not known.
    mounts: Option<Mounts>,
    start: Moment,
    before: Snapshot,
}

/// A failure, and whether it may be gone when tried again.
struct Failure {
    error: Error,
    transient: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let transient = false;
        Self { error, transient }
    }
}

impl<'a> Run<'a> {
    /// A run that is about to begin; what is there now is what was there before it.
    pub(crate) fn new(
        config: &'a Config,
        programs: Programs,
        plan: Plan,
        signals: Signals,
        mounts: Option<Mounts>,
        start: Moment,
    ) -> Self {
        let before = if plan.done {
            Snapshot::default()
        } else {
            Snapshot::take(Path::new(ROOT))
        };
        Self {
            config,
            programs,
            plan,
            signals,
            mounts,
            start,
            before,
        }
    }

    /// Whether everything is installed, and only marks are to be changed.
    pub(crate) fn is_done(&self) -> bool {
        self.plan.done
    }

    /// Marks what was only automatically installed, where everything is installed.
    pub(crate) fn mark_done(&self) -> Result<(), Error> {
        self.mark_manual()?;
        clamp(self.config, self.mounts.as_ref(), self.start);
        let names: Vec<_> = self
            .plan
            .manual
            .iter()
            .map(|name| name.to_string_lossy())
            .collect();
        say(&format!(
            "everything asked for is installed already; marked as installed manually: {}",
            names.join(", ")
        ));
        Ok(())
    }

    /// Updates and installs; what this leaves behind is purged afterwards, whatever the result.
    pub(crate) fn to_the_end(&self) -> Result<(), Error> {
        for name in &self.plan.left_held {
            say(&format!(
                "`{name}` is on hold and stays as it is; `--allow-change-held-packages` changes it"
            ));
        }
        self.mark_manual()?;
        if self.plan.names.is_empty() {
            return Ok(());
        }
        // Open until apt has ended: apt reads it by the number of the descriptor.
        let (around, _hooks_file) = self.look_around()?;
        let mut tries_left = self.config.retries;
        let mut pause = Duration::from_secs(1);
        loop {
            let failure = match self.update_and_install(&around) {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if !failure.transient || tries_left == 0 {
                return Err(failure.error);
            }
            let error = failure.error.in_short();
            say(&format!("{error}: trying again, at most {tries_left} more"));
            tries_left -= 1;
            self.empty_partial();
            // apt itself has waited between its own tries of a file; this is for the archive
            // that is being changed under its hands.
            self.signals.pause(pause);
            pause *= 2;
            self.stop_if_asked()?;
        }
    }

    /// Purges what the run brought, sets times, and gives what was purged. What did not work has
    /// been said.
    pub(crate) fn purge(&self) -> Purged {
        let Some(mounts) = &self.mounts else {
            return Purged::default();
        };
        let purged = purge::purge(Path::new(ROOT), mounts, &self.before, self.config.keep);
        purged.warnings.iter().for_each(|warning| warn(warning));
        clamp(self.config, Some(mounts), self.start);
        purged
    }

    fn update_and_install(&self, around: &Surroundings) -> Result<(), Failure> {
        let apt_get = &self.programs.apt_get;
        if self.config.update {
            let update = command_line::update(apt_get, self.config, around);
            let ended = self.run_locked(&update, locks::LISTS)?;
            if !ended.is_success() {
                // With them there the next update, of this run or another, can hang.
                self.empty_partial();
                let hint = match self.config.error_on {
                    ErrorOn::Any => {
                        "; with one source missing, an older version than the newest could \
                         be installed (`--error-on=persistent` goes on without a source that \
                         does not answer)"
                    }
                    ErrorOn::Persistent => "",
                };
                let transient = matches!(ended, Ended::Status(_));
                let error = failed(&update, ended, hint);
                return Err(Failure { error, transient });
            }
        }
        self.finish_interrupted()?;
        let install = command_line::install(apt_get, self.config, around, &self.plan);
        let untouched = dpkg_state();
        let ended = self.run_locked(&install, locks::ARCHIVES)?;
        if ended.is_success() {
            return Ok(());
        }
        let transient = untouched == dpkg_state() && self.a_download_failed(around)?;
        let error = failed(&install, ended, "");
        Err(Failure { error, transient })
    }

    /// Runs a program that takes the lock of `lock` without waiting for it: waited for before,
    /// and run again where another process took it in between.
    fn run_locked(&self, invocation: &Invocation, lock: &'static str) -> Result<Ended, Error> {
        loop {
            match locks::wait(Path::new(lock), self.config.timeout, &self.signals) {
                Waited::Free => {}
                Waited::Signal => self.stop_if_asked()?,
                Waited::Held => {
                    return Err(Error::Locked {
                        lock,
                        seconds: self.config.timeout.as_secs(),
                    });
                }
            }
            let untouched = dpkg_state();
            let ended = self.run(invocation)?;
            let lost_it =
                !ended.is_success() && untouched == dpkg_state() && locks::is_held(Path::new(lock));
            if !lost_it {
                return Ok(ended);
            }
        }
    }

    /// Finishes what an interrupted dpkg left: until then apt-get refuses to do anything.
    fn finish_interrupted(&self) -> Result<(), Error> {
        if !database()?.is_interrupted() {
            return Ok(());
        }
        // A dpkg that is at work has a journal too. Where it goes on for longer, apt-get waits
        // for it, and says so.
        let waited = locks::wait(Path::new(locks::DPKG), self.config.timeout, &self.signals);
        self.stop_if_asked()?;
        if waited == Waited::Held || !database()?.is_interrupted() {
            return Ok(());
        }
        say("dpkg was interrupted earlier: finishing that first");
        let configure = command_line::configure(&find("dpkg")?);
        let ended = self.run(&configure)?;
        if ended.is_success() {
            Ok(())
        } else {
            Err(failed(&configure, ended, ""))
        }
    }

    /// Whether an install that changed nothing failed for want of a download: the same command
    /// has a plan, and things to download for it.
    fn a_download_failed(&self, around: &Surroundings) -> Result<bool, Error> {
        let question =
            command_line::what_to_download(&self.programs.apt_get, self.config, around, &self.plan);
        let (ended, answer) = process::ask(&question, &self.signals)
            .map_err(|source| cannot_run(&question, source))?;
        self.stop_if_asked()?;
        Ok(ended.is_success() && !answer.is_empty())
    }

    fn mark_manual(&self) -> Result<(), Error> {
        if self.plan.manual.is_empty() {
            return Ok(());
        }
        let mark = command_line::mark_manual(&find("apt-mark")?, &self.plan.manual);
        let ended = self.run(&mark)?;
        if ended.is_success() {
            Ok(())
        } else {
            Err(failed(&mark, ended, ""))
        }
    }

    fn empty_partial(&self) {
        let emptied = purge::empty_partial(Path::new(ROOT), &self.before);
        emptied.warnings.iter().for_each(|warning| warn(warning));
    }

    fn run(&self, invocation: &Invocation) -> Result<Ended, Error> {
        self.stop_if_asked()?;
        let ended = run(invocation, &self.signals)?;
        self.stop_if_asked()?;
        Ok(ended)
    }

    fn stop_if_asked(&self) -> Result<(), Error> {
        match self.signals.received() {
            None => Ok(()),
            Some(signal) => Err(Error::Stopped { signal }),
        }
    }

    /// What the command lines depend on: mounts, said in one line, and hooks, with the file that
    /// holds them off. The file is in memory: one on disk would have to be deleted again.
    fn look_around(&self) -> Result<(Surroundings, Option<std::fs::File>), Error> {
        let mounted = |path: &str| {
            self.mounts
                .as_ref()
                .is_some_and(|mounts| mounts.covers(Path::new(path)))
        };
        let own_marks = self.mounts.is_some() && !mounted(extended_states::FILE);
        let on_mounts: Vec<&str> = [
            places::CACHE,
            places::ARCHIVES,
            "/var/lib/apt",
            places::LISTS,
        ]
        .into_iter()
        .filter(|place| mounted(place))
        .collect();
        if !on_mounts.is_empty() {
            let removes = if own_marks {
                ""
            } else {
                "; nothing is removed automatically, as apt's marks there are of other images too"
            };
            say(&format!(
                "on a mount, and so used and kept: {}{removes}",
                on_mounts.join(", ")
            ));
        }
        let mut around = Surroundings {
            own_marks,
            keep_cache: self.config.keep.cache || mounted(places::ARCHIVES),
            keep_lists: self.config.keep.lists || mounted(places::LISTS),
            ..Surroundings::default()
        };
        around.leave_caches = !around.keep_cache && self.before.has_apts_caches();
        around.hooks = self.hooks(around.keep_cache || around.keep_lists)?;
        let Some(text) = around.hooks.file() else {
            return Ok((around, None));
        };
        let file = match in_memory(&text) {
            Ok(file) => file,
            Err(error) => {
                warn(&format!("cannot hold apt's hooks off: {error}"));
                return Ok((around, None));
            }
        };
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        around.hooks_file = Path::new(&path).exists().then(|| path.into());
        Ok((around, Some(file)))
    }

    fn hooks(&self, keep: bool) -> Result<Hooks, Error> {
        let Ok(apt_config) = find("apt-config") else {
            return Ok(Hooks::default());
        };
        let dump = command_line::dump(&apt_config, self.config);
        let (ended, answer) =
            process::ask(&dump, &self.signals).map_err(|source| cannot_run(&dump, source))?;
        self.stop_if_asked()?;
        // Where apt's configuration cannot be read, apt-get will say it better.
        Ok(if ended.is_success() {
            Hooks::new(&answer, keep)
        } else {
            Hooks::default()
        })
    }
}

/// A file in memory, whose descriptor the programs that are run inherit.
fn in_memory(text: &str) -> std::io::Result<std::fs::File> {
    let mut file = std::fs::File::from(rustix::fs::memfd_create("hooks", MemfdFlags::empty())?);
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// What changes whenever dpkg has changed anything: it writes its status file anew.
fn dpkg_state() -> Option<(u64, i64, i64)> {
    let data = std::fs::metadata(Path::new(dpkg_status::DIRECTORY).join("status")).ok()?;
    Some((data.ino(), data.mtime(), data.mtime_nsec()))
}
