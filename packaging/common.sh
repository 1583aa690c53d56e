#!/bin/sh
# What the scripts of this folder share; each reads this file. All that a package holds was built by
# install.sh; a second script finds it built. SOURCE_DATE_EPOCH is the time of all files (default: the
# commit's), so that two runs give equal files.

source=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

usage() {
    echo "Usage: packaging/${0##*/} $1" >&2
    exit 2
}

epoch() {
    git -C "$source" log -1 --format=%ct 2>/dev/null || stat -c %Y "$source/Cargo.toml"
}

# Makes the directory $1, and prints its absolute path.
directory() {
    mkdir -p "$1"
    CDPATH='' cd -- "$1" && pwd
}

# For a script that makes packages of both programs and prints their paths. Sets `target`, a target of
# rustc's (default: the host's), and `out`, the directory of the packages (default: dist).
arguments() {
    [ $# -le 2 ] || usage '[TARGET [OUTDIR]]'
    target=${1:-$(rustc -vV | sed -n 's/^host: //p')}
    # shellcheck disable=SC2034 # the scripts use it
    out=$(directory "${2:-$source/dist}")
}

# Installs both programs for `target` below the directory $1, as if it were /, with the prefix $2.
stage() {
    DESTDIR=$1 "$source/install.sh" --prefix "$2" --target "$target" >&2
}

# Writes the licences of the programs $2... and of what is linked into them to the directory $1.
licences() {
    cp "$source/LICENSE-APACHE" "$source/LICENSE-MIT" "$1"
    cp /usr/share/common-licenses/LGPL-2.1 "$1/LICENSE-LGPL"
    licences=$1
    shift
    "$source/packaging/copyright.sh" "$target" "$@" >"$licences/COPYRIGHT"
}

# Gives all below the directory $1 the modes and times of a package.
settle() {
    chmod -R u=rwX,go=rX "$1"
    find "$1" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
}

# shellcheck disable=SC2034 # the scripts use it
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$source/Cargo.toml")
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(epoch)}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
