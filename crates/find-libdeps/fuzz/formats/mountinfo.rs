//! `/proc/self/mountinfo`.

use super::{Format, files, texts};
use crate::system::mounts::of_kernel_in;
use std::path::Path;

pub const FORMAT: Format = Format {
    name: "mountinfo",
    check,
    seeds: || {
        let mut seeds = files(&["/proc/self/mountinfo"]);
        seeds.extend(texts(&[
            "2 1 0:2 / /proc rw shared:1 - proc proc rw\n3 2 0:3 / /a\\040b rw - sysfs - rw\n",
        ]));
        seeds
    },
    words: &[
        "\n", " ", " - ", "proc", "sysfs", "tmpfs", "\\040", "\\", "/dev", "/",
    ],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    let points = of_kernel_in(bytes, Path::new("/dev"));
    let total: usize = points.iter().map(|point| point.as_os_str().len()).sum();
    assert!(total <= bytes.len());
    // In this order, what lies in another follows it.
    let all: Vec<_> = points.iter().collect();
    assert!(!all.windows(2).any(|pair| pair[1].starts_with(pair[0])));
}
