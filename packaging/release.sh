#!/bin/sh
# Makes all files of a release in OUTDIR, and SHA256SUMS, once TAG, Cargo.toml and CHANGELOG.md agree on
# the version. Prints their names; messages go to standard error.
set -eu

targets='x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu'

fail() {
    echo "release.sh: $*" >&2
    exit 1
}

if [ $# -ne 2 ]; then
    echo 'Usage: packaging/release.sh TAG OUTDIR' >&2
    exit 2
fi
tag=$1
mkdir -p "$2"
out=$(CDPATH='' cd -- "$2" && pwd)
cd "$(dirname -- "$0")/.."

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)
[ "$tag" = "v$version" ] || fail "the tag is $tag, and Cargo.toml has version $version"
packaging/notes.sh "$version" >/dev/null
date=$(awk -v heading="## [$version] - " 'index($0, heading) == 1 { print $NF }' CHANGELOG.md)
# The files have the time of the release, so that they can be made again.
SOURCE_DATE_EPOCH=$(date -u -d "$date" +%s 2>/dev/null) || fail "CHANGELOG.md dates $version as $date"
export SOURCE_DATE_EPOCH
[ -z "$(ls "$out")" ] || fail "$out is not empty"

# shellcheck disable=SC2086 # one word for each target
{
    for target in $targets; do
        packaging/tarball.sh "$target" "$out"
        packaging/deb.sh "$target" "$out"
        packaging/wheel.sh "$target" "$out"
    done
    packaging/image.sh $targets "$out"
} >&2
cd "$out"
sha256sum -- * >SHA256SUMS
ls
