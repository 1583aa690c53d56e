#!/usr/bin/env bash
# Fuzzes the formats that find-libdeps reads, each for the same time:
#
#     run.sh [SECONDS [FORMAT...]]
#
# The corpus stays in target/fuzz, and an input that fails is kept there. Builds with the options of
# cargo-fuzz, which is not needed, and a C++ compiler for libFuzzer.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
shift $(($# > 0))
formats=("$@")
if [ $# = 0 ]; then
    for file in formats/*.rs; do
        name=$(basename "$file" .rs)
        [ "$name" = mod ] || formats+=("$name")
    done
fi

coverage='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table'
host=$(rustc -vV | sed -n 's/^host: //p')
target=$(cd ../../.. && pwd)/target/fuzz
mkdir -p "$target"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2086 # several options
if ! echo 'fn main() {}' | rustc $coverage --emit obj -o "$work/probe.o" - 2> /dev/null; then
    echo "skipped: this rustc cannot measure coverage"
    exit
fi
if ! command -v c++ > /dev/null; then
    echo "skipped: libFuzzer needs a C++ compiler; install g++"
    exit
fi
# With a target, the options are not for build scripts.
RUSTFLAGS="$coverage --cfg fuzzing" cargo build --release --locked --quiet \
    --target "$host" --target-dir "$target"

for format in "${formats[@]}"; do
    mkdir -p "$target/corpus/$format" "$target/failures/$format"
    options=(-max_total_time="$seconds" -max_len=8192 -len_control=0 -timeout=120
        -rss_limit_mb=1024 -report_slow_units=600 -artifact_prefix="$target/failures/$format/")
    if ! FORMAT=$format TMPDIR=$work "$target/$host/release/formats" "${options[@]}" \
        "$target/corpus/$format" 2> "$work/log"; then
        tail -n 30 "$work/log"
        echo "$format: FAILED; the input is in $target/failures/$format"
        exit 1
    fi
    echo "$format: $(sed -n 's/^Done //p' "$work/log")"
done
