//! Changes inputs so that they stay close to a format: with its words, with numbers of a header, with
//! pieces repeated until a quadratic reader is slow. libFuzzer's own mutations do the rest.

use crate::FORMAT;
use find_libdeps::fuzzing::Format;
use libfuzzer_sys::fuzzer_mutate;

/// Numbers at which a check of a size or an offset may be wrong.
const NUMBERS: [u64; 16] = [
    0,
    1,
    2,
    3,
    4,
    8,
    16,
    0x18,
    0x40,
    0x1000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x6fff_fffe,
    i64::MAX as u64,
    u64::MAX,
];
/// Changes the first `size` bytes of `data`; returns how many are the new input, at most `max_size`.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let format: &Format = &FORMAT;
    let mut random = Random(u64::from(seed) | 1 << 32);
    let mut bytes = data[..size].to_vec();
    match random.below(32) {
        _ if size < 2 => bytes = start(format, &mut random),
        0 => bytes = start(format, &mut random),
        1..=8 if !format.words.is_empty() => insert_word(&mut bytes, format.words, &mut random),
        9..=14 if format.is_binary => put_number(&mut bytes, &mut random),
        9..=11 => swap_lines(&mut bytes, &mut random),
        12..=14 => put_digits(&mut bytes, &mut random),
        15..=16 => repeat(&mut bytes, max_size, &mut random),
        _ => return fuzzer_mutate(data, size, max_size),
    }
    bytes.truncate(max_size);
    data[..bytes.len()].copy_from_slice(&bytes);
    bytes.len()
}

fn start(format: &Format, random: &mut Random) -> Vec<u8> {
    let mut seeds = (format.seeds)();
    if seeds.is_empty() {
        return b"\n".to_vec();
    }
    seeds.swap_remove(random.below(seeds.len()))
}

/// Puts a word somewhere, in place of as many bytes or between them.
fn insert_word(bytes: &mut Vec<u8>, words: &[&str], random: &mut Random) {
    let word = words[random.below(words.len())].as_bytes();
    let at = random.below(bytes.len() + 1);
    let end = if random.below(2) == 0 {
        at
    } else {
        bytes.len().min(at + word.len())
    };
    bytes.splice(at..end, word.iter().copied());
}

/// Puts a number of a header somewhere, aligned, in either byte order.
fn put_number(bytes: &mut [u8], random: &mut Random) {
    let width = [1, 2, 4, 8][random.below(4)];
    if bytes.len() < width {
        return;
    }
    // Headers come first.
    let reach = if random.below(2) == 0 {
        512
    } else {
        usize::MAX
    };
    let at = random.below((bytes.len() - width + 1).min(reach)) / width * width;
    let number = match random.below(4) {
        0 => random.below(bytes.len() + 1) as u64,
        1 => random.below(64) as u64,
        2 => {
            // One that stands elsewhere, or one beside it.
            let from = random.below(bytes.len() - width + 1) / width * width;
            let mut eight = [0; 8];
            eight[..width].copy_from_slice(&bytes[from..from + width]);
            u64::from_le_bytes(eight).wrapping_add(random.below(3) as u64)
        }
        _ => NUMBERS[random.below(NUMBERS.len())],
    };
    let number = if random.below(4) == 0 {
        number.to_be_bytes()[8 - width..].to_vec()
    } else {
        number.to_le_bytes()[..width].to_vec()
    };
    bytes[at..at + width].copy_from_slice(&number);
}

/// Exchanges two lines, or puts one in place of another.
fn swap_lines(bytes: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<Vec<u8>> = bytes
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let (one, other) = (random.below(lines.len()), random.below(lines.len()));
    if random.below(2) == 0 {
        lines.swap(one, other);
    } else {
        lines[one] = lines[other].clone();
    }
    *bytes = lines.join(&b'\n');
}

/// Replaces a digit by a number.
fn put_digits(bytes: &mut Vec<u8>, random: &mut Random) {
    let digits: Vec<usize> = (0..bytes.len())
        .filter(|&at| bytes[at].is_ascii_digit())
        .collect();
    if digits.is_empty() {
        return;
    }
    let at = digits[random.below(digits.len())];
    let number = NUMBERS[random.below(NUMBERS.len())].to_string();
    bytes.splice(at..=at, number.into_bytes());
}

/// Repeats a piece, often a line, in its place.
fn repeat(bytes: &mut Vec<u8>, max_size: usize, random: &mut Random) {
    let start = random.below(bytes.len());
    let longest = [8, 64, 512][random.below(3)];
    let mut end = (start + 1 + random.below(longest)).min(bytes.len());
    if random.below(2) == 0 {
        let line = bytes[start..].iter().position(|&byte| byte == b'\n');
        end = line.map_or(end, |line| start + line + 1);
    }
    let room = max_size.saturating_sub(bytes.len());
    let piece = repeated(&bytes[start..end], random.below(room + 1), random.next());
    bytes.splice(end..end, piece);
}

/// `piece` repeated up to this size, all the same or each with its number in it.
pub fn repeated(piece: &[u8], size: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let number_at = (random.below(2) == 0).then(|| random.below(piece.len()));
    let mut all = Vec::new();
    for number in 0_usize.. {
        let digits = number_at.map(|_| number.to_string()).unwrap_or_default();
        if all.len() + piece.len() + digits.len() > size {
            break;
        }
        let (before, after) = piece.split_at(number_at.unwrap_or(0));
        all.extend_from_slice(before);
        all.extend(digits.bytes());
        all.extend_from_slice(after);
    }
    all
}

/// A generator of pseudo-random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut next = self.0;
        next = (next ^ next >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        next = (next ^ next >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        next ^ next >> 31
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or(0)
    }
}
