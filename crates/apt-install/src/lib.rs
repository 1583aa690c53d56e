//! Installs Debian packages into an image layer, and leaves nothing else in it.
//!
//! The phases, in their order:
//!
//! 1. `cli`: the arguments, turned into a [`cli::Config`];
//! 2. `packages`: what is asked for, from the arguments and the lists;
//! 3. `dpkg`, `marks`, `plan`: what of it is there already, and what apt is to be told;
//! 4. `mountinfo`, `hooks`, `apt`: the command lines of apt's programs, as plain data;
//! 5. `run`, `process`, `signals`, `locks`: running them, one after the other;
//! 6. `purge`, `clamp`: what the run brought beside the packages goes, and times are set;
//! 7. `report`: one closing line.
//!
//! Promises: dpkg's database is changed by dpkg alone; nothing is deleted that was there before;
//! where everything is there already, nothing at all is written.

pub mod apt;
pub mod cli;
mod error;
mod layer;
pub mod message;
pub mod plan;
pub mod request;
pub mod state;
mod summary;

pub use error::{Error, USAGE};

use apt::session::{self, Programs, Run};
use apt::signals::Signals;
use cli::Config;
use layer::mounts::Mounts;
use layer::purge;
use layer::timestamps::Moment;
use message::{say, warn};
use plan::Plan;
use state::dpkg_status::{self, Database};
use state::extended_states::{self, Marks};
use std::path::Path;

/// The file system that is worked on; tests of the parts have other ones.
const ROOT: &str = "/";

/// Does what `config` asks for, and gives the exit status: 0, that of apt-get, or the one of the
/// [`Error`] that ended it. What there is to say has been said then.
#[must_use]
pub fn run(config: &Config) -> u8 {
    attempt(config).unwrap_or_else(|error| {
        say(&error.to_string());
        error.status()
    })
}

fn attempt(config: &Config) -> Result<u8, Error> {
    if config.purge_only {
        return purge_only(config);
    }
    let requests = request::all(config)?;
    if requests.is_empty() {
        say("nothing was asked for, and nothing was done");
        return Ok(0);
    }
    let start = Moment::now();
    let mounts = Mounts::read();
    let own_marks = mounts
        .as_ref()
        .is_ok_and(|mounts| !mounts.covers(Path::new(extended_states::FILE)));
    let installed = database()?;
    // Marks of another image say nothing about this one, and are not changed for it.
    let automatic = own_marks.then(automatic).transpose()?;
    let plan = Plan::new(config, &requests, &installed, automatic.as_ref());
    if plan.done && (plan.manual.is_empty() || config.dry_run) {
        say("everything asked for is installed already; nothing was done");
        return Ok(0);
    }
    let programs = Programs::find()?;
    if config.dry_run {
        return session::dry(config, &programs, &plan);
    }
    only_root("install packages")?;
    let signals = Signals::catch().map_err(Error::Signals)?;
    let mounts = mounts.inspect_err(unknown_mounts).ok();
    let run = Run::new(config, programs, plan, signals, mounts, start);
    if run.is_done() {
        run.mark_done()?;
        return Ok(0);
    }
    let result = run.to_the_end();
    // The purge comes whatever happened, and the closing line after all others.
    let status = result.map_or_else(
        |error| {
            say(&error.to_string());
            error.status()
        },
        |()| 0,
    );
    let purged = run.purge();
    let changes = database()?.since(&installed);
    say(&summary::closing(&changes, &purged));
    Ok(status)
}

fn purge_only(config: &Config) -> Result<u8, Error> {
    only_root("purge")?;
    let start = Moment::now();
    let mounts = Mounts::read().map_err(|source| Error::Unreadable {
        path: "/proc/self/mountinfo",
        source,
    })?;
    let purged = purge::purge_only(Path::new(ROOT), &mounts, config.keep);
    purged.warnings.iter().for_each(|warning| warn(warning));
    session::clamp(config, Some(&mounts), start);
    say(&summary::purge_part(&purged));
    Ok(0)
}

fn database() -> Result<Database, Error> {
    Database::read(Path::new(dpkg_status::DIRECTORY)).map_err(|source| Error::Unreadable {
        path: dpkg_status::DIRECTORY,
        source,
    })
}

fn automatic() -> Result<Marks, Error> {
    Marks::read(Path::new(extended_states::FILE)).map_err(|source| Error::Unreadable {
        path: extended_states::FILE,
        source,
    })
}

fn only_root(what: &'static str) -> Result<(), Error> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(Error::NotRoot { what })
    }
}

fn unknown_mounts(error: &std::io::Error) {
    warn(&format!(
        "cannot read `/proc/self/mountinfo`: {error}; what is on a mount cannot be told, \
         so nothing is purged, and nothing is removed automatically"
    ));
}
