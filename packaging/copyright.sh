#!/bin/sh
# Prints what PROGRAM... contain for TARGET, whose it is, and under which licences, in Debian's
# machine-readable form. They are static: the crates, Rust's standard library and the C library in them
# all ask that their notices come along. Run it where install.sh has built them, on Debian.
set -eu
# shellcheck source=packaging/common.sh
. "$(dirname -- "$0")/common.sh"

[ $# -ge 2 ] || usage 'TARGET PROGRAM...'
target=$1
shift
export LC_ALL=C
case $target in
    *-linux-gnu*) ;;
    *) fail "the notices of the C library of $target are not known" ;;
esac

# indent: the lines of standard input as the value of a field.
indent() {
    sed 's/[[:space:]]*$//; s/^$/./; s/^/ /'
}

# holders FILE: the lines about copyright in a licence, without the word.
holders() {
    sed -n 's/^[[:space:]]*Copyright:\{0,1\} \(([Cc]) \)\{0,1\}//p' "$1"
}

# permission FILE: the words of an MIT licence that grant it, one a line.
permission() {
    { cat "$1"; echo; } | tr -s '[:space:]' '\n' | sed -n '/^Permission$/,$p'
}

# files PATTERN LICENCE [COMMENT]: a paragraph with the copyright of standard input.
files() {
    printf '\nFiles: %s\nCopyright:\n' "$1"
    indent
    printf 'License: %s\n' "$2"
    [ $# -eq 2 ] || printf 'Comment: %s\n' "$3"
}

# licence NAME: a paragraph with the text of standard input.
licence() {
    printf '\nLicense: %s\n' "$1"
    indent
}

# Each crate that is linked, sorted, as `NAME-VERSION|LICENCE`.
crates() {
    for program; do
        cargo tree --quiet --locked --manifest-path "$source/Cargo.toml" --package "$program" --target "$target" \
            --edges normal,no-proc-macro --prefix none --no-dedupe --format '{p}|{l}'
    done >"$work/tree"
    # Ours have a path.
    sed '/ (\//d; s/ v/-/' "$work/tree" | sort -u
}

# The directory of each package, after its name and version.
directories() {
    cargo metadata --quiet --locked --manifest-path "$source/Cargo.toml" --format-version 1 \
        --filter-platform "$target" >"$work/metadata"
    grep -o '{"name":"[^"]*","version":"[^"]*","id"\|"manifest_path":"[^"]*"' "$work/metadata" |
        sed -n 's/^{"name":"\(.*\)","version":"\(.*\)","id"$/\1-\2/; h; n
                s/^"manifest_path":"\(.*\)\/Cargo.toml"$/\1/; H; x; s/\n/|/p'
}

authors() {
    awk '/^authors = \[/ { begun = 1 } begun { print } begun && /\]$/ { exit }' "$1/Cargo.toml" |
        grep -o '"[^"]*"' | tr -d '"'
}

# crate NAME-VERSION LICENCE DIRECTORY: who holds the copyright, and which of its licences is used.
crate() {
    [ ! -e "$3/NOTICE" ] || fail "$3/NOTICE has to come along: teach this script to include it"
    case $2 in
        *AND*) used= ;;
        *MIT*) used=Expat ;;
        *Apache-2.0*) used=Apache-2.0 ;;
        *) used= ;;
    esac
    [ -n "$used" ] || fail "$1 is under \`$2\`: teach this script what that asks for"
    : >"$work/holders"
    if [ "$used" = Expat ]; then
        text=$(grep -slw Permission "$3"/LICEN[CS]E* | head -n 1)
        [ -n "$text" ] || fail "no licence of $1 in $3"
        permission "$text" | cmp -s - "$work/permission" || used=$1
        holders "$text" >"$work/holders"
    fi
    [ -s "$work/holders" ] || authors "$3" >"$work/holders"
    [ -s "$work/holders" ] || echo "the authors of $1" >"$work/holders"
    files "crates/$1/*" "$used" "distributed under $2" <"$work/holders"
    case $used in
        Expat | Apache-2.0) ;;
        *) licence "$used" <"$text" ;;
    esac
    # What it has from elsewhere.
    find "$3" -mindepth 2 -name 'LICEN[CS]E*' | sort | while read -r text; do
        place=${text#"$3/"}
        holders "$text" | files "crates/$1/${place%/*}/*" "$1-${text##*/}"
        licence "$1-${text##*/}" <"$text"
    done
}

