#!/usr/bin/env bash
# What the toolkit saves: sizes in bytes of images that a Docker engine builds, of each virtualenv of
# tests/docker/venvs and of the README's quick start, each in several ways:
#
#   one-stage  compilers, -dev packages and pip stay: `apt-get update && apt-get install … &&
#              rm -rf /var/lib/apt/lists/*`, then pip
#   pipeline   two stages; the list is made by find, ldd and dpkg-query, installed by apt-get
#   toolkit    two stages; the list is made by find-libdeps, installed by apt-install
#
# Final images with apt configured as Debian's official images have it; the apt layer also with
# apt as Debian has it (`plain Debian`). tests/docker/venvs/Dockerfile is all of it.
#
#   benches/savings.sh
#
# Needs root, mmdebstrap, dockerd, Debian's archive and an index for pip; many minutes the first
# time, as all is built from source. Starts an engine of its own; base, images and cache stay in
# target/tmp, where the tests look too. Draws benches/savings.svg.
set -euo pipefail
cd "$(dirname "$0")/.."

kept=$PWD/target/tmp
base=python:bookworm
run=

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

docker() {
    DOCKER_HOST=unix://$run/socket DOCKER_BUILDKIT=1 HOME=$run /usr/bin/docker "$@"
}

start_engine() {
    run=$(mktemp -d)
    dockerd --data-root "$kept/docker" --exec-root "$run/exec" --pidfile "$run/pid" \
        --iptables=false --bridge=none -H "unix://$run/socket" > "$run/log" 2>&1 &
    engine=$!
    trap stop_engine EXIT
    for ((try = 0; try < 300; try++)); do
        docker version > "$run/version" 2>&1 && return
        sleep 0.1
    done
    die "dockerd does not answer: $(tail -n 5 "$run/log")"
}

stop_engine() {
    kill "$engine"
    wait "$engine" || true
    rm -rf "$run"
}

# Debian's Python in an image, made where it is not there, with this machine's certificates for pip.
import_base() {
    local certificates=etc/ssl/certs/ca-certificates.crt
    local tar=$kept/bookworm+python3+python3-venv+ca-certificates.tar
    docker image inspect "$base" > "$run/inspect" 2>&1 && return
    if [ ! -e "$tar" ]; then
        mmdebstrap --quiet --variant=apt --include=python3,python3-venv,ca-certificates bookworm \
            "$tar.half.tar"
        mv "$tar.half.tar" "$tar"
    fi
    cp "$tar" "$run/base.tar"
    mkdir -p "$run/files/${certificates%/*}"
    cp "/$certificates" "$run/files/$certificates"
    : > "$run/files/etc/hosts"
    tar --delete -f "$run/base.tar" "./$certificates"
    tar --append --owner=0 --group=0 -f "$run/base.tar" -C "$run/files" etc/hosts "$certificates"
    docker import "$run/base.tar" "$base" > "$run/imported"
    rm "$run/base.tar"
}

import_tools() {
    ./install.sh --prefix target/bench 2> "$run/install" || die "$(cat "$run/install")"
    printf 'FROM scratch\nCOPY find-libdeps apt-install /\n' > target/bench/bin/Dockerfile
    build tools target/bench/bin
    rm target/bench/bin/Dockerfile
}

# build IMAGE CONTEXT [ARGUMENTS]
build() {
    local image=$1 context=$2
    shift 2
    docker build --network=host --progress=plain --tag "$image" "$@" "$context" \
        > "$run/build" 2>&1 || die "$image: $(tail -n 20 "$run/build")"
}

# venv NAME WAY APT: builds an image, and names it
venv() {
    build "$1-$2-$3" tests/docker/venvs --build-arg "BASE=$base" --build-arg TOOLS=tools \
        --build-arg "VENV=$1" --build-arg "APT=$3" --target "$2"
}

