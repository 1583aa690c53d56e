//! One ELF file to an [`Object`]: what the loader would read of it, and no more.
//!
//! The only one that reads with goblin. Files are read in small pieces by `pread`, where the program headers
//! point; nothing is mapped (a file that shrinks must not raise SIGBUS), no section or symbol table
//! is read (a stripped or odd one does not trouble the loader either), nothing is executed. Every
//! count and size that the file states is capped before it is believed.

use crate::elf::dlopen_note::{self, Notes};
use crate::system::architecture::Abi;
use goblin::container::{Container, Ctx};
use goblin::elf::dynamic::{
    DF_1_NODEFLIB, DF_1_PIE, DT_FLAGS_1, DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_SONAME,
    DT_STRTAB, DT_VERDEF, DT_VERNEED,
};
use goblin::elf::header::{ET_CORE, ET_DYN, ET_EXEC, ET_REL};
use goblin::elf::note::NoteDataIterator;
use goblin::elf::program_header::{PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE};
use goblin::elf::section_header::{SHT_GNU_VERDEF, SHT_GNU_VERNEED};
use goblin::elf::symver::{VerdefSection, VerneedSection};
use goblin::elf::{Dynamic, Elf, Header, ProgramHeader, SectionHeader};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use thiserror::Error;

/// The largest ELF header, that of the 64-bit class.
const HEADER: usize = 64;
/// What every ELF file begins with.
const MAGIC: &[u8] = b"\x7fELF";
/// Real files have a dozen program headers; the kernel accepts 64 KiB of them (`fs/binfmt_elf.c`).
const MAX_PROGRAM_HEADERS: usize = 1170;
/// Real files have some fifty dynamic entries, at 16 bytes each.
const MAX_DYNAMIC: u64 = 1 << 20;
/// Real files need some hundred libraries, and some hundred versions.
const MAX_NAMES: usize = 4096;
/// `PATH_MAX`: a longer name could not be opened.
const MAX_NAME: usize = 4096;
/// An RPATH of sixteen such names.
const MAX_PATH_LIST: usize = 16 * MAX_NAME;
/// Version records are read in growing pieces up to this.
const VERSION_BYTES: [u64; 3] = [1 << 12, 1 << 16, 1 << 20];
/// Real files have some kilobytes of notes.
const MAX_NOTES: u64 = 1 << 20;
/// `VER_FLG_WEAK` in glibc's `elf/elf.h`.
const WEAK: u16 = 2;
/// How much of the string table is read at once: the strings asked for lie close together.
const WINDOW: usize = 4096;

/// What kind of ELF file it is, as far as loading goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Started by the kernel: `ET_EXEC`, or `ET_DYN` marked `DF_1_PIE`.
    Program,
    /// Loaded by the loader: any other `ET_DYN`.
    Library,
    /// `ET_REL`, `ET_CORE` and unknown types: never loaded, so without needs.
    Other,
}

/// What the loader knows of one file.
#[derive(Debug)]
pub struct Object {
    /// What another object must share to be loaded together with it.
    pub abi: Abi,
    /// What it is.
    pub kind: Kind,
    /// `DT_SONAME`.
    pub soname: Option<Arc<OsStr>>,
    /// `DT_NEEDED`, in the file's order.
    pub needed: Vec<Arc<OsStr>>,
    /// `DT_RPATH`; absent where the file has a RUNPATH too, which switches it off
    /// (`elf_get_dynamic_info` in glibc's `elf/get-dynamic-info.h`).
    pub rpath: Option<OsString>,
    /// `DT_RUNPATH`.
    pub runpath: Option<OsString>,
    /// `PT_INTERP`.
    pub interpreter: Option<OsString>,
    /// `DF_1_NODEFLIB`: the default directories are not for it.
    pub no_default_libraries: bool,
    /// The versions that it needs of each library (`DT_VERNEED`).
    pub required_versions: Vec<RequiredVersion>,
    /// The versions that it defines (`DT_VERDEF`).
    pub defined_versions: Vec<OsString>,
}

