#!/usr/bin/env bash
# Tries the whole set with docker compose, from outside, as a user and an operator would: builds the images, watches the
# test picture, scales up and down while it is watched and recorded, kills containers, adds a camera elsewhere, takes
# its key back, and takes it all down. It needs Docker with compose; nothing else is used or left.
#
# usage: docker/test.sh [--keep]
#   --keep  leave the set running at the end, or where it failed
set -euo pipefail
cd "$(dirname "$0")/.."

keep=
case ${1:-} in
--keep) keep=1 ;;
'') ;;
*) echo "test.sh: there is no option $1" >&2; exit 64 ;;
esac

passed=0
step() { printf '\n== %s\n' "$*"; }
pass() { passed=$((passed + 1)); printf 'ok  %s\n' "$*"; }
fail() {
    printf 'not ok  %s\n' "$*" >&2
    cat "$scratch/log" >&2 || true
    set_of_services logs --tail 20 >&2 || true
    printf '%d passed, 1 failed\n' "$passed"
    exit 1
}
# until_true WHAT COMMAND...: waits for a condition, two minutes at most.
until_true() {
    local what=$1 end=$((SECONDS + 120))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "$what"
        sleep 0.5
    done
    pass "$what"
}
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

docker compose version >/dev/null || { echo "test.sh: docker compose is needed" >&2; exit 69; }
scratch=$(mktemp -d)
export COMPOSE_PROFILES=demo SECAM_RECORD=continuous SECAM_MAX_MEGABYTES=256 SECAM_FREE_MEGABYTES=64
export SECAM_DEMO_SOURCE=test:320x240@10
SECAM_PORT=$(free_port)
SECAM_REGISTRY_PORT=$(free_port)
export SECAM_PORT SECAM_REGISTRY_PORT SECAM_ISOLATED=true

export SECAM_JOIN_FILE=$scratch/porch.secam
set_of_services() { docker compose --project-name secam-test --file docker/compose.yaml "$@"; }
elsewhere() { docker compose --project-name secam-test-porch --file docker/camera.yaml "$@"; }
remove_everything() {
    docker rm --force secam-test-viewer secam-test-yard >/dev/null 2>&1 || true
    docker network rm secam-test-yard >/dev/null 2>&1 || true
    elsewhere down --volumes --timeout 5 >/dev/null 2>&1 || true
    set_of_services --profile demo --profile webcam --profile tools down --volumes --timeout 5 >/dev/null 2>&1 || true
}
clean_up() {
    local status=$?
    [[ -n $keep ]] || remove_everything
    rm -rf "$scratch"
    exit "$status"
}
trap clean_up EXIT

operator() { set_of_services run --rm --no-TTY secam "$@"; }
# The client, on a network that is not the set's.
view() {
    docker run --rm --network host --env SECAM_PASSWORD="$password" secam-test-view "$@" \
        --server "127.0.0.1:$SECAM_PORT" --username admin --fingerprint "$fingerprint"
}

# One number of `secam status --json` for all services of a role, added up.
figure() { # ROLE NAME
    operator status --json | tr '{' '\n' | tr -d ' ' | grep "\"role\":\"$1\"" | grep -o "\"$2\":[0-9]*" | cut -d: -f2 |
        awk '{ sum += $1 } END { print sum + 0 }'
}
joined() { # ROLE COUNT
    [[ $(operator status --json | tr ',' '\n' | grep -c "\"role\": *\"$1\"") -eq $2 ]]
}
is_online() { view cameras --json | tr '{' '\n' | grep "\"name\": *\"$1\"" | grep -q '"state": *"\(online\|idle\)"'; }
is_gone() { ! is_online "$1"; }
kill_service() { # SERVICE: as a crash would, which restart policies answer
    local name
    name=$(set_of_services ps --quiet "$1" | head -n 1)
    kill -9 "$(docker inspect --format '{{.State.Pid}}' "$name")"
}
is_back() { # SERVICE
    local name
    name=$(set_of_services ps --quiet "$1" | head -n 1)
    [[ $(docker inspect --format '{{.RestartCount}} {{.State.Health.Status}}' "$name") =~ ^[1-9][0-9]*\ healthy$ ]]
}

step "images"
# What an earlier run left.
remove_everything
start=$SECONDS
set_of_services --profile demo --profile webcam --profile tools build --quiet
elsewhere build --quiet
docker build --quiet --target view --tag secam-test-view --file docker/Dockerfile . >/dev/null
build_time=$((SECONDS - start))
pass "built in $build_time s"
if docker run --rm --entrypoint sh secam-test-gateway -c 'ls /usr/lib/*/libav* /usr/lib/*/libturbojpeg* 2>/dev/null' | grep .; then
    fail "the gateway's image holds media libraries"
fi
pass "the gateway's image holds no media libraries"

step "up"
start=$SECONDS
set_of_services up --detach --wait --no-build >"$scratch/log" 2>&1 || fail "up"
up_time=$((SECONDS - start))
pass "all healthy after $up_time s"
shown=$(docker logs "$(set_of_services ps --all --quiet init)")
password=$(sed -n 's/^ *password *\([^ ]*\).*/\1/p' <<<"$shown")
fingerprint=$(sed -n 's/^ *certificate *SHA256 *//p' <<<"$shown")
[[ -n $password && -n $fingerprint ]] || fail "init shows password and fingerprint"
for service in gateway encode motion archive demo; do
    name=$(set_of_services ps --quiet "$service" | head -n 1)
    docker inspect --format '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}' "$name" |
        grep -qx '10001:10001 true \[ALL\]' || fail "$service runs without rights"
