#!/bin/sh
# Adds cameras of the network to the set of compose.yaml, lists them, and removes them.
#
# usage: sh cameras.sh add NAME SOURCE [--login USER]
#        sh cameras.sh remove NAME
#        sh cameras.sh list
#   SOURCE   address of the camera's stream, as rtsp://192.168.1.20/stream
#   --login  user of the camera; the password is read from the terminal, or the first line of standard input
#
# A camera's settings are in cameras/NAME.env, beside this script, which only you can read: edit it, then
# `docker compose up --detach`. The services, two of each camera, are in compose.override.yaml, which
# is written anew with each change.
set -eu

cd "$(dirname "$0")"
override=compose.override.yaml
mark='# Written by cameras.sh from the files in cameras/.'

fail() { echo "cameras.sh: $1" >&2; exit "$2"; }

service() { printf 'camera-%s' "$1" | tr '[:upper:]' '[:lower:]'; } # an image is called like its service, in small letters

write_override() {
    if [ -z "$(list)" ]; then
        rm -f "$override"
        return
    fi
    {
        echo "$mark"
        echo "services:"
        list | while read -r name; do
            service=$(service "$name")
            cat <<END
  # Makes the camera's key where it is missing, and ends.
  $service-key:
    extends: {file: compose.yaml, service: init}
    build: !reset null
    image: \${COMPOSE_PROJECT_NAME}-init
    pull_policy: never
    command: [init, --registry=tcp://gateway:7444, "--join=capture/$name=/keys/camera/secam.join"]
    volumes: !override ["data:/data", "key-$service:/keys/camera"]
    depends_on:
      init: {condition: service_completed_successfully}
  $service:
    extends: {file: compose.yaml, service: demo}
    profiles: !reset []
    environment: !override
      SECAM_LOG_LEVEL: \${SECAM_LOG_LEVEL:-info}
      SECAM_METRICS: \${SECAM_METRICS:-}
      SECAM_JOIN: /keys/camera/secam.join
      SECAM_SHARE: /share/sockets
    env_file: [cameras/$name.env]
    volumes: !override ["key-$service:/keys/camera:ro", "share:/share"]
    networks: [services, outside]
    depends_on:
      $service-key: {condition: service_completed_successfully}
END
        done
        echo "volumes:"
        list | while read -r name; do echo "  key-$(service "$name"):"; done
    } >"$override.new"
    mv "$override.new" "$override"
}

list() {
    for file in cameras/*.env; do
        [ ! -e "$file" ] || basename "$file" .env
    done
}

add() {
    [ $# -ge 2 ] || fail "expected: add NAME SOURCE [--login USER]" 64
    name=$1 source=$2 login=
    case $name in
    '' | *[!A-Za-z0-9_-]*) fail "'$name': here a camera's name has letters, digits, _ and - only" 64 ;;
    esac
    case $source in
    *"'"* | *"
"*) fail "the source must have no ' and no line end; write it percent-encoded: %27" 64 ;;
    *:*) ;;
    *) fail "'$source': expected an address, as rtsp://192.168.1.20/stream" 64 ;;
    esac
    shift 2
    if [ $# -gt 0 ]; then
        if [ $# -ne 2 ] || [ "$1" != --login ]; then fail "expected: add NAME SOURCE [--login USER]" 64; fi
        login=$2
    fi
    for other in $(list); do
        [ "$(service "$other")" != "$(service "$name")" ] || fail "there is a camera $other; remove it first" 73
    done
    if [ -n "$login" ]; then
        [ ! -t 0 ] || { printf 'Password of %s at the camera: ' "$login" >&2; stty -echo; }
        IFS= read -r password || fail "no password was given" 65
        [ ! -t 0 ] || { stty echo; echo >&2; }
        case $login$password in *"'"*) fail "user and password must have no ' here" 65 ;; esac
    fi
    mkdir -p cameras
    chmod 0700 cameras
    (
        umask 077
        # Between single quotes Compose takes everything as it is.
        printf "SECAM_SOURCE='%s'\n" "$source"
        [ -z "$login" ] || printf "SECAM_CREDENTIALS='%s:%s'\n" "$login" "$password"
    ) >"cameras/$name.env"
    chmod 0600 "cameras/$name.env"
    write_override
    docker compose up --detach "$(service "$name")"
}

remove() {
    [ $# -eq 1 ] || fail "expected: remove NAME" 64
    if [ -z "$1" ] || [ ! -e "cameras/$1.env" ]; then fail "there is no camera '$1'; 'list' shows them" 66; fi
    service=$(service "$1")
    docker compose run --rm --no-TTY secam keys revoke "$1"
    docker compose rm --stop --force "$service" "$service-key"
    volume=$(docker volume ls --quiet --filter "label=com.docker.compose.volume=key-$service" \
        --filter "label=com.docker.compose.project=$(docker compose config | sed -n 's/^name: //p')")
    [ -z "$volume" ] || docker volume rm "$volume" >/dev/null
    rm "cameras/$1.env"
    write_override
}

[ ! -e "$override" ] || [ "$(head -n 1 "$override")" = "$mark" ] ||
    fail "$override is yours; move it to another file that you name in COMPOSE_FILE, or add the camera to it by hand" 73
command=${1:-}
[ $# -eq 0 ] || shift
case $command in
add) add "$@" ;;
remove) remove "$@" ;;
list) list ;;
*) fail "expected: add NAME SOURCE [--login USER], remove NAME, or list" 64 ;;
esac
