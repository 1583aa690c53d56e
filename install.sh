#!/bin/sh
# Builds both programs as static binaries from this checkout, checks that they are static, and
# installs them with their manuals and completions. Nothing is fetched but the crates of Cargo.lock.
set -eu

programs='find-libdeps apt-install'
# Below PREFIX/share.
assets='
man/man1/find-libdeps.1
man/man1/apt-install.1
bash-completion/completions/find-libdeps
bash-completion/completions/apt-install
zsh/site-functions/_find-libdeps
zsh/site-functions/_apt-install
fish/vendor_completions.d/find-libdeps.fish
fish/vendor_completions.d/apt-install.fish
'

usage() {
    cat <<'EOF'
Usage: ./install.sh [OPTIONS]

Build find-libdeps and apt-install as static binaries, and install them with manuals and completions.

Options:
  --prefix DIR     install into DIR/bin and DIR/share [default: /usr/local]
  --target TRIPLE  build for this target of rustc's [default: the host's]
  --uninstall      remove what was installed instead
  -h, --help       print this

Environment:
  DESTDIR            put before the prefix, as packagers expect it
  SOURCE_DATE_EPOCH  the date of the manuals [default: the commit's]
EOF
}

say() {
    printf 'install.sh: %s\n' "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

misused() {
    say "$*"
    usage >&2
    exit 2
}

need() {
    command -v "$1" >/dev/null 2>&1 || fail "no \`$1\`: $2"
}

check_tools() {
    need cargo 'apt-get install cargo, or install Rust 1.85 or later'
    need rustc 'apt-get install rustc, or install Rust 1.85 or later'
    need cc 'apt-get install gcc'
    need readelf 'apt-get install binutils'
}

check_libc() {
    # A compiler that knows no such file repeats its name without a directory.
    case $(cc -print-file-name=libc.a) in
        */*) ;;
        *) fail 'no libc.a, which a static binary is made of: apt-get install libc6-dev' ;;
    esac
}

# Before minutes of building, and without a change.
check_writable() {
    place=$1
    while [ ! -e "$place" ]; do
        place=$(dirname -- "$place")
    done
    if [ ! -d "$place" ] || [ ! -w "$place" ]; then
        fail "cannot write into $place: run this as root, or choose another place with --prefix"
    fi
}

build() {
    # For another architecture, the compiler links that Debian has for it.
    linker=${1%%-*}-linux-gnu-gcc
    if [ "$1" != "$host" ] && command -v "$linker" >/dev/null 2>&1; then
        variable=CARGO_TARGET_$(printf %s "$1" | tr 'a-z-' 'A-Z_')_LINKER
        eval "export $variable=\"\${$variable:-\$linker}\""
    fi
    # With an explicit target, even the host's own, flags are not for build scripts and macros,
    # which cannot be static. Flags of the environment are kept, ours come last and win; those of
    # cargo's configuration do not count beside them.
    if [ -n "${CARGO_ENCODED_RUSTFLAGS:-}" ]; then
        separator=$(printf '\037')
        CARGO_ENCODED_RUSTFLAGS="$CARGO_ENCODED_RUSTFLAGS$separator-Ctarget-feature=+crt-static"
        export CARGO_ENCODED_RUSTFLAGS
    else
        RUSTFLAGS="${RUSTFLAGS:-} -Ctarget-feature=+crt-static"
        export RUSTFLAGS
    fi
    cargo build --release --locked --target "$1" --manifest-path "$source/Cargo.toml" \
        --target-dir "$built" --package find-libdeps --package apt-install
}

# The day of what is built, so that two builds of it are equal.
day() {
    epoch=${SOURCE_DATE_EPOCH:-}
    if [ -z "$epoch" ] && [ -e "$source/.git" ]; then
        epoch=$(git -C "$source" log -1 --format=%ct 2>/dev/null) || epoch=
    fi
    if [ -n "$epoch" ]; then
        date -u -d "@$epoch" +%F
    else
        date -u -r "$source/Cargo.toml" +%F
    fi
}

# Manuals and completions are written by a program that runs here, whatever the target, and once.
build_assets() {
    day=$(day) || fail "cannot read a date from SOURCE_DATE_EPOCH"
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 cargo run --locked --target "$host" \
        --manifest-path "$source/Cargo.toml" --target-dir "$built" --package assets -- "$built/assets" "$day"
}

# Neither an interpreter nor a needed library: the file runs in any image of its architecture.
check_static() {
    headers=$(readelf -ldW "$1") || fail "cannot read $1; nothing was installed"
    case $headers in
        *INTERP* | *NEEDED*)
            fail "$1 is not static; nothing was installed. Is another linker configured for cargo?"
            ;;
    esac
}

# Readable, and programs executable, for all users, whatever the umask.
install_file() {
    mode=$1 from=$2 to=$3
    dir=${to%/*}
    new=$dir/.${to##*/}.new
    (umask 022 && mkdir -p "$dir") || fail "cannot make $dir: choose another place with --prefix"
    # Beside the old file and then in its place: a running program is not disturbed.
    if ! cp "$from" "$new" || ! chmod "$mode" "$new" || ! mv -f "$new" "$to"; then
        rm -f "$new"
        fail "cannot write into $dir: choose another place with --prefix"
    fi
}

