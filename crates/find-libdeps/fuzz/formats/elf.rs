//! ELF files, and the search for what they need.

use super::{Format, ROOT, assert_shown, files, put};
use crate::config::{Config, Dlopen, Lookup};
use crate::elf::object_file::{ElfError, ElfFile, Object, has_magic};
use crate::files::Files;
use crate::loader::candidates::Candidates;
use crate::loader::context::Inputs;
use crate::loader::glibc::system_libraries::LdSo;
use crate::loader::resolver::Resolver;
use crate::loader::tree::Tree;
use crate::scan::Starts;
use crate::system::architecture::Abi;
use crate::system::root::Root;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

pub const FORMAT: Format = Format {
    name: "elf",
    check,
    seeds,
    words: &[
        "\0",
        "$ORIGIN",
        "${ORIGIN}",
        "$LIB",
        "$PLATFORM",
        "/",
        ":",
        "liba.so.1\0",
        "libinput.so",
        "/app",
        "\u{7f}ELF",
        "FDO\0",
        "{\"soname\":\"liba.so.1\"}",
    ],
    is_binary: true,
};

/// Where the input lies in the root.
const INPUT: &str = "app/libinput.so";
/// What all names of a file may have together: `MAX_STRINGS` and `PT_INTERP`.
const MAX_NAMES: usize = (1 << 18) + 4096;

/// A file with a dynamic section and notes, in each class and byte order, and real ones.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = files(&[
        "/lib/x86_64-linux-gnu/libutil.so.1",
        "/lib/aarch64-linux-gnu/libutil.so.1",
        "/bin/true",
    ]);
    for is_64 in [true, false] {
        for is_little in [true, false] {
            seeds.push(library(is_64, is_little));
        }
    }
    seeds
}

/// A library with every entry that is read.
fn library(is_64: bool, is_little: bool) -> Vec<u8> {
    const STRINGS: &[u8] = b"\0liba.so.1\0libinput.so\0$ORIGIN/../$LIB:/usr/lib/$PLATFORM\0V_1\0";
    const NOTE: &[u8] =
        b"FDO\0{\"soname\":[\"libz.so.1\",\"libz.so\"],\"priority\":\"required\"}\0\0";
    let width = if is_64 { 8 } else { 4 };
    let [header, segment]: [u64; 2] = if is_64 { [64, 56] } else { [52, 32] };
    // The tags with their values; those of the places behind the section are known once it ends.
    let tags: [(u64, u64); 9] = [
        (1, 1),
        (14, 11),
        (29, 23),
        (0x7fff_fffd, 11),
        (0x6fff_fffb, 0),
        (5, 0),
        (0x6fff_fffe, 64),
        (0x6fff_fffc, 96),
        (0, 0),
    ];
    let dynamic = header + 3 * segment;
    let size = (tags.len() * 2 * width) as u64;
    let strings = dynamic + size;
    let note = strings + 128;
    let whole = note + 12 + NOTE.len() as u64;

    let mut file = b"\x7fELF".to_vec();
    file.extend([1 + u8::from(is_64), 2 - u8::from(is_little), 1]);
    file.resize(16, 0);
    let put = |file: &mut Vec<u8>, number: u64, width: usize| {
        let mut bytes = number.to_le_bytes()[..width].to_vec();
        if !is_little {
            bytes.reverse();
        }
        file.extend(bytes);
    };
    for (number, width) in [
        (3, 2),
        (62, 2),
        (1, 4),
        (0, width),
        (header, width),
        (0, width),
        (0, 4),
    ] {
        put(&mut file, number, width);
    }
    for half in [header, segment, 3, 0, 0, 0] {
        put(&mut file, half, 2);
    }
    for (kind, at, size) in [(1, 0, whole), (2, dynamic, size), (4, note, whole - note)] {
        put(&mut file, kind, 4);
        if is_64 {
            put(&mut file, 4, 4);
        }
        for number in [at, at, at, size, size] {
            put(&mut file, number, width);
        }
        if !is_64 {
            put(&mut file, 4, 4);
        }
        put(&mut file, 4, width);
    }
    for (tag, value) in tags {
        let is_place = [5, 0x6fff_fffe, 0x6fff_fffc].contains(&tag);
        put(&mut file, tag, width);
        put(
            &mut file,
            if is_place { strings + value } else { value },
            width,
        );
    }
    file.extend(STRINGS);
    file.resize(usize::try_from(strings + 64).unwrap_or(0), 0);
    // One needed version, one defined.
    for (number, width) in [
        (1, 2),
        (1, 2),
        (1, 4),
        (16, 4),
        (0, 4),
        (0, 4),
        (0, 2),
        (2, 2),
        (58, 4),
        (0, 4),
    ] {
        put(&mut file, number, width);
    }
    file.resize(usize::try_from(strings + 96).unwrap_or(0), 0);
    for (number, width) in [
        (1, 2),
        (0, 2),
        (1, 2),
        (1, 2),
        (0, 4),
        (20, 4),
        (0, 4),
        (58, 4),
        (0, 4),
    ] {
        put(&mut file, number, width);
    }
    file.resize(usize::try_from(note).unwrap_or(0), 0);
    for number in [4, NOTE.len() as u64 - 4, 0x407c_0c0a] {
        put(&mut file, number, 4);
    }
    file.extend(NOTE);
    file
}

