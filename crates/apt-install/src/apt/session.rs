//! Runs apt's programs, one after the other, to carry out one plan.

use super::cause::{self, Cause};
use super::command_line::{self, Context, Invocation};
use super::configuration::Configuration;
use super::locks::{self, Waited};
use super::process;
use super::signals::Signals;
use crate::check::Check;
use crate::cli::{Config, ErrorOn};
use crate::error::{Ended, Error};
use crate::message::say;
use crate::plan::Plan;
use crate::state::dpkg_status;
use crate::state::earlier::Earlier;
use crate::state::extended_states::{self, Marks};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where files for apt to read are written.
const SCRATCH: &str = "/var/lib/apt";

/// What every program of a run needs.
pub(crate) struct Session<'a> {
    config: &'a Config,
    apt_get: PathBuf,
    signals: Signals,
}

/// A failed step of the installation.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether trying again may succeed, with new lists.
    pub(crate) transient: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let transient = false;
        Self { error, transient }
    }
}

impl<'a> Session<'a> {
    /// Finds `apt-get` and catches signals from now on. The other programs, which come with
    /// `apt-get`, are looked up when they are needed.
    pub(crate) fn new(config: &'a Config) -> Result<Self, Error> {
        Ok(Self {
            config,
            apt_get: find("apt-get")?,
            signals: Signals::catch()?,
        })
    }

