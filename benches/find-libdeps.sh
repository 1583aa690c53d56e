#!/usr/bin/env bash
# How long find-libdeps takes, by the clock and in CPU time (that of its children included), as ratios
# within one run: on a large virtualenv, warm and cold, beside `find` and one call of dpkg; on one of
# twenty files, beside that call alone; on trees of 10,000 to 1,000,000 files; beside ldd and dpkg on
# each file, libtree, lddtree and dpkg-shlibdeps, where they are installed; looking up missing
# libraries; and its own peak memory.
#
#   benches/find-libdeps.sh [--small | --huge] [VENV]
#
# --small leaves out the trees of more than 10,000 files, --huge adds one of 3,000,000. Without VENV one
# of 1.6 GB is made by pip and kept below target/. The look-up runs in a plain root of Debian 12, for
# which mmdebstrap and root are needed; cold runs need root too.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=(numpy scipy pandas pyarrow scikit-learn opencv-python matplotlib jupyterlab polars
    duckdb shapely fiona pyqt5)
runs=15
caches=/proc/sys/vm/drop_caches

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# now: tenths of a millisecond, in a variable, without a process
now() {
    local time=${EPOCHREALTIME/[.,]/}
    now=$((time / 100))
}

# middle TIMES...: the median
middle() {
    printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# once COMMAND...: tenths of a millisecond, as $took and $used
once() {
    local start TIMEFORMAT='%3U %3S'
    [ -z "$cold" ] || { sync && echo 3 > "$caches"; }
    now && start=$now
    used=$({ time "$@" > /dev/null 2>&1 || true; } 2>&1 | awk '{ print ($1 + $2) * 10000 }')
    now && took=$((now - start))
}

# compare NAME LABEL OURS -- THEIRS: the medians of runs that take turns, and their ratios
compare() {
    local name=$1 ours=() theirs=() ours_cpu=() theirs_cpu=() our_command=()
    shift
    while [ "$1" != -- ]; do
        our_command+=("$1")
        shift
    done
    shift
    for ((run = 0; run < runs; run++)); do
        once "${our_command[@]}" && ours+=("$took") && ours_cpu+=("$used")
        once "$@" && theirs+=("$took") && theirs_cpu+=("$used")
    done
    awk -v name="$name" -v a="$(middle "${ours[@]}")" -v b="$(middle "${theirs[@]}")" \
        -v c="$(middle "${ours_cpu[@]}")" -v d="$(middle "${theirs_cpu[@]}")" 'BEGIN {
            printf "%-44s %9.1f %9.1f %7.2f %9.1f %9.1f %7.2f\n", name, a / 10, b / 10, a / b,
                c / 10, d / 10, c / d }'
}

find_then_dpkg() {
    find "$1" -type f
    dpkg_alone
}

dpkg_alone() {
    xargs -a "$work/paths" dpkg -S
}

# peak_memory NAME COMMAND...: that of one process, and not of those that it starts
peak_memory() {
    local name=$1 pid peak=0 key value
    shift
    "$@" > /dev/null 2>&1 &
    pid=$!
    while [ -e "/proc/$pid/status" ]; do
        while read -r key value _; do
            [ "$key" = VmHWM: ] && peak=$value
        done < "/proc/$pid/status"
    done 2> /dev/null
    wait "$pid" || true
    awk -v name="$name" -v kb="$peak" 'BEGIN { printf "%-44s %9.1f MB\n", name, kb / 1024 }'
}

# trees FILES...: find-libdeps on trees of so many files
trees() {
    local files
    for files; do
        ./benches/tree.sh "$venv" "$files" "$work/tree"
        runs=$((files > 200000 ? 3 : 7))
        compare "$files files" "$program" -q "$work/tree" -- find_then_dpkg "$work/tree"
        peak_memory '  own peak memory' "$program" -q "$work/tree"
        rm -rf "$work/tree"
    done
}

small() {
    ./benches/tree.sh "$venv" 20 "$work/small"
    compare '20 files, beside dpkg -S alone' "$program" -q "$work/small" -- dpkg_alone
}

ldd_and_dpkg() {
    local file library
    while IFS= read -r file; do
        ldd "$file" 2> /dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 }'
    done < "$work/elf" | sort -u | while IFS= read -r library; do
        dpkg -S "$library" || dpkg -S "$(realpath "$library")" || true
    done
}

# It needs a source package, and each directory with bundled libraries; it ends without an answer if it
# does not find one of the libraries.
shlibdeps() {
    local arguments=()
    mapfile -t arguments < <(sed 's|/[^/]*$||; s/^/-l/' "$work/elf" | sort -u; sed 's/^/-e/' "$work/elf")
    (cd "$work/source" && dpkg-shlibdeps -O --ignore-missing-info "${arguments[@]}")
}

