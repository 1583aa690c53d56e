//! The closing line: what a run installed, changed, removed and purged.

use crate::layer::purge::Purged;
use crate::state::dpkg_status::Changes;

/// The most names shown in one list, except that of removed packages.
const NAMES: usize = 6;

/// Formats the closing line.
pub(crate) fn closing(changes: &Changes, purged: &Purged) -> String {
    let mut parts = Vec::new();
    if changes.installed.is_empty() {
        parts.push("installed nothing new".to_owned());
    } else {
        parts.push(format!(
            "installed {} ({})",
            names(&changes.installed),
            size(changes.size.saturating_mul(1024))
        ));
    }
    if !changes.changed.is_empty() {
        parts.push(format!("changed {}", names(&changes.changed)));
    }
    if !changes.removed.is_empty() {
        // All of them: what a run removes is never hidden.
        parts.push(format!("removed {}", changes.removed.join(", ")));
    }
    parts.push(self::purged(purged));
    parts.join("; ")
}

/// Formats what was purged, as a clause of the closing line.
pub(crate) fn purged(purged: &Purged) -> String {
    match purged.files {
        0 => "purged nothing".to_owned(),
        1 => format!("purged 1 file ({})", size(purged.bytes)),
        files => format!("purged {files} files ({})", size(purged.bytes)),
    }
}

fn names(names: &[String]) -> String {
    let shown = names.len().min(NAMES);
    let text = names[..shown].join(", ");
    match names.len() - shown {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// Formats a number of bytes in decimal units, as tools for images print sizes.
fn size(bytes: u64) -> String {
    match bytes {
        0..=999 => format!("{bytes} B"),
        1000..=999_949 => format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100),
        _ => {
            let tenths = (bytes + 50_000) / 100_000;
            format!("{}.{} MB", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal() {
        assert_eq!(size(999), "999 B");
        assert_eq!(size(5271), "5.2 kB");
        assert_eq!(size(1_770_000), "1.8 MB");
        assert_eq!(size(170_000_000), "170.0 MB");
    }

    #[test]
    fn the_closing_line_names_what_changed() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let changes = Changes {
            installed: names(&["a", "b", "c", "d", "e", "f", "g", "h"]),
            changed: names(&["x"]),
            removed: names(&["r", "s", "t", "u", "v", "w", "y", "z"]),
            size: 1000,
        };
        let purged = Purged {
            files: 2,
            bytes: 82_800_000,
            ..Purged::default()
        };
        assert_eq!(
            closing(&changes, &purged),
            "installed a, b, c, d, e, f and 2 more (1.0 MB); changed x; \
             removed r, s, t, u, v, w, y, z; purged 2 files (82.8 MB)"
        );
        assert_eq!(
            closing(&Changes::default(), &Purged::default()),
            "installed nothing new; purged nothing"
        );
    }
}
