//! PATHs in which nothing was found. That is right for pure Python, and otherwise means that the path is
//! wrong.

use crate::config::Config;
use crate::demand::Demand;
use crate::elf::object_file::Object;
use crate::python::interpreter::CONFIGURATION;
use crate::python::source;
use crate::scan::error::index_advice;
use crate::scan::walk::Walk;
use crate::scan::{Starts, unread};
use crate::system::root::Root;
use crate::warning::Warning;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A warning for each of `starts` with none of the ELF `objects`, none of the `warnings` about files,
/// and none of the `demands` of code that loads libraries by name; of virtualenvs, which may be pure
/// Python, only if `with_virtualenvs`. Where files are excluded, that is meant.
pub fn warnings(
    config: &Config,
    root: &Root,
    starts: &Starts,
    objects: &[(Arc<Path>, Arc<Object>)],
    warnings: &[Warning],
    demands: &[Rc<Demand>],
    with_virtualenvs: bool,
) -> Vec<Warning> {
    if !config.exclude.is_empty() {
        return Vec::new();
    }
    let is_empty = |real: &Path, path: &Path| {
        !objects.iter().any(|(object, _)| object.starts_with(real))
            && !warnings.iter().any(|each| each.path.starts_with(path))
            && !demands.iter().any(|each| each.site.path.starts_with(path))
    };
    let empty = starts.iter().filter(|(real, path)| is_empty(real, path));
    empty
        .filter(|(real, _)| with_virtualenvs || !is_virtualenv(root, real))
        .map(|(real, path)| warning(config, root, real, path))
        .collect()
}

fn warning(config: &Config, root: &Root, start: &Path, path: &Path) -> Warning {
    if root.metadata(start).is_ok_and(|found| found.is_file()) {
        Warning::objection(path, "not an ELF file; pass the virtualenv instead")
    } else if is_virtualenv(root, start) {
        let text = "no ELF file in it, which is right only if its distributions are pure Python";
        Warning::new(path, text)
    } else if has_python(root, start) {
        let text = "no ELF file in it, which is right only if it is pure Python";
        Warning::new(path, text)
    } else {
        let advice = index_advice(path, &config.lookup);
        let text = format!("no ELF file in it, and it is not a virtualenv; check the path{advice}");
        Warning::objection(path, text)
    }
}

/// Whether a Python source lies below `dir`, in which the scan found nothing: only then it is walked
/// again.
fn has_python(root: &Root, dir: &Path) -> bool {
    let found = AtomicBool::new(false);
    let walk = Walk {
        files: &AtomicUsize::new(0),
        is_excluded: None,
        is_wanted: source::is_python,
        link: &|_| (),
        visit: |_: &Path| found.store(true, Ordering::Relaxed),
    };
    walk.run(&[root.outer(dir)]);
    found.into_inner()
}

/// Whether `dir` is a virtualenv, another prefix of an installation, or a directory of distributions.
fn is_virtualenv(root: &Root, dir: &Path) -> bool {
    let sites = unread::sites(root, dir).into_iter();
    let inner = [CONFIGURATION, "site-packages", "dist-packages"].map(|name| dir.join(name));
    let mut signs = sites.chain(inner);
    signs.any(|path| root.metadata(&path).is_ok())
}
