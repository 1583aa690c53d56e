#!/bin/sh
# Installs what release.sh and publish.sh need on Debian with Rust. Run as root.
set -eu

apt-get update -qq
apt-get install -y -qq --no-install-recommends binutils ca-certificates gcc gh git libc6-dev python3-venv
packaging=$(dirname -- "$0")
"$packaging/cross.sh" aarch64-unknown-linux-gnu
