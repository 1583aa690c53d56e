//! Where a file lies in memory: the loader maps whole pages (`_dl_map_segments` in glibc's
//! `elf/dl-map-segments.h`, `elf_load` in the kernel's `fs/binfmt_elf.c`).

use crate::elf::bytes::{Result, malformed, read_up_to};
use goblin::elf::ProgramHeader;
use std::fs::File;

/// The smallest page of any architecture. With larger ones, more of the file is mapped.
const PAGE: u64 = 4096;

/// Memory from an address on.
#[derive(Clone, Copy)]
pub struct Mapped<'a> {
    loaded: &'a [ProgramHeader],
    address: u64,
}

/// Memory that one segment fills.
struct Piece {
    /// Where it begins in the file.
    offset: u64,
    /// How much of it is the content of the file. The rest is zero.
    content: u64,
    length: u64,
}

impl<'a> Mapped<'a> {
    /// The memory at `address`.
    pub fn at(loaded: &'a [ProgramHeader], address: u64, what: &str) -> Result<Self> {
        let mapped = Self { loaded, address };
        if mapped.piece().is_none() {
            return malformed(format!("{what} lies outside the file's segments"));
        }
        Ok(mapped)
    }

    /// The memory `distance` bytes further on; `None` if it is not mapped.
    pub fn after(self, distance: u64) -> Option<Self> {
        let address = self.address.checked_add(distance)?;
        let mapped = Self { address, ..self };
        mapped.piece().is_some().then_some(mapped)
    }

    /// The first piece. Pages of a later segment replace those of an earlier one.
    fn piece(self) -> Option<Piece> {
        let address = self.address;
        let mut next = u64::MAX;
        for load in self.loaded.iter().rev() {
            let start = page_start(load.p_vaddr);
            let data_end = load.p_vaddr.checked_add(load.p_filesz)?;
            let page_end = data_end.checked_next_multiple_of(PAGE)?;
            let end = load.p_vaddr.checked_add(load.p_memsz)?;
            if start > address {
                next = next.min(start);
            } else if address < page_end.max(end) {
                // The loader clears what follows the data, if the segment goes on in memory.
                let content_end = if end > data_end { data_end } else { page_end };
                return Some(Piece {
                    offset: page_start(load.p_offset).checked_add(address - start)?,
                    content: content_end.min(next).saturating_sub(address),
                    length: page_end.max(end).min(next) - address,
                });
            }
        }
        None
    }

    /// The first `size` bytes, or fewer if they lie in several segments or the memory ends before.
    pub fn read(self, file: &File, size: usize) -> Result<Vec<u8>> {
        self.piece()
            .map_or_else(|| Ok(Vec::new()), |piece| piece.read(file, size))
    }

    /// The first `size` bytes from all segments that follow one another in memory, or fewer if the
    /// memory ends before.
    pub fn read_on(self, file: &File, size: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(rest) = self.after(bytes.len() as u64) {
            let more = rest.read(file, size - bytes.len())?;
            if more.is_empty() {
                break;
            }
            bytes.extend(more);
        }
        Ok(bytes)
    }
}

impl Piece {
    /// A file that ends inside a page is followed by zeros to the end of the page; beyond, access
    /// raises SIGBUS.
    fn read(&self, file: &File, size: usize) -> Result<Vec<u8>> {
        let clamp = |length: u64| usize::try_from(length).unwrap_or(usize::MAX).min(size);
        let content = clamp(self.content);
        let mut bytes = vec![0; content];
        let read = read_up_to(file, &mut bytes, self.offset)?;
        let length = if read < content {
            let end = self.offset.saturating_add(read as u64);
            let end = end.checked_next_multiple_of(PAGE).unwrap_or(end);
            clamp(end - self.offset).min(content)
        } else {
            clamp(self.length)
        };
        bytes.resize(length, 0);
        Ok(bytes)
    }
}

/// Refuses what the loader or the kernel would not map from a file of `length` bytes. Returns how many
/// bytes of the segments the file lacks in its last page.
pub fn check(loaded: &[ProgramHeader], length: u64) -> Result<u64> {
    if loaded
        .iter()
        .any(|load| load.p_vaddr % PAGE != load.p_offset % PAGE)
    {
        return malformed("a segment's address and offset differ within a page");
    }
    // Linkers give a segment without content an offset that may lie beyond the end of the file.
    let ends = loaded
        .iter()
        .filter(|load| load.p_filesz > 0)
        .map(|load| load.p_offset.saturating_add(load.p_filesz));
    let end = ends.max().unwrap_or(0);
    // The loader could map it, but using a page beyond the end of the file raises SIGBUS.
    if end > length.saturating_add(PAGE - 1) / PAGE * PAGE {
        return malformed(format!(
            "a segment ends at byte {end}, but the file has {length}"
        ));
    }
    Ok(end.saturating_sub(length))
}

fn page_start(address: u64) -> u64 {
    address - address % PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_without_content_may_lie_beyond_the_end_of_the_file() {
        let load = |p_offset, p_filesz| ProgramHeader {
            p_offset,
            p_filesz,
            ..ProgramHeader::default()
        };
        assert!(check(&[load(0, 100), load(PAGE, 0)], 100).is_ok());
        assert!(check(&[load(0, 100), load(PAGE, 1)], 100).is_err());
    }
}
