#!/bin/sh
# A wheel of each program, and its source distribution, by maturin and wheel (pip install maturin wheel).
# The programs are static, so that a wheel is for systems with glibc and with musl.
set -eu
# shellcheck source=packaging/common.sh
. "$(dirname -- "$0")/common.sh"

for tool in maturin wheel; do
    command -v "$tool" >/dev/null || fail "no \`$tool\`: pip install maturin wheel"
done
stage "$work" /all
# maturin runs cargo, which finds everything built: with the same target, directory and flags.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$source/target}"
export RUSTFLAGS="${RUSTFLAGS:-} -Ctarget-feature=+crt-static"
machine=${target%%-*}
for program in find-libdeps apt-install; do
    cd "$source/crates/$program"
    # It refuses to name both kinds of systems.
    maturin build --release --locked --target "$target" --compatibility manylinux_2_17 \
        --out "$work/wheels" >&2
    maturin sdist --out "$work/sdists" >&2
done
cd "$work"
for wheel in wheels/*.whl; do
    wheel tags --remove --platform-tag "+musllinux_1_1_$machine" "$wheel" >/dev/null
done
for file in wheels/* sdists/*; do
    cp "$file" "$out"
    echo "$out/${file#*/}"
done
