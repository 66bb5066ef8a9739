#!/bin/sh
# Installs secam from its source as systemd services: the programs to /usr/local/bin, a user secam, and the whole set on
# this machine. On Debian and Ubuntu prefer the package (docker/package.sh).
#
# usage: sh docker/systemd/install.sh [--programs FOLDER] [--join FILE] [--root FOLDER] [CAMERA=SOURCE]...
#   --programs  where the built programs are (default: .build/release beside this repository)
#   --root      a folder to install into instead of /; nothing is started then
#   others      as setup.sh says, which this script runs at its end, and which is installed as secam-setup
# It can be run again, also with other cameras: what is there stays, but for programs and units.
set -eu

fail() { echo "install.sh: $1" >&2; exit "$2"; }

here=$(cd "$(dirname "$0")" && pwd)
programs=$here/../../.build/release
root=
# What is not for us is kept, in its order, behind what is still to be read.
count=$#
while [ "$count" -gt 0 ]; do
    case $1 in
    --programs | --root)
        [ "$count" -ge 2 ] || fail "$1 needs a value" 64
        case $1 in --programs) programs=$2 ;; --root) root=${2%/} ;; esac
        shift 2
        count=$((count - 2))
        ;;
    *)
        set -- "$@" "$1"
        shift
        count=$((count - 1))
        ;;
    esac
done

build="swift build --configuration release --static-swift-stdlib --toolset docker/toolset.json"
[ -x "$programs/secam" ] || fail "$programs holds no programs; build them first: $build" 66
# The services do not see the toolchain, least of all below a home.
! ldd "$programs/secam" | grep -q libswiftCore || fail "the programs need the toolchain's libraries; build with: $build" 66
if [ -z "$root" ]; then
    [ "$(id -u)" -eq 0 ] || fail "only root can install; run: sudo sh $0" 77
    command -v systemctl >/dev/null || fail "this machine has no systemd" 69
fi

for program in secam secam-gateway secam-capture secam-encode secam-motion secam-archive secam-view; do
    install -D -m 0755 "$programs/$program" "$root/usr/local/bin/$program"
done
install -D -m 0755 "$here/setup.sh" "$root/usr/local/sbin/secam-setup"
(cd "$here" && find . -name '*.service' -o -name '*.target' -o -name '*.conf') | while read -r unit; do
    install -D -m 0644 "$here/$unit" "$root/etc/systemd/system/$unit"
done
[ -z "$root" ] || set -- --root "$root" "$@"
exec sh "$here/setup.sh" "$@"