impl Object {
    /// An object that needs nothing.
    #[must_use]
    pub fn new(abi: Abi, kind: Kind) -> Self {
        Self {
            abi,
            kind,
            soname: None,
            needed: Vec::new(),
            rpath: None,
            runpath: None,
            interpreter: None,
            no_default_libraries: false,
            required_versions: Vec::new(),
            defined_versions: Vec::new(),
        }
    }

    /// Whether it was built for musl: another C library, whose loader has other rules.
    #[must_use]
    pub fn is_musl(&self) -> bool {
        let begins = |name: &OsStr, prefix: &[u8]| name.as_bytes().starts_with(prefix);
        self.needed.iter().any(|name| begins(name, b"libc.musl-"))
            || self
                .interpreter
                .as_ref()
                .is_some_and(|name| begins(name, b"/lib/ld-musl-"))
    }
}

/// One symbol version that an object needs of a library.
#[derive(Debug, PartialEq, Eq)]
pub struct RequiredVersion {
    /// The library, as in NEEDED.
    pub library: OsString,
    /// The version, such as `GLIBC_2.38`.
    pub version: OsString,
}

/// Why a file is no [`Object`].
#[derive(Debug, Error)]
pub enum ElfError {
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It has the ELF magic, but the loader could not load it.
    #[error("malformed ELF: {0}")]
    Malformed(String),
}

/// Whether a file that begins with `bytes` is read as an ELF file.
#[must_use]
pub fn has_magic(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

type Result<T> = std::result::Result<T, ElfError>;

fn malformed<T>(reason: impl Into<String>) -> Result<T> {
    Err(ElfError::Malformed(reason.into()))
}

/// A file with a sound ELF header, of which nothing else was read yet.
#[derive(Debug)]
pub struct ElfFile<'a> {
    file: &'a File,
    header: Header,
    ctx: Ctx,
    /// What it can be loaded together with.
    pub abi: Abi,
}

impl<'a> ElfFile<'a> {
    /// Reads the header of `file`; `None` where it lacks the ELF magic.
    pub fn open(file: &'a File) -> Result<Option<Self>> {
        let mut bytes = [0; HEADER];
        let length = read_up_to(file, &mut bytes, 0)?;
        let bytes = &bytes[..length];
        if !has_magic(bytes) {
            return Ok(None);
        }
        let (Some(&class), Some(&data), Some(&version)) =
            (bytes.get(4), bytes.get(5), bytes.get(6))
        else {
            return malformed("the file ends inside the ELF header");
        };
        if !(1..=2).contains(&class) || !(1..=2).contains(&data) || version != 1 {
            return malformed(format!(
                "class {class}, byte order {data}, version {version} in the ELF header"
            ));
        }
        let Ok(header) = Elf::parse_header(bytes) else {
            return malformed("the file ends inside the ELF header");
        };
        let (Ok(container), Ok(endianness)) = (header.container(), header.endianness()) else {
            return malformed("unknown class or byte order in the ELF header");
        };
        let abi = Abi::new(
            container == Container::Big,
            data == 1,
            header.e_machine,
            header.e_flags,
        );
        Ok(Some(Self {
            file,
            header,
            ctx: Ctx::new(container, endianness),
            abi,
        }))
    }

    /// Reads the rest of what the loader would.
    pub fn object(&self) -> Result<Object> {
        let mut object = Object::new(self.abi, self.kind());
        if object.kind == Kind::Other {
            return match self.header.e_type {
                ET_REL | ET_CORE => Ok(object),
                other => malformed(format!("unknown object type {other}")),
            };
        }
        let segments = self.program_headers()?;
        if let Some(segment) = segments.iter().find(|segment| segment.p_type == PT_INTERP) {
            let length = segment.p_filesz.min(MAX_NAME as u64);
            let mut name = self.bytes(segment.p_offset, length, "PT_INTERP")?;
            name.truncate(
                name.iter()
                    .position(|&byte| byte == 0)
                    .unwrap_or(name.len()),
            );
            object.interpreter = Some(OsString::from_vec(name));
        }
        if let Some(dynamic) = dynamic(&segments) {
            self.check_extent(&segments)?;
            self.read_dynamic(dynamic, &segments, &mut object)?;
        }
        Ok(object)
    }

