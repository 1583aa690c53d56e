#!/bin/bash
# shellcheck disable=SC2016 # the scripts in single quotes are for the shell inside
# Measures `apt-install` against its targets, and prints ratios and sizes of this one run.
#
#   benches/apt-install.sh [--all] [PROGRAM]
#
# Needs root, mmdebstrap and Debian's archive. PROGRAM is target/release/apt-install where it is
# not given. Roots are made once and kept below target/tmp; what is changed in them is thrown away.
# Without --all only the small packages are installed.
set -euo pipefail
cd "$(dirname "$0")/.."
all=
if [ "${1:-}" = --all ]; then
    all=yes
    shift
fi
program=$(realpath "${1:-target/release/apt-install}")
roots=$PWD/target/tmp
scratch=$(mktemp -d "$roots/bench.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT

# root NAME RELEASE [PACKAGES]: an unpacked root, made where it is not there.
root() {
    [ -d "$roots/$1" ] && return
    rm -rf --one-file-system "$roots/$1.half"
    mkdir "$roots/$1.half"
    mmdebstrap --quiet --variant=apt ${3:+--include="$3"} "$2" "$roots/$1.half.tar"
    tar --numeric-owner -xf "$roots/$1.half.tar" -C "$roots/$1.half"
    rm "$roots/$1.half.tar"
    chmod 755 "$roots/$1.half"
    mv "$roots/$1.half" "$roots/$1"
}

# inside NAME SCRIPT: runs it in the root NAME, in namespaces of its own; what it changes is in
# $scratch/NAME/upper.
inside() {
    mkdir -p "$scratch/$1"/{upper,work,merged,programs}
    cp "$program" "$scratch/$1/programs/apt-install"
    unshare --mount --pid --fork --kill-child /bin/sh -c '
        set -e
        cd "$2"
        mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" merged
        mount -t proc proc merged/proc
        mount --rbind /dev merged/dev
        mount --bind programs merged/mnt
        exec chroot merged /bin/bash -c "$3"
    ' sh "$roots/$1" "$scratch/$1" "$2"
}

# verdict LABEL VALUE COMPARISON TARGET UNIT
verdict() {
    if awk -v v="$2" -v t="$4" "BEGIN { exit !(v $3 t) }"; then
        word=met
    else
        word=MISSED
    fi
    printf '%-52s %12s %-5s (target %s %s) %s\n' "$1" "$2" "$5" "$3" "$4" "$word"
}

root bench-bookworm bookworm libgssapi-krb5-2
root bench-trixie trixie

timing=$(inside bench-bookworm '
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
    now() { echo "${EPOCHREALTIME/./}"; }
    mean() { # TIMES COMMAND...: microseconds a run
        local times=$1 start; shift
        start=$(now)
        for ((i = 0; i < times; i++)); do "$@" >/dev/null 2>&1 </dev/null; done
        echo $((($(now) - start) / times))
    }
    /mnt/apt-install libpq5 >/dev/null 2>&1 </dev/null
    /mnt/apt-install libpq5 2>/dev/null  # the program itself is in memory now
    echo "fast $(mean 20 /mnt/apt-install libpq5)"
    both() { apt-get update && apt-get install -y libpq5; }
    both >/dev/null 2>&1
    echo "both $(mean 5 both)"
    echo "install $(mean 5 apt-get install -y libpq5)"
    # The time that apt-get itself takes within a run, by a program of that name before it.
    mkdir /tmp/timed
    cat >/tmp/timed/apt-get <<"SCRIPT"
#!/bin/bash
start=${EPOCHREALTIME/./}
/usr/bin/apt-get "$@"
status=$?
echo $((${EPOCHREALTIME/./} - start)) >>/tmp/spent
exit $status
SCRIPT
    chmod 755 /tmp/timed/apt-get
    best=
    for ((n = 0; n < 7; n++)); do
        rm -f /tmp/spent
        start=$(now)
        PATH=/tmp/timed:$PATH /mnt/apt-install --update libpq5 >/dev/null 2>&1 </dev/null
        total=$(($(now) - start))
        spent=0
        while read -r part; do spent=$((spent + part)); done </tmp/spent
        over=$((total - spent))
        if [ -z "$best" ] || [ $over -lt $best ]; then best=$over; fi
    done
    echo "over $best"
')
value() { awk -v name="$1" '$1 == name { print $2 }' <<<"$timing"; }
seconds() { awk -v us="$1" 'BEGIN { printf "%.4f", us / 1e6 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / b }'; }

printf '%-52s %12s s\n' "everything installed" "$(seconds "$(value fast)")"
printf '%-52s %12s s\n' "apt-get update, and an install with nothing to do" "$(seconds "$(value both)")"
printf '%-52s %12s s\n' "the install of these alone, with lists" "$(seconds "$(value install)")"
verdict "the second, in times of the first" "$(ratio "$(value both)" "$(value fast)")" '>=' 20 times
verdict "what a run takes beside apt-get's own time" "$(seconds "$(value over)")" '<=' 0.1 s

# What a careful person writes in a Dockerfile: all that is known to be left over is deleted, and no
# file of a service.
by_hand='export DEBIAN_FRONTEND=noninteractive
apt-get update && apt-get install -y --no-install-recommends "$@" &&
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/cache/apt/*.bin \
    /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old /var/cache/debconf/*-old /var/log/apt/* \
    /var/log/dpkg.log /var/log/alternatives.log /var/log/fontconfig.log'

# run ROOT COMMAND PACKAGE: installs it in a fresh root, and prints nothing unless that fails.
run() {
    rm -rf --one-file-system "${scratch:?}/$1"
    inside "$1" "set -- $3; export PATH=/usr/sbin:/usr/bin:/sbin:/bin; $2" \
        >"$scratch/output" 2>&1 </dev/null || { cat "$scratch/output" >&2; exit 1; }
}

# bytes ROOT: the size of the layer's archive.
bytes() { (cd "$scratch/$1/upper" && tar --sort=name --numeric-owner -b1 -cf - -- *) | wc -c; }

printf '\n%-34s %12s %12s %12s\n' "bytes of the layer" apt-install "by hand" difference
missed=0
for release in bookworm trixie; do
    java=openjdk-17-jre-headless
    [ $release = trixie ] && java=openjdk-21-jre-headless
    for package in libpq5 redis-server nginx-light tzdata locales fontconfig openssh-server \
        ${all:+postgresql $java systemd apache2-bin python3-numpy texlive-latex-base}; do
        run "bench-$release" '/mnt/apt-install "$@"' "$package"
        ours=$(bytes "bench-$release")
        run "bench-$release" "$by_hand" "$package"
        hand=$(bytes "bench-$release")
        [ "$ours" -le "$hand" ] || missed=$((missed + 1))
        printf '%-34s %12d %12d %12d\n' "$release $package" "$ours" "$hand" $((ours - hand))
    done
done
verdict "layers larger than by hand" "$missed" '<=' 0 layers

# time_of ROOT COMMAND PACKAGE: microseconds.
time_of() {
    local start=${EPOCHREALTIME/./}
    run "$@"
    echo $((${EPOCHREALTIME/./} - start))
}

printf '\n%-34s %12s %12s %7s\n' "seconds, best of three" apt-install apt-get times
for release in bookworm trixie; do
    for package in libpq5 ${all:+postgresql texlive-latex-base}; do
        ours='' plain=''
        for _ in 1 2 3; do
            time=$(time_of "bench-$release" '/mnt/apt-install "$@"' "$package")
            if [ -z "$ours" ] || [ "$time" -lt "$ours" ]; then ours=$time; fi
            time=$(time_of "bench-$release" 'export DEBIAN_FRONTEND=noninteractive
                apt-get update && apt-get install -y --no-install-recommends "$@"' "$package")
            if [ -z "$plain" ] || [ "$time" -lt "$plain" ]; then plain=$time; fi
        done
        printf '%-34s %12s %12s %7s\n' "$release $package" "$(seconds "$ours")" \
            "$(seconds "$plain")" "$(awk -v a="$ours" -v b="$plain" 'BEGIN { printf "%.3f", a / b }')"
    done
done

# layer LABEL ROOT CONFIGURATION TARGET: bytes of the files that installing libpq5 puts into a layer.
layer() {
    rm -rf --one-file-system "${scratch:?}/$2"
    inside "$2" "printf '%s' '$3' >/etc/apt/apt.conf.d/bench"
    # What is in the configuration is none of the layer.
    size_before=$(du -cb "$scratch/$2/upper/etc/apt/apt.conf.d/bench" | awk 'END { print $1 }')
    inside "$2" 'PATH=/usr/sbin:/usr/bin:/sbin:/bin /mnt/apt-install libpq5 >/dev/null 2>&1' </dev/null
    size=$(find "$scratch/$2/upper" -type f -printf '%s\n' | awk '{ s += $1 } END { print s }')
    verdict "$1" $((size - size_before)) '<=' "$4" bytes
}

docker_clean='DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";
Acquire::GzipIndexes "true"; Acquire::Languages "none";'
layer "layer of libpq5, Debian 12" bench-bookworm '' 1800000
layer "layer of libpq5, Debian 12 with docker-clean" bench-bookworm "$docker_clean" 1800000
layer "layer of libpq5, Debian 13" bench-trixie '' 3950000

exit 0
