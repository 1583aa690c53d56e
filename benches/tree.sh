#!/usr/bin/env bash
# Makes a tree of so many files from a virtualenv: hard links to all of it, and to every so-manieth
# file for the rest. Its files are of real kinds and sizes and take no room.
#
#   benches/tree.sh VENV FILES TREE
set -euo pipefail

venv=$(realpath "$1") files=$2
mkdir "$3"
tree=$(realpath "$3")
each=$(find "$venv" -type f | wc -l)
for ((copy = 0; (copy + 1) * each <= files; copy++)); do
    cp -al "$venv" "$tree/$copy"
done
rest=$((files - copy * each))
mkdir "$tree/rest"
cd "$venv"
find . -type f -print0 | sort -z |
    awk -v RS='\0' -v ORS='\0' -v rest="$rest" -v each="$each" \
        'int(NR * rest / each) > int((NR - 1) * rest / each)' |
    xargs -0 -r cp -l --parents -t "$tree/rest"