    /// By the header alone, which does not tell programs that are marked as such elsewhere.
    fn kind(&self) -> Kind {
        match self.header.e_type {
            ET_EXEC => Kind::Program,
            ET_DYN => Kind::Library,
            _ => Kind::Other,
        }
    }

    /// Reads what the file says of the libraries that it opens at run time. The notes are looked
    /// for in the `PT_NOTE` segments: linkers put every note that is loaded into one.
    pub fn dlopen_notes(&self) -> Result<Notes> {
        let mut found = Notes::default();
        let segments = self.program_headers()?;
        // Only what can be loaded opens anything; a `.debug` file has the notes of the file that it
        // belongs to.
        if self.kind() == Kind::Other || dynamic(&segments).is_none() {
            return Ok(found);
        }
        let mut left = MAX_NOTES;
        for segment in segments.iter().filter(|segment| segment.p_type == PT_NOTE) {
            let Some(rest) = left.checked_sub(segment.p_filesz) else {
                found.fault(format!("a segment of {} bytes", segment.p_filesz));
                continue;
            };
            left = rest;
            let bytes = match self.bytes(segment.p_offset, segment.p_filesz, "the notes") {
                Ok(bytes) => bytes,
                Err(ElfError::Malformed(reason)) => {
                    found.fault(reason);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let notes = NoteDataIterator {
                data: &bytes,
                size: bytes.len(),
                offset: 0,
                ctx: (usize::try_from(segment.p_align).unwrap_or(0), self.ctx),
            };
            for note in notes {
                match note {
                    Ok(note) if note.name == dlopen_note::OWNER => {
                        if note.n_type == dlopen_note::TYPE {
                            found.add(note.desc);
                        }
                    }
                    Ok(_) => {}
                    Err(_) => found.fault("a segment that is no row of notes".to_owned()),
                }
            }
        }
        Ok(found)
    }

    fn program_headers(&self) -> Result<Vec<ProgramHeader>> {
        let count = usize::from(self.header.e_phnum);
        if count == 0 {
            return Ok(Vec::new());
        }
        let size = ProgramHeader::size(self.ctx);
        if usize::from(self.header.e_phentsize) != size {
            return malformed(format!(
                "program headers of {} bytes instead of {size}",
                self.header.e_phentsize
            ));
        }
        if count > MAX_PROGRAM_HEADERS {
            return malformed(format!("{count} program headers"));
        }
        let bytes = self.bytes(
            self.header.e_phoff,
            (count * size) as u64,
            "program headers",
        )?;
        ProgramHeader::parse(&bytes, 0, count, self.ctx)
            .or_else(|_| malformed("unreadable program headers"))
    }

    /// A segment that reaches past the end of the file is a file that was cut off: mapping it
    /// works, using it raises SIGBUS.
    fn check_extent(&self, segments: &[ProgramHeader]) -> Result<()> {
        let length = self.file.metadata()?.len();
        let end = loaded(segments)
            .map(|segment| segment.p_offset.saturating_add(segment.p_filesz))
            .max()
            .unwrap_or(0);
        if end > length {
            return malformed(format!(
                "a segment ends at byte {end}, but the file has {length}"
            ));
        }
        Ok(())
    }

    fn read_dynamic(
        &self,
        segment: &ProgramHeader,
        segments: &[ProgramHeader],
        object: &mut Object,
    ) -> Result<()> {
        if segment.p_filesz > MAX_DYNAMIC {
            return malformed(format!("a dynamic section of {} bytes", segment.p_filesz));
        }
        let bytes = self.bytes(segment.p_offset, segment.p_filesz, "the dynamic section")?;
        let mut whole = segment.clone();
        whole.p_offset = 0;
        let Ok(Some(dynamic)) = Dynamic::parse(&bytes, &[whole], self.ctx) else {
            return malformed("an unreadable dynamic section");
        };
        // As in `elf_get_dynamic_info`: of entries with one tag the last counts.
        let entries = dynamic
            .dyns
            .iter()
            .take_while(|entry| entry.d_tag != DT_NULL);
        let value = |tag| {
            entries
                .clone()
                .filter(|entry| entry.d_tag == tag)
                .map(|entry| entry.d_val)
                .last()
        };
        let flags = value(DT_FLAGS_1).unwrap_or(0);
        object.no_default_libraries = flags & DF_1_NODEFLIB != 0;
        if flags & DF_1_PIE != 0 {
            object.kind = Kind::Program;
        }
        let Some(address) = value(DT_STRTAB) else {
            let has_strings = entries
                .clone()
                .any(|entry| [DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH].contains(&entry.d_tag));
            return if has_strings {
                malformed("names without a string table")
            } else {
                Ok(())
            };
        };
        let mut strings = Strings::new(self.file, locate(segments, address, "DT_STRTAB")?);
        for entry in entries.clone() {
            if entry.d_tag == DT_NEEDED {
                if object.needed.len() == MAX_NAMES {
                    return malformed("too many needed libraries");
                }
                object
                    .needed
                    .push(strings.get(entry.d_val, MAX_NAME)?.into());
            }
        }
        let mut string = |tag, limit| {
            value(tag)
                .map(|offset| strings.get(offset, limit))
                .transpose()
        };
        object.soname = string(DT_SONAME, MAX_NAME)?.map(Arc::from);
        object.runpath = string(DT_RUNPATH, MAX_PATH_LIST)?;
        if object.runpath.is_none() {
            object.rpath = string(DT_RPATH, MAX_PATH_LIST)?;
        }
        if let Some(address) = value(DT_VERNEED) {
            let place = locate(segments, address, "DT_VERNEED")?;
            object.required_versions = self.required_versions(place, &mut strings)?;
        }
        if let Some(address) = value(DT_VERDEF) {
            let place = locate(segments, address, "DT_VERDEF")?;
            object.defined_versions = self.defined_versions(place, &mut strings)?;
        }
        Ok(())
    }

    /// The versions without `VER_FLG_WEAK`, whose absence the loader takes for an error
    /// (`_dl_check_map_versions` in glibc's `elf/dl-version.c`).
    fn required_versions(
        &self,
        place: Extent,
        strings: &mut Strings,
    ) -> Result<Vec<RequiredVersion>> {
        let records = self.version_records(place, |bytes| {
            let shdr = made_up(SHT_GNU_VERNEED, bytes.len());
            let section = VerneedSection::parse(bytes, &[shdr], self.ctx).ok()??;
            let mut records = Vec::new();
            let mut ended = false;
            for need in &section {
                let mut left = need.vn_cnt;
                for version in &need {
                    left = if version.vna_next == 0 { 0 } else { left - 1 };
                    if version.vna_flags & WEAK == 0 {
                        records.push((need.vn_file as u64, version.vna_name as u64));
                    }
                    if records.len() > MAX_NAMES {
                        return None;
                    }
                }
                if left > 0 {
                    return None;
                }
                ended = need.vn_next == 0;
            }
            ended.then_some(records)
        })?;
        records
            .into_iter()
            .map(|(library, version)| {
                Ok(RequiredVersion {
                    library: strings.get(library, MAX_NAME)?,
                    version: strings.get(version, MAX_NAME)?,
                })
            })
            .collect()
    }

    fn defined_versions(&self, place: Extent, strings: &mut Strings) -> Result<Vec<OsString>> {
        let records = self.version_records(place, |bytes| {
            let shdr = made_up(SHT_GNU_VERDEF, bytes.len());
            let section = VerdefSection::parse(bytes, &[shdr], self.ctx).ok()??;
            let mut records = Vec::new();
            let mut ended = false;
            for definition in &section {
                // The first name is the version's own, others are its parents.
                records.push(definition.iter().next()?.vda_name as u64);
                if records.len() > MAX_NAMES {
                    return None;
                }
                ended = definition.vd_next == 0;
            }
            ended.then_some(records)
        })?;
        records
            .into_iter()
            .map(|name| strings.get(name, MAX_NAME))
            .collect()
    }

    /// Reads version records, whose length no header states: `parse` answers `None` where the
    /// bytes end before the records do, and is asked again with more.
    fn version_records<T>(&self, place: Extent, parse: impl Fn(&[u8]) -> Option<T>) -> Result<T> {
        for limit in VERSION_BYTES {
            let length = limit.min(place.length);
            let bytes = self.bytes(place.offset, length, "version records")?;
            if let Some(records) = parse(&bytes) {
                return Ok(records);
            }
            if length < limit {
                break;
            }
        }
        malformed("version records without an end")
    }

    /// Exactly `length` bytes at `offset`, a length that the caller has capped.
    fn bytes(&self, offset: u64, length: u64, what: &str) -> Result<Vec<u8>> {
        let cut = || malformed(format!("the file ends before {what}"));
        let Ok(length) = usize::try_from(length) else {
            return cut();
        };
        let mut bytes = vec![0; length];
        if read_up_to(self.file, &mut bytes, offset)? < length {
            return cut();
        }
        Ok(bytes)
    }
}

/// A part of the file.
#[derive(Clone, Copy)]
struct Extent {
    offset: u64,
    length: u64,
}

/// The dynamic section, if there is one. A program header without file content is that of a `.debug`
/// file.
fn dynamic(segments: &[ProgramHeader]) -> Option<&ProgramHeader> {
    segments
        .iter()
        .find(|segment| segment.p_type == PT_DYNAMIC && segment.p_filesz > 0)
}

fn loaded(segments: &[ProgramHeader]) -> impl Iterator<Item = &ProgramHeader> {
    segments.iter().filter(|segment| segment.p_type == PT_LOAD)
}

/// Where in the file an address lies, and how much of its segment follows there.
fn locate(segments: &[ProgramHeader], address: u64, what: &str) -> Result<Extent> {
    loaded(segments)
        .find_map(|segment| {
            let within = address.checked_sub(segment.p_vaddr)?;
            let length = segment.p_filesz.checked_sub(within)?;
            let offset = segment.p_offset.checked_add(within)?;
            (length > 0).then_some(Extent { offset, length })
        })
        .map_or_else(
            || malformed(format!("{what} lies outside the file's segments")),
            Ok,
        )
}

/// A section header over bytes that were found without one: goblin asks for it. The loader follows
/// the records from one to the next, whatever the file says of their number.
fn made_up(sh_type: u32, length: usize) -> SectionHeader {
    SectionHeader {
        sh_type,
        sh_size: length as u64,
        sh_info: u32::MAX,
        ..SectionHeader::default()
    }
}

/// The string table, of which a window is kept.
struct Strings<'a> {
    file: &'a File,
    table: Extent,
    window: Vec<u8>,
    /// Where in the table the window begins.
    start: u64,
}

impl<'a> Strings<'a> {
    fn new(file: &'a File, table: Extent) -> Self {
        Self {
            file,
            table,
            window: Vec::new(),
            start: 0,
        }
    }

