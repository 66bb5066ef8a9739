#!/bin/sh
# Installs the system packages that secam is built and tested with, on Debian 12 or newer and Ubuntu 22.04 or newer.
# What is there already is left alone; without any missing package nothing is done and no rights are needed.
#
# usage: sh docker/deps.sh [build|run|test]...
#   build  headers and libraries (with what Swift's package manager needs)
#   run    only the shared libraries
#   test   programs that the tests compare with: ffmpeg, mpv, openssl
# Without an argument: build and test.
set -eu

build="pkg-config libzmq3-dev libsodium-dev libturbojpeg0-dev libv4l-dev libssl-dev libcurl4-openssl-dev libavformat-dev libavcodec-dev
libavutil-dev libswscale-dev libsdl2-dev libsqlite3-dev"
run="libzmq5 libturbojpeg0 libv4l-0 openssl libcurl4 libsdl2-2.0-0 libsqlite3-0"
test="ffmpeg mpv openssl"

wanted=""
[ $# -gt 0 ] || set -- build test
for part in "$@"; do
    case $part in
    build) wanted="$wanted $build" ;;
    run) wanted="$wanted $run" ;;
    test) wanted="$wanted $test" ;;
    *)
        echo "deps.sh: '$part' is not build, run or test" >&2
        exit 64
        ;;
    esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "deps.sh: this is neither Debian nor Ubuntu; install what these packages hold there:" >&2
    echo $wanted >&2
    exit 69
fi

missing=""
for package in $wanted; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "deps.sh: packages are missing, and only root can install them. Run this, then try again:" >&2
    echo "  sudo apt-get install -y$missing" >&2
    exit 77
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086  # a list of words
apt-get install -y -q --no-install-recommends $missing