done
pass "each service runs as a user without rights, on a root that it cannot write"
[[ $(docker network inspect --format '{{.Internal}}' secam-test_services) == true ]] || fail "the services' network is internal"
for service in encode motion archive demo; do
    name=$(set_of_services ps --quiet "$service" | head -n 1)
    networks=$(docker inspect --format '{{range $network, $_ := .NetworkSettings.Networks}}{{$network}} {{end}}' "$name")
    [[ $networks == 'secam-test_services ' ]] || fail "$service is in the networks $networks"
    # A default route has destination and mask 0.
    ! docker exec "$name" grep -q '[[:space:]]00000000[[:space:]].*[[:space:]]00000000[[:space:]]' /proc/net/route ||
        fail "$service has a way out"
done
pass "encoders, motion, archives and cameras reach only the set"
view live demo --headless --frames 30 --stats >"$scratch/stats" || fail "watching the demo camera"
grep -q '"frames": *30' "$scratch/stats" || fail "30 frames: $(cat "$scratch/stats")"
pass "the demo camera is watched from outside: $(tr -d '\n ' <"$scratch/stats")"

step "scaling while it is watched and recorded"
docker run --detach --name secam-test-viewer --network host --env SECAM_PASSWORD="$password" secam-test-view live demo \
    --headless --duration 600 --stats --server "127.0.0.1:$SECAM_PORT" --username admin \
    --fingerprint "$fingerprint" >/dev/null
until_true "the viewer is there" test "$(figure gateway viewers)" -ge 1
for scale in encode=3 encode=1 archive=2 archive=1; do
    # Without --wait, which takes a container that is gone for one that failed.
    set_of_services up --detach --no-build --no-recreate --scale "$scale" >"$scratch/log" 2>&1 || fail "scale $scale"
    until_true "$scale" joined "${scale%=*}" "${scale#*=}"
    before=$(figure capture frames_published)
    enough() { (($(figure capture frames_published) >= before + 20)); }
    until_true "frames go on with $scale" enough
done
[[ $(figure capture frames_dropped) -eq 0 ]] || fail "no frame was lost at the camera"
docker kill --signal INT secam-test-viewer >/dev/null
docker wait secam-test-viewer >/dev/null
docker logs secam-test-viewer >"$scratch/stats" 2>/dev/null
docker rm secam-test-viewer >/dev/null
grep -q '"gaps": *0[,}]' "$scratch/stats" || fail "no frame was lost at the viewer: $(cat "$scratch/stats")"
pass "no frame was lost at the viewer: $(tr -d '\n ' <"$scratch/stats")"
view recordings demo --json >"$scratch/recordings"
grep -q '"gaps": *\[\]' "$scratch/recordings" || fail "no frame was lost at the archive: $(cat "$scratch/recordings")"
pass "no frame was lost at the archive"

step "crashes"
for service in encode motion archive demo gateway; do
    kill_service "$service"
    until_true "$service is back after a crash" is_back "$service"
done
until_true "the demo camera is online again" is_online demo
view live demo --headless --frames 10 >/dev/null || fail "watching after the crashes"
pass "the demo camera is watched again"

step "a camera elsewhere"
host=$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}')
chmod 755 "$scratch"
invite() { # NAME OPTION...
    (umask 077 && operator keys invite "$@" --registry "tcp://$host:$SECAM_REGISTRY_PORT" --output - >"$scratch/$1.secam")
    chown 1000:1000 "$scratch/$1.secam"
}
invite porch
SECAM_CAMERA_PORT=$(free_port)
export SECAM_CAMERA_PORT SECAM_SOURCE=test:320x240@10
printf 'advertise: [%s]\n' "$host" >"$scratch/policy.yaml"
set_of_services cp "$scratch/policy.yaml" gateway:/data/policy.yaml >/dev/null 2>&1 || fail "allowing the camera's address"
SECAM_ADVERTISE=tcp://$host:$SECAM_CAMERA_PORT elsewhere up --detach --no-build >"$scratch/log" 2>&1 ||
    fail "starting the camera elsewhere"
until_true "the camera elsewhere is online" is_online porch
view live porch --headless --frames 20 >/dev/null || fail "watching the camera elsewhere"
pass "the camera elsewhere is watched"
operator keys revoke porch >/dev/null
start=$SECONDS
until_true "the camera elsewhere is cut off" is_gone porch
pass "… $((SECONDS - start)) s after its key was taken back"
is_online demo || fail "the other camera goes on"
pass "the other camera goes on"

step "a camera that can only dial out"
invite yard --relay "$host:$SECAM_PORT"
docker network create secam-test-yard >/dev/null
docker run --detach --name secam-test-yard --network secam-test-yard --user 1000:1000 --read-only --tmpfs /tmp \
    --volume "$scratch/yard.secam:/keys/secam.join:ro" --env SECAM_JOIN=/keys/secam.join \
    --env SECAM_SOURCE=test:320x240@10 secam-test-porch-camera >/dev/null
until_true "the camera that can only dial out is online" is_online yard
view live yard --headless --frames 20 >/dev/null || fail "watching the camera that can only dial out"
pass "the camera that can only dial out is watched"
docker rm --force secam-test-yard >/dev/null

step "down"
start=$SECONDS
remove_everything
pass "all down after $((SECONDS - start)) s"

printf '\nimages:\n'
docker images --format '  {{.Repository}}  {{.Size}}' | grep '^ *secam-test-' | sort
printf 'build %s s, up %s s\n' "$build_time" "$up_time"
printf '%d passed, 0 failed\n' "$passed"
