//! Real apt with Debian's own archive: how big a layer is, that services start from it, and that
//! it is the same each time.

use super::PROGRAM;
use super::support::needs::Need;
use super::support::sandbox::{Sandbox, own_lines};
use crate::support::harness::test;

const NEEDS: &[Need] = &[Need::Mmdebstrap, Need::Mounts];

test!(
    a_layer_of_libpq5,
    needs = NEEDS,
    cases = [bookworm("bookworm", 1_800_000), trixie("trixie", 3_950_000)]
);
/// `limit` is in bytes of the layer's files.
fn a_layer_of_libpq5(release: &str, limit: u64) {
    let mut sandbox = Sandbox::new(release, PROGRAM);
    if release == "bookworm" {
        // What libpq5 needs and most images have: without it libssl would be most of the layer.
        let said = sandbox.apt_install(&["libgssapi-krb5-2"]).said();
        assert_eq!(said.status, 0, "{}", said.stderr);
        sandbox.commit();
    }
    let mut left = Vec::new();
    for docker_clean in [false, true] {
        if docker_clean {
            sandbox.reset();
            sandbox
                .script(
                    "echo 'DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb \
                     /var/cache/apt/*.bin || true\"; }; Dir::Cache::pkgcache \"\"; \
                     Dir::Cache::srcpkgcache \"\"; Acquire::GzipIndexes \"true\"; \
                     Acquire::Languages \"none\";' >/etc/apt/apt.conf.d/docker-clean",
                )
                .must();
            sandbox.commit();
        }
        let said = sandbox.apt_install(&["libpq5"]).said();
        assert_eq!(said.status, 0, "{}", said.stderr);
        assert_eq!(own_lines(&said).len(), 1, "{}", said.stderr);
        let size: u64 = sandbox.layer().values().sum();
        assert!(size <= limit, "{size} bytes");
        let mut files = sandbox.files("/var");
        files.retain(|file| !file.starts_with("/var/lib/dpkg/"));
        left.push(files);
    }
    let alike = [
        "/var/cache/apt/archives/lock",
        "/var/lib/apt/extended_states",
        "/var/lib/apt/lists/lock",
    ];
    for files in left {
        assert!(
            files.iter().all(|file| alike.contains(&file.as_str())),
            "{files:?}"
        );
    }
}

test!(
    no_layer_is_larger_than_by_hand,
    needs = NEEDS,
    on = [bookworm, trixie]
);
fn no_layer_is_larger_than_by_hand(release: &str) {
    let mut sandbox = Sandbox::new(release, PROGRAM);
    // Both ask questions with debconf, which makes backups of its databases.
    let said = sandbox.apt_install(&["tzdata", "fontconfig"]).said();
    assert_eq!(said.status, 0, "{}", said.stderr);
    let size = sandbox.tar().len();
    sandbox.reset();
    let by_hand = "export DEBIAN_FRONTEND=noninteractive\n\
                   apt-get update && apt-get install -y --no-install-recommends tzdata fontconfig\n\
                   rm -r /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/cache/apt/*.bin \
                   /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old \
                   /var/log/apt/* /var/log/dpkg.log /var/log/fontconfig.log";
    sandbox.script(by_hand).must();
    let by_hand = sandbox.tar().len();
    assert!(size <= by_hand, "{size} bytes, by hand {by_hand}");
}

test!(
    services_start,
    needs = NEEDS,
    cases = [bookworm("bookworm", 18_080), trixie("trixie", 19_080)]
);
/// `port` is the first of three that are free.
fn services_start(release: &str, port: u16) {
    let sandbox = Sandbox::new(release, PROGRAM);
    let said = sandbox
        .apt_install(&["nginx-light", "redis-server", "apache2"])
        .said();
    assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
    // What the services themselves need is made by their postinst.
    assert_eq!(
        sandbox.files("/var/log"),
        [
            "/var/log/apache2/access.log",
            "/var/log/apache2/error.log",
            "/var/log/apache2/other_vhosts_access.log",
            "/var/log/nginx/access.log",
            "/var/log/nginx/error.log",
        ]
    );
    let owners = "stat -c %U /var/log/nginx/*; dpkg --verify";
    assert_eq!(sandbox.script(owners).must(), "www-data\nwww-data\n");
    let (apache, redis) = (port + 1, port + 2);
    let script = format!(
        "set -e\nmkdir -p /run/lock\nsed -i 's/80 default_server/{port} default_server/' \
         /etc/nginx/sites-enabled/default\n\
         sed -i 's/^Listen 80$/Listen {apache}/' /etc/apache2/ports.conf\n\
         sed -i 's/^port 6379/port {redis}/' /etc/redis/redis.conf\n\
         nginx && echo nginx\n\
         apache2ctl start 2>/dev/null && echo apache\n\
         /etc/init.d/redis-server start >/dev/null 2>&1\n\
         tries=100\n\
         until redis-cli -p {redis} ping 2>/dev/null; do \
         tries=$((tries - 1)); test $tries -gt 0; sleep 0.1; done\n\
         test -f /var/log/nginx/error.log\ntest -f /var/log/apache2/error.log\n\
         test -f /var/log/redis/redis-server.log\n"
    );
    let said = sandbox.script(&script).said();
    said.is(0, "nginx\napache\nPONG\n", "");
}
