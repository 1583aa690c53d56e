#!/usr/bin/env bash
# How long find-libdeps takes on a large virtualenv, by the clock and in CPU time, as ratios within one
# run: beside `find` and one call of dpkg, beside ldd and dpkg on each file, and on ten times the files;
# what the scan for libraries that are loaded at run time adds; how long the look-up of missing ones
# takes; and its peak memory.
#
#   benches/find-libdeps.sh [VENV]
#
# Without VENV one of 1.6 GB is made by pip and kept below target/. The look-up runs in a plain root of
# Debian 12, for which mmdebstrap and root are needed.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=(numpy scipy pandas pyarrow scikit-learn opencv-python matplotlib jupyterlab polars
    duckdb shapely fiona pyqt5)
runs=15

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# now: milliseconds, in a variable, without a process
now() {
    local time=${EPOCHREALTIME/[.,]/}
    now=$((time / 100))
}

# middle TIMES...: the median
middle() {
    printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# median COMMAND...: tenths of a millisecond, of all runs: as $median, and its CPU time as $cpu, that of
# its children included
median() {
    local times=() spent=() start TIMEFORMAT='%3U %3S'
    for ((run = 0; run < runs; run++)); do
        now && start=$now
        spent+=("$({ time "$@" > /dev/null 2>&1 || true; } 2>&1 | awk '{ print ($1 + $2) * 10000 }')")
        now && times+=($((now - start)))
    done
    median=$(middle "${times[@]}")
    cpu=$(middle "${spent[@]}")
}

shown() {
    awk -v name="$1" -v time="$2" 'BEGIN { printf "%-44s %10.1f ms\n", name, time / 10 }'
}

ratio() {
    awk -v name="$1" -v a="$2" -v b="$3" 'BEGIN { printf "%-44s %10.2f\n", name, a / b }'
}

find_then_dpkg() {
    find "$venv" -type f
    xargs -a "$work/paths" dpkg -S
}

each_file_by_itself() {
    local file library
    while IFS= read -r file; do
        ldd "$file" 2> /dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 }'
    done < "$work/elf" | sort -u | while IFS= read -r library; do
        dpkg -S "$library" || dpkg -S "$(realpath "$library")" || true
    done
}

# peak_memory NAME COMMAND...: that of one process, and not of those that it starts
peak_memory() {
    local name=$1 pid peak=0 line
    shift
    "$@" > /dev/null 2>&1 &
    pid=$!
    while line=$(grep VmHWM "/proc/$pid/status" 2> /dev/null); do
        peak=$(tr -dc 0-9 <<< "$line")
    done
    wait "$pid"
    printf '%-44s %10.1f MB\n' "$name" "$(awk -v kb="$peak" 'BEGIN { print kb / 1024 }')"
}

in_root() {
    chroot "$root" /usr/local/bin/find-libdeps "$@" /PyQt5
}

# PyQt5 in a plain root: most of the libraries that it needs are not there.
look_up() {
    local without with
    root=target/bench-root
    if [ ! -e "$root.done" ]; then
        rm -rf "$root"
        mmdebstrap --quiet --variant=apt bookworm "$root"
        touch "$root.done"
    fi
    cp "$program" "$root/usr/local/bin/"
    rm -rf "$root/PyQt5"
    cp -a "$venv"/lib/python3*/site-packages/PyQt5 "$root/PyQt5"
    printf '%-44s %10s\n' 'names that are looked up' "$(in_root 2>&1 > /dev/null | grep -c 'missing: ')"
    in_root --lookup=/index > /dev/null 2>&1
    median in_root && without=$median
    median in_root --lookup=/index && with=$median
    shown '  the look-up, with the index kept' "$((with - without))"
    peak_memory '  peak memory' chroot "$root" /usr/local/bin/find-libdeps --lookup=/index /PyQt5
}

main() {
    local ours ours_cpu off off_cpu theirs theirs_cpu each ten
    target=$(rustc -vV | sed -n 's/^host: //p')
    ./install.sh --prefix target/bench 2> /dev/null || die 'install.sh failed'
    program=$PWD/target/bench/bin/find-libdeps
    venv=${1:-target/bench-venv}
    if [ $# -eq 0 ] && [ ! -e "$venv/done" ]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet "${requirements[@]}"
        touch "$venv/done"
    fi
    work=$(mktemp -d "$PWD/target/bench-work.XXXXXX")
    trap 'rm -rf "$work"' EXIT

    "$program" -q --json "$venv" > "$work/report.json"
    sed '/^  "files": \[/,/^  \]/d' "$work/report.json" | grep -o '"path": "/[^"]*"' | grep -v "$venv" | cut -d'"' -f4 |
        while IFS= read -r path; do
            printf '%s\n' "$path" "/usr$path" "$(realpath "$path")"
        done | sort -u > "$work/paths"
    find "$venv" -type f -exec sh -c 'for file; do
        [ "$(head -c 4 "$file" | tr -d "\0")" = "$(printf "\177ELF")" ] && echo "$file"; done' sh {} + > "$work/elf" || true

    printf 'machine: %s, %s cores, kernel %s\n' "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)"
    printf 'target: %s; %s files, %s ELF, %s MB; median of %s runs, warm\n\n' "$target" \
        "$(find "$venv" -type f | wc -l)" "$(wc -l < "$work/elf")" "$(du -sm "$venv" | cut -f1)" "$runs"
    median "$program" -q "$venv" && ours=$median ours_cpu=$cpu
    median "$program" -q --dlopen=off "$venv" && off=$median off_cpu=$cpu
    median find_then_dpkg && theirs=$median theirs_cpu=$cpu
    shown 'find-libdeps' "$ours"
    shown '  of it for --dlopen=known' "$((ours - off))"
    shown 'find -type f, then one dpkg -S of its paths' "$theirs"
    ratio '  ratio' "$ours" "$theirs"
    ratio '  ratio with --dlopen=off' "$off" "$theirs"
    ratio '  ratio of CPU time' "$ours_cpu" "$theirs_cpu"
    ratio '  ratio of CPU time with --dlopen=off' "$off_cpu" "$theirs_cpu"

    now && each=$now
    each_file_by_itself > /dev/null 2>&1
    now && each=$((now - each))
    shown 'ldd on each ELF, dpkg -S on each library' "$each"
    ratio '  times find-libdeps' "$each" "$ours"

    for ((copy = 0; copy < 10; copy++)); do
        mkdir -p "$work/ten"
        cp -al "$venv" "$work/ten/$copy"
    done
    runs=5
    median "$program" -q "$work/ten" && ten=$median
    shown 'find-libdeps on ten times the files' "$ten"
    ratio '  times find-libdeps' "$ten" "$ours"
    peak_memory 'peak memory of find-libdeps itself' "$program" -q "$venv"
    if [ "$(id -u)" -eq 0 ] && command -v mmdebstrap > /dev/null; then
        look_up
    fi
}

main "$@"
