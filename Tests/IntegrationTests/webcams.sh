#!/bin/bash
# Runs the whole set on a kernel with webcams: a vivid one is there from the start, UVC ones are plugged in and out.
# What is seen goes to files in the folder in which it is started, for the test to judge.
#
#   webcams.sh PROGRAMS UVC_CAMERA
#
# PROGRAMS is the folder with secam and its siblings. a.mjpeg, b.mjpeg and c.mjpeg, in the folder, are what UVC cameras
# show.
set -u
# The system's own python3: a version manager's takes seconds to start on an emulated processor.
PATH=/usr/bin:/bin:$PATH
programs=$1
uvc=$2
results=$PWD
work=$(mktemp -d)
cd "$work" || exit
export HOME=$work SECAM_DATA=$work/data SECAM_SIZE=320x180 SECAM_FPS=5
trap 'kill $(jobs -p) 2>/dev/null' EXIT

say() { echo "webcams: $(cut -d. -f1 /proc/uptime) s: $*" >&2; }

# wait_for WHAT COMMAND...: until it succeeds, with a limit for what hangs
wait_for() {
  local what=$1 end=$((SECONDS + 300))
  shift
  until "$@"; do
    ((SECONDS < end)) || { say "not seen: $what"; return 1; }
    sleep 0.2
  done
}

# up OPTION...: starts a set and waits until it is up
up() {
  rm -f ready.json
  "$programs/secam" up --archives 0 --host 127.0.0.1 --port 0 --ready-file "$work/ready.json" "$@" >>up.out 2>>"$results/up.log" &
  set=$!
  wait_for 'the set' test -s ready.json || exit
  field() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/" ready.json; }
  address=$(field address)
  fingerprint=$(field fingerprint)
  password=$(awk '/^  password/ { print $2 }' up.out)
}

down() {
  kill "$set"
  wait "$set"
}

view() {
  SECAM_PASSWORD=$password "$programs/secam-view" "$@" --server "$address" --username admin \
    --fingerprint "$fingerprint" 2>>"$results/view.log"
}

# camera NAME FIELD: of the list, as JSON text
camera() {
  view cameras --json | python3 -c '
import json, sys
for camera in json.load(sys.stdin)["cameras"]:
    if camera["name"] == sys.argv[1]: print(json.dumps(camera.get(sys.argv[2])))' "$1" "$2"
}
is() { [[ $(camera "$1" "$2") == "$3" ]]; }

# figure NAME FIELD: of a capture service in the status
figure() {
  "$programs/secam" status --json | python3 -c '
import json, sys
for service in json.load(sys.stdin)["services"]:
    if service["role"] == "capture" and service["name"] == sys.argv[1]: print(service[sys.argv[2]])' "$1" "$2"
}
is_above() { [[ $(figure "$1" "$2") -gt $3 ]]; }

# plug FILE SERIAL: plugs a UVC camera in; its process is $plugged
plug() {
  python3 "$uvc" --fps 15,5 --serial "$2" "$results/$1" 2>>"$results/uvc.log" &
  plugged=$!
}
there() { [[ -e /dev/$1 ]]; }

# watch NAME: somebody watches in the background; the process is $watcher
watch() {
  SECAM_PASSWORD=$password "$programs/secam-view" live "$1" --headless --stats --server "$address" \
    --username admin --fingerprint "$fingerprint" >"$results/watched.json" 2>>"$results/view.log" &
  watcher=$!
}

say 'vivid, found by itself'
up
camera video0 state >/dev/null
view live video0 --headless --frames 10 --stats >"$results/vivid.json"
view cameras --json >"$results/vivid-cameras.json"

say 'a device that another program uses'
watch video0
wait_for 'somebody watches' is_above video0 frames_published 20
first=("$set" "$address" "$fingerprint" "$password")
SECAM_DATA=$work/second
up --camera other=v4l2:/dev/video0
password=$(awk '/^  password/ { word = $2 } END { print word }' up.out)
wait_for 'the busy device' is other state '"offline"'
view cameras --json >"$results/busy.json"
down
SECAM_DATA=$work/data
set=${first[0]} address=${first[1]} fingerprint=${first[2]} password=${first[3]}
kill $watcher
wait $watcher
down

say 'four webcams at once'
plug a.mjpeg 1 && a=$plugged && wait_for 'UVC camera a' there video1
plug b.mjpeg 2 && wait_for 'UVC camera b' there video3
plug c.mjpeg 3 && wait_for 'UVC camera c' there video5
ls /dev/video* >"$results/devices"
up
password=${first[3]}
wait_for 'four cameras' is video5 width 160
view cameras --json >"$results/four-cameras.json"
view live --headless --frames 5 --stats >"$results/four.json"

say 'JPEGs as they come'
view snapshot video1 -o "$results/snapshot.jpg" --timeout 60

say 'a damaged frame'
watch video1
wait_for 'somebody watches' is_above video1 frames_published 5
kill -USR1 $a
wait_for 'the damaged frame is counted' is_above video1 frames_damaged 0
figure video1 frames_damaged >"$results/damaged"
view snapshot video1 -o "$results/after-damage.jpg" --timeout 60
view live video1 --headless --frames 10 --record "$results/after-damage.mkv"

say 'a camera that hangs'
kill -STOP $a
wait_for 'it is offline' is video1 state '"offline"'
view cameras --json >"$results/hung.json"
kill -CONT $a
wait_for 'it is back' is video1 state '"online"'
view live video1 --headless --frames 5 --stats >"$results/after-hang.json"

say 'unplugged while somebody watches'
kill $a
wait_for 'it is offline' is video1 state '"offline"'
view cameras --json >"$results/unplugged.json"
view live video3 --headless --frames 5 --stats >"$results/others.json"

say 'plugged in again, with another size'
plug b.mjpeg 1
wait_for 'it is back' is video1 state '"online"'
view cameras --json >"$results/plugged.json"
view snapshot video1 -o "$results/replugged.jpg" --timeout 60
view live video1 --headless --frames 5 --stats >"$results/after-plug.json"
kill $watcher
wait $watcher
echo $? >"$results/watcher"
"$programs/secam" status >"$results/status"
down
echo $? >"$results/down"
say 'done'
