//! In a real Docker engine with BuildKit: cache mounts, what earlier stages asked for, layers.

use super::PROGRAM;
use super::support::debian;
use super::support::docker::Docker;
use super::support::needs::Need;
use super::support::run::Said;
use crate::support::harness::test;

const NEEDS: &[Need] = &[Need::Docker, Need::Mmdebstrap];

/// What official images have in their configuration of apt: every install empties the cache.
const BASE: &str = "FROM base AS program\n\
    RUN echo 'DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb || true\"; };' \
    >/etc/apt/apt.conf.d/docker-clean\n\
    COPY apt-install /usr/local/bin/\n";

const MOUNTS: &str = "--mount=type=cache,target=/var/cache/apt,sharing=locked \
                      --mount=type=cache,target=/var/lib/apt,sharing=locked";

/// The lines that the program said in a build, without the build's step and time before them.
fn own(said: &Said) -> Vec<String> {
    assert_eq!(said.status, 0, "{}", said.stderr);
    said.stderr
        .lines()
        .filter_map(|line| line.split_once("apt-install: "))
        .filter(|(before, _)| !before.contains("RUN"))
        .map(|(_, line)| line.to_owned())
        .collect()
}

const ON_MOUNTS: &str = "mounted directories are used and not purged: /var/cache/apt, \
     /var/cache/apt/archives, /var/lib/apt, /var/lib/apt/lists; unneeded packages are not removed, \
     because apt's marks on the mount may belong to other images";

test!(
    cache_mounts_are_used_and_kept,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn cache_mounts_are_used_and_kept(release: &str) {
    let docker = Docker::start();
    docker.import(&debian::tar(release, &[]), "base");
    let build =
        |run: &str, name| docker.build(PROGRAM, &format!("{BASE}FROM program\n{run}"), name, &[]);
    let install = format!("RUN {MOUNTS} apt-install libsasl2-2\n");
    let first = build(&install, "first");
    assert_eq!(own(&first)[0], ON_MOUNTS);
    assert!(first.stderr.contains(" Need to get "), "{}", first.stderr);
    assert!(
        !first.stderr.contains(" Need to get 0 B/"),
        "{}",
        first.stderr
    );
    // The same again, on another layer: nothing is downloaded.
    let second = build(&format!("RUN : again\n{install}"), "second");
    assert!(
        second.stderr.contains(" Need to get 0 B/"),
        "{}",
        second.stderr
    );
    assert!(!second.stderr.contains(" Packages ["), "{}", second.stderr);
    // On the mount libsasl2-modules-db is marked as installed automatically. An image that asked
    // for it keeps it.
    let third = build(
        &format!(
            "RUN apt-install libsasl2-modules-db\n\
             RUN {MOUNTS} apt-install libjpeg62-turbo\n"
        ),
        "third",
    );
    assert_eq!(own(&third)[1], ON_MOUNTS);
    assert_eq!(
        docker.script(
            "third",
            "dpkg-query -W -f '${db:Status-Abbrev}${Package}\\n' libsasl2-modules-db \
             libjpeg62-turbo; \
             find /var/lib/apt/lists /var/cache/apt -type f ! -name lock"
        ),
        "ii libjpeg62-turbo\nii libsasl2-modules-db\n"
    );
}

test!(
    layers_hold_packages_and_nothing_else,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn layers_hold_packages_and_nothing_else(release: &str) {
    let docker = Docker::start();
    docker.import(&debian::tar(release, &[]), "base");
    let install = "nginx-light redis-server fontconfig libxslt1.1 libgomp1 libpq5 libjpeg62-turbo";
    let dockerfile = format!(
        "{BASE}FROM program\n\
         ARG SOURCE_DATE_EPOCH=1700000000\nRUN apt-install {install}\n\
         RUN apt-install {install} dpkg\n"
    );
    let build = |name| docker.build(PROGRAM, &dockerfile, name, &["--no-cache"]);
    let lines = own(&build("one"));
    assert_eq!(
        lines[1],
        "all requested packages are already installed; nothing to do"
    );
    assert_eq!(build("two").status, 0);
    // The one before the last holds the packages: the same each time.
    let (one, two) = (docker.layers("one"), docker.layers("two"));
    let packages = one.len() - 2;
    assert_eq!(one[packages], two[packages]);
    // The last is of a run with nothing to do.
    assert_eq!(docker.sizes("one")[0], "0B");
}
