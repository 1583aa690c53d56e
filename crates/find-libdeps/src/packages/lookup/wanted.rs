//! What is wanted, and the files of an index that may be it.
//!
//! A program counts in the directories of `PATH`, a file by its path. A library counts only where the
//! loader finds it: in its default directories and in those of
//! `ld.so.conf`. The links that update-alternatives creates are in no index. The files behind them
//! are below a default directory, such as `blas/libblas.so.3` of `libblas3` and
//! `openblas-pthread/libopenblas.so.0` of `libopenblas0-pthread`, so a library also counts in a
//! directory named after it.

use crate::demand::{Item, Kind, LibraryName};
use crate::loader::rules::Rules;
use crate::packages::lookup::contents_file::ContentsLine;
use crate::packages::lookup::file_name::{is_versioned, stem};
use crate::packages::lookup::rules::{IndexedFile, Placement, Rank};
use crate::packages::package;
use crate::system::architecture::{ARCHITECTURES, Abi};
use crate::system::path_pattern::{self, PathPattern};
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// Directories for libraries of another ABI, beside those of the architecture that an index is for
/// (Filesystem Hierarchy Standard 3.10): `lib32z1` on amd64 uses `lib32`.
const OTHER_ABIS: [&str; 5] = ["lib32", "lib64", "libn32", "libo32", "libx32"];

/// What to look up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    pub item: Item,
    /// The ABI of the objects that load it, or of the machine.
    pub abi: Abi,
}

/// What is wanted from the indexes of one architecture, and the files found so far.
#[derive(Debug)]
pub struct Query {
    wanted: Vec<Wanted>,
    /// The loader's directories, in the form of [`merged`].
    directories: HashSet<Vec<u8>>,
    /// Those of them that are default directories.
    defaults: HashSet<Vec<u8>>,
    sonames: HashSet<Vec<u8>>,
    /// Each with `lib` before it.
    stems: HashSet<Vec<u8>>,
    programs: HashSet<Vec<u8>>,
    patterns: Vec<PathPattern>,
    files: Vec<IndexedFile>,
}

impl Query {
    pub fn new(rules: &dyn Rules, abi: Abi) -> Self {
        let bytes = |path: &PathBuf| merged(path.as_os_str().as_bytes()).to_owned();
        let defaults: HashSet<Vec<u8>> = rules.default_directories(abi).iter().map(bytes).collect();
        let configured = rules.configured_directories().iter().map(bytes);
        Self {
            wanted: Vec::new(),
            directories: configured
                .filter(|dir| !is_of_other_abi(dir, abi))
                .chain(defaults.iter().cloned())
                .collect(),
            defaults,
            sonames: HashSet::new(),
            stems: HashSet::new(),
            programs: HashSet::new(),
            patterns: Vec::new(),
            files: Vec::new(),
        }
    }

    pub fn add(&mut self, wanted: &Wanted) {
        match &wanted.item {
            Item::Library(LibraryName::Soname(name)) => {
                self.sonames.insert(name.as_bytes().to_owned());
            }
            Item::Library(LibraryName::Stem(stem)) => {
                self.stems.insert(with_lib(stem));
            }
            Item::Program(name) => {
                let name = name.as_bytes();
                let name = name.rsplit(|&byte| byte == b'/').next().unwrap_or(name);
                self.programs.insert(name.to_owned());
            }
            Item::File(pattern) => self.patterns.push(pattern.clone()),
            // An index says nothing about modules; the caller asks for the files of one.
            Item::Module(_) => {}
        }
        self.wanted.push(wanted.clone());
    }

    pub fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// Every file that matched.
    pub fn files(&self) -> &[IndexedFile] {
        &self.files
    }