install_all() {
    for program in $programs; do
        check_static "$built/$target/release/$program"
    done
    for program in $programs; do
        install_file 755 "$built/$target/release/$program" "$bin/$program"
    done
    for asset in $assets; do
        install_file 644 "$built/assets/$asset" "$share/$asset"
    done
}

uninstall() {
    for program in $programs; do
        rm -f "$bin/$program" || fail "cannot remove $bin/$program"
    done
    for asset in $assets; do
        rm -f "$share/$asset" || fail "cannot remove $share/$asset"
    done
    say "$bin has neither program now"
}

report() {
    for program in $programs; do
        version=$("$1/$program" --version) || fail "$1/$program does not run here"
        say "installed $1/$program: $version"
    done
}

main() {
    prefix=/usr/local
    target=
    uninstall=
    while [ $# -gt 0 ]; do
        case $1 in
            --prefix | --target)
                [ -n "${2:-}" ] || misused "$1 needs a value"
                if [ "$1" = --prefix ]; then prefix=$2; else target=$2; fi
                shift
                ;;
            --prefix=?*) prefix=${1#*=} ;;
            --target=?*) target=${1#*=} ;;
            --prefix= | --target=) misused "${1%=} needs a value" ;;
            --uninstall) uninstall=yes ;;
            -h | --help)
                usage
                exit
                ;;
            *) misused "\`$1\` is no option of this script" ;;
        esac
        shift
    done
    case $prefix in
        /*) ;;
        *) prefix=$PWD/$prefix ;;
    esac
    bin=${DESTDIR:-}${prefix%/}/bin
    share=${DESTDIR:-}${prefix%/}/share

    if [ -n "$uninstall" ]; then
        uninstall
        exit
    fi
    source=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
    [ -f "$source/Cargo.lock" ] || fail "$source is no checkout: run the install.sh that is in one"
    built=${CARGO_TARGET_DIR:-$source/target}
    check_tools
    host=$(rustc -vV | sed -n 's/^host: //p')
    target=${target:-$host}
    # Another target has its own C library, or rustc brings it.
    [ "$target" != "$host" ] || check_libc
    check_writable "$bin"
    check_writable "$share"
    build_assets
    build "$target"
    install_all
    # Another target's programs may not run here.
    if [ "$target" = "$host" ]; then
        report "$bin"
    else
        say "installed both programs for $target into $bin"
    fi
    # What DESTDIR holds is on its way to another place.
    case ":$PATH:${DESTDIR:+:$bin:}" in
        *":$bin:"*) ;;
        *) say "$bin is not on your PATH" ;;
    esac
}

main "$@"
