#!/bin/sh
# Installs what release.sh needs on Debian with Rust. Run as root.
set -eu

apt-get update -qq
apt-get install -y -qq --no-install-recommends binutils ca-certificates gcc git libc6-dev python3-venv
# Debian has neither maturin nor a command `wheel`; they need no place among its own Python packages.
python3 -m venv /opt/wheels
/opt/wheels/bin/pip install --quiet --no-cache-dir 'maturin>=1.8,<2' wheel
ln -sf /opt/wheels/bin/maturin /opt/wheels/bin/wheel /usr/local/bin
packaging=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# In a container, root may not own the checkout, which git would refuse.
git config --system --add safe.directory "${packaging%/*}"
"$packaging/cross.sh" aarch64-unknown-linux-gnu