# The README's quick start, in one stage and as it stands there, the block that begins with a base.
example() {
    local context=$run/example way=$1 image=$2
    mkdir -p "$context"
    cp tests/docker/readme/* "$context"
    if [ "$way" = toolkit ]; then
        awk '
            /^```/ { shown = 0; first = ($0 == "```dockerfile"); next }
            first { first = 0; shown = /^ARG PYTHON_IMAGE=/ }
            shown
        ' README.md > "$context/$way.Dockerfile"
    fi
    build "$image" "$context" --file "$context/$way.Dockerfile" \
        --build-arg PYTHON_IMAGE=small-headers-plain
}

image_size() {
    docker image inspect --format '{{.Size}}' "$1"
}

# The layer of a command with apt, the uppermost: below lies the base.
apt_layer() {
    docker history --no-trunc --human=false --format '{{.Size}} {{.CreatedBy}}' "$1" |
        awk '$2 == "RUN" && /apt-(get|install)/ && !found { found = 1; print $1 }'
}

starts() {
    if docker run --rm --network=none "$1" sh -c "$(cat "$2")" > "$run/starts" 2>&1; then
        echo yes
    else
        echo no
    fi
}

# measure NAME TITLE WAY IMAGE PLAIN CHECK: one line of results. PLAIN is the same image with apt as
# Debian has it, or `-`.
measure() {
    local plain=-
    [ "$5" = - ] || plain=$(apt_layer "$5")
    printf '%s|%s|%s|%s|%s|%s|%s\n' "$1" "$2" "$3" "$(image_size "$4")" "$(apt_layer "$4")" \
        "$plain" "$(starts "$4" "$6")" >> "$run/results"
}

# Ways and images of one virtualenv; its title is the list of what pip installs.
measure_venv() {
    local name=$1 way title check=tests/docker/venvs/$1/check.sh
    title=$(sed -n 's/==.*//p' "tests/docker/venvs/$name/requirements.txt" | paste -sd ' ' | sed 's/ /, /g')
    venv "$name" one-stage official
    measure "$name" "$title" one-stage "$name-one-stage-official" - "$check"
    for way in pipeline toolkit; do
        venv "$name" "$way" official
        venv "$name" "$way" plain
        measure "$name" "$title" "$way" "$name-$way-official" "$name-$way-plain" "$check"
    done
}

measure_example() {
    local way
    venv small headers plain
    for way in one-stage toolkit; do
        example "$way" "example-$way"
        measure example 'the quick start: django, psycopg2, python-magic' "$way" "example-$way" - \
            tests/docker/readme/check.sh
    done
}

print_results() {
    cat << 'EOF'
one-stage     compilers, headers and pip stay in the image
pipeline      two stages; find, ldd and dpkg-query make the list, apt-get installs it
toolkit       two stages; find-libdeps makes the list, apt-install installs it
image         all of it, apt configured as in the official images
apt layer     of it what apt brought
plain Debian  the same layer with apt as Debian configures it
starts        what the virtualenv is for starts

EOF
    printf '%-10s %-10s %15s %15s %15s  %s\n' virtualenv way image 'apt layer' 'plain Debian' starts
    while IFS='|' read -r name _ way image layer plain starts; do
        printf '%-10s %-10s %15s %15s %15s  %s\n' "$name" "$way" "$image" "$layer" "$plain" "$starts"
    done < "$run/results"
}

# verdict LABEL VALUE TARGET
verdict() {
    local word=MISSED
    [ "$2" -le "$3" ] && word=met
    printf '%-52s %12s bytes (target <= %s) %s\n' "$1" "$2" "$3" "$word"
}

layer_of() {
    awk -F '|' -v name="$1" '$1 == name && $3 == "toolkit" { print $6 }' "$run/results"
}

