#!/bin/sh
# Makes the image of both programs for each TARGET (a target of rustc's), in one index, as an archive
# in OUTDIR that is both an OCI image layout and, for the first TARGET, one for `docker load`. Two files
# and their licences on nothing need no engine; the same sources, compiler and gzip make the same bytes.
set -eu
# shellcheck source=packaging/common.sh
. "$(dirname -- "$0")/common.sh"

[ $# -ge 2 ] || usage 'TARGET... OUTDIR'
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)
blobs=$work/layout/blobs/sha256
mkdir -p "$blobs"
umask 022
export LC_ALL=C

# pack ARCHIVE DIRECTORY: all that is in it, without the time, order and owner of now.
pack() {
    (cd "$2" && find . -mindepth 1 -printf '%P\0' | sort -z |
        tar --null --no-recursion --files-from=- --create --format=ustar --owner=0 --group=0 \
            --numeric-owner --mtime="@$SOURCE_DATE_EPOCH") >"$1"
}

digest() {
    sha256sum "$1" | cut -d ' ' -f 1
}

# blob FILE TYPE: moves the file to its place and prints its descriptor, without the closing brace.
blob() {
    sum=$(digest "$1")
    printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s' \
        "$2" "$sum" "$(wc -c <"$1")"
    mv "$1" "$blobs/$sum"
}

# image ARCHITECTURE DIRECTORY: adds an image of the directory's files, and prints the descriptor of its
# manifest. What `docker load` reads is written to manifest.json.
image() {
    pack "$work/layer" "$2"
    id=$(digest "$work/layer")
    gzip -9 -n "$work/layer"
    layer=$(blob "$work/layer.gz" layer.v1.tar+gzip)
    printf '{"created":"%s","architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"%s","created_by":"packaging/image.sh"}]}' \
        "$created" "$1" "$id" "$created" >"$work/config"
    config=$(blob "$work/config" config.v1+json)
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s},"layers":[%s}]}' \
        "$config" "$layer" >"$work/manifest"
    printf '%s,"platform":{"architecture":"%s","os":"linux"}}' \
        "$(blob "$work/manifest" manifest.v1+json)" "$1"
    [ -e "$work/layout/manifest.json" ] || printf '[{"Config":"%s","RepoTags":["tools:%s"],"Layers":["%s"]}]' \
        "$(place "$config")" "$version" "$(place "$layer")" >"$work/layout/manifest.json"
}

# place DESCRIPTOR: the path of its blob.
place() {
    echo "$1" | sed 's,.*"sha256:\([0-9a-f]*\)".*,blobs/sha256/\1,'
}

manifests=
while [ $# -gt 1 ]; do
    target=$1
    case $target in
        x86_64-*) architecture=amd64 ;;
        aarch64-*) architecture=arm64 ;;
        *) fail "no architecture of images is known for $target" ;;
    esac
    stage "$work/$target" /
    mkdir "$work/$target/bin/licenses"
    licences "$work/$target/bin/licenses" find-libdeps apt-install
    manifests=$manifests${manifests:+,}$(image "$architecture" "$work/$target/bin")
    shift
done
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' \
    "$manifests" >"$work/index"
index=$(blob "$work/index" index.v1+json)
# The name that tools read from an archive is that of its entry in index.json.
printf '{"schemaVersion":2,"manifests":[%s,"annotations":{"org.opencontainers.image.ref.name":"%s"}}]}' \
    "$index" "$version" >"$work/layout/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/layout/oci-layout"
archive=$(directory "$1")/tools-$version.oci.tar
pack "$archive" "$work/layout"
echo "$archive"