fn check(bytes: &[u8]) {
    put(INPUT, bytes);
    let file = File::open(ROOT.join(INPUT)).expect("the file is there");
    let elf = match ElfFile::open(&file) {
        Ok(Some(elf)) => elf,
        other => {
            assert_eq!(other.is_err(), has_magic(bytes));
            return;
        }
    };
    if let Ok(notes) = elf.dlopen_notes() {
        let names = notes.notes.iter().flat_map(|note| &note.sonames);
        // Segments may overlap, and are read once each up to this size.
        assert!(names.map(|name| name.len()).sum::<usize>() <= 1 << 20);
        notes.faults.iter().for_each(|fault| assert_shown(fault));
    }
    match elf.object() {
        Ok(object) => {
            if bytes.len() < 4096 {
                let again = elf.object().map(|object| format!("{object:?}"));
                assert_eq!(again.ok(), Some(format!("{object:?}")));
            }
            assert!(length(&object) <= MAX_NAMES);
            resolve(object);
        }
        Err(ElfError::Malformed(reason)) => assert_shown(&reason),
        Err(ElfError::Io(error)) => panic!("{error}"),
    }
}

fn length(object: &Object) -> usize {
    let names = object.needed.iter().chain(&object.auxiliary);
    let names = names.chain(&object.soname).chain(&object.interpreter);
    let versions = object.required_versions.iter();
    let versions = versions.map(|one| one.library.len() + one.version.len());
    let paths = object
        .rpath
        .iter()
        .chain(&object.runpath)
        .chain(&object.defined_versions);
    names.map(|name| name.len()).sum::<usize>()
        + versions.sum::<usize>()
        + paths.map(|path| path.len()).sum::<usize>()
}

/// Searches for what the object needs, as for the only file of a tree.
fn resolve(object: Object) {
    let config = Config {
        paths: vec![PathBuf::from("app")],
        root: Some(ROOT.clone()),
        ld_library_path: OsString::new(),
        path: OsString::new(),
        java_home: OsString::new(),
        ignore: Vec::new(),
        exclude: Vec::new(),
        dlopen: Dlopen::Known,
        lookup: Lookup::Machine,
        command: Vec::new(),
        threads: 1,
        with_versions: false,
        with_files: false,
        with_details: false,
    };
    let root = Root::below(&ROOT).expect("the root exists");
    let starts = Starts::new(&config, &root).expect("the directory exists");
    let names = object.needed.len() + object.auxiliary.len() + object.required_versions.len();
    let input = length(&object);
    let files = Files::new(&root, starts.program_directories(), &config);
    let path = Path::new("/").join(INPUT);
    let tree = Tree::new(starts, vec![(path.into(), object.into())]);
    let (candidates, ld_so) = (Candidates::new(&root, &tree), LdSo::read(&root));
    let accepted = BTreeSet::new();
    let resolver = Resolver::new(Inputs {
        root: &root,
        config: &config,
        files: &files,
        candidates: &candidates,
        rules: &ld_so,
        tree: &tree,
        demands: &[],
        variants: &[],
        native: Abi::of("amd64"),
        accepted: &accepted,
    });
    let resolved = resolver.resolve(&|_| false);
    assert!(resolved.resolutions.len() <= 2 * names + 2);
    let messages = resolved.warnings.iter().map(|warning| {
        assert_shown(&warning.message);
        warning.message.len()
    });
    assert!(messages.sum::<usize>() <= (1 << 16) + 64 * input);
}