# What takes the files of the virtualenv that are ELF files: none of these finds them, and the first two
# name no packages.
others() {
    local tool
    mkdir -p "$work/source/debian"
    printf 'Source: x\n\nPackage: x\nArchitecture: any\n' > "$work/source/debian/control"
    runs=1
    # The cold runs have left nothing in the cache.
    "$program" -q "$venv" > /dev/null
    for tool in libtree lddtree; do
        command -v "$tool" > /dev/null || continue
        compare "$tool: a tree of each file" "$program" -q "$venv" -- xargs -a "$work/elf" -d '\n' "$tool"
    done
    if command -v dpkg-shlibdeps > /dev/null; then
        compare 'dpkg-shlibdeps on all' "$program" -q "$venv" -- shlibdeps
    fi
    compare 'ldd on each, dpkg -S on each library' "$program" -q "$venv" -- ldd_and_dpkg
}

in_root() {
    chroot "$root" /usr/local/bin/find-libdeps "$@" /PyQt5
}

# PyQt5 in a plain root: most of the libraries that it needs are not there.
look_up() {
    root=target/bench-root
    if [ ! -e "$root.done" ]; then
        rm -rf "$root"
        mmdebstrap --quiet --variant=apt bookworm "$root"
        touch "$root.done"
    fi
    cp "$program" "$root/usr/local/bin/"
    rm -rf "$root/PyQt5"
    cp -a "$venv"/lib/python3*/site-packages/PyQt5 "$root/PyQt5"
    printf '%-44s %9s\n' 'names that are looked up' "$(in_root 2>&1 > /dev/null | grep -c 'missing: ')"
    in_root --lookup=/index > /dev/null 2>&1
    runs=7
    compare 'with the index kept, beside no look-up' in_root --lookup=/index -- in_root
    peak_memory '  own peak memory' chroot "$root" /usr/local/bin/find-libdeps --lookup=/index /PyQt5
}

make_venv() {
    venv=target/bench-venv
    if [ ! -e "$venv/done" ]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet "${requirements[@]}"
        touch "$venv/done"
    fi
}

# The files of the virtualenv that are ELF files, and the paths of the libraries that they need.
inspect() {
    local file magic
    "$program" -q --json "$venv" > "$work/report.json"
    sed '/^  "files": \[/,/^  \]/d' "$work/report.json" | grep -o '"path": "/[^"]*"' | grep -v "$venv" | cut -d'"' -f4 |
        while IFS= read -r path; do
            printf '%s\n' "$path" "/usr$path" "$(realpath "$path")"
        done | sort -u > "$work/paths"
    find "$venv" -type f -print0 | while IFS= read -r -d '' file; do
        magic=
        IFS= LC_ALL=C read -r -N 4 magic < "$file" || true
        [ "$magic" != $'\x7fELF' ] || printf '%s\n' "$file"
    done 2> /dev/null > "$work/elf"
}

main() {
    local sizes=(10000 100000 1000000)
    case ${1:-} in
        --small) sizes=(10000) && shift ;;
        --huge) sizes+=(3000000) && shift ;;
    esac
    ./install.sh --prefix target/bench 2> /dev/null || die 'install.sh failed'
    program=$PWD/target/bench/bin/find-libdeps
    if [ $# -eq 0 ]; then make_venv; else venv=$1; fi
    venv=$(realpath "$venv")
    work=$(mktemp -d "$PWD/target/bench-work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    inspect

    printf 'machine: %s, %s cores, kernel %s, load %s\n' \
        "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)" \
        "$(cut -d' ' -f1 /proc/loadavg)"
    printf 'target: %s; %s files, %s ELF, %s MB\n\n' "$(rustc -vV | sed -n 's/^host: //p')" \
        "$(find "$venv" -type f | wc -l)" "$(wc -l < "$work/elf")" "$(du -sm "$venv" | cut -f1)"
    printf '%-44s %9s %9s %7s %9s %9s %7s\n' 'milliseconds, medians' \
        wall other ratio CPU other ratio
    cold=''
    compare 'find -type f, then one dpkg -S' "$program" -q "$venv" -- find_then_dpkg "$venv"
    compare '  with --dlopen=off' "$program" -q --dlopen=off "$venv" -- find_then_dpkg "$venv"
    peak_memory '  own peak memory' "$program" -q "$venv"
    peak_memory '  with --dlopen=off' "$program" -q --dlopen=off "$venv"
    if [ -w "$caches" ]; then
        cold=yes runs=5
        compare '  cold' "$program" -q "$venv" -- find_then_dpkg "$venv"
        cold='' runs=15
    fi
    small
    others
    trees "${sizes[@]}"
    if [ "$(id -u)" -eq 0 ] && command -v mmdebstrap > /dev/null; then
        look_up
    fi
}

main "$@"
