//! From what was read to a tree and the demands of its code.

use crate::config::Config;
use crate::files::Files;
use crate::loader::tree::Tree;
use crate::python::interpreter::{self, Python, Virtualenv};
use crate::run_time::demands::{self, RunTimeDemands};
use crate::scan::{Counts, Scanned, Starts, copied, empty, unread};
use crate::system::root::Root;
use crate::warning::Warning;
use std::path::PathBuf;

/// What the given paths hold.
pub struct Prepared<'a> {
    pub tree: Tree,
    pub files: Files<'a>,
    pub virtualenvs: Vec<Virtualenv>,
    pub run_time: RunTimeDemands<'a>,
    /// What the scan found.
    pub of_scan: Vec<Warning>,
    /// The PATHs in which nothing was found.
    pub empty: Vec<Warning>,
    /// What keeps the interpreters of the virtualenvs from starting, or from importing what was read,
    /// and, without an objection, which scripts are for another one.
    pub interpreters: Vec<Warning>,
    pub counts: Counts,
}

impl<'a> Prepared<'a> {
    /// The tree of what was `scanned` at `starts`; `is_image` if it is to run in this `root`.
    pub fn new(
        config: &Config,
        root: &'a Root,
        starts: Starts,
        scanned: Scanned,
        is_image: bool,
    ) -> Self {
        let of_scan = [unread::warnings(config, root, &starts), scanned.warnings].concat();
        let virtualenvs = interpreter::virtualenvs(root, starts.real(), &scanned.virtualenvs);
        let scripts = &scanned.by_name.scripts;
        let copied = copied::warnings(root, &starts, &virtualenvs, scripts);
        // Scripts elsewhere come with distributions whose users import modules (`pip --target`).
        let started: Vec<PathBuf> = virtualenvs
            .iter()
            .filter(|_| is_image)
            .map(|it| it.prefix.join("bin"))
            .collect();
        let run_time = demands::demands(config, root, &starts, scanned.by_name, &started);
        let (objects, demands) = (&scanned.objects, &run_time.demands);
        let empty = empty::warnings(config, root, &starts, objects, &of_scan, demands, !is_image);
        // A virtualenv around a PATH is not copied with it, but in the image it is there.
        let own = virtualenvs.iter().map(|it| &it.prefix);
        let own = own.filter(|prefix| is_image || starts.reported(prefix).is_some());
        let bins = starts
            .program_directories()
            .chain(own.map(|it| it.join("bin")));
        let files = Files::new(root, bins, config);
        let faults = interpreters(config, root, &starts, &virtualenvs, is_image);
        let interpreters = [faults, copied].concat();
        Self {
            files,
            tree: Tree::new(starts, scanned.objects),
            virtualenvs,
            run_time,
            of_scan,
            empty,
            interpreters,
            counts: scanned.counts,
        }
    }
}

fn interpreters(
    config: &Config,
    root: &Root,
    starts: &Starts,
    virtualenvs: &[Virtualenv],
    is_image: bool,
) -> Vec<Warning> {
    // In a builder, one without a program may be for imports by another Python.
    let checked = virtualenvs.iter();
    let checked = checked.filter(|it| is_image || it.python != Python::Absent);
    let faults = checked.filter_map(|it| it.fault(root));
    let reported = faults.map(|fault| (starts.reported_or_real(&fault.path), fault.text));
    let all = reported.filter(|(path, _): &(PathBuf, _)| !config.excludes(path));
    all.map(|(path, text)| Warning::objection(path, text))
        .collect()
}