# Rust's own list of whose its standard library is, which Debian's compiler does not bring.
standard_library() {
    doc=$(rustc --print sysroot)/share/doc/rust
    echo 'The Rust Project Developers (see https://thanks.rust-lang.org)' >"$work/holders"
    if [ -e "$doc/COPYRIGHT-library.html" ]; then
        sed "s/<[^>]*>//g; s/&#39;/'/g; s/&#60;/</g; s/&#62;/>/g" "$doc/COPYRIGHT-library.html" >"$work/text"
        holders "$work/text" | grep '^[12][09][0-9][0-9]' | sort -u >>"$work/holders"
    fi
    files 'rust/library/*' Expat "of $(rustc --version)" <"$work/holders"
    if [ -e "$doc/licenses/Unicode-3.0.txt" ]; then
        grep ' Unicode, Inc' "$work/holders" |
            files 'rust/library/core/src/unicode/*' Unicode-3.0
        licence Unicode-3.0 <"$doc/licenses/Unicode-3.0.txt"
    fi
}

c_library() {
    compiler=cc
    rustc -vV | grep -qx "host: $target" || compiler=${target%%-*}-linux-gnu-gcc
    archive=$(realpath "$("$compiler" -print-file-name=libc.a)")
    package=$(dpkg-query --search "$archive") || fail "$archive is in no Debian package, whose notices are needed"
    notices=/usr/share/doc/${package%%:*}/copyright
    [ -e "$notices" ] || fail "no $notices"
    name=$(grep -ao 'GNU C Library (.*) [a-z]* release version [0-9.]*[0-9]' "$archive" | head -n 1)
    echo 'Free Software Foundation, Inc., and others, as the licence says' |
        files 'glibc/*' LGPL-2.1+ "$name
 Its source is Debian's source package of that version. To link the program with a changed library,
 build it from this project's source, by install.sh, where the compiler finds that library. The text of
 the LGPL is in /usr/share/common-licenses/LGPL-2.1; elsewhere, in LICENSE-LGPL beside this file."
    licence LGPL-2.1+ <"$notices"
    echo 'Free Software Foundation, Inc.' |
        files 'gcc/libgcc/*' 'GPL-3+ with GCC-Runtime-Library-3.1 exception' \
            'The exception permits any terms for what it is linked into.'
    licence 'GPL-3+ with GCC-Runtime-Library-3.1 exception' <<'END'
On Debian systems, the GNU General Public License is in /usr/share/common-licenses/GPL-3. The exception
is at https://www.gnu.org/licenses/gcc-exception-3.1.html.
END
}

cat <<'END'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Comment:
 The programs are linked statically. Below crates/ is what they have of published
 crates, by name and version; below rust/, of Rust's standard library; below glibc/ and gcc/, of the C
 library and the compiler's. All else is this project's.
END
permission "$source/LICENSE-MIT" >"$work/permission"
sed -n 's/^Copyright (c) //p' "$source/LICENSE-MIT" | files '*' 'Expat or Apache-2.0'
crates "$@" >"$work/crates"
directories >"$work/directories"
while IFS='|' read -r name expression; do
    directory=$(sed -n "s,^$name|,,p" "$work/directories")
    [ -n "$directory" ] || fail "no source of $name"
    crate "$name" "$expression" "$directory"
done <"$work/crates"
standard_library
c_library
sed -n '/^Permission/,$p' "$source/LICENSE-MIT" | licence Expat
licence Apache-2.0 <<'END'
On Debian systems, see /usr/share/common-licenses/Apache-2.0; elsewhere, the file LICENSE-APACHE beside
this one.
END
