//! Which of several packages that ship a library, program or file is chosen.
//!
//! A file in a subdirectory named after the library counts only if its package is named after the
//! SONAME. If subdirectory and package both have more after a hyphen, the package is a variant, which
//! is reported and never chosen. Then the first of these rules that leaves one package decides:
//!
//! 1. Debian's main of the machine's own release, then its other components, then Debian's other
//!    releases and backports, then other archives
//! 2. a file in the loader's directories, then one behind alternatives
//! 3. any section, then `oldlibs` (Debian Policy 2.4): `libncurses6`, not `libncurses5`
//! 4. the package named after the SONAME (Debian Policy 8.1) or the program: `libavcodec59`, not
//!    `libavcodec-extra59`; `libjack0`, not `libjack-jackd2-0`; `git`, not `git-core`
//! 5. the package of which all others are variants: `libqt5gui5`, not `libqt5gui5-gles`
//! 6. of names that differ only in their last number, the highest, because an unchanged SONAME
//!    promises that a newer library serves all: `libomp5-19`, not `libomp5-14`
//!
//! If several packages remain, or a name without a version stands for several libraries of different
//! packages, none is chosen. `t64` at the end of a name (Debian's transition to 64-bit times) is
//! ignored.
//!
//! Nothing is read here.

use crate::demand::Kind;
use crate::packages::lookup::apt::Index;
use crate::packages::lookup::file_name::{stem, version, version_numbers};
use crate::packages::package::Package;
use crate::system::ordered::Ordered as _;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// The outcome of looking up one library, program or file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// One package was chosen.
    Package {
        /// The chosen one.
        chosen: PackagedLibrary,
        /// Others that ship the library, sorted.
        passed_over: Vec<PackagedLibrary>,
    },
    /// Each of these packages ships it, and no rule decides. Sorted. There may be only one, if that
    /// is a variant behind alternatives.
    Undecided(Vec<PackagedLibrary>),
    /// No package of the sources ships it where the loader looks.
    NotShipped,
    /// No package of its architecture ships it, and the index of packages for all architectures could
    /// not be used, for this reason.
    NotSearched(String),
    /// dpkg accepts no packages of its architecture.
    ForeignArchitecture,
    /// apk finds the package by this name when it installs.
    Resolved(Package),
    /// apk has no name for it.
    Unnamed,
}

/// What is wanted, in a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackagedLibrary {
    /// The package that ships it.
    pub package: Package,
    /// Its file name.
    pub soname: OsString,
    /// Its absolute path, as in the index.
    pub path: PathBuf,
}

/// A file of a package that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedFile {
    pub file_name: Vec<u8>,
    /// Without its leading slash.
    pub path: Vec<u8>,
    pub package: String,
    /// Whether the package is in section `oldlibs`.
    pub is_old: bool,
    /// What it was wanted as.
    pub kind: Kind,
    pub placement: Placement,
    pub rank: Rank,
}

/// The directory of a file, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Placement {
    /// One that the loader searches.
    Searched,
    /// A subdirectory of a default directory that is named after the library: `blas`.
    Own,
    /// The same with more after the name: `openblas-pthread`.
    Variant,
}

/// The origin of an index, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Component main of the machine's release of Debian.
    Main,
    /// Another component of it.
    OtherComponent,
    /// Another release of Debian.
    OtherRelease,
    /// Another archive.
    OtherArchive,
}

impl Rank {
    /// The rank of `index` on a machine of `release` (a codename).
    pub fn of(index: &Index, release: Option<&str>) -> Self {
        // `bookworm-updates` and `bookworm-security` belong to bookworm.
        let is_own = release.is_none_or(|release| {
            index
                .codename
                .strip_prefix(release)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        });
        match index.origin.as_str() {
            "Debian" if is_own && index.component == "main" => Self::Main,
            "Debian" if is_own => Self::OtherComponent,
            "Debian" | "Debian Backports" => Self::OtherRelease,
            _ => Self::OtherArchive,
        }
    }
}