    /// The string at `offset`, of at most `limit` bytes before its NUL.
    fn get(&mut self, offset: u64, limit: usize) -> Result<OsString> {
        if let Some(string) = self.in_window(offset, limit) {
            return Ok(string);
        }
        if offset >= self.table.length {
            return malformed("a name lies outside the string table");
        }
        let mut size = WINDOW;
        loop {
            let left = usize::try_from(self.table.length - offset).unwrap_or(usize::MAX);
            self.window.resize(size.min(left), 0);
            self.start = offset;
            let place = self.table.offset.saturating_add(offset);
            let read = read_up_to(self.file, &mut self.window, place)?;
            self.window.truncate(read);
            if let Some(string) = self.in_window(offset, limit) {
                return Ok(string);
            }
            if size > limit || read < size {
                return malformed("a name without an end");
            }
            size *= 4;
        }
    }

    fn in_window(&self, offset: u64, limit: usize) -> Option<OsString> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let rest = self.window.get(from..)?;
        let length = rest.iter().take(limit).position(|&byte| byte == 0)?;
        Some(OsStr::from_bytes(&rest[..length]).to_owned())
    }
}

/// Fills `bytes` from `offset` on, as far as the file goes; answers how far that is.
fn read_up_to(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        // The kernel refuses to read where no file can reach (EINVAL): past the end of this one.
        let place = offset.saturating_add(done as u64);
        let end = place.saturating_add((bytes.len() - done) as u64);
        if i64::try_from(end).is_err() {
            break;
        }
        match file.read_at(&mut bytes[done..], place) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// An ELF note of FDO's with this text.
    fn note(text: &str, is_little: bool) -> Vec<u8> {
        let mut note = Vec::new();
        for number in [4, text.len() as u64 + 1, u64::from(dlopen_note::TYPE)] {
            note.extend(word(number, 4, is_little));
        }
        note.extend(b"FDO\0");
        note.extend(text.as_bytes());
        note.resize((note.len() + 4) & !3, 0);
        note
    }

    fn word(number: u64, width: usize, is_little: bool) -> Vec<u8> {
        let mut bytes = number.to_le_bytes()[..width].to_vec();
        if !is_little {
            bytes.reverse();
        }
        bytes
    }

    /// A library with a dynamic section, and a segment for `notes` that claims to have `claimed`
    /// bytes.
    fn library(notes: &[u8], claimed: u64, is_64: bool, is_little: bool) -> std::fs::File {
        let width = if is_64 { 8 } else { 4 };
        let [header, segment]: [u64; 2] = if is_64 { [64, 56] } else { [52, 32] };
        let dynamic = header + 2 * segment;
        let place = dynamic + 2 * width as u64;
        let mut file = b"\x7fELF".to_vec();
        file.extend([1 + u8::from(is_64), 2 - u8::from(is_little), 1]);
        file.resize(16, 0);
        let mut put = |number: u64, width: usize| file.extend(word(number, width, is_little));
        put(u64::from(ET_DYN), 2);
        put(62, 2);
        put(1, 4);
        put(0, width);
        put(header, width);
        put(0, width);
        put(0, 4);
        for half in [header, segment, 2, 0, 0, 0] {
            put(half, 2);
        }
        for (p_type, offset, size) in [
            (PT_DYNAMIC, dynamic, 2 * width as u64),
            (PT_NOTE, place, claimed),
        ] {
            put(u64::from(p_type), 4);
            if is_64 {
                put(4, 4);
            }
            for number in [offset, offset, offset, size, size] {
                put(number, width);
            }
            if !is_64 {
                put(4, 4);
            }
            put(4, width);
        }
        put(0, width);
        put(0, width);
        file.extend(notes);
        let mut written = tempfile::tempfile().unwrap();
        written.write_all(&file).unwrap();
        written
    }

    fn read(file: &std::fs::File) -> Notes {
        let elf = ElfFile::open(file).unwrap().unwrap();
        elf.dlopen_notes().unwrap()
    }

    #[test]
    fn notes_are_read_in_each_class_and_byte_order() {
        for (is_64, is_little) in [(true, true), (true, false), (false, true), (false, false)] {
            let mut notes = note(r#"{"soname":"liba.so.1"}"#, is_little);
            notes.extend(note(r#"[{"soname":["libb.so.2","libb.so.1"]}]"#, is_little));
            let read = read(&library(&notes, notes.len() as u64, is_64, is_little));
            let sonames: Vec<_> = read.notes.iter().map(|note| note.sonames.clone()).collect();
            assert_eq!(sonames, [vec!["liba.so.1"], vec!["libb.so.2", "libb.so.1"]]);
            assert!(read.faults.is_empty());
        }
    }

    #[test]
    fn bad_notes_are_faults() {
        let good = note(r#"{"soname":"liba.so.1"}"#, true);
        let faults = |notes: &[u8], claimed: u64| read(&library(notes, claimed, true, true)).faults;
        let length = good.len() as u64;
        assert_eq!(faults(&good, length), [""; 0]);
        assert_eq!(faults(&good, 1 << 40), ["a segment of 1099511627776 bytes"]);
        assert_eq!(
            faults(&good, length + 8),
            ["the file ends before the notes"]
        );
        let torn = [&good[..], &[0xff; 16]].concat();
        let read = read(&library(&torn, torn.len() as u64, true, true));
        assert_eq!(read.notes.len(), 1);
        assert_eq!(read.faults, ["a segment that is no row of notes"]);
    }
}
