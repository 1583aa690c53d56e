//! Reads one ELF file into an [`Object`], by its program headers and its dynamic section.

use crate::elf::built_for;
use crate::elf::bytes::{MAX_NAME, Result, malformed, read_exactly, read_up_to};
use crate::elf::dlopen_note::Notes;
use crate::elf::mapping::{self, Mapped};
use crate::elf::string_table::StringTable;
use crate::elf::symbol_versions::{self, RequiredVersion};
use crate::system::architecture::Abi;
use goblin::container::{Container, Ctx};
use goblin::elf::dynamic::{
    DF_1_NODEFLIB, DF_1_PIE, DT_AUDIT, DT_DEPAUDIT, DT_FLAGS_1, DT_NEEDED, DT_NULL, DT_RPATH,
    DT_RUNPATH, DT_SONAME, DT_STRTAB, DT_VERDEF, DT_VERNEED,
};
use goblin::elf::header::{
    EI_ABIVERSION, EI_OSABI, ELFOSABI_GNU, ELFOSABI_NONE, ET_CORE, ET_DYN, ET_EXEC, ET_REL,
};
use goblin::elf::program_header::{PF_X, PT_DYNAMIC, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_NOTE};
use goblin::elf::section_header::SHT_NOBITS;
use goblin::elf::{Dyn, Dynamic, Elf, Header, ProgramHeader, SectionHeader};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::sync::Arc;

pub use crate::elf::bytes::ElfError;

/// Tags of dynamic entries that goblin does not name, from glibc's `elf/elf.h`.
const DT_AUXILIARY: u64 = 0x7fff_fffd;
const DT_FILTER: u64 = 0x7fff_ffff;
/// The size of the ELF header in the 64-bit class, the larger one.
const HEADER: usize = 64;
/// The beginning of every ELF file.
const MAGIC: &[u8] = b"\x7fELF";
/// Real files have a dozen program headers; the kernel accepts 64 KiB of them (`fs/binfmt_elf.c`).
const MAX_PROGRAM_HEADERS: usize = 1170;
/// Real files have some fifty dynamic entries, at 16 bytes each.
const MAX_DYNAMIC: usize = 1 << 20;
/// Real files need some hundred libraries.
const MAX_NEEDED: usize = 4096;
/// A search path of sixteen of the longest names.
const MAX_PATH_LIST: usize = 16 * MAX_NAME;
/// Real files have some kilobytes of notes.
const MAX_NOTES: u64 = 1 << 20;

/// How an ELF file is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Started by the kernel: `ET_EXEC`, or `ET_DYN` marked `DF_1_PIE`.
    Program,
    /// Loaded by the loader: any other `ET_DYN`.
    Library,
    /// Never: `ET_REL`, `ET_CORE`, files of debug symbols, and what is refused.
    Other,
}

/// What the loader reads of one file.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// Objects are loaded together only if they have the same ABI.
    pub abi: Abi,
    /// How it is loaded.
    pub kind: Kind,
    /// `DT_SONAME`.
    pub soname: Option<Arc<OsStr>>,
    /// `DT_NEEDED` and `DT_FILTER`, in the file's order.
    pub needed: Box<[Arc<OsStr>]>,
    /// What is loaded if it is found: `DT_AUXILIARY`, and of a program `DT_AUDIT` and `DT_DEPAUDIT`.
    pub auxiliary: Box<[Arc<OsStr>]>,
    /// `DT_RPATH`; `None` if the file also has a RUNPATH, which disables it (`elf_get_dynamic_info`
    /// in glibc's `elf/get-dynamic-info.h`).
    pub rpath: Option<Arc<OsStr>>,
    /// `DT_RUNPATH`.
    pub runpath: Option<Arc<OsStr>>,
    /// `PT_INTERP`.
    pub interpreter: Option<Arc<OsStr>>,
    /// `DF_1_NODEFLIB`: its needs are not searched for in the default directories.
    pub no_default_libraries: bool,
    /// The versions that it needs of each library, except weak ones (`DT_VERNEED`).
    pub required_versions: Box<[RequiredVersion]>,
    /// The libraries of these that it does not need.
    pub unneeded: Box<[Arc<OsStr>]>,
    /// The versions that it defines (`DT_VERDEF`).
    pub defined_versions: Box<[Arc<OsStr>]>,
    /// How many bytes of its segments it lacks: the loader finds zeros there.
    pub missing_bytes: u64,
    /// Whether it wants an executable stack (`PT_GNU_STACK`).
    pub has_executable_stack: bool,
    /// Why the loader refuses it, although the architecture may be right.
    pub refusal: Option<Box<str>>,
    /// The system that it is built for, if its header shows that.
    pub system: Option<&'static str>,
}

