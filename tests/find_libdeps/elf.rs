//! ELF files read and changed by hand, to make what no linker writes: 64-bit, little-endian.

use std::fs;
use std::path::Path;

/// Offsets in the ELF header.
pub const CLASS: usize = 4;
pub const DATA: usize = 5;
pub const OS_ABI: usize = 7;
pub const TYPE: usize = 16;
pub const MACHINE: usize = 18;
pub const PROGRAM_HEADERS: usize = 32;
pub const SECTION_HEADERS: usize = 40;
pub const PROGRAM_HEADER_SIZE: usize = 54;
pub const PROGRAM_HEADER_COUNT: usize = 56;
pub const SECTION_HEADER_COUNT: usize = 60;

/// Types of segments.
pub const LOAD: u64 = 1;
pub const DYNAMIC: u64 = 2;

/// Offsets in a program header.
pub const SEGMENT_FLAGS: usize = 4;
pub const SEGMENT_OFFSET: usize = 8;
pub const SEGMENT_ADDRESS: usize = 16;
pub const SEGMENT_FILE_SIZE: usize = 32;
pub const SEGMENT_MEMORY_SIZE: usize = 40;

/// The size of a page.
pub const PAGE: usize = 4096;

/// Tags of dynamic entries.
pub const DT_NULL: u64 = 0;
pub const DT_NEEDED: u64 = 1;
pub const DT_STRTAB: u64 = 5;
pub const DT_SONAME: u64 = 14;
pub const DT_RUNPATH: u64 = 29;
pub const DT_RPATH: u64 = 15;
pub const DT_VERNEED: u64 = 0x6fff_fffe;
pub const DT_VERNEEDNUM: u64 = 0x6fff_ffff;

/// `e_machine` of other architectures.
pub const I386: u16 = 3;
pub const S390X: u16 = 22;
pub const AARCH64: u16 = 183;

/// The bytes of a file.
#[derive(Clone)]
pub struct Elf(pub Vec<u8>);

/// One program header.
pub struct Segment {
    pub kind: u64,
    /// Where the header lies.
    pub header: usize,
    pub offset: usize,
    pub size: usize,
}

impl Elf {
    pub fn read(path: &Path) -> Self {
        Self(fs::read(path).expect("the fixture is there"))
    }

    /// The number of `length` bytes at `at`.
    fn number(&self, at: usize, length: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(&self.0[at..at + length]);
        u64::from_le_bytes(bytes)
    }

    fn index(&self, at: usize, length: usize) -> usize {
        usize::try_from(self.number(at, length)).expect("a 64-bit machine")
    }

    /// The number of eight bytes at `at`.
    pub fn number_at(&self, at: usize) -> u64 {
        self.number(at, 8)
    }

    /// The value of the first dynamic entry `tag`: in the first segment, addresses and offsets are
    /// equal.
    pub fn index_of(&self, tag: u64) -> usize {
        self.index(self.entry(tag) + 8, 8)
    }

    /// Overwrites what lies at `at`.
    pub fn put(&mut self, at: usize, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        self.0[at..at + value.len()].copy_from_slice(value);
    }

    /// Overwrites the number of eight bytes at `at`.
    pub fn put_number(&mut self, at: usize, value: usize) {
        self.put(at, (value as u64).to_le_bytes());
    }

    pub fn segments(&self) -> Vec<Segment> {
        let start = self.index(PROGRAM_HEADERS, 8);
        (0..self.index(PROGRAM_HEADER_COUNT, 2))
            .map(|index| start + index * 56)
            .map(|header| Segment {
                kind: self.number(header, 4),
                header,
                offset: self.index(header + 8, 8),
                size: self.index(header + 32, 8),
            })
            .collect()
    }

    /// The segment of the dynamic section.
    pub fn dynamic(&self) -> Segment {
        let mut all = self.segments().into_iter();
        all.find(|segment| segment.kind == DYNAMIC)
            .expect("it is dynamic")
    }

    /// Where the header of the section at `address` lies; its type follows its name after four bytes.
    pub fn section_header(&self, address: u64) -> usize {
        let start = self.index(SECTION_HEADERS, 8);
        (0..self.index(SECTION_HEADER_COUNT, 2))
            .map(|index| start + index * 64)
            .find(|&header| self.number_at(header + 16) == address)
            .expect("it has the section")
    }

