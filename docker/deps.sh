#!/bin/sh
# Installs the system packages that secam is built, tested and run with, on Debian 12 or newer and Ubuntu 22.04 or
# newer. What is there already is left alone; without any missing package nothing is done and no rights are needed.
#
# usage: sh docker/deps.sh [build|test|package|run|PROGRAM]...
#   package  programs that make Debian packages
#   build    headers and libraries (with what Swift's package manager needs)
#   test     programs that the tests use: ffmpeg, mpv, nodejs, openssl, python3 with ZeroMQ, tshark, chromium (not on
#            Ubuntu), and file systems to cut off from their power
#   run      the shared libraries of all programs
#   PROGRAM  those of one: gateway, capture, encode, motion, archive, view, secam
# Without an argument: build and test.
set -eu

build="pkg-config libzmq3-dev libsodium-dev libturbojpeg0-dev libv4l-dev libssl-dev libcurl4-openssl-dev libavformat-dev
libavcodec-dev libavutil-dev libswscale-dev libsdl2-dev libsqlite3-dev libqrencode-dev"
test="curl ffmpeg mpv nodejs oathtool openssl python3-zmq tshark btrfs-progs e2fsprogs"
# Ubuntu has Chromium only as a snap, which cannot be driven in a container: it runs without the tests of the page.
grep -qsx "ID=ubuntu" /etc/os-release || test="$test chromium chromium-driver"
package="dpkg-dev"
# A name with # is a library whose package's name ends with the number that this release has of it.
media="libavformat# libavcodec# libavutil# libswscale#"
motion="libzmq5"
encode="libzmq5 libturbojpeg0"
capture="libzmq5 libv4l-0 ca-certificates $media"
archive="libzmq5 libturbojpeg0 libsqlite3-0 openssl $media"
gateway="libzmq5 libsqlite3-0 libqrencode4 libcurl4 openssl ca-certificates tzdata"
view="libturbojpeg0 libsdl2-2.0-0 openssl $media"
secam="libzmq5 libturbojpeg0 libv4l-0 libsqlite3-0 libqrencode4 openssl $media"

wanted=""
[ $# -gt 0 ] || set -- build test
for part in "$@"; do
    case $part in
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test" ;;
    package) wanted="$wanted $package" ;;
    run) wanted="$wanted $motion $encode $capture $archive $gateway $view $secam" ;;
    gateway | capture | encode | motion | archive | view | secam) eval "wanted=\"\$wanted \$$part\"" ;;
    *)
        echo "deps.sh: '$part' is not build, test, package, run or the name of a program" >&2
        exit 64
        ;;
    esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "deps.sh: this is neither Debian nor Ubuntu; install what these packages hold there:" >&2
    # shellcheck disable=SC2086  # a list of words
    echo $wanted | tr -d '#' >&2
    exit 69
fi

is_installed() { # NAME: as it is, or with a number for its #
    case $1 in
    *'#') dpkg-query -W -f '${db:Status-Abbrev}\n' "${1%?}[0-9]*" 2>/dev/null | grep -q '^.i' ;;
    *) dpkg-query -W -f '${db:Status-Abbrev}\n' "$1" 2>/dev/null | grep -q '^.i' ;;
    esac
}

missing=""
for package in $wanted; do
    is_installed "$package" || case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "deps.sh: packages are missing, and only root can install them. Run this, then try again:" >&2
    echo "  sudo sh $0 $*" >&2
    exit 77
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
numbered=""
for package in $missing; do
    case $package in
    *'#')
        name=$(apt-cache pkgnames "${package%?}" | grep -E "^${package%?}[0-9]+(t64)?\$" | sort -V | tail -n 1)
        if [ -z "$name" ]; then
            echo "deps.sh: no package is called ${package%?} and a number in this system's package lists" >&2
            exit 69
        fi
        numbered="$numbered $name"
        ;;
    *) numbered="$numbered $package" ;;
    esac
done
# shellcheck disable=SC2086  # a list of words
apt-get install -y -q --no-install-recommends $numbered