# The picture: sizes of the images of two virtualenvs in MB, and whether they start, with the time to make
# a list as benches/find-libdeps.sh measures it. It has colours for light and for dark pages.
draw() {
    awk -F '|' -v base="$(image_size "$base")" -v machine="$1" '
    function megabytes(bytes) { return sprintf("%d MB", bytes / 1000000 + 0.5) }
    function bar(label, bytes, starts, class, words) {
        words = megabytes(bytes) (starts == "yes" ? "" : ", does not start")
        body = body sprintf("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", left - 10, y + 13, label)
        body = body sprintf("<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"16\"/>\n", class, left, y, bytes * wide / most)
        body = body sprintf("<text x=\"%.1f\" y=\"%d\">%s</text>\n", left + bytes * wide / most + 8, y + 13, words)
        summary = summary sprintf(" %s: %s.", label, words)
        y += 22
    }
    function heading(text) {
        y += 18
        body = body sprintf("<text class=\"group\" x=\"24\" y=\"%d\">%s</text>\n", y + 10, text)
        summary = summary sprintf(" %s:", text)
        y += 20
    }
    $1 == "small" || $1 == "service" {
        if (!($1 in title)) order[++groups] = $1
        title[$1] = $2; size[$1, $3] = $4; layer[$1, $3] = $5; plain[$1, $3] = $6; starts[$1, $3] = $7
        if ($4 > most) most = $4
    }
    END {
        left = 250; wide = 400; y = 52
        for (group = 1; group <= groups; group++) {
            name = order[group]
            heading(title[name])
            bar("compilers stay", size[name, "one-stage"], starts[name, "one-stage"], "stays")
            bar("find, ldd, dpkg; plain Debian", size[name, "pipeline"] - layer[name, "pipeline"] + plain[name, "pipeline"], starts[name, "pipeline"], "pipeline")
            bar("find, ldd, dpkg; official images", size[name, "pipeline"], starts[name, "pipeline"], "pipeline")
            bar("find-libdeps, apt-install", size[name, "toolkit"], starts[name, "toolkit"], "this")
        }
        heading("time to make the list for 1.5 GB of wheels")
        body = body sprintf("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">find, ldd, dpkg</text>\n<text x=\"%d\" y=\"%d\">240 s</text>\n", left - 10, y + 13, left, y + 13)
        body = body sprintf("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">find-libdeps</text>\n<text x=\"%d\" y=\"%d\">0.29 s</text>\n", left - 10, y + 35, left, y + 35)
        summary = summary " find, ldd, dpkg: 240 s. find-libdeps: 0.29 s."
        high = y + 80
        printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 840 %d\" width=\"840\" height=\"%d\" role=\"img\" aria-labelledby=\"title desc\">\n", high, high
        printf "<title id=\"title\">Sizes of images</title>\n<desc id=\"desc\">%s</desc>\n", substr(summary, 2)
        printf "<style>\n"
        printf "text { font: 13px system-ui, -apple-system, \"Segoe UI\", \"DejaVu Sans\", sans-serif; fill: #1f2328 }\n"
        printf ".head { font-size: 18px; font-weight: 600 } .group { font-weight: 600 } .note { fill: #59636e; font-size: 12px }\n"
        printf ".page { fill: #ffffff; stroke: #d1d9e0 } .stays { fill: #9a6700 } .pipeline { fill: #6e7781 } .this { fill: #0969da }\n"
        printf "@media (prefers-color-scheme: dark) {\n"
        printf "text { fill: #f0f6fc } .note { fill: #9198a1 } .page { fill: #0d1117; stroke: #3d444d }\n"
        printf ".stays { fill: #d29922 } .pipeline { fill: #9198a1 } .this { fill: #4493f8 }\n}\n</style>\n"
        printf "<rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"839\" height=\"%d\" rx=\"8\"/>\n", high - 1
        printf "<text class=\"head\" x=\"24\" y=\"36\">Size of the image</text>\n"
        printf "<text class=\"note\" x=\"180\" y=\"36\">of it Debian 12 with Python: %s</text>\n", megabytes(base)
        printf "%s", body
        printf "<text class=\"note\" x=\"24\" y=\"%d\">%s; less is better</text>\n</svg>\n", high - 16, machine
    }' "$run/results" > benches/savings.svg
}

main() {
    local name date machine
    date=$(date -u +%F)
    machine=$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)
    mkdir -p "$kept"
    start_engine
    import_base
    import_tools
    measure_example
    for name in small service protocols science; do
        measure_venv "$name"
    done
    printf 'machine: %s, %s cores, kernel %s; dockerd %s; %s\n' "$machine" "$(nproc)" "$(uname -r)" \
        "$(docker version --format '{{.Server.Version}}')" "$date"
    printf 'bytes; base: %s, with headers for the example: %s\n\n' "$(image_size "$base")" \
        "$(image_size small-headers-plain)"
    print_results
    printf '\n'
    verdict 'apt layer of psycopg2, Pillow and lxml, plain Debian' "$(layer_of small)" 45000000
    verdict 'apt layer of the scientific wheels, plain Debian' "$(layer_of science)" 0
    draw "$machine, $date"
}

main "$@"
