//! Tests that register themselves, and the runner that `cargo test` starts.
//!
//! There are two tiers. A test that needs an archive of Debian packages, a Docker engine, an index of
//! Python packages or an optimised build runs only with [`SWITCH`] set; all others always run. A test
//! that is left out, or whose needs the machine does not meet, is counted as ignored, never as passed.

use super::limit;
use super::needs::Need;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::env;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// The environment variable with which the second tier runs too.
pub const SWITCH: &str = "FULL_TESTS";

/// The limits in seconds of a test that names none.
const LIMIT: u64 = 120;
const FULL_LIMIT: u64 = 900;

/// One registered test.
pub struct Test {
    /// Where it is defined, from the test program on.
    pub module: &'static str,
    pub name: &'static str,
    /// The case of a test with several; empty otherwise.
    pub case: &'static str,
    pub needs: &'static [Need],
    /// After this many seconds the test fails; 0 for the default of its tier.
    pub limit: u64,
    pub body: fn(),
}

inventory::collect!(Test);

/// Registers a function of this module as a test, under the module's path and the function's name:
///
/// ```text
/// test!(name);
/// test!(name, needs = &[Cc, Dpkg], limit = 300);
/// test!(name, on = [bookworm, trixie]);            // name("bookworm"), name("trixie")
/// test!(name, cases = [one(1, "x"), two(2, "y")]); // name(1, "x"), name(2, "y")
/// ```
///
/// Each case is a test `module::name::case`. A limit is in seconds.
macro_rules! test {
    ($name:ident $(, needs = $needs:expr)? $(, limit = $limit:expr)? $(,)?) => {
        $crate::support::harness::test!(@ $name, "", $name, [$($needs)?], [$($limit)?]);
    };
    ($name:ident $(, needs = $needs:expr)? $(, limit = $limit:expr)?, on = $cases:tt $(,)?) => {
        $crate::support::harness::test!(@on $name, $cases, [$($needs)?], [$($limit)?]);
    };
    ($name:ident $(, needs = $needs:expr)? $(, limit = $limit:expr)?, cases = $cases:tt $(,)?) => {
        $crate::support::harness::test!(@cases $name, $cases, [$($needs)?], [$($limit)?]);
    };
    (@on $name:ident, [$($case:ident),* $(,)?], $needs:tt, $limit:tt) => {
        $($crate::support::harness::test!(
            @ $name, stringify!($case), || $name(stringify!($case)), $needs, $limit
        );)*
    };
    (@cases $name:ident, [$($case:ident($($argument:expr),*)),* $(,)?], $needs:tt, $limit:tt) => {
        $($crate::support::harness::test!(
            @ $name, stringify!($case), || $name($($argument),*), $needs, $limit
        );)*
    };
    (@ $name:ident, $case:expr, $body:expr, [$($needs:expr)?], [$($limit:expr)?]) => {
        inventory::submit! {
            $crate::support::harness::Test {
                module: module_path!(),
                name: stringify!($name),
                case: $case,
                needs: $crate::support::harness::test!(@needs $($needs)?),
                limit: 0 $(+ $limit)?,
                body: $body,
            }
        }
    };
    (@needs) => { &[] };
    (@needs $needs:expr) => { $needs };
}
pub(crate) use test;

impl Test {
    /// The path of the test from the test program on: `cargo test` filters by it.
    fn path(&self) -> String {
        let module = self.module.split_once("::").map(|(_, module)| module);
        let parts = [module.unwrap_or_default(), self.name, self.case];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("::")
    }

    /// Whether it runs only with [`SWITCH`] set.
    fn is_of_second_tier(&self) -> bool {
        self.needs.iter().any(|need| need.is_of_second_tier())
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(match self.limit {
            0 if self.is_of_second_tier() => FULL_LIMIT,
            0 => LIMIT,
            seconds => seconds,
        })
    }

    fn trial(&'static self, is_full: bool) -> Trial {
        let is_left_out = self.is_of_second_tier() && !is_full;
        let trial = Trial::ignorable_test(self.path(), || self.run());
        if is_left_out {
            trial.with_kind(SWITCH).with_ignored_flag(true)
        } else {
            trial
        }
    }

    fn run(&'static self) -> Result<Completion, Failed> {
        let start = Instant::now();
        let result = limit::run(self.path(), self.limit(), || self.completion());
        times().push((start.elapsed().as_secs(), self.path()));
        result
    }

    fn completion(&self) -> Completion {
        let unmet = self.needs.iter().filter(|need| !need.is_met());
        let unmet: Vec<&str> = unmet.map(|need| need.name()).collect();
        if unmet.is_empty() {
            (self.body)();
            return Completion::Completed;
        }
        let reason = unmet.join(", ");
        *unmet_needs().entry(reason.clone()).or_default() += 1;
        Completion::ignored_with(format!("needs {reason}"))
    }
}

/// How long each test took, in seconds.
fn times() -> MutexGuard<'static, Vec<(u64, String)>> {
    static TIMES: Mutex<Vec<(u64, String)>> = Mutex::new(Vec::new());
    TIMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many tests were ignored for each set of unmet needs.
fn unmet_needs() -> MutexGuard<'static, BTreeMap<String, usize>> {
    static UNMET: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
    UNMET.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The registered tests in the order in which they start: those that may take longest first, so that
/// none of them runs alone at the end, and one of each module in turn, as tests of one module may wait
/// for the same fixture.
fn in_order() -> impl Iterator<Item = &'static Test> {
    let mut tests: Vec<&Test> = inventory::iter::<Test>().collect();
    tests.sort_by_key(|test| test.path());
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut tests: Vec<_> = tests
        .into_iter()
        .map(|test| {
            let turn = turns.entry(test.module).or_default();
            *turn += 1;
            (Reverse(test.limit()), *turn, test)
        })
        .collect();
    tests.sort_by_key(|(limit, turn, _)| (*limit, *turn));
    tests.into_iter().map(|(.., test)| test)
}

/// Runs the registered tests as `cargo test` expects it, and ends the process with their status.
pub fn main() -> ! {
    let mut arguments = Arguments::from_args();
    let is_full = env::var_os(SWITCH).is_some_and(|value| !value.is_empty() && value != "0");
    if is_full && arguments.test_threads.is_none() {
        // Half of the time goes by waiting: for archives, indexes and the disk.
        arguments.test_threads = available_parallelism().ok().map(|cores| 2 * cores.get());
    }
    let trials: Vec<Trial> = in_order().map(|test| test.trial(is_full)).collect();
    let is_left_out = |trial: &&Trial| {
        arguments.is_ignored(trial) && !arguments.is_filtered_out(trial) && !arguments.list
    };
    let left_out = trials.iter().filter(is_left_out).count();

    limit::stop_children_on_signals();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if left_out > 0 {
        let tests = counted(left_out);
        println!(
            "{tests} an archive, an engine, an index or an optimised build: run with {SWITCH}=1\n"
        );
    }
    for (needs, count) in &*unmet_needs() {
        println!("{} what this machine lacks: {needs}\n", counted(*count));
    }
    if is_full {
        times().sort_unstable_by_key(|(seconds, _)| Reverse(*seconds));
        for (seconds, path) in times().iter().filter(|(seconds, _)| *seconds > 0).take(10) {
            println!("{seconds:5} s {path}");
        }
    }
    conclusion.exit()
}

fn counted(tests: usize) -> String {
    match tests {
        1 => "1 test needs".to_owned(),
        _ => format!("{tests} tests need"),
    }
}