/// Applies the rules to `left`, the files that one wanted name stands for. `package` returns the
/// package of a name in the index.
pub fn decide(mut left: Vec<&IndexedFile>, package: &dyn Fn(&str) -> Package) -> Found {
    let library = |file: &IndexedFile| PackagedLibrary {
        package: package(&file.package),
        soname: OsString::from_vec(file.file_name.clone()),
        path: Path::new("/").join(OsStr::from_bytes(&file.path)),
    };
    // A file beside the loader's directories is behind alternatives only if its package ships it
    // for general use; otherwise it is private to the program that it belongs to.
    left.retain(|file| match file.placement {
        Placement::Searched => true,
        Placement::Own => is_named_after(file),
        Placement::Variant => is_named_as_variant(file),
    });
    // One package may be in several suites, or list a file by both names of merged /usr.
    left.sort_by(|a, b| {
        let key = |file: &IndexedFile| (file.rank, file.placement, file.is_old);
        let name = |file: &IndexedFile| (file.package.clone(), file.file_name.clone());
        (name(a), key(a), &a.path).cmp(&(name(b), key(b), &b.path))
    });
    left.dedup_by(|a, b| a.package == b.package && a.file_name == b.file_name);
    let all = left.clone();

    keep_least(&mut left, |file| file.rank);
    keep_least(&mut left, |file| file.placement);
    keep_least(&mut left, |file| file.is_old);
    let Some(first) = left.first() else {
        return Found::NotShipped;
    };
    let chosen = if first.placement == Placement::Variant {
        None
    } else {
        chosen(&left)
    };
    match chosen {
        None => Found::Undecided(left.into_iter().map(library).collect()),
        Some(file) => Found::Package {
            chosen: library(file),
            passed_over: all
                .into_iter()
                .filter(|other| other.package != file.package)
                .map(library)
                .collect(),
        },
    }
}

fn keep_least<K: Ord>(files: &mut Vec<&IndexedFile>, key: impl Fn(&IndexedFile) -> K) {
    if let Some(least) = files.iter().map(|file| key(file)).min() {
        files.retain(|file| key(file) == least);
    }
}

/// The file that rules 4 to 6 leave.
fn chosen<'f>(files: &[&'f IndexedFile]) -> Option<&'f IndexedFile> {
    let packages: BTreeSet<&str> = files.iter().map(|file| file.package.as_str()).ordered();
    if packages.len() == 1 {
        // A package that also ships a library by an older name links that to the newer one.
        return files
            .iter()
            .copied()
            .max_by_key(|file| version_numbers(&file.file_name));
    }
    let sonames: BTreeSet<&[u8]> = files.iter().map(|file| &file.file_name[..]).ordered();
    if sonames.len() > 1 {
        return None;
    }
    only(files, is_named_after)
        .or_else(|| only(files, |file| is_plain(file, files)))
        .or_else(|| highest(files))
}

/// The one file that `is_it` accepts; `None` if it accepts several.
fn only<'f>(
    files: &[&'f IndexedFile],
    is_it: impl Fn(&IndexedFile) -> bool,
) -> Option<&'f IndexedFile> {
    let mut those = files.iter().copied().filter(|file| is_it(file));
    those.next().filter(|_| those.next().is_none())
}

/// Rule 5.
fn is_plain(file: &IndexedFile, files: &[&IndexedFile]) -> bool {
    files
        .iter()
        .all(|other| other.package == file.package || is_variant_of(&other.package, &file.package))
}

/// Rule 6.
fn highest<'f>(files: &[&'f IndexedFile]) -> Option<&'f IndexedFile> {
    let numbered: Option<Vec<(&str, u64)>> = files.iter().map(|file| numbered(file)).collect();
    let numbered = numbered?;
    let &(name, _) = numbered.first()?;
    if numbered.iter().any(|&(other, _)| other != name) {
        return None;
    }
    let highest = numbered.iter().map(|&(_, number)| number).max()?;
    only(files, |file| {
        self::numbered(file).is_some_and(|(_, number)| number == highest)
    })
}

/// Whether `package` is named like `other` with more after it: `libqt5gui5-gles`.
fn is_variant_of(package: &str, other: &str) -> bool {
    without_t64(package)
        .strip_prefix(without_t64(other))
        .is_some_and(|rest| rest.starts_with('-'))
}

/// The package's name before its last number, and the number.
fn numbered(file: &IndexedFile) -> Option<(&str, u64)> {
    let (name, number) = without_t64(&file.package).rsplit_once('-')?;
    Some((name, number.parse().ok()?))
}

fn without_t64(package: &str) -> &str {
    package.strip_suffix("t64").unwrap_or(package)
}

/// The package name that a SONAME calls for (Debian Policy 8.1): `libfoo1` for `libfoo.so.1`,
/// `libfoo2-1` for `libfoo2.so.1`.
fn name_after(file_name: &[u8]) -> Option<String> {
    let stem = std::str::from_utf8(stem(file_name)?).ok()?;
    let version = std::str::from_utf8(version(file_name)?).ok()?;
    let hyphen = if stem.ends_with(|last: char| last.is_ascii_digit()) {
        "-"
    } else {
        ""
    };
    let name = format!("{stem}{hyphen}{version}");
    Some(name.to_ascii_lowercase().replace('_', "-"))
}

fn is_named_after(file: &IndexedFile) -> bool {
    if file.kind == Kind::Program {
        return file.package.as_bytes() == file.file_name;
    }
    name_after(&file.file_name).is_some_and(|name| without_t64(&file.package) == name)
}