    /// The files that `item` stands for.
    pub fn files_of(&self, item: &Item) -> Vec<&IndexedFile> {
        let of_kind = self.files.iter().filter(|file| file.kind == item.kind());
        match item {
            Item::Library(LibraryName::Soname(soname)) => {
                let soname = soname.as_bytes();
                of_kind.filter(|file| file.file_name == soname).collect()
            }
            Item::Program(name) => {
                let name = name.as_bytes();
                let is_path = name.contains(&b'/');
                let is_meant = |file: &&IndexedFile| {
                    if is_path {
                        merged(&file.path) == merged(name)
                    } else {
                        file.file_name == name
                    }
                };
                of_kind.filter(is_meant).collect()
            }
            Item::File(pattern) => {
                let is_meant = |file: &&IndexedFile| is_at(pattern, &file.path);
                of_kind.filter(is_meant).collect()
            }
            Item::Module(_) => Vec::new(),
            Item::Library(LibraryName::Stem(wanted)) => {
                let wanted = with_lib(wanted);
                let is_meant = |file: &&IndexedFile| {
                    is_versioned(&file.file_name) && stem(&file.file_name) == Some(&wanted[..])
                };
                let all: Vec<&IndexedFile> = of_kind.filter(is_meant).collect();
                let is_link = |file: &&IndexedFile| !all.iter().any(|link| is_file_of(link, file));
                all.iter().copied().filter(is_link).collect()
            }
        }
    }

    /// Keeps the file of `line` if it has a wanted name and its directory counts.
    pub fn visit(&mut self, line: ContentsLine, rank: Rank) {
        let Some(slash) = line.path.iter().rposition(|&byte| byte == b'/') else {
            return;
        };
        let file_name = &line.path[slash + 1..];
        let dir = merged(&line.path[..slash]);
        if let Some(placement) = self.placement_of_library(dir, file_name) {
            self.keep(line, file_name, Kind::Library, placement, rank);
        }
        if self.programs.contains(file_name) && matches!(dir, b"bin" | b"sbin") {
            self.keep(line, file_name, Kind::Program, Placement::Searched, rank);
        }
        if self
            .patterns
            .iter()
            .any(|pattern| is_at(pattern, line.path))
        {
            self.keep(line, file_name, Kind::File, Placement::Searched, rank);
        }
    }

    fn keep(
        &mut self,
        line: ContentsLine,
        file_name: &[u8],
        kind: Kind,
        placement: Placement,
        rank: Rank,
    ) {
        for package in line.packages() {
            if is_never_meant(package.name, kind) {
                continue;
            }
            self.files.push(IndexedFile {
                file_name: file_name.to_owned(),
                path: line.path.to_owned(),
                package: package.name.to_owned(),
                is_old: package.section == Some("oldlibs"),
                kind,
                placement,
                rank,
            });
        }
    }

    /// The placement of a file in `dir` that has the name of a wanted library.
    fn placement_of_library(&self, dir: &[u8], file_name: &[u8]) -> Option<Placement> {
        let stem = stem(file_name);
        let is_stem =
            || stem.is_some_and(|stem| self.stems.contains(stem)) && is_versioned(file_name);
        if !self.sonames.contains(file_name) && !is_stem() {
            return None;
        }
        self.placement(dir, stem)
    }

    fn placement(&self, dir: &[u8], stem: Option<&[u8]>) -> Option<Placement> {
        if self.directories.contains(dir) {
            return Some(Placement::Searched);
        }
        let slash = dir.iter().rposition(|&byte| byte == b'/')?;
        let name = stem?.strip_prefix(b"lib")?;
        let after = dir[slash + 1..].strip_prefix(name)?;
        if !self.defaults.contains(&dir[..slash]) {
            return None;
        }
        match after.first() {
            None => Some(Placement::Own),
            Some(b'-') => Some(Placement::Variant),
            Some(_) => None,
        }
    }
}

fn with_lib(stem: &str) -> Vec<u8> {
    format!("lib{stem}").into_bytes()
}

/// Whether `file` is the real file behind `link`: `libmagic.so.1.0.0` behind `libmagic.so.1`.
fn is_file_of(link: &IndexedFile, file: &IndexedFile) -> bool {
    link.package == file.package
        && file
            .file_name
            .strip_prefix(&link.file_name[..])
            .is_some_and(|rest| rest.first() == Some(&b'.'))
}

/// A path by its shorter name in merged /usr, without its leading slash: `lib/x` for `/usr/lib/x`.
fn merged(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let is_merged = |rest: &&[u8]| {
        let mut tops = [&b"lib"[..], b"bin", b"sbin"].into_iter();
        tops.any(|top| rest.starts_with(top))
    };
    path.strip_prefix(b"usr/").filter(is_merged).unwrap_or(path)
}

/// Whether `pattern` stands for the `path` of an index.
fn is_at(pattern: &PathPattern, path: &[u8]) -> bool {
    // Most paths differ in their last byte.
    let (wanted, last) = (pattern.as_str().as_bytes().last(), path.last());
    if wanted != Some(&b'*') && wanted != last {
        return false;
    }
    let wanted = merged(pattern.as_str().as_bytes());
    path_pattern::matches(wanted, merged(path))
}

