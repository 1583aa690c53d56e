#!/bin/sh
# Installs what release.sh and publish.sh need on Debian with Rust. Run as root.
set -eu

apt-get update -qq
apt-get install -y -qq --no-install-recommends binutils ca-certificates gcc gh git libc6-dev python3-venv
# Debian has neither maturin nor a command `wheel`; they need no place among its own Python packages.
python3 -m venv /opt/wheels
/opt/wheels/bin/pip install --quiet --no-cache-dir maturin wheel
ln -sf /opt/wheels/bin/maturin /opt/wheels/bin/wheel /usr/local/bin
packaging=$(dirname -- "$0")
"$packaging/cross.sh" aarch64-unknown-linux-gnu
