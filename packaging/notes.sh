#!/bin/sh
# Prints what CHANGELOG.md says of VERSION: the notes of its release.
set -eu

if [ $# -ne 1 ]; then
    echo 'Usage: packaging/notes.sh VERSION' >&2
    exit 2
fi
cd "$(dirname -- "$0")/.."
# Without the empty lines around it.
notes=$(awk -v heading="## [$1] - " '
    /^## / { inside = index($0, heading) == 1; next }
    inside && ($0 != "" || begun) { begun = 1; print }
' CHANGELOG.md)
if [ -z "$notes" ]; then
    echo "notes.sh: CHANGELOG.md says nothing below \`## [$1] - DATE\`" >&2
    exit 1
fi
printf '%s\n' "$notes"
