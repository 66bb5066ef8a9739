#!/bin/sh
# Installs secam as systemd services: the programs to /usr/local/bin, a user secam, and the whole set on this machine.
#
# usage: sh docker/systemd/install.sh [--programs FOLDER] [--join FILE] [--root FOLDER] [CAMERA=SOURCE]...
#   CAMERA=SOURCE  a camera of this machine, as porch=v4l2:/dev/video0; without any, each webcam that is there
#   --join FILE    install only a camera and an encoder for it, which join a gateway elsewhere by this file
#   --programs     where the built programs are (default: .build/release beside this repository)
#   --root         a folder to install into instead of /; nothing is started then
# It can be run again, also with other cameras: what is there stays, but for programs and units.
set -eu

fail() { echo "install.sh: $1" >&2; exit "$2"; }

here=$(cd "$(dirname "$0")" && pwd)
programs=$here/../../.build/release
root=
join=
cameras=
while [ $# -gt 0 ]; do
    case $1 in
    --programs | --join | --root)
        [ $# -ge 2 ] || fail "$1 needs a value" 64
        case $1 in --programs) programs=$2 ;; --join) join=$2 ;; --root) root=${2%/} ;; esac
        shift 2
        ;;
    -*) fail "there is no option $1" 64 ;;
    *=*:*)
        case ${1%%=*} in
        '' | *[!A-Za-z0-9_.-]*) fail "'$1': here a camera's name has letters, digits, and _ . - only" 64 ;;
        esac
        cameras="$cameras$1
"
        shift
        ;;
    *) fail "'$1': expected CAMERA=SOURCE, as porch=v4l2:/dev/video0" 64 ;;
    esac
done

build="swift build --configuration release --static-swift-stdlib --toolset docker/toolset.json"
[ -x "$programs/secam" ] || fail "$programs holds no programs; build them first: $build" 66
# The services do not see the toolchain, least of all below a home.
! ldd "$programs/secam" | grep -q libswiftCore || fail "the programs need the toolchain's libraries; build with: $build" 66
[ -z "$join" ] || [ -r "$join" ] || fail "$join: cannot be read; it is made by secam keys invite" 66
if [ -z "$root" ]; then
    [ "$(id -u)" -eq 0 ] || fail "only root can install; run: sudo sh $0" 77
    command -v systemctl >/dev/null || fail "this machine has no systemd" 69
    id secam >/dev/null 2>&1 || useradd --system --home-dir /var/lib/secam --shell /usr/sbin/nologin secam
fi

for program in secam secam-gateway secam-capture secam-encode secam-motion secam-archive secam-view; do
    install -D -m 0755 "$programs/$program" "$root/usr/local/bin/$program"
done
(cd "$here" && find . -name '*.service' -o -name '*.target' -o -name '*.conf') | while read -r unit; do
    install -D -m 0644 "$here/$unit" "$root/etc/systemd/system/$unit"
done

etc=$root/etc/secam
mkdir -p "$etc"
camera_settings() { # NAME SOURCE: the file that secam-capture@NAME reads
    file=$etc/$1.camera
    [ -e "$file" ] || {
        printf 'SECAM_SOURCE=%s\n#SECAM_SIZE=1280x720\n#SECAM_FPS=30\n' "$2" >"$file"
        chmod 0640 "$file"
        [ -n "$root" ] || chgrp secam "$file"
    }
}

if [ -n "$join" ]; then
    name=$(sed -n 's/^role=capture$/x/; t found; b; :found; n; s/^name=//p; q' "$join")
    case $name in
    '') fail "$join is for no camera" 65 ;;
    *[!A-Za-z0-9_.-]*) fail "'$name': here a camera's name has letters, digits, and _ . - only" 64 ;;
    esac
    install -m 0600 "$join" "$etc/$name.secam"
    [ -n "$root" ] || chown secam: "$etc/$name.secam"
    source=$(printf '%s' "$cameras" | sed -n '1s/^[^=]*=//p')
    camera_settings "$name" "${source:-v4l2:/dev/video0}"
    units="secam-capture@$name secam-encode@$name"
else
    if [ -z "$cameras" ]; then
        for device in /dev/v4l/by-id/*-video-index0; do
            [ ! -e "$device" ] || cameras="${cameras}video$(readlink "$device" | tr -cd 0-9)=v4l2:$device
"
        done
        [ -n "$cameras" ] || cameras="demo=test:1280x720@30
"
    fi
    units="secam-gateway secam-encode secam-motion secam-archive"
    joins=
    while IFS='=' read -r name source; do
        [ -n "$name" ] || continue
        camera_settings "$name" "$source"
        joins="$joins --join=capture/$name=/etc/secam/$name.secam"
        units="$units secam-capture@$name"
    done <<END
$cameras
END
    # What secam-init.service makes at the first start, and where.
    printf 'SECAM_INIT=%s\n' "${joins# }" >"$etc/init"
    [ -n "$root" ] || { install -d -m 0700 -o secam -g secam /var/lib/secam; chown secam: "$etc"; }
fi

[ -z "$root" ] || exit 0
systemctl daemon-reload
# shellcheck disable=SC2086  # a list of units
systemctl enable --quiet $units secam.target
systemctl restart secam.target
# shellcheck disable=SC2086
systemctl restart $units
echo "secam runs: systemctl status 'secam*'"
[ -n "$join" ] || echo "The first password: journalctl -u secam-init. Users and keys: sudo -u secam secam user list --data /var/lib/secam"
