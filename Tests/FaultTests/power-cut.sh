#!/bin/bash
# Records a camera to a disk of its own in a virtual machine, and says again and again what time it is, until the machine
# is cut off from its power.
#
#   power-cut.sh PROGRAMS
#
# disk.img, in the folder in which it is started, is the disk; alive, there, is what was said last: the time in
# microseconds, once recordings are on the disk.
set -u
programs=$1
results=$PWD
work=$(mktemp -d)
cd "$work" || exit
export HOME=$work SECAM_DATA=$work/data
modprobe loop 2>/dev/null
modprobe ext4 2>/dev/null
mkdir disk
mount -o loop "$results/disk.img" disk || exit 125
"$programs/secam" up --host 127.0.0.1 --port 0 --ready-file "$work/ready.json" --camera demo=test:160x120@10 \
  --motion 0 --record continuous --recordings "$work/disk/recordings" --free-megabytes 1 >"$results/up.out" 2>"$results/up.log" &
until [[ -n $(find disk/recordings -name '*.mkv' -size +64k 2>/dev/null) ]]; do sleep 0.2; done
for _ in $(seq 600); do
  date +%s%6N >"$results/alive.new" && mv "$results/alive.new" "$results/alive"
  sleep 0.1
done
