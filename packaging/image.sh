#!/bin/sh
# Makes the image of both programs for each TARGET (a target of rustc's), in one index, as an archive
# in OUTDIR that is both an OCI image layout and, for the first TARGET, one for `docker load`. Two files
# on nothing need no engine; the same sources, compiler and gzip make the same bytes.
set -eu

if [ $# -lt 2 ]; then
    echo 'Usage: packaging/image.sh TARGET... OUTDIR' >&2
    exit 2
fi
source=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$source/Cargo.toml" | head -n 1)
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct 2>/dev/null || echo 0)}
created=$(date -u -d "@$epoch" +%FT%TZ)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
blobs=$work/layout/blobs/sha256
mkdir -p "$blobs"
umask 022
export LC_ALL=C

# pack ARCHIVE DIRECTORY: all that is in it, without the time, order and owner of now.
pack() {
    (cd "$2" && find . -mindepth 1 -printf '%P\0' | sort -z |
        tar --null --no-recursion --files-from=- --create --format=ustar --owner=0 --group=0 \
            --numeric-owner --mtime="@$epoch") >"$1"
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
    case $1 in
        x86_64-*) architecture=amd64 ;;
        aarch64-*) architecture=arm64 ;;
        *)
            echo "image.sh: no architecture of images is known for $1" >&2
            exit 2
            ;;
    esac
    "$source/install.sh" --target "$1" --prefix "$work/$1" >&2
    manifests=$manifests${manifests:+,}$(image "$architecture" "$work/$1/bin")
    shift
done
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' \
    "$manifests" >"$work/index"
index=$(blob "$work/index" index.v1+json)
# The name that tools read from an archive is that of its entry in index.json.
printf '{"schemaVersion":2,"manifests":[%s,"annotations":{"org.opencontainers.image.ref.name":"%s"}}]}' \
    "$index" "$version" >"$work/layout/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/layout/oci-layout"
mkdir -p "$1"
pack "$1/tools-$version.oci.tar" "$work/layout"
echo "$1/tools-$version.oci.tar"
