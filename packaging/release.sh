#!/bin/sh
# Makes all files of a release in OUTDIR, and SHA256SUMS, once TAG, Cargo.toml and CHANGELOG.md agree on
# the version. Prints their names; messages go to standard error.
set -eu
# shellcheck source=packaging/common.sh
. "$(dirname -- "$0")/common.sh"

targets='x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu'
[ $# -eq 2 ] || usage 'TAG OUTDIR'
tag=$1
out=$(directory "$2")
cd "$source"

[ "$tag" = "v$version" ] || fail "the tag is $tag, and Cargo.toml has version $version"
packaging/notes.sh "$version" >/dev/null
date=$(awk -v heading="## [$version] - " 'index($0, heading) == 1 { print $NF }' CHANGELOG.md)
# The files have the time of the release, so that they can be made again.
SOURCE_DATE_EPOCH=$(date -u -d "$date" +%s 2>/dev/null) || fail "CHANGELOG.md dates $version as $date"
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