impl Object {
    /// An object that needs nothing.
    pub fn new(abi: Abi, kind: Kind) -> Self {
        Self {
            abi,
            kind,
            soname: None,
            needed: Box::default(),
            auxiliary: Box::default(),
            rpath: None,
            runpath: None,
            interpreter: None,
            no_default_libraries: false,
            required_versions: Box::default(),
            unneeded: Box::default(),
            defined_versions: Box::default(),
            missing_bytes: 0,
            has_executable_stack: false,
            refusal: None,
            system: None,
        }
    }

    /// An object that the loader refuses because of this.
    pub fn refused(abi: Abi, reason: String) -> Self {
        Self {
            refusal: Some(reason.into_boxed_str()),
            ..Self::new(abi, Kind::Other)
        }
    }
}

/// Whether a file that begins with `bytes` is an ELF file.
pub fn has_magic(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A file with a valid ELF header, of which nothing else has been read yet.
#[derive(Debug)]
pub struct ElfFile<'a> {
    file: &'a File,
    header: Header,
    ctx: Ctx,
    /// As the header states it.
    pub abi: Abi,
    /// `EI_OSABI` and `EI_ABIVERSION`.
    os_abi: [u8; 2],
}

impl<'a> ElfFile<'a> {
    /// Reads the header of `file`; `None` if it lacks the ELF magic.
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
            ctx: Ctx::new(container, endianness),
            abi,
            os_abi: [header.e_ident[EI_OSABI], header.e_ident[EI_ABIVERSION]],
            header,
        }))
    }

    /// Reads the rest that the loader would read.
    pub fn object(&self) -> Result<Object> {
        let segments = self.program_headers_if_loaded()?;
        let dynamic = dynamic(&segments);
        match self.loaded_object(&segments, dynamic) {
            // A valid section has a string table.
            Ok((object, true)) => Ok(object),
            unlikely => {
                if self.is_debug_file(dynamic)? {
                    return Ok(Object::new(self.abi, Kind::Other));
                }
                unlikely.map(|(object, _)| object)
            }
        }
    }

    /// None for a file of a type that is never loaded.
    fn program_headers_if_loaded(&self) -> Result<Vec<ProgramHeader>> {
        match self.header.e_type {
            ET_EXEC | ET_DYN => self.program_headers(),
            ET_REL | ET_CORE => Ok(Vec::new()),
            other => malformed(format!("unknown object type {other}")),
        }
    }

    /// The object, and whether nothing in it is unusual.
    fn loaded_object(
        &self,
        segments: &[ProgramHeader],
        dynamic: Option<&ProgramHeader>,
    ) -> Result<(Object, bool)> {
        let mut object = Object::new(self.abi, self.kind());
        if let Some(segment) = segments.iter().find(|segment| segment.p_type == PT_INTERP) {
            let length = segment.p_filesz.min(MAX_NAME as u64);
            let mut name = self.bytes(segment.p_offset, length, "PT_INTERP")?;
            name.truncate(
                name.iter()
                    .position(|&byte| byte == 0)
                    .unwrap_or(name.len()),
            );
            if !name.is_empty() {
                object.interpreter = Some(Arc::from(OsString::from_vec(name)));
            }
        }
        let stack = segments
            .iter()
            .rfind(|segment| segment.p_type == PT_GNU_STACK);
        let row = self.abi.architecture();
        object.has_executable_stack = stack.map_or_else(
            || row.is_some_and(|row| row.has_executable_stack),
            |stack| stack.p_flags & PF_X != 0,
        );
        let mut is_usual = true;
        if let Some(dynamic) = dynamic {
            let is_load = |segment: &&ProgramHeader| segment.p_type == PT_LOAD;
            let loaded: Vec<ProgramHeader> = segments.iter().filter(is_load).cloned().collect();
            object.missing_bytes = mapping::check(&loaded, self.file.metadata()?.len())?;
            is_usual = self.read_dynamic(dynamic, &loaded, &mut object)?;
        } else if segments.iter().any(|segment| segment.p_type == PT_DYNAMIC) {
            // A file of debug symbols has the program header, without content.
            object.kind = Kind::Other;
        }
        object.system = built_for::of(object.interpreter.as_deref(), &object.needed);
        if object.kind == Kind::Library {
            self.check_library(dynamic.is_some(), &mut object);
        }
        Ok((object, is_usual))
    }

    /// Notes why the loader refuses a library; the kernel, which starts programs, is less strict.
    fn check_library(&self, has_dynamic: bool, object: &mut Object) {
        let [os_abi, version] = self.os_abi;
        if ![ELFOSABI_NONE, ELFOSABI_GNU].contains(&os_abi) {
            object.refusal = Some(format!("has the OS ABI {os_abi}").into());
        } else if os_abi == ELFOSABI_NONE && version != 0 {
            object.refusal = Some(format!("has version {version} of the OS ABI").into());
        } else if !has_dynamic && self.header.e_entry != 0 {
            // Packed programs are like this (UPX).
            object.kind = Kind::Program;
        } else if !has_dynamic {
            object.kind = Kind::Other;
            object.refusal = Some("has no dynamic section".into());
        }
    }

    /// Whether it has only the debug symbols of another file. Then the section headers say that the
    /// segments, which are those of that file, have no content here.
    fn is_debug_file(&self, dynamic: Option<&ProgramHeader>) -> Result<bool> {
        let Some(dynamic) = dynamic else {
            return Ok(false);
        };
        let count = usize::from(self.header.e_shnum);
        let size = SectionHeader::size(self.ctx);
        if count == 0 || usize::from(self.header.e_shentsize) != size {
            return Ok(false);
        }
        let length = (count * size) as u64;
        let bytes = match self.bytes(self.header.e_shoff, length, "section headers") {
            Err(ElfError::Malformed(_)) => return Ok(false),
            bytes => bytes?,
        };
        let sections = SectionHeader::parse_from(&bytes, 0, count, self.ctx).unwrap_or_default();
        Ok(sections.iter().any(|section| {
            section.sh_type == SHT_NOBITS
                && section.sh_addr == dynamic.p_vaddr
                && section.sh_size == dynamic.p_memsz
        }))
    }

    /// The kind according to the header alone, which does not mark position-independent programs.
    fn kind(&self) -> Kind {
        match self.header.e_type {
            ET_EXEC => Kind::Program,
            ET_DYN => Kind::Library,
            _ => Kind::Other,
        }
    }

    /// Reads the notes about libraries that the file, which can be loaded, opens at run time. They are
    /// in `PT_NOTE` segments, because linkers put every note that is loaded into one.
    pub fn dlopen_notes(&self) -> Result<Notes> {
        let mut found = Notes::default();
        let segments = self.program_headers()?;
        // A `.debug` file has the notes of the file that it belongs to.
        if dynamic(&segments).is_none() {
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
            found.add_segment(&bytes, segment.p_align, self.ctx);
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

    /// Exactly these bytes of the file; the caller has capped `length`.
    fn bytes(&self, offset: u64, length: u64, what: &str) -> Result<Vec<u8>> {
        read_exactly(self.file, offset, length, what)
    }

    /// The entries of the dynamic section up to `DT_NULL`: the loader does not use its size.
    fn dynamic_entries(
        &self,
        segment: &ProgramHeader,
        loaded: &[ProgramHeader],
    ) -> Result<Vec<Dyn>> {
        let place = Mapped::at(loaded, segment.p_vaddr, "PT_DYNAMIC")?;
        let stated = usize::try_from(segment.p_filesz).unwrap_or(usize::MAX);
        for is_all in [false, true] {
            let bytes = if is_all {
                place.read_on(self.file, MAX_DYNAMIC)?
            } else {
                place.read(self.file, stated.min(MAX_DYNAMIC))?
            };
            // goblin wants a program header, and ends at `DT_NULL`, too.
            let whole = ProgramHeader {
                p_type: PT_DYNAMIC,
                p_filesz: bytes.len() as u64,
                ..ProgramHeader::default()
            };
            let Ok(Some(Dynamic { mut dyns, .. })) = Dynamic::parse(&bytes, &[whole], self.ctx)
            else {
                return malformed("an unreadable dynamic section");
            };
            if dyns.last().is_some_and(|last| last.d_tag == DT_NULL) {
                dyns.pop();
                return Ok(dyns);
            }
        }
        malformed("a dynamic section without an end")
    }

    /// Reads the dynamic section into `object`; returns whether it has a string table.
    fn read_dynamic(
        &self,
        segment: &ProgramHeader,
        loaded: &[ProgramHeader],
        object: &mut Object,
    ) -> Result<bool> {
        let entries = self.dynamic_entries(segment, loaded)?;
        // As in `elf_get_dynamic_info`, the last entry of a tag counts.
        let value = |tag| {
            let entry = entries.iter().rfind(|entry| entry.d_tag == tag);
            entry.map(|entry| entry.d_val)
        };
        let flags = value(DT_FLAGS_1).unwrap_or(0);
        object.no_default_libraries = flags & DF_1_NODEFLIB != 0;
        if flags & DF_1_PIE != 0 {
            object.kind = Kind::Program;
        }
        let Some(address) = value(DT_STRTAB) else {
            let has_strings = entries
                .iter()
                .any(|entry| [DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH].contains(&entry.d_tag));
            return if has_strings {
                malformed("names without a string table")
            } else {
                Ok(false)
            };
        };
        let mut strings = StringTable::new(self.file, Mapped::at(loaded, address, "DT_STRTAB")?);
        let mut needed: Vec<Arc<OsStr>> = Vec::new();
        let mut auxiliary: Vec<Arc<OsStr>> = Vec::new();
        for entry in &entries {
            let count = needed.len() + auxiliary.len();
            match entry.d_tag {
                DT_NEEDED | DT_FILTER | DT_AUXILIARY if count == MAX_NEEDED => {
                    return malformed("too many needed libraries");
                }
                DT_NEEDED | DT_FILTER => {
                    let name = strings.get(entry.d_val, MAX_NAME)?;
                    needed.push(name.into());
                }
                DT_AUXILIARY => {
                    let name = strings.get(entry.d_val, MAX_NAME)?;
                    auxiliary.push(name.into());
                }
                _ => {}
            }
        }
        let mut string = |tag, limit| {
            value(tag)
                .map(|offset| strings.get(offset, limit))
                .transpose()
        };
        if object.kind == Kind::Program {
            for tag in [DT_AUDIT, DT_DEPAUDIT] {
                let names = string(tag, MAX_PATH_LIST)?.unwrap_or_default();
                let names = names.as_bytes().split(|&byte| byte == b':');
                let names = names.filter(|name| !name.is_empty());
                let names = names.map(|name| Arc::from(OsStr::from_bytes(name)));
                auxiliary.extend(names);
            }
        }
        object.needed = needed.into();
        object.auxiliary = auxiliary.into();
        object.soname = string(DT_SONAME, MAX_NAME)?.map(Arc::from);
        object.runpath = string(DT_RUNPATH, MAX_PATH_LIST)?.map(Arc::from);
        if object.runpath.is_none() {
            object.rpath = string(DT_RPATH, MAX_PATH_LIST)?.map(Arc::from);
        }
        if let Some(address) = value(DT_VERNEED) {
            let place = Mapped::at(loaded, address, "DT_VERNEED")?;
            object.required_versions =
                symbol_versions::required(self.file, self.ctx, place, &mut strings)?;
            object.unneeded = unneeded(object);
        }
        if let Some(address) = value(DT_VERDEF) {
            let place = Mapped::at(loaded, address, "DT_VERDEF")?;
            object.defined_versions =
                symbol_versions::defined(self.file, self.ctx, place, &mut strings)?;
        }
        Ok(true)
    }
}

fn unneeded(object: &Object) -> Box<[Arc<OsStr>]> {
    let mut names: Vec<Arc<OsStr>> = Vec::new();
    for RequiredVersion { library, .. } in &object.required_versions {
        // The records of one library follow one another.
        if names.last() != Some(library) && !object.needed.contains(library) {
            names.push(Arc::clone(library));
        }
    }
    names.into_boxed_slice()
}

/// The dynamic section, if there is one: the last one counts (`_dl_map_object_from_fd`). In a `.debug`
/// file, its program header has no content.
fn dynamic(segments: &[ProgramHeader]) -> Option<&ProgramHeader> {
    segments
        .iter()
        .rfind(|segment| segment.p_type == PT_DYNAMIC && segment.p_filesz > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek as _, SeekFrom, Write as _};

    /// An ELF note of owner `FDO` with this text.
    fn note(text: &str, is_little: bool) -> Vec<u8> {
        let mut note = Vec::new();
        for number in [4, text.len() as u64 + 1, 0x407c_0c0a] {
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

    /// A library with a dynamic section and a segment of `notes` that states a size of `claimed`
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
        // With the alignment of another section, the notes may lie anywhere.
        let mut file = library(&torn, torn.len() as u64, true, true);
        file.seek(SeekFrom::Start(64 + 56 + 48)).unwrap();
        file.write_all(&[16]).unwrap();
        let read = self::read(&file);
        assert_eq!((read.notes.len(), read.faults.len()), (1, 0));
    }
}