    /// Excludes other runs of this program.
    pub(crate) fn lock(&self) -> Result<locks::Run, Error> {
        locks::Run::lock(self.config.timeout, &self.signals)
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// Makes apt-get show what it would do.
    pub(crate) fn show(&self, plan: &Plan) -> Result<(), Error> {
        let context = Context::default();
        let install = command_line::install(&self.apt_get, self.config, &context, plan, true);
        let hint = "; a dry run does not download package lists: run `apt-get update` first";
        let hint = list_hint(&self.config.packages).map_or(hint.into(), Cow::Owned);
        self.run_to_success(&install, hint)
    }

    /// Marks requested packages as manually installed, if the plan names any for this.
    pub(crate) fn mark_manual(&self, plan: &Plan) -> Result<(), Error> {
        if plan.manual.is_empty() {
            return Ok(());
        }
        let mark = command_line::mark_manual(&find("apt-mark")?, self.config, &plan.manual);
        self.run_to_success(&mark, "")
    }

    /// Reads apt's configuration. If it cannot be read, apt-get reports it.
    pub(crate) fn configuration(&self) -> Result<Configuration, Error> {
        let Ok(apt_config) = find("apt-config") else {
            return Ok(Configuration::default());
        };
        let dump = self.ask(&command_line::dump(&apt_config, self.config))?;
        Ok(dump.map_or_else(Configuration::default, |dump| Configuration::parse(&dump)))
    }

    /// Updates the package lists.
    pub(crate) fn update(&self, context: &Context) -> Result<(), Failure> {
        let update = command_line::update(&self.apt_get, self.config, context);
        let (ended, output) = self.run_locked(&update, locks::LISTS)?;
        if ended.is_success() {
            return Ok(());
        }
        let cause = Cause::of(&output);
        let hint: Cow<'_, str> =
            if cause == Cause::Unreachable && self.config.error_on == ErrorOn::Any {
                format!(
                    "{} (to ignore it, pass `--error-on=persistent`)",
                    cause.hint()
                )
                .into()
            } else {
                cause.hint().into()
            };
        Err(Failure {
            error: failed(&update, ended, hint),
            transient: cause == Cause::Changed,
        })
    }

    /// Installs the packages that the plan names. `check` decides whether apt-get may remove some
    /// packages. It is asked before anything changes.
    pub(crate) fn install(
        &self,
        context: &Context,
        plan: &Plan,
        check: &Check<'_>,
    ) -> Result<(), Failure> {
        self.finish_interrupted()?;
        // An install that removes nothing, as most do, needs no simulation.
        let mut checked = plan.removes;
        if checked {
            self.would_remove(context, plan, check)?;
        }
        loop {
            let untouched = dpkg_status::stamp();
            let install = command_line::install(&self.apt_get, self.config, context, plan, checked);
            let (ended, output) = self.run_locked(&install, locks::ARCHIVES)?;
            if ended.is_success() {
                return Ok(());
            }
            let unchanged = untouched == dpkg_status::stamp();
            if unchanged && !checked && self.would_remove(context, plan, check)? {
                checked = true;
                continue;
            }
            let cause = Cause::of(&output);
            let list = || list_hint(&self.config.packages).filter(|_| unchanged);
            let hint = match cause {
                Cause::Unknown => list()
                    .or_else(|| cause::absent(&output))
                    .map_or("".into(), Cow::Owned),
                known => known.hint().into(),
            };
            return Err(Failure {
                error: failed(&install, ended, hint),
                transient: unchanged && cause == Cause::Changed,
            });
        }
    }

    /// Asks apt which packages the installation would remove, and has them checked. Returns whether
    /// there are any.
    fn would_remove(
        &self,
        context: &Context,
        plan: &Plan,
        check: &Check<'_>,
    ) -> Result<bool, Error> {
        let question = command_line::simulate(&self.apt_get, self.config, context, plan);
        // If apt finds no solution, the installation reports this.
        let removed = self.ask(&question)?.map(|answer| removals(&answer));
        let removed = removed.unwrap_or_default();
        check.removals(&removed)?;
        Ok(!removed.is_empty())
    }

    /// Returns the packages that nothing needs now, and that something needed when the state of the
    /// packages was `earlier`. `None` if apt cannot tell.
    ///
    /// Packages that nothing needed earlier count as needed, and so does all that they depend on.
    pub(crate) fn made_unneeded(&self, earlier: &Earlier) -> Result<Option<Vec<String>>, Error> {
        let now = match self.unneeded(None, None)? {
            Some(now) if !now.is_empty() => now,
            other => return Ok(other),
        };
        let (Ok(status), Ok(marks)) = (
            Scratch::write("status", &earlier.status),
            Scratch::write("marks", &earlier.marks),
        ) else {
            return Ok(None);
        };
        let before = match self.unneeded(Some(status.path()), Some(marks.path()))? {
            Some(before) if before.is_empty() => return Ok(Some(now)),
            Some(before) => before,
            None => return Ok(None),
        };
        let marks_now = Marks::read(Path::new(extended_states::FILE))
            .map_err(Error::unreadable(extended_states::FILE))?;
        let kept = marks_now.text_without(&before);
        match Scratch::write("marks", kept.as_bytes()) {
            Ok(kept) => self.unneeded(None, Some(kept.path())),
            Err(_) => Ok(None),
        }
    }

    /// Asks apt which packages nothing needs. `None` if it cannot tell.
    fn unneeded(
        &self,
        status: Option<&Path>,
        marks: Option<&Path>,
    ) -> Result<Option<Vec<String>>, Error> {
        let question = command_line::unneeded(&self.apt_get, self.config, status, marks);
        Ok(self.ask(&question)?.map(|answer| removals(&answer)))
    }

    /// Removes exactly these packages.
    pub(crate) fn remove(&self, context: &Context, names: &[String]) -> Result<(), Error> {
        let remove = command_line::remove(&self.apt_get, self.config, context, names);
        let (ended, _) = self.run_locked(&remove, locks::ARCHIVES)?;
        if ended.is_success() {
            Ok(())
        } else {
            Err(failed(&remove, ended, ""))
        }
    }

    /// Waits for `time`. A signal ends the wait and is an error.
    pub(crate) fn pause(&self, time: Duration) -> Result<(), Error> {
        self.signals.pause(time);
        self.signals.stop_if_received()
    }

    /// Completes the work of an interrupted dpkg. Until then, apt-get refuses to run.
    fn finish_interrupted(&self) -> Result<(), Error> {
        if !is_interrupted()? {
            return Ok(());
        }
        // A running dpkg has a journal too. If it runs for longer, apt-get waits for it and reports
        // this.
        let waited = locks::wait(locks::DPKG, self.config.timeout, &self.signals);
        self.signals.stop_if_received()?;
        if waited == Waited::Held || !is_interrupted()? {
            return Ok(());
        }
        say("dpkg was interrupted earlier; running `dpkg --configure -a` first");
        self.run_to_success(&command_line::configure(&find("dpkg")?, self.config), "")
    }

    /// Runs a program that fails at once if `lock` is held: waits for the lock first, and runs the
    /// program again if another process took the lock in between.
    fn run_locked(
        &self,
        invocation: &Invocation,
        lock: &'static str,
    ) -> Result<(Ended, String), Error> {
        let start = Instant::now();
        let left = || self.config.timeout.saturating_sub(start.elapsed());
        loop {
            match locks::wait(lock, left(), &self.signals) {
                Waited::Free => {}
                Waited::Signal => self.signals.stop_if_received()?,
                Waited::Held => {
                    return Err(Error::Locked {
                        lock,
                        seconds: self.config.timeout.as_secs(),
                    });
                }
            }
            let untouched = dpkg_status::stamp();
            let (ended, output) = self.run(invocation)?;
            // The other process may have ended by now. An installation may report in another language.
            let lost = format!("E: Could not get lock {lock}");
            let lost_it = !ended.is_success()
                && untouched == dpkg_status::stamp()
                && (output.contains(&lost) || locks::is_held(Path::new(lock)));
            if !lost_it || left().is_zero() {
                return Ok((ended, output));
            }
            self.pause(Duration::from_millis(100))?;
        }
    }

    /// Runs a program whose failure is an error, with `hint` as in [`Error::Failed`].
    fn run_to_success(
        &self,
        invocation: &Invocation,
        hint: impl Into<Cow<'static, str>>,
    ) -> Result<(), Error> {
        let (ended, _) = self.run(invocation)?;
        if ended.is_success() {
            Ok(())
        } else {
            Err(failed(invocation, ended, hint))
        }
    }

    fn run(&self, invocation: &Invocation) -> Result<(Ended, String), Error> {
        self.signals.stop_if_received()?;
        let ended = process::run(invocation, &self.signals).map_err(cannot_run(invocation))?;
        self.signals.stop_if_received()?;
        Ok(ended)
    }

    /// Returns the standard output of a program; `None` if it fails.
    fn ask(&self, question: &Invocation) -> Result<Option<String>, Error> {
        let (ended, answer) =
            process::ask(question, &self.signals).map_err(cannot_run(question))?;
        self.signals.stop_if_received()?;
        Ok(ended.is_success().then_some(answer))
    }
}

/// Returns the packages that a simulation would remove: lines such as `Remv name [version]`.
fn removals(simulation: &str) -> Vec<String> {
    let name = |line: &str| {
        let mut words = line.split(' ');
        let removed = matches!(words.next(), Some("Remv" | "Purg"));
        words.next().filter(|_| removed).map(str::to_owned)
    };
    simulation.lines().filter_map(name).collect()
}

/// A file for apt to read, removed with the value. It is in a directory that apt-get itself writes
/// to, so that no other directory of the layer changes; apt reads no file without a path.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn write(name: &str, text: &[u8]) -> io::Result<Self> {
        let path = Path::new(SCRATCH).join(format!("apt-install.{name}"));
        // A killed run may have left one. A new file is never behind a link.
        let _ = std::fs::remove_file(&path);
        let mut file = std::fs::File::create_new(&path)?;
        let scratch = Self { path };
        file.write_all(text).map(|()| scratch)
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A failure leaves a small file in the layer and harms nothing.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What to do where apk is in apt-get's place.
const APK: &str = "; this system has apk: run `apk add --no-cache PACKAGE...`, or `xargs -ra FILE apk add \
                   --no-cache` for a list";

fn find(program: &'static str) -> Result<PathBuf, Error> {
    which::which(program).map_err(|_| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if std::env::split_paths(&path).any(|dir| dir.join(program).is_file()) {
            Error::NotExecutable { program }
        } else {
            let advice = if which::which("apk").is_ok() { APK } else { "" };
            Error::NotFound { program, advice }
        }
    })
}

