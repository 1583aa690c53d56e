//! The mounted file systems, from `/proc/self/mountinfo` (proc(5)).

use crate::system::root::Root;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// The types of the kernel's file systems, whose files are not on a disk.
const OF_KERNEL: [&[u8]; 20] = [
    b"binfmt_misc",
    b"bpf",
    b"cgroup",
    b"cgroup2",
    b"configfs",
    b"debugfs",
    b"devpts",
    b"devtmpfs",
    b"efivarfs",
    b"fusectl",
    b"hugetlbfs",
    b"mqueue",
    b"nsfs",
    b"proc",
    b"pstore",
    b"rpc_pipefs",
    b"securityfs",
    b"selinuxfs",
    b"sysfs",
    b"tracefs",
];

/// Where file systems of the kernel are mounted, as this process sees them, except inside one
/// another; none if `/proc` is not mounted. `/dev` of `root` is one whatever its type, because
/// containers have a tmpfs there.
pub fn of_kernel(root: &Root) -> BTreeSet<PathBuf> {
    let text = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    of_kernel_in(&text, &root.outer(Path::new("/dev")))
}

pub fn of_kernel_in(text: &[u8], dev: &Path) -> BTreeSet<PathBuf> {
    // The last of those that are mounted in one place is visible.
    let mut types: BTreeMap<PathBuf, &[u8]> = BTreeMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b' ');
        let point = fields.nth(4).map(unescaped);
        let kind = fields.skip_while(|field| *field != b"-").nth(1);
        if let (Some(point), Some(kind)) = (point, kind) {
            types.insert(point, kind);
        }
    }
    let mut points: BTreeSet<PathBuf> = BTreeSet::new();
    for (point, kind) in types {
        // They come in order: what lies in another directly follows it.
        let is_inside = points.last().is_some_and(|outer| point.starts_with(outer));
        if (point == dev || OF_KERNEL.contains(&kind)) && !is_inside {
            points.insert(point);
        }
    }
    points
}

/// A path in which space, tab, newline and backslash are written as `\` and three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut path = Vec::new();
    let mut rest = field;
    while let [first, after @ ..] = rest {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        path.push(byte.unwrap_or(*first));
        rest = &after[if byte.is_some() { 3 } else { 0 }..];
    }
    OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_file_systems_are_recognised_by_their_type() {
        let text = b"1 0 0:1 / / rw shared:1 - overlay overlay rw\n\
                     2 1 0:2 / /proc rw - proc proc rw\n\
                     3 2 0:3 / /proc/acpi ro - tmpfs tmpfs ro\n\
                     4 2 0:4 / /proc/sys/fs/binfmt_misc ro - binfmt_misc none ro\n\
                     5 1 0:5 / /dev rw master:1 propagate_from:2 - tmpfs tmpfs rw\n\
                     6 1 0:6 / /a\\040b rw - sysfs - rw\n\
                     7 1 0:7 / /over rw - proc proc rw\n\
                     8 7 0:8 / /over rw - ext4 /dev/sda rw\n\
                     torn line\n";
        let points = of_kernel_in(text, Path::new("/dev"));
        assert_eq!(points, ["/a b", "/dev", "/proc"].map(PathBuf::from).into());
    }
}
