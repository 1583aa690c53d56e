//! The format of `/etc/ld.so.cache`, as glibc's `elf/cache.c` writes it and `elf/dl-cache.c` reads
//! it (`sysdeps/generic/dl-cache.h`).
//!
//! No file is read here. Every offset is checked; an entry that points outside the file is skipped,
//! as the loader does.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// The format before glibc 2.2; `ldconfig -c compat` writes it in front of the new one.
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0";
const OLD_HEADER: usize = 16;
const OLD_ENTRY: usize = 12;
/// `PATH_MAX`: a longer string could not be opened.
const MAX_STRING: usize = 4096;
/// How many strings may share one byte: in ldconfig's caches a name is the end of its path.
const MAX_SHARING: usize = 4;
/// `cache_file_new_flags_endian_big`
const BIG_ENDIAN: u8 = 3;

/// A library that ldconfig found.
#[derive(Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// Its soname.
    pub name: OsString,
    /// Its file.
    pub path: PathBuf,
    /// The format and architecture of the file, as in [`Architecture::cache_flags`].
    ///
    /// [`Architecture::cache_flags`]: crate::system::architecture::Architecture::cache_flags
    pub flags: u32,
    /// Whether only some processors of the architecture can use it: bit 62 of `hwcap` marks a
    /// subdirectory of `glibc-hwcaps`; lower bits are hardware capabilities of glibc before 2.37.
    pub is_for_some_processors: bool,
}

/// The entries of a cache file in its order, in which the loader uses the first of equal names.
/// `None` if the loader would not use this cache.
pub fn parse(bytes: &[u8]) -> Option<Vec<CacheEntry>> {
    let bytes = if bytes.starts_with(OLD_MAGIC) {
        bytes.get(embedded(bytes)?..)?
    } else {
        bytes
    };
    if !bytes.starts_with(MAGIC) || bytes.len() < HEADER {
        return None;
    }
    let is_big_endian = bytes[28] & 3 == BIG_ENDIAN;
    let number = |at: usize| number(bytes, at, is_big_endian);
    let count = usize::try_from(number(20)?).ok()?;
    if count > (bytes.len() - HEADER) / ENTRY {
        return None;
    }
    let entry = |index: usize| {
        let at = HEADER + index * ENTRY;
        let (low, high) = (u64::from(number(at + 16)?), u64::from(number(at + 20)?));
        let hwcap = if is_big_endian {
            low << 32 | high
        } else {
            high << 32 | low
        };
        Some(CacheEntry {
            flags: number(at)?,
            name: string(bytes, number(at + 4)?)?.to_owned(),
            path: string(bytes, number(at + 8)?)?.into(),
            is_for_some_processors: hwcap != 0,
        })
    };
    let mut left = bytes.len().saturating_mul(MAX_SHARING);
    let mut entries = Vec::new();
    for entry in (0..count).filter_map(entry) {
        left = left.checked_sub(entry.name.len() + entry.path.as_os_str().len())?;
        entries.push(entry);
    }
    Some(entries)
}

/// The offset of the new format in a file that begins with the old one: after the old entries,
/// aligned.
fn embedded(bytes: &[u8]) -> Option<usize> {
    let start = |is_big_endian| {
        let count = usize::try_from(number(bytes, 12, is_big_endian)?).ok()?;
        let end = count.checked_mul(OLD_ENTRY)?.checked_add(OLD_HEADER)?;
        let start = end.next_multiple_of(8);
        bytes.get(start..)?.starts_with(MAGIC).then_some(start)
    };
    start(false).or_else(|| start(true))
}

fn number(bytes: &[u8], at: usize, is_big_endian: bool) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(if is_big_endian {
        u32::from_be_bytes(four)
    } else {
        u32::from_le_bytes(four)
    })
}

fn string(bytes: &[u8], at: u32) -> Option<&OsStr> {
    let rest = bytes.get(usize::try_from(at).ok()?..)?;
    let rest = &rest[..rest.len().min(MAX_STRING)];
    let length = rest.iter().position(|&byte| byte == 0)?;
    Some(OsStr::from_bytes(&rest[..length]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache of one library, in either byte order.
    fn cache(big: bool, hwcap: u64) -> Vec<u8> {
        let four = |value: u32| {
            if big {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            }
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend(four(1));
        bytes.extend(four(20));
        bytes.extend([if big { 3 } else { 2 }, 0, 0, 0]);
        bytes.resize(HEADER, 0);
        bytes.extend(four(0x303));
        bytes.extend(four(72));
        bytes.extend(four(77));
        bytes.extend(four(0));
        bytes.extend(if big {
            hwcap.to_be_bytes()
        } else {
            hwcap.to_le_bytes()
        });
        bytes.extend(b"a.so\0/lib/a.so\0");
        bytes
    }

    fn entry(is_for_some_processors: bool) -> CacheEntry {
        CacheEntry {
            name: "a.so".into(),
            path: "/lib/a.so".into(),
            flags: 0x303,
            is_for_some_processors,
        }
    }

    #[test]
    fn a_cache_is_read_in_either_byte_order() {
        assert_eq!(parse(&cache(false, 0)), Some(vec![entry(false)]));
        assert_eq!(parse(&cache(true, 1 << 62)), Some(vec![entry(true)]));
    }

    #[test]
    fn the_new_format_is_found_after_the_old_one() {
        let mut bytes = OLD_MAGIC.to_vec();
        bytes.push(0);
        bytes.extend(1_u32.to_le_bytes());
        bytes.resize(OLD_HEADER + OLD_ENTRY, 0);
        bytes.resize(32, 0);
        bytes.extend(cache(false, 0));
        assert_eq!(parse(&bytes), Some(vec![entry(false)]));
        assert_eq!(parse(&bytes[..32]), None);
    }

    #[test]
    fn strings_that_share_their_bytes_do_not_multiply() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(100_u32.to_le_bytes());
        bytes.extend([0, 0, 0, 0, 2]);
        bytes.resize(HEADER, 0);
        let strings = HEADER + 100 * ENTRY;
        for _ in 0..100 {
            let at = u32::try_from(strings).unwrap().to_le_bytes();
            bytes.extend([&[0; 4][..], &at, &at, &[0; 12]].concat());
        }
        bytes.resize(strings + 10, b'x');
        bytes.push(0);
        assert_eq!(parse(&bytes).map(|entries| entries.len()), Some(100));
        bytes.resize(strings + 1000, b'x');
        bytes[strings + 10] = b'x';
        bytes.push(0);
        assert_eq!(parse(&bytes), None);
    }

    #[test]
    fn a_truncated_cache_has_no_entries() {
        let bytes = cache(false, 0);
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).is_none_or(|entries| entries.is_empty()));
        }
        let mut absurd = bytes;
        absurd[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(parse(&absurd), None);
    }
}
