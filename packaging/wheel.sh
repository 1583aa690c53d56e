#!/bin/sh
# A wheel of each program, and its source distribution, by maturin and wheel (pip install maturin wheel).
# The programs are static, so that a wheel is for systems with glibc and with musl.
set -eu
# shellcheck source=packaging/common.sh
. "$(dirname -- "$0")/common.sh"
arguments "$@"

for tool in maturin wheel; do
    command -v "$tool" >/dev/null || fail "no \`$tool\`: pip install maturin wheel"
done
stage "$work" /all
# maturin runs cargo, which finds everything built: with the same target, directory, flags and linker.
built=$(CDPATH='' cd -- "${CARGO_TARGET_DIR:-$source/target}" && pwd)
export CARGO_TARGET_DIR="$built"
export RUSTFLAGS="${RUSTFLAGS:-} -Ctarget-feature=+crt-static"
machine=${target%%-*}
linker=$machine-linux-gnu-gcc
if ! rustc -vV | grep -qx "host: $target" && command -v "$linker" >/dev/null; then
    variable=CARGO_TARGET_$(printf %s "$target" | tr a-z- A-Z_)_LINKER
    eval "export $variable=\"\${$variable:-\$linker}\""
fi
for program in find-libdeps apt-install; do
    cd "$source/crates/$program"
    # It refuses to name both kinds of systems.
    maturin build --release --locked --target "$target" --compatibility manylinux_2_17 \
        --out "$work/wheels" >&2
    cmp -s "$built/$target/release/$program" "$work/all/bin/$program" ||
        fail "maturin built another $program than install.sh did"
    maturin sdist --out "$work/sdists" >&2
done
cd "$work"
mkdir unpacked packed
for wheel in wheels/*.whl; do
    wheel unpack --dest unpacked "$wheel" >/dev/null
    # maturin knows the licences beside Cargo.toml, and not those of what is linked.
    name=$(basename "${wheel%%-*}")
    info=$(echo "unpacked/$name-"*"/$name-"*.dist-info)
    licences "$info/licenses" "$(echo "$name" | tr _ -)"
    sed -i 's/^License-File: LICENSE-MIT$/License-File: COPYRIGHT\nLicense-File: LICENSE-LGPL\n&/' "$info/METADATA"
    settle "${info%/*}"
    wheel pack --dest-dir packed "${info%/*}" >/dev/null
done
for wheel in packed/*.whl; do
    wheel tags --remove --platform-tag "+musllinux_1_1_$machine" "$wheel" >/dev/null
done
for file in packed/* sdists/*; do
    cp "$file" "$out"
    echo "$out/${file#*/}"
done