fn is_interrupted() -> Result<bool, Error> {
    dpkg_status::is_interrupted(Path::new(dpkg_status::DIRECTORY))
        .map_err(Error::unreadable(dpkg_status::DIRECTORY))
}

fn cannot_run(invocation: &Invocation) -> impl FnOnce(io::Error) -> Error + '_ {
    |source| Error::CannotRun {
        program: invocation.program.clone(),
        source,
    }
}

fn failed(invocation: &Invocation, ended: Ended, hint: impl Into<Cow<'static, str>>) -> Error {
    Error::Failed {
        name: invocation.name,
        ended,
        hint: hint.into(),
    }
}

/// Returns the hint for a word that is not a package but a file, presumably a list. Only for use after
/// apt-get has refused the words: a package may be called as a file is.
fn list_hint(words: &[OsString]) -> Option<String> {
    let is_list = |word: &&OsString| {
        let path = Path::new(word);
        let extension = path.extension().and_then(OsStr::to_str);
        // The other files that apt-get accepts.
        !matches!(extension, Some("deb" | "ddeb" | "udeb" | "changes" | "dsc")) && path.is_file()
    };
    let list = words.iter().find(is_list)?.to_string_lossy();
    Some(format!(
        "; `{list}` is a file: to install the packages that it lists, pass `-r {list}`"
    ))
}
