//! Signals while dpkg works, with real apt of both releases, and what the next run makes of it.

use super::local::{NEEDS, Root};
use super::support::archive::Deb;
use crate::support::harness::test;

/// The packages that are installed: so many that dpkg is between two of them often enough.
const PACKAGES: usize = 10;

/// A maintainer script that logs its beginning and end. It waits in between if `line` is the last
/// line of the log.
fn script(line: usize) -> String {
    format!(
        "#!/bin/sh\nset -e\necho begin >>/tmp/log\n\
         test $(wc -l </tmp/log) -ne {line} || {{ echo >/tmp/ready; read line </tmp/go; }}\n\
         echo end >>/tmp/log\n"
    )
}

/// Installs packages with this maintainer script, and sends SIGTERM while it waits. Returns how many
/// scripts have begun and ended, and how many packages are installed.
fn stop(root: &Root, kind: &str, line: usize) -> Vec<usize> {
    let name = |number| format!("slow{number}");
    let package = |number| Deb::new(&name(number), "1").control(kind, &script(line));
    let packages: Vec<Deb> = (0..PACKAGES).map(package).collect();
    root.archive.add("main", &packages);
    let words: Vec<String> = (0..PACKAGES).map(name).collect();
    let script = format!(
        "mkfifo /tmp/ready /tmp/go /tmp/err\n: >/tmp/log\n\
         /mnt/apt-install {} >/dev/null 2>/tmp/err & pid=$!\n\
         {{ read line </tmp/ready; kill -TERM $pid; }} &\n\
         {{ while read line; do case $line in *received*) echo >/tmp/go;; esac; done; }} </tmp/err\n\
         wait $pid; echo $?\n\
         grep -c begin /tmp/log; grep -c end /tmp/log; {INSTALLED}",
        words.join(" ")
    );
    let said = root.script(&script);
    let numbers = said.lines().map(|line| line.parse().expect("a number"));
    numbers.collect()
}

const INSTALLED: &str =
    "dpkg-query -W -f '${db:Status-Abbrev}\\n' 'slow*' | grep -c '^ii ' || true\n";

/// The next run finishes what is left.
fn finish(root: &Root) {
    let said = root.apt_install(&["other"]);
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_eq!(root.script(INSTALLED), format!("{PACKAGES}\n"));
}

test!(
    dpkg_stops_after_the_package_that_it_configures,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn dpkg_stops_after_the_package_that_it_configures(release: &str) {
    let root = Root::new(release);
    // During the script of the second package.
    let stopped = stop(&root, "postinst", 3);
    let [status, begun, ended, installed] = stopped[..] else {
        panic!("{stopped:?}");
    };
    assert_eq!((status, begun, installed), (143, ended, ended));
    assert!((2..PACKAGES).contains(&ended), "{ended}");
    finish(&root);
}

test!(
    dpkg_unpacks_and_configures_nothing,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn dpkg_unpacks_and_configures_nothing(release: &str) {
    let root = Root::new(release);
    // During the script of the second package. All are unpacked.
    let stopped = stop(&root, "preinst", 3);
    assert_eq!(stopped, [143, PACKAGES, PACKAGES, 0]);
    finish(&root);
}
