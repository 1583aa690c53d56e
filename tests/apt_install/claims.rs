//! With real apt of both releases: status 0 means that everything requested is installed, and what was
//! requested earlier still is.

use super::local::{NEEDS, Root, left_without_locks};
use super::support::archive::Deb;
use crate::support::harness::test;

/// Two packages that conflict with each other only by a virtual one.
fn mail(root: &Root) {
    let agent = |name: &str| {
        Deb::new(name, "1")
            .field("Provides: mta")
            .field("Conflicts: mta")
            .field("Replaces: mta")
    };
    let client = Deb::new("client", "1").field("Depends: msmtp");
    root.archive
        .add("main", &[agent("dma"), agent("msmtp"), client]);
}

fn mail_agents(root: &Root) -> String {
    let script = "dpkg-query -W -f '${db:Status-Abbrev}${Package}\\n' dma msmtp client 2>/dev/null | \
                  sed -n 's/^ii *//p' | xargs";
    root.script(script)
}

const NOTHING: &str = "installed nothing new";
const REQUESTED: &str = "error: `apt-get install` would remove `dma`, which this command also \
                         requests; request packages that do not conflict";
const EARLIER: &str = "error: `apt-get install` would remove `dma`, which an earlier command may have \
                       requested (not known to be installed automatically); to remove it, request \
                       `dma-` as well, or pass `--allow-remove-manual`";
const REPLACED: &str = "installed msmtp (10.2 kB); removed dma";

test!(
    what_is_requested_is_not_removed,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn what_is_requested_is_not_removed(release: &str) {
    let mut root = Root::new(release);
    mail(&root);
    root.succeeds(&["dma"]);
    root.sandbox.commit();
    // Apt itself would remove it, with status 0.
    for words in [
        &["dma", "msmtp"][..],
        &["--allow-remove-manual", "client", "dma=1*"],
        &["~n^msmtp$", "dma:all"],
    ] {
        assert_eq!(root.ends(100, words), [REQUESTED, NOTHING], "{words:?}");
    }
    for words in [&["msmtp"][..], &["client", "other"], &["msmtp", "other-"]] {
        assert_eq!(root.ends(100, words), [EARLIER, NOTHING], "{words:?}");
    }
    assert_eq!(left_without_locks(&root), [""; 0]);
    for words in [&["msmtp", "dma-"][..], &["--allow-remove-manual", "msmtp"]] {
        assert_eq!(root.succeeds(words), [REPLACED], "{words:?}");
        assert_eq!(mail_agents(&root), "msmtp\n");
        root.sandbox.reset();
    }
    root.script("apt-mark auto dma");
    assert_eq!(root.succeeds(&["msmtp"]), [REPLACED]);
}

test!(
    a_dependency_of_what_is_removed_on_request_stays,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn a_dependency_of_what_is_removed_on_request_stays(release: &str) {
    let mut root = Root::new(release);
    mail(&root);
    root.succeeds(&["client", "msmtp"]);
    root.sandbox.commit();
    // Its dependents go with a package, but they are not named.
    let refused = EARLIER.replace("dma", "client");
    assert_eq!(root.ends(100, &["msmtp-", "other"]), [&*refused, NOTHING]);
    assert_eq!(mail_agents(&root), "client msmtp\n");
    assert_eq!(
        root.succeeds(&["msmtp-", "client-", "other"]),
        ["installed other (10.2 kB); removed client, msmtp"]
    );
}

test!(
    success_means_that_everything_is_installed,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn success_means_that_everything_is_installed(release: &str) {
    let root = Root::new(release);
    // Apt succeeds, and installs nothing.
    let only = "-oAPT::Get::Download-Only=true";
    assert_eq!(
        root.ends(100, &[only, "app", "dpkg", "virtual"]),
        [
            "error: `apt-get install` succeeded, but not everything requested is installed: `app`, \
             `virtual`",
            NOTHING
        ]
    );
    assert_eq!(root.succeeds(&["virtual"]), ["installed other (10.2 kB)"]);
}
