#!/bin/sh
# An archive of each program with its manual, completions and licences, to be unpacked below a prefix.
set -eu
# shellcheck source=packaging/common.sh
. "$(dirname -- "$0")/common.sh"
arguments "$@"

stage "$work" /all
for program in find-libdeps apt-install; do
    name=$program-$version-$target
    root=$work/$name
    mkdir "$root"
    (cd "$work/all" && find . -type f \( -name "*$program" -o -name "$program.*" \) |
        while read -r file; do
            mkdir -p "$root/${file%/*}"
            cp "$file" "$root/$file"
        done)
    licences "$root" "$program"
    cp "$source/CHANGELOG.md" "$root"
    settle "$root"
    tar --sort=name --owner=0 --group=0 --numeric-owner --format=gnu -C "$work" -cf "$work/$name.tar" "$name"
    gzip -9n <"$work/$name.tar" >"$out/$name.tar.gz"
    echo "$out/$name.tar.gz"
done
