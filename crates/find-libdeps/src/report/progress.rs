//! A spinner on standard error, only on a terminal and only for work that takes a while. It is
//! cleared at the end.

use indicatif::ProgressBar;
use std::io::{IsTerminal as _, stderr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// No spinner is shown before this.
const PATIENCE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(100);

/// Runs `work`, which counts the files that it reads, with a spinner if `is_wanted` and standard error
/// is a terminal.
pub fn shown<T>(is_wanted: bool, work: impl FnOnce(&AtomicUsize) -> T) -> T {
    let files = AtomicUsize::new(0);
    if !is_wanted || !stderr().is_terminal() {
        return work(&files);
    }
    thread::scope(|scope| {
        let (done, is_done) = channel::<()>();
        let files = &files;
        scope.spawn(move || {
            let is_working = |wait| is_done.recv_timeout(wait) == Err(RecvTimeoutError::Timeout);
            if !is_working(PATIENCE) {
                return;
            }
            let bar = ProgressBar::new_spinner();
            while is_working(TICK) {
                bar.set_message(format!("{} files read", files.load(Ordering::Relaxed)));
                bar.tick();
            }
            bar.finish_and_clear();
        });
        let result = work(files);
        drop(done);
        result
    })
}
