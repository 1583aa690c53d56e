#!/bin/sh
# Publishes the files of OUTDIR, which release.sh has made, as the release of TAG, with the notes of
# CHANGELOG.md. GitHub's `gh` does it, with the token in GH_TOKEN.
set -eu

if [ $# -ne 2 ]; then
    echo 'Usage: packaging/publish.sh TAG OUTDIR' >&2
    exit 2
fi
"$(dirname -- "$0")/notes.sh" "${1#v}" |
    gh release create "$1" --verify-tag --title "$1" --notes-file - "$2"/*
