#!/bin/bash
# Records two cameras to a disk of their own, and copies the disk at random moments, as a power cut would leave it.
#
#   power-cut.sh PROGRAMS CUTS
#
# In the working directory, N.img for N from 1 to CUTS is the Nth copy of the disk, and N.at the time before it in
# microseconds. Exits with status 125 if loop devices are not available.
#
# The images lack the data in the kernel's memory. Each is a copy by reference of the disk's file, in a file system that
# supports this, and therefore of one instant.
set -u
programs=$1 cuts=$2
results=$PWD
export HOME=$results SECAM_DATA=$results/data
truncate -s 4G store.img && mkfs.btrfs -q store.img >/dev/null || exit 125
mkdir store disk
mount -o loop store.img store || exit 125
truncate -s 64M store/disk.img
/sbin/mkfs.ext4 -q store/disk.img || exit 125
mount -o loop store/disk.img disk || exit 125
"$programs/secam" up --host 127.0.0.1 --port 0 --ready-file ready.json --camera front=test:320x240@10 \
  --camera back=test:320x240@15 --motion 0 --record continuous --recordings "$PWD/disk/recordings" --free-megabytes 1 \
  --max-megabytes 24 >up.out 2>up.log &
set=$!
trap 'kill "$set"; wait "$set"; umount disk store' EXIT
for camera in front back; do
  until [[ -n $(find "disk/recordings/$camera" -name '*.mkv' -size +64k 2>/dev/null) ]]; do
    kill -0 "$set" || exit 1
    sleep 0.2
  done
done
for cut in $(seq "$cuts"); do
  sleep "$((RANDOM % 2)).$((RANDOM % 1000 + 1000))"
  date +%s%6N >"$cut.at"
  cp --reflink=always store/disk.img "store/$cut.img"
done
for cut in $(seq "$cuts"); do cp --sparse=always "store/$cut.img" "$cut.img"; done
