#!/bin/sh
# Builds the Debian packages secam (services, units and the operator's tool) and secam-view (the client) for this machine's
# release and processor, from programs that are built already.
#
# usage: docker/package.sh [--programs FOLDER] [--output FOLDER] [--version VERSION]
#   --programs  the built programs (default: .build/release)
#   --output    where the packages go (default: the current folder)
#   --version   default: the version of the source
# The same programs give the same bytes: times in the package are SOURCE_DATE_EPOCH, or the newest program's.
set -eu

fail() { echo "package.sh: $1" >&2; exit "$2"; }

source=$(cd "$(dirname "$0")/.." && pwd)
programs=$source/.build/release
output=$PWD
version=$(sed -n 's/.*softwareVersion = "secam\/\(.*\)"/\1/p' "$source/Sources/SecamBase/SoftwareVersion.swift")
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "$1 needs a value" 64
    case $1 in
    --programs) programs=$(cd "$2" && pwd) ;;
    --output) mkdir -p "$2" && output=$(cd "$2" && pwd) ;;
    --version) version=$2 ;;
    *) fail "there is no option $1" 64 ;;
    esac
    shift 2
done
for tool in dpkg-deb dpkg-shlibdeps; do
    command -v $tool >/dev/null || fail "$tool is missing; run: sudo sh docker/deps.sh package" 69
done
[ -x "$programs/secam" ] || fail "$programs holds no programs" 66
! ldd "$programs/secam" | grep -q libswiftCore || fail "the programs need the toolchain's libraries" 66
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(stat --format %Y "$programs/secam")}
export SOURCE_DATE_EPOCH

architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build PACKAGE DEPENDENCIES: from the files in $work/PACKAGE and docker/package/PACKAGE.*; fills in the control data.
build() {
    root=$work/$1
    mkdir -p "$root/DEBIAN" "$work/debian"
    : >"$work/debian/control"
    # Libraries with the versions that the programs were linked with.
    libraries=$(cd "$work" && dpkg-shlibdeps -O "$root"/usr/bin/* | sed -n 's/^shlibs:Depends=//p')
    install -D -m 0644 "$source/LICENSE" "$root/usr/share/doc/$1/copyright"
    size=$(du --summarize --apparent-size --block-size 1024 "$root" | cut -f 1)
    sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" \
        -e "s/@LIBRARIES@/$libraries/" "$source/docker/package/$1.control" >"$root/DEBIAN/control"
    for script in postinst prerm postrm; do
        [ ! -e "$source/docker/package/$1.$script" ] ||
            install -m 0755 "$source/docker/package/$1.$script" "$root/DEBIAN/$script"
    done
    [ ! -d "$root/etc" ] || (cd "$root" && find etc -type f | sort | sed 's,^,/,') >"$root/DEBIAN/conffiles"
    find "$root" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
    # xz takes eight minutes for what zstd does in one, and makes a file that is a third smaller.
    dpkg-deb -Zzstd --build --root-owner-group "$root" "$output/$1_${version}_$architecture.deb"
}

for program in secam secam-gateway secam-capture secam-encode secam-motion secam-archive; do
    install -D -m 0755 "$programs/$program" "$work/secam/usr/bin/$program"
done
install -D -m 0755 "$programs/secam-view" "$work/secam-view/usr/bin/secam-view"
strip --strip-unneeded "$work"/secam*/usr/bin/*
install -D -m 0755 "$source/docker/systemd/setup.sh" "$work/secam/usr/sbin/secam-setup"
(cd "$source/docker/systemd" && find . -name '*.service' -o -name '*.target' -o -name '*.conf') | while read -r unit; do
    mkdir -p "$(dirname "$work/secam/usr/lib/systemd/system/$unit")"
    sed 's,/usr/local/bin/,/usr/bin/,' "$source/docker/systemd/$unit" >"$work/secam/usr/lib/systemd/system/$unit"
    chmod 0644 "$work/secam/usr/lib/systemd/system/$unit"
done
for service in gateway encode motion archive; do
    install -D -m 0644 "$source/docker/package/$service.conf" "$work/secam/etc/secam/$service.conf"
done
build secam
build secam-view
