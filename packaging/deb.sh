#!/bin/sh
# A Debian package of each program. dpkg-deb alone makes it: cargo-deb would be compiled first, which
# takes longer than all else here, to write the same control file. DEBFULLNAME and DEBEMAIL name the
# maintainer, as for Debian's own tools.
set -eu
# shellcheck source=packaging/common.sh
. "$(dirname -- "$0")/common.sh"
arguments "$@"

maintainer="${DEBFULLNAME:-the find-libdeps and apt-install authors} <${DEBEMAIL:-nobody@package.invalid}>"
debian_version=$(printf '%s' "$version" | sed 's/-/~/')-1
case $target in
    x86_64-*) architecture=amd64 ;;
    aarch64-*) architecture=arm64 ;;
    armv7-*hf) architecture=armhf ;;
    i686-*) architecture=i386 ;;
    powerpc64le-*) architecture=ppc64el ;;
    riscv64*) architecture=riscv64 ;;
    s390x-*) architecture=s390x ;;
    *) fail "no Debian architecture is known for $target" ;;
esac

# What differs between the two in the control file. dpkg is essential, so it is not a dependency.
fields() {
    case $1 in
        find-libdeps)
            cat <<'END'
Description: list the Debian packages that a tree of binaries needs
 Reads the ELF files of a virtualenv, or of any other tree of binaries, finds
 the libraries that they need as the loader does, and prints the packages that
 ship these libraries.
END
            ;;
        apt-install)
            cat <<'END'
Depends: apt
Description: install Debian packages into an image layer
 Runs apt-get update and apt-get install without recommended packages, removes
 what this made unneeded, and purges package lists, caches and logs.
END
            ;;
    esac
}

changelog() {
    printf '%s (%s) unstable; urgency=medium\n\n' "$1" "$debian_version"
    printf '  * Version %s; the changes are in changelog.gz.\n\n' "$version"
    printf ' -- %s  %s\n' "$maintainer" "$(LC_ALL=C date -uRd "@$SOURCE_DATE_EPOCH")"
}

# In kB, as dpkg-gencontrol(1) counts, whatever the file system.
installed_size() {
    find "$1" -printf '%y %s\n' |
        awk '{ size += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print size }'
}

# The C library, whose source has to stay available (Debian Policy 7.8), as its version in the copyright.
built_using() {
    sed -n 's/.*(Debian GLIBC \([^)]*\)).*/glibc (= \1)/p' "$1"
}

control() {
    cat <<END
Package: $1
Version: $debian_version
Architecture: $architecture
Multi-Arch: foreign
Maintainer: $maintainer
Installed-Size: $(installed_size "$2")
Built-Using: $(built_using "$2/share/doc/$1/copyright")
Section: utils
Priority: optional
END
    fields "$1"
}

stage "$work" /usr
umask 022
for program in find-libdeps apt-install; do
    root=$work/$program
    doc=usr/share/doc/$program
    share=usr/share
    mkdir -p "$root/usr/bin" "$root/$doc" "$root/$share/man/man1" "$root/$share/lintian/overrides" \
        "$root/$share/bash-completion/completions" "$root/$share/zsh/vendor-completions" \
        "$root/$share/fish/vendor_completions.d"
    cp "$work/usr/bin/$program" "$root/usr/bin"
    gzip -9n <"$work/$share/man/man1/$program.1" >"$root/$share/man/man1/$program.1.gz"
    for completion in "bash-completion/completions/$program" "fish/vendor_completions.d/$program.fish"; do
        cp "$work/$share/$completion" "$root/$share/$completion"
    done
    # Where Debian's zsh looks for what packages ship.
    cp "$work/$share/zsh/site-functions/_$program" "$root/$share/zsh/vendor-completions"
    "$source/packaging/copyright.sh" "$target" "$program" >"$root/$doc/copyright"
    changelog "$program" | gzip -9n >"$root/$doc/changelog.Debian.gz"
    gzip -9n <"$source/CHANGELOG.md" >"$root/$doc/changelog.gz"
    cat >"$root/$share/lintian/overrides/$program" <<END
# It has to run in any image of its architecture, whatever is installed there. The second is what
# lintian takes a static program for that can be loaded anywhere, as on amd64.
$program: statically-linked-binary [usr/bin/$program]
$program: shared-library-lacks-prerequisites [usr/bin/$program]
END
    mkdir "$root/DEBIAN"
    (cd "$root" && find usr -type f | LC_ALL=C sort | xargs md5sum) >"$work/md5sums"
    control "$program" "$root/usr" >"$root/DEBIAN/control"
    mv "$work/md5sums" "$root/DEBIAN"
    settle "$root"
    deb=$out/${program}_${debian_version}_$architecture.deb
    dpkg-deb --root-owner-group -Zxz --build "$root" "$deb" >&2
    echo "$deb"
done
