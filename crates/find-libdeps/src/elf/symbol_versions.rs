//! The symbol versions that an object needs (`DT_VERNEED`) and defines (`DT_VERDEF`).

use crate::elf::bytes::{MAX_NAME, Result, malformed};
use crate::elf::mapping::Mapped;
use crate::elf::string_table::StringTable;
use goblin::container::Ctx;
use goblin::elf::SectionHeader;
use goblin::elf::section_header::{SHT_GNU_VERDEF, SHT_GNU_VERNEED};
use goblin::elf::symver::{VerdefSection, VerneedSection};
use std::ffi::OsStr;
use std::fs::File;
use std::sync::Arc;

/// Real files have some hundred versions.
const MAX_VERSIONS: usize = 4096;
/// The records are read in growing pieces up to this.
const PIECES: [usize; 3] = [1 << 12, 1 << 16, 1 << 20];
/// `VER_FLG_WEAK` in glibc's `elf/elf.h`.
const WEAK: u16 = 2;

/// One symbol version that an object needs of a library.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct RequiredVersion {
    /// The library, as in NEEDED.
    pub library: Arc<OsStr>,
    /// The version, such as `GLIBC_2.38`.
    pub version: Arc<OsStr>,
}

/// The needed versions without `VER_FLG_WEAK`, whose absence the loader treats as an error
/// (`_dl_check_map_versions` in glibc's `elf/dl-version.c`).
pub fn required(
    file: &File,
    ctx: Ctx,
    place: Mapped,
    strings: &mut StringTable,
) -> Result<Box<[RequiredVersion]>> {
    let records = records(file, place, |bytes| {
        let section = VerneedSection::parse(bytes, &[section(SHT_GNU_VERNEED, bytes)], ctx);
        let section = section.ok()??;
        let mut records = Vec::new();
        let mut ended = false;
        // They may overlap.
        let mut visited = 0;
        for need in &section {
            let mut left = need.vn_cnt;
            visited += 1;
            for version in &need {
                visited += 1;
                left = if version.vna_next == 0 { 0 } else { left - 1 };
                if version.vna_flags & WEAK == 0 {
                    records.push((need.vn_file as u64, version.vna_name as u64));
                }
                if visited > MAX_VERSIONS {
                    return None;
                }
            }
            if left > 0 || visited > MAX_VERSIONS {
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
                library: strings.get(library, MAX_NAME)?.into(),
                version: strings.get(version, MAX_NAME)?.into(),
            })
        })
        .collect()
}

/// The defined versions.
pub fn defined(
    file: &File,
    ctx: Ctx,
    place: Mapped,
    strings: &mut StringTable,
) -> Result<Box<[Arc<OsStr>]>> {
    let records = records(file, place, |bytes| {
        let section = VerdefSection::parse(bytes, &[section(SHT_GNU_VERDEF, bytes)], ctx);
        let section = section.ok()??;
        let mut records = Vec::new();
        let mut ended = false;
        for definition in &section {
            // The first name is the version's, the others are its parents'.
            records.push(definition.iter().next()?.vda_name as u64);
            if records.len() > MAX_VERSIONS {
                return None;
            }
            ended = definition.vd_next == 0;
        }
        ended.then_some(records)
    })?;
    records
        .into_iter()
        .map(|name| strings.get(name, MAX_NAME).map(Arc::from))
        .collect()
}

/// Reads version records, whose length no program header states: `parse` returns `None` if the
/// bytes end before the records do, and is called again with more.
fn records<T>(file: &File, place: Mapped, parse: impl Fn(&[u8]) -> Option<T>) -> Result<T> {
    for (index, size) in PIECES.into_iter().enumerate() {
        let bytes = match index {
            // They need few bytes, nearly always in one segment.
            0 => place.read(file, size)?,
            _ => place.read_on(file, size)?,
        };
        if let Some(records) = parse(&bytes) {
            return Ok(records);
        }
    }
    malformed("version records without an end")
}

/// A section header over `bytes`, because goblin wants one. Its number of records is unlimited: the
/// loader follows the records from one to the next, whatever the file states.
fn section(sh_type: u32, bytes: &[u8]) -> SectionHeader {
    SectionHeader {
        sh_type,
        sh_size: bytes.len() as u64,
        sh_info: u32::MAX,
        ..SectionHeader::default()
    }
}