fn is_named_as_variant(file: &IndexedFile) -> bool {
    name_after(&file.file_name).is_some_and(|name| is_variant_of(&file.package, &name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file `name` of `package`, in the best place.
    fn file(name: &str, package: &str) -> IndexedFile {
        IndexedFile {
            file_name: name.into(),
            path: format!("usr/lib/{name}").into(),
            package: package.to_owned(),
            is_old: false,
            kind: Kind::Library,
            placement: Placement::Searched,
            rank: Rank::Main,
        }
    }

    /// The chosen package and those passed over, or `one of` the undecided.
    fn decided(files: &[IndexedFile]) -> String {
        let package = |name: &str| Package {
            name: name.to_owned(),
            foreign: None,
        };
        let names = |libraries: &[PackagedLibrary]| {
            let names: Vec<String> = libraries
                .iter()
                .map(|library| library.package.to_string())
                .collect();
            names.join(" ")
        };
        match decide(files.iter().collect(), &package) {
            Found::Package {
                chosen,
                passed_over,
            } => format!("{}, not {}", chosen.package, names(&passed_over)),
            Found::Undecided(all) => format!("one of {}", names(&all)),
            other => format!("{other:?}"),
        }
    }

    /// The same for packages that ship one library in the best place.
    fn among(soname: &str, packages: &[&str]) -> String {
        let files: Vec<IndexedFile> = packages.iter().map(|name| file(soname, name)).collect();
        decided(&files)
    }

    #[test]
    fn a_better_archive_then_a_better_directory_then_a_newer_section_decides() {
        let plain = file("liba.so.1", "z");
        let with = |package: &str, change: &dyn Fn(&mut IndexedFile)| {
            let mut file = file("liba.so.1", package);
            change(&mut file);
            file
        };
        let elsewhere = with("y", &|file| file.rank = Rank::OtherComponent);
        assert_eq!(decided(&[elsewhere, plain.clone()]), "z, not y");
        let own = with("liba1", &|file| file.placement = Placement::Own);
        assert_eq!(decided(&[own.clone(), plain.clone()]), "z, not liba1");
        assert_eq!(decided(&[own]), "liba1, not ");
        let old = with("y", &|file| file.is_old = true);
        assert_eq!(decided(&[old, plain]), "z, not y");
    }

    #[test]
    fn a_file_in_a_directory_named_after_it_counts_by_the_name_of_its_package() {
        let placed = |package: &str, placement| IndexedFile {
            placement,
            ..file("libopenblas.so.0", package)
        };
        let variants = [
            placed("libopenblas0-serial", Placement::Variant),
            placed("libopenblas0-pthread", Placement::Variant),
            placed("program", Placement::Own),
        ];
        assert_eq!(
            decided(&variants),
            "one of libopenblas0-pthread libopenblas0-serial"
        );
        assert_eq!(decided(&variants[..1]), "one of libopenblas0-serial");
        assert_eq!(decided(&variants[2..]), "NotShipped");
    }

    #[test]
    fn the_package_named_after_the_soname_decides() {
        assert_eq!(
            among("libavcodec.so.59", &["libavcodec-extra59", "libavcodec59"]),
            "libavcodec59, not libavcodec-extra59"
        );
        assert_eq!(
            among("libjack.so.0", &["libjack-jackd2-0", "libjack0t64"]),
            "libjack0t64, not libjack-jackd2-0"
        );
    }

    #[test]
    fn the_package_of_which_the_others_are_variants_decides() {
        assert_eq!(among("liba.so.1", &["b-gles", "b"]), "b, not b-gles");
        assert_eq!(among("liba.so.1", &["b-gles", "b2"]), "one of b-gles b2");
    }

    #[test]
    fn the_highest_last_number_decides() {
        assert_eq!(
            among("libomp.so.5", &["libomp5-9", "libomp5-19", "libomp5-14"]),
            "libomp5-19, not libomp5-14 libomp5-9"
        );
        assert_eq!(among("liba.so.1", &["b-1", "c-2"]), "one of b-1 c-2");
        assert_eq!(among("liba.so.1", &["b-1", "c"]), "one of b-1 c");
    }

    #[test]
    fn several_sonames_of_different_packages_leave_it_undecided() {
        let files = [file("liba.so.1", "liba1"), file("liba.so.2", "liba2")];
        assert_eq!(decided(&files), "one of liba1 liba2");
        let same = [file("liba.so.9", "a"), file("liba.so.10", "a")];
        assert_eq!(decided(&same), "a, not ");
        assert_eq!(decided(&[]), "NotShipped");
    }

    #[test]
    fn a_package_is_named_after_its_soname() {
        let name = |soname: &str| name_after(soname.as_bytes()).unwrap_or_default();
        assert_eq!(name("libfoo.so.1"), "libfoo1");
        assert_eq!(name("libFoo_b2.so.1.2"), "libfoo-b2-1.2");
        assert_eq!(name("libQt5Gui.so.5"), "libqt5gui5");
        assert_eq!(name("libfoo.so"), "");
        assert_eq!(name("libfoo.some"), "");
    }
}
