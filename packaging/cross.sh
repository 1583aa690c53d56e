#!/bin/sh
# Installs what install.sh needs to build for TARGET, a target of rustc's: for another architecture
# than this machine's, Debian's C compiler for it and Rust's standard library. Run as root.
set -eu

[ $# -eq 1 ] || {
    echo 'Usage: packaging/cross.sh TARGET' >&2
    exit 2
}
target=$1
case $target in
    aarch64-unknown-linux-gnu) architecture=arm64 ;;
    x86_64-unknown-linux-gnu) architecture=amd64 ;;
    *)
        echo "cross.sh: no packages are known for $target" >&2
        exit 2
        ;;
esac
if rustc -vV | grep -qx "host: $target"; then
    exit
fi

compiler=${target%%-*}-linux-gnu-gcc
if ! command -v "$compiler" >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends \
        "gcc-$(echo "${target%%-*}" | tr _ -)-linux-gnu" "libc6-dev-$architecture-cross"
fi
if [ ! -d "$(rustc --print target-libdir --target "$target")" ]; then
    if command -v rustup >/dev/null; then
        rustup target add "$target"
    else
        dpkg --add-architecture "$architecture"
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "libstd-rust-dev:$architecture"
    fi
fi
