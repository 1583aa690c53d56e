//! Needs that a package cannot meet, because the library belongs to a family that the tree bundles, or
//! only its vendor gives it out, or the object is a plugin for a distribution that is not in the tree.
//!
//! Wheels of Qt bundle its libraries, and plugins for some that they leave out. The distribution's Qt
//! adds nothing: its libraries need a Qt of their own version, not the bundled one, and the plugins
//! need private symbols of theirs.
//!
//! A family is recognised by its names, `libQt5Core.so.5`: the major version stands in the name, and is
//! that of the SONAME. Other lockstep families (Boost, ICU) have the whole version in the SONAME, so a
//! package with the name fits; those of X11, `GLib` and NVIDIA are compatible across versions.
//! This errs where the package's build is the very one that was bundled, and misses families with
//! other names.

use crate::elf::object_file::Kind;
use crate::loader::diagnose;
use crate::loader::located::Located;
use crate::loader::never_packaged;
use crate::loader::outcome::{NeededName, Outcome};
use crate::loader::process::Process;
use crate::loader::tree::is_extension_module;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::rc::Rc;

/// Marks those of `needs`, all needs of the object `index`, that no package can meet; the process is
/// without them. A program, and what Python imports, keeps them: the user wants it to work.
pub fn mark_left_out(process: &mut Process, index: usize, needs: &mut [NeededName]) {
    let located = &Rc::clone(&process.links[index].located);
    if located.object.kind == Kind::Program || is_extension_module(&located.path) {
        return;
    }
    let bundled: Vec<Vec<u8>> = needs
        .iter()
        .filter(|need| matches!(need.outcome, Outcome::Bundled(_)))
        .filter_map(|need| family(&need.soname))
        .map(<[u8]>::to_vec)
        .collect();
    let is_missing = |need: &NeededName| matches!(need.outcome, Outcome::Missing { .. });
    // Nothing loads it, whatever else it needs.
    let lacks_framework = needs
        .iter()
        .any(|need| is_missing(need) && never_packaged::by_framework(&need.soname));
    for need in needs {
        let has_siblings =
            family(&need.soname).is_some_and(|family| bundled.iter().any(|known| known == family));
        let is_others =
            is_missing(need) && (lacks_framework || never_packaged::by_vendor(&need.soname));
        if is_others || has_siblings && is_refused(process, located, need) {
            need.outcome = Outcome::LeftOut;
            need.absence = None;
            if let Some(found) = &need.found {
                process.unload(index, found.file);
            }
        }
    }
}

/// Whether the loader would refuse the library, as far as that is known: one that is not here would be
/// of another build.
fn is_refused(process: &Process, located: &Located, need: &NeededName) -> bool {
    let Outcome::System(hit) = &need.outcome else {
        return matches!(need.outcome, Outcome::Missing { .. });
    };
    let library = &hit.located;
    diagnose::lacks(located, &need.soname, library)
        .next()
        .is_some()
        || library.object.needed.iter().any(|name| {
            let satisfied = process.by_name.get(name);
            satisfied.is_some_and(|satisfied| match &satisfied.outcome {
                Outcome::Bundled(bundled) => diagnose::lacks(library, name, &bundled.located)
                    .next()
                    .is_some(),
                _ => false,
            })
        })
}

/// `libQt5` of `libQt5Core.so.5`. The name of the module begins with a capital letter, perhaps after a
/// digit (`3DCore`).
fn family(soname: &OsStr) -> Option<&[u8]> {
    let name = soname.as_bytes();
    let end = name.windows(4).position(|part| part == b".so.")?;
    let major = name[end + 4..].split(|&byte| byte == b'.').next()?;
    let word = name[..end].strip_prefix(b"lib")?;
    let letters = word
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let module = word[letters..].strip_prefix(major)?;
    let capital = match module {
        [digit, rest @ ..] if digit.is_ascii_digit() => rest.first(),
        module => module.first(),
    };
    let is_family = letters > 0 && !major.is_empty() && capital?.is_ascii_uppercase();
    is_family.then(|| &name[..end - module.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_its_major_version_in_its_names() {
        for (soname, expected) in [
            ("libQt5Core.so.5", Some("libQt5")),
            ("libQt63DCore.so.6", Some("libQt6")),
            ("libKF5CoreAddons.so.5", Some("libKF5")),
            ("libpng16.so.16", None),
            ("libX11.so.6", None),
            ("libX11-xcb.so.1", None),
            ("libcudart.so.12", None),
            ("libboost_system.so.1.74.0", None),
            ("libicuuc.so.72", None),
            ("libgstapp-1.0.so.0", None),
            ("libtorch_cuda.so", None),
            ("libopencv_core.so.406", None),
        ] {
            let found = family(OsStr::new(soname));
            assert_eq!(found, expected.map(str::as_bytes), "{soname}");
        }
    }
}