    /// The last segment that is loaded.
    pub fn last_loaded(&self) -> Segment {
        let mut all = self.segments().into_iter();
        all.rfind(|segment| segment.kind == LOAD)
            .expect("it is loaded")
    }

    /// Where the content that is loaded ends.
    pub fn loaded_end(&self) -> usize {
        let last = self.last_loaded();
        last.offset + last.size
    }

    /// Where the first dynamic entry `tag` lies; its value follows the tag after eight bytes.
    pub fn entry(&self, tag: u64) -> usize {
        let dynamic = self.dynamic();
        (dynamic.offset..dynamic.offset + dynamic.size)
            .step_by(16)
            .find(|&at| self.number(at, 8) == tag)
            .expect("it has the entry")
    }

    pub fn put_entry(&mut self, tag: u64, value: u64) {
        let at = self.entry(tag) + 8;
        self.put(at, value.to_le_bytes());
    }

    /// Adds a dynamic entry `tag` with the value of the entry `like`, in a place that the linker
    /// keeps spare.
    pub fn add_entry(&mut self, tag: u64, like: u64) {
        let value = self.number(self.entry(like) + 8, 8);
        let at = self.entry(DT_NULL);
        self.put(at, tag.to_le_bytes());
        self.put(at + 8, value.to_le_bytes());
    }

    /// Where the version records lie.
    pub fn version_records(&self) -> usize {
        self.index_of(DT_VERNEED)
    }

    /// The only place where `bytes` lie.
    #[track_caller]
    pub fn find(&self, bytes: &[u8]) -> usize {
        let windows = self.0.windows(bytes.len()).enumerate();
        let mut places = windows.filter(|(_, window)| *window == bytes);
        let (Some((at, _)), None) = (places.next(), places.next()) else {
            panic!("these bytes are not in one place");
        };
        at
    }

    /// Moves the program headers to the end of the file, which becomes `length` bytes before them.
    pub fn move_program_headers(&mut self, length: usize) {
        let start = self.index(PROGRAM_HEADERS, 8);
        let size = 56 * self.index(PROGRAM_HEADER_COUNT, 2);
        let headers = self.0[start..start + size].to_vec();
        self.0[start..start + size].fill(0);
        self.0.resize(length, 0);
        self.put(PROGRAM_HEADERS, (length as u64).to_le_bytes());
        self.0.extend(headers);
    }
}

/// A library that needs the names at the offsets `needed` of `strings`, and has the RUNPATH at the
/// offset `runpath`.
pub fn needing(needed: impl IntoIterator<Item = usize>, runpath: usize, strings: &[u8]) -> Vec<u8> {
    const DYNAMIC_AT: usize = 64 + 2 * 56;
    let needed = needed.into_iter().map(|offset| (DT_NEEDED, offset));
    let mut entries: Vec<(u64, usize)> = needed.chain([(DT_RUNPATH, runpath)]).collect();
    let size = 16 * (entries.len() + 2);
    entries.extend([(DT_STRTAB, DYNAMIC_AT + size), (DT_NULL, 0)]);
    let whole = DYNAMIC_AT + size + strings.len();

    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    // ET_DYN, EM_X86_64
    file.extend([3, 0, 62, 0, 1, 0, 0, 0]);
    let number = |number: usize| (number as u64).to_le_bytes();
    for value in [0, 64, 0] {
        file.extend(number(value));
    }
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    for (kind, at, size) in [(LOAD, 0, whole), (DYNAMIC, DYNAMIC_AT, size)] {
        // Readable.
        file.extend((kind | 4 << 32).to_le_bytes());
        for value in [at, at, at, size, size, 8] {
            file.extend(number(value));
        }
    }
    for (tag, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(number(value));
    }
    file.extend(strings);
    file
}

/// Changes a file in its place.
pub fn change(path: impl AsRef<Path>, change: impl FnOnce(&mut Elf)) {
    let mut elf = Elf::read(path.as_ref());
    change(&mut elf);
    fs::write(path, elf.0).expect("it can be written");
}
