#!/bin/sh
# Chooses what this machine runs under systemd: writes the settings in /etc/secam, enables the units, and starts them. The
# programs and units are there already, from the package or from install.sh.
#
# usage: secam-setup [--join FILE] [--root FOLDER] [CAMERA=SOURCE]...
#   CAMERA=SOURCE  a camera of this machine, as porch=v4l2:/dev/video0; without any, each webcam that is there
#   --join FILE    only a camera and an encoder for it, which join a gateway elsewhere by this file; the gateway of this
#                  machine and its services are switched off
#   --root         a folder to write into instead of /; nothing is started then
# It can be run again, also with other cameras: settings that are there stay, cameras that are not named are switched off.
set -eu

fail() { echo "secam-setup: $1" >&2; exit "$2"; }

root=
join=
cameras=
while [ $# -gt 0 ]; do
    case $1 in
    --join | --root)
        [ $# -ge 2 ] || fail "$1 needs a value" 64
        case $1 in --join) join=$2 ;; --root) root=${2%/} ;; esac
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

[ -z "$join" ] || [ -r "$join" ] || fail "$join: cannot be read; it is made by secam keys invite" 66
if [ -z "$root" ]; then
    [ "$(id -u)" -eq 0 ] || fail "only root can set up services; run: sudo $0" 77
    id secam >/dev/null 2>&1 || useradd --system --home-dir /var/lib/secam --shell /usr/sbin/nologin secam
fi

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

# The cameras that an earlier run chose.
earlier=
[ ! -e "$etc/init" ] || earlier=$(tr ' ' '\n' <"$etc/init" | sed -n 's,.*--join=capture/\([^=]*\)=.*,\1,p')
others=
if [ -n "$join" ]; then
    [ ! -e "$etc/init" ] || others="secam-gateway secam-init secam-encode secam-motion secam-archive"
    rm -f "$etc/init"
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

for name in $earlier; do
    case " $units " in *" secam-capture@$name "*) ;; *) others="$others secam-capture@$name" ;; esac
done

[ -z "$root" ] || exit 0
# An image that is being built has units but no systemd that runs: they start when it does.
command -v systemctl >/dev/null || { echo "secam-setup: this machine has no systemd; nothing is started" >&2; exit 0; }
# shellcheck disable=SC2086  # lists of units
[ -z "$others" ] || systemctl disable --quiet $others
# shellcheck disable=SC2086
systemctl enable --quiet $units secam.target
[ -d /run/systemd/system ] || { echo "secam-setup: systemd does not run here; the units start with it" >&2; exit 0; }
systemctl daemon-reload
# shellcheck disable=SC2086
[ -z "$others" ] || systemctl stop $others
systemctl restart secam.target
# shellcheck disable=SC2086
systemctl restart $units
echo "secam runs: systemctl status 'secam*'"
[ -n "$join" ] || echo "The first password: journalctl -u secam-init. Users and keys: sudo -u secam secam user list --data /var/lib/secam"
