//! Warnings that show only when all demands for a library are known.

use crate::demand::Evidence;
use crate::loader::outcome::FoundBy;
use crate::packages::provider::Provider;
use crate::report::NeededLibrary;
use crate::system::escape::shown;
use crate::warning::Warning;

/// The warnings about how `library` is provided.
pub fn of(library: &NeededLibrary) -> Option<Warning> {
    match &library.provider {
        Provider::Bundled { place }
            if place.found_by == Some(FoundBy::Soname) && library.evidence == Evidence::Header =>
        {
            // A library needs no search for its own name.
            let mut others = library.needed_by.iter();
            others.any(|site| *site.path != *place.path).then(|| {
                let message = format!(
                    "provides `{}` by its SONAME alone ({}), so it must be loaded first",
                    shown(&library.soname),
                    library.needed()
                );
                Warning::new(&place.path, message)
            })
        }
        Provider::Package {
            package,
            place,
            name_is_in: Some(link),
        } => {
            let message = format!(
                "only {link}, which is for compiling, ships this name; {package} ships the library \
                 under another name, so the loader will not find `{}` ({})",
                shown(&library.soname),
                library.needed()
            );
            Some(Warning::objection(&place.path, message))
        }
        _ => None,
    }
}
