//! `SOURCE_DATE_EPOCH`: sets back the times of files that the run changed, so that two builds of a
//! layer are identical (<https://reproducible-builds.org/specs/source-date-epoch/>). Only files
//! that are already in the layer are touched: no file is copied up.

use super::mounts::Mounts;
use super::walk::{self, Entry, PathError};
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;

/// A time on the clock from which the kernel takes the times of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    seconds: i64,
    nanoseconds: i64,
}

impl Moment {
    /// The current time on the coarse clock, which file systems use. On the exact clock, a file
    /// changed right now would be slightly older than now.
    pub(crate) fn now() -> Self {
        let now = clock_gettime(ClockId::RealtimeCoarse);
        Self {
            seconds: now.tv_sec,
            nanoseconds: now.tv_nsec,
        }
    }
}

/// The times that set a modification time and leave the time of access as it is.
pub(super) fn modified(seconds: i64, nanoseconds: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds as _,
        },
    }
}

/// Sets the modification time of everything below `root` that changed since `start` and is newer
/// than `epoch` to `epoch` (seconds since 1970). Returns the failures.
pub(crate) fn clamp(root: &Path, mounts: &Mounts, start: Moment, epoch: i64) -> Vec<PathError> {
    let times = modified(epoch, 0);
    walk::walk(root, Path::new("/"), mounts, &mut |entry| {
        if is_newer(entry, start, epoch) {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::utimensat(entry.parent, entry.name, &times, flags)?;
        }
        Ok(())
    })
}

#[allow(clippy::cast_possible_wrap, clippy::unnecessary_cast)] // the types differ by platform
fn is_newer(entry: &Entry<'_>, start: Moment, epoch: i64) -> bool {
    let changed = Moment {
        seconds: entry.stat.st_ctime as i64,
        nanoseconds: entry.stat.st_ctime_nsec as i64,
    };
    let modified = (entry.stat.st_mtime as i64, entry.stat.st_mtime_nsec as i64);
    changed >= start && modified > (epoch, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::{Duration, SystemTime};

    #[test]
    fn only_changed_files_that_are_newer_are_set_back() {
        let root = tempfile::tempdir().expect("a directory");
        let path = |name| root.path().join(name);
        let seconds = |name| {
            let time = fs::symlink_metadata(path(name)).and_then(|data| data.modified());
            let since = time.map(|time| time.duration_since(SystemTime::UNIX_EPOCH));
            since.expect("a time").expect("after 1970").as_secs()
        };
        fs::write(path("before"), "").expect("a file");
        let untouched = seconds("before");
        // The coarse clock moves in steps of some milliseconds, and Linux 6.13 and later may stamp
        // a file with a finer time within the current step.
        std::thread::sleep(Duration::from_millis(50));
        let start = Moment::now();
        fs::create_dir(path("dir")).expect("a directory");
        fs::write(path("dir/new"), "").expect("a file");
        std::os::unix::fs::symlink("nowhere", path("dir/link")).expect("a link");
        let old = fs::File::create(path("dir/old")).expect("a file");
        old.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(7))
            .expect("a time");
        let failures = clamp(root.path(), &Mounts::default(), start, 1_700_000_000);
        assert!(failures.is_empty());
        for name in ["dir", "dir/new", "dir/link"] {
            assert_eq!(seconds(name), 1_700_000_000, "{name}");
        }
        assert_eq!((seconds("dir/old"), seconds("before")), (7, untouched));
    }
}
