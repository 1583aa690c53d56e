//! Virtualenvs that were copied or moved beside their originals, whose scripts start the originals' Python.

use crate::python::interpreter::{CONFIGURATION, Virtualenv};
use crate::scan::{Script, Starts};
use crate::system::escape::{counted, shown};
use crate::system::root::Root;
use crate::warning::Warning;
use std::path::{Path, PathBuf};

/// One warning for each of `virtualenvs` with `scripts` that start the Python of another one, and for
/// each such other. Nothing keeps these from starting while the other exists.
pub fn warnings(
    root: &Root,
    starts: &Starts,
    virtualenvs: &[Virtualenv],
    scripts: &[(PathBuf, Script)],
) -> Vec<Warning> {
    let mut found: Vec<(&Path, PathBuf, Vec<&Path>)> = Vec::new();
    for (real, script) in scripts {
        let bin = real.parent();
        let mut all = virtualenvs.iter();
        let own = all.find(|it| bin == Some(&it.prefix.join("bin")));
        let Some(own) = own else { continue };
        let mut programs = script.programs.iter();
        if let Some(other) = programs.find_map(|it| other(root, own, Path::new(it))) {
            let script = real.strip_prefix(&own.prefix).unwrap_or(real);
            let mut known = found.iter_mut();
            match known.find(|it| it.0 == own.prefix && it.1 == other) {
                Some((.., scripts)) => scripts.push(script),
                None => found.push((&own.prefix, other, vec![script])),
            }
        }
    }
    let warnings = found.iter().map(|(own, other, scripts)| {
        let text = format!(
            "the Python of another virtualenv, {}, runs {} such as {}; a copy keeps the paths of the \
             original, so make the virtualenv at its final path",
            shown(other),
            counted(scripts.len(), "script"),
            scripts.iter().min().map(shown).unwrap_or_default()
        );
        Warning::new(starts.reported_or_real(own), text)
    });
    warnings.collect()
}

/// The virtualenv that `program` belongs to, if it is another one than `own`.
fn other(root: &Root, own: &Virtualenv, program: &Path) -> Option<PathBuf> {
    let bin = program.parent().filter(|_| program.is_absolute())?;
    let bin = root.directory(bin).filter(|it| it.ends_with("bin"))?;
    let prefix = bin.parent().filter(|prefix| *prefix != own.prefix)?;
    let is_virtualenv = root.metadata(&prefix.join(CONFIGURATION)).is_ok();
    is_virtualenv.then(|| prefix.to_owned())
}