/// Whether a directory of `ld.so.conf` is for libraries of another ABI than `abi`.
fn is_of_other_abi(merged: &[u8], abi: Abi) -> bool {
    let mut parts = merged.split(|&byte| byte == b'/');
    let top = parts.next().unwrap_or_default();
    OTHER_ABIS.iter().any(|name| name.as_bytes() == top)
        || parts.any(|part| {
            ARCHITECTURES
                .iter()
                .any(|row| row.abi != abi && row.triplet.as_bytes() == part)
        })
}

/// Whether a package is for debugging, for another machine or, if a library is wanted, for compiling.
fn is_never_meant(package: &str, kind: Kind) -> bool {
    kind == Kind::Library && package::is_for_compiling(package)
        || ["-dbg", "-dbgsym", "-cross"]
            .iter()
            .any(|end| package.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::glibc::system_libraries::LdSo;
    use crate::packages::lookup::contents_file;
    use crate::system::root::Root;
    use std::fs;

    /// The placement of `liba.so.1` in each of `dirs`, in an index of amd64.
    fn placements(conf: &str, dirs: &[&str]) -> Vec<Option<Placement>> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        fs::write(dir.path().join("etc/ld.so.conf"), conf).unwrap();
        let ld_so = LdSo::read(&Root::below(dir.path()).unwrap());
        let abi = ARCHITECTURES[0].abi;
        let placement = |dir: &&str| {
            let mut query = Query::new(&ld_so, abi);
            query.add(&Wanted {
                item: Item::Library(LibraryName::Soname("liba.so.1".into())),
                abi,
            });
            let text = format!("{dir}/liba.so.1 libs/liba1\n");
            contents_file::read(text.as_bytes(), |line| query.visit(line, Rank::Main)).unwrap();
            query.files().first().map(|file| file.placement)
        };
        dirs.iter().map(placement).collect()
    }

    #[test]
    fn a_file_counts_where_the_loader_of_its_abi_looks() {
        let conf = "/opt/lib/\n/usr/lib32\n/lib/i386-linux-gnu\n/usr/lib/x86_64-linux-gnu/own\n";
        let searched = [
            "lib/x86_64-linux-gnu",
            "usr/lib/x86_64-linux-gnu",
            "lib",
            "usr/lib",
            "opt/lib",
            "lib/x86_64-linux-gnu/own",
        ];
        assert_eq!(placements(conf, &searched), [Some(Placement::Searched); 6]);
        let not = [
            "usr/lib32",
            "lib32",
            "usr/lib/i386-linux-gnu",
            "usr/lib/x86_64-linux-gnu/other",
            "usr/lib/x86_64-linux-gnu/ab",
            "usr/share",
            "x/usr/lib",
            "usr/opt/lib",
        ];
        assert_eq!(placements(conf, &not), [None; 8]);
        assert_eq!(
            placements(conf, &["lib/x86_64-linux-gnu/a", "usr/lib/a-b"]),
            [Some(Placement::Own), Some(Placement::Variant)]
        );
    }

    #[test]
    fn a_stem_stands_for_links_and_not_for_the_files_behind_them() {
        let dir = tempfile::tempdir().unwrap();
        let abi = ARCHITECTURES[0].abi;
        let mut query = Query::new(&LdSo::read(&Root::below(dir.path()).unwrap()), abi);
        let item = Item::Library(LibraryName::Stem("a".to_owned()));
        query.add(&Wanted {
            item: item.clone(),
            abi,
        });
        let text = b"usr/lib/liba.so libs/liba-dev\nusr/lib/liba.so.1 libs/liba1\n\
                     usr/lib/liba.so.1.0 libs/liba1\nusr/lib/liba.so.2.0 libs/liba2\n\
                     usr/lib/libab.so.1 libs/libab1\nusr/lib/liba.so.debug libs/liba1\n";
        contents_file::read(&text[..], |line| query.visit(line, Rank::Main)).unwrap();
        let files = query.files_of(&item);
        let names: Vec<&[u8]> = files.iter().map(|file| &file.file_name[..]).collect();
        assert_eq!(names, [&b"liba.so.1"[..], b"liba.so.2.0"]);
    }
}
