//! What all targets share: the limits for an input, and how inputs are made.
//!
//! There is no corpus in the repository: the formats of find-libdeps state valid inputs themselves
//! (`formats/`), and the mutator begins with those.

mod mutator;

pub use mutator::mutate;

use find_libdeps::fuzzing::{FORMATS, Format};
use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};
use std::sync::LazyLock;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The memory that an input may take, in bytes: at most 64 MiB for 1 MiB.
const MEMORY_OF_ANY: usize = 8 << 20;
const MEMORY_OF_BYTE: usize = 56;
/// The time of the processor that an input may take, with everything that fuzzing adds.
const SECONDS: f64 = 2.0;

/// The size of the largest inputs.
const LARGEST: usize = 1 << 20;
/// How many inputs are followed by a large one: those are slow.
const ONE_IN: u64 = 512;

static FORMAT: LazyLock<&Format> = LazyLock::new(|| {
    let name = std::env::var("FORMAT").unwrap_or_default();
    let names = FORMATS.iter().map(|format| format.name);
    let names = names.collect::<Vec<_>>().join(", ");
    let format = FORMATS.iter().find(|format| format.name == name);
    format.unwrap_or_else(|| panic!("set FORMAT to one of: {names}"))
});

/// Checks `bytes` and, for some, a large input that is made from them. The same bytes are always
/// checked in the same way.
pub fn check(bytes: &[u8]) {
    check_limits(bytes);
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    if hash % ONE_IN == 0 && bytes.len() > 1 {
        check_limits(&mutator::repeated(bytes, LARGEST, hash / ONE_IN));
    }
}

/// Panics if the check fails, or takes too much.
fn check_limits(bytes: &[u8]) {
    let started = seconds();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    (FORMAT.check)(bytes);
    let memory = MEMORY.peak_usage() - before;
    let time = seconds() - started;
    let length = bytes.len();
    let allowed = MEMORY_OF_ANY + MEMORY_OF_BYTE * length;
    assert!(memory <= allowed, "{length} bytes take {memory} of memory");
    assert!(time <= SECONDS, "{length} bytes take {time:.1} seconds");
}

fn seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    #[allow(clippy::cast_precision_loss)] // small numbers
    let (seconds, nanoseconds) = (time.tv_sec as f64, time.tv_nsec as f64);
    seconds + nanoseconds / 1e9
}
