#!/bin/sh
# Builds both programs as static binaries from this checkout, checks that they are static, and
# installs them. Nothing is fetched but the crates of Cargo.lock.
set -eu

programs='find-libdeps apt-install'

usage() {
    cat <<'EOF'
Usage: ./install.sh [OPTIONS]

Build find-libdeps and apt-install as static binaries and install them.

Options:
  --prefix DIR     install into DIR/bin [default: /usr/local]
  --target TRIPLE  build for this target of rustc's [default: the host's]
  --uninstall      remove the installed programs instead
  -h, --help       print this

Environment:
  DESTDIR          put before the prefix, as packagers expect it
EOF
}

say() {
    printf 'install.sh: %s\n' "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

need() {
    command -v "$1" >/dev/null 2>&1 || fail "no \`$1\`: $2"
}

check_tools() {
    need cargo 'apt-get install cargo, or install Rust 1.85 or later'
    need cc 'apt-get install gcc'
    need readelf 'apt-get install binutils'
    # A compiler that knows no such file repeats its name without a directory.
    case $(cc -print-file-name=libc.a) in
        */*) ;;
        *) fail 'no libc.a, which a static binary is made of: apt-get install libc6-dev' ;;
    esac
}

build() {
    # With an explicit target, even the host's own, flags are not for build scripts and macros,
    # which cannot be static. Flags of the environment are kept, ours come last and win.
    if [ -n "${CARGO_ENCODED_RUSTFLAGS:-}" ]; then
        separator=$(printf '\037')
        CARGO_ENCODED_RUSTFLAGS="$CARGO_ENCODED_RUSTFLAGS$separator-Ctarget-feature=+crt-static"
        export CARGO_ENCODED_RUSTFLAGS
    else
        RUSTFLAGS="${RUSTFLAGS:-} -Ctarget-feature=+crt-static"
        export RUSTFLAGS
    fi
    cargo build --release --locked --target "$1" --manifest-path "$source/Cargo.toml" \
        --target-dir "$built"
}

# Neither an interpreter nor a needed library: the file runs in any image of its architecture.
check_static() {
    if readelf -lW "$1" | grep -q INTERP || readelf -dW "$1" | grep -q NEEDED; then
        fail "$1 is not static; nothing was installed. Is another linker configured for cargo?"
    fi
}

install_programs() {
    bin=$1
    from=$2
    for program in $programs; do
        check_static "$from/$program"
    done
    mkdir -p "$bin" || fail "cannot make $bin: choose another place with --prefix"
    for program in $programs; do
        # Beside the old file and then in its place: a running program is not disturbed.
        cp "$from/$program" "$bin/.$program.new" || fail "cannot write into $bin: --prefix names another place"
        chmod 755 "$bin/.$program.new"
        mv "$bin/.$program.new" "$bin/$program"
    done
}

report() {
    for program in $programs; do
        say "installed $1/$program ($("$1/$program" --version))"
    done
    case ":$PATH:" in
        *":$1:"*) ;;
        *) say "$1 is not on your PATH" ;;
    esac
}

main() {
    prefix=/usr/local
    target=
    uninstall=
    while [ $# -gt 0 ]; do
        case $1 in
            --prefix | --target)
                [ $# -gt 1 ] || fail "$1 needs a value"
                if [ "$1" = --prefix ]; then prefix=$2; else target=$2; fi
                shift
                ;;
            --prefix=*) prefix=${1#*=} ;;
            --target=*) target=${1#*=} ;;
            --uninstall) uninstall=yes ;;
            -h | --help)
                usage
                exit
                ;;
            *)
                say "\`$1\` is no option of this script"
                usage >&2
                exit 2
                ;;
        esac
        shift
    done
    case $prefix in
        /*) ;;
        *) prefix=$PWD/$prefix ;;
    esac
    bin=${DESTDIR:-}$prefix/bin

    if [ -n "$uninstall" ]; then
        for program in $programs; do
            rm -f "$bin/$program"
        done
        say "removed the programs from $bin"
        exit
    fi
    source=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
    built=${CARGO_TARGET_DIR:-$source/target}
    check_tools
    host=$(rustc -vV | sed -n 's/^host: //p')
    target=${target:-$host}
    build "$target"
    install_programs "$bin" "$built/$target/release"
    # Another architecture's programs cannot run here.
    if [ "$target" = "$host" ]; then
        report "$bin"
    fi
}

main "$@"
