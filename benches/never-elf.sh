#!/usr/bin/env bash
# Searches directories for ELF files whose extension find-libdeps takes for that of another format
# (crates/find-libdeps/src/scan/names.rs), and prints them. There should be none.
#
#   benches/never-elf.sh DIR...
set -euo pipefail

names=$(dirname "$0")/../crates/find-libdeps/src/scan/names.rs
extensions=$(sed -n '/^const NEVER_ELF/,/];/p' "$names" | grep -o '"[^"]*"' | tr -d '"' | paste -sd '|')

found=0 files=0
while IFS= read -r -d '' file; do
    files=$((files + 1))
    magic=
    IFS= read -r -N 4 magic 2> /dev/null < "$file" || true
    if [ "$magic" = $'\x7fELF' ]; then
        printf '%s\n' "$file"
        found=$((found + 1))
    fi
done < <(find "$@" -xdev -type f -regextype posix-extended -regex ".*/[^/]+\\.($extensions)" -print0)
printf '%s files, %s of them ELF\n' "$files" "$found" >&2
[ "$found" -eq 0 ]
