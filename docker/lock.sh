#!/bin/sh
# Pins the Swift packages of a build to the versions in docker/packages.lock, so that a release can be built again.
#
# usage: sh docker/lock.sh            writes Package.resolved, for swift build --force-resolved-versions
#        sh docker/lock.sh --update   writes docker/packages.lock from the Package.resolved of a build that was tested
# Each line is a package's identity, address and version. The revision is the one that the version's tag has.
set -eu

cd "$(dirname "$0")/.."
lock=docker/packages.lock
case ${1:-} in
--update)
    [ -e Package.resolved ] || { echo "lock.sh: there is no Package.resolved; run: swift package resolve" >&2; exit 66; }
    sed -n -e 's/.*"identity" : "\(.*\)",/\1/p' -e 's/.*"location" : "\(.*\)",/\1/p' \
        -e 's/.*"version" : "\(.*\)"/\1/p' Package.resolved | paste -d ' ' - - - >"$lock"
    ;;
'')
    {
        printf '{\n  "pins" : [\n'
        separator=
        while read -r identity url version; do
            # Of a tag with a message the commit follows it, as TAG^{}.
            revision=$(git ls-remote "$url" "refs/tags/$version" "refs/tags/$version^{}" | tail -n 1 | cut -f 1)
            [ -n "$revision" ] || { echo "lock.sh: $url has no version $version" >&2; exit 69; }
            printf '%s    {\n      "identity" : "%s",\n      "kind" : "remoteSourceControl",\n' "$separator" "$identity"
            printf '      "location" : "%s",\n      "state" : {\n' "$url"
            printf '        "revision" : "%s",\n        "version" : "%s"\n      }\n    }' "$revision" "$version"
            separator=',
'
        done <"$lock"
        printf '\n  ],\n  "version" : 2\n}\n'
    } >Package.resolved.new
    mv Package.resolved.new Package.resolved
    ;;
*)
    echo "lock.sh: there is no option $1" >&2
    exit 64
    ;;
esac
