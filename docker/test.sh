#!/usr/bin/env bash
# Tries the whole set with docker compose, from outside, as a user and an operator would, with the commands of the guide
# (README.md): builds the images, watches the test picture, scales up and down while it is watched and recorded, kills
# containers, adds cameras, updates, backs up and restores, and takes it all down. It needs Docker with compose, and root's
# rights or sudo for a folder of recordings; nothing else is used or left.
#
# usage: docker/test.sh [--keep]
#   --keep  leave the set running at the end, or where it failed
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)

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
    tail --lines 200 "$scratch/log" >&2 || true
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
# A copy, since the guide's commands write beside the Compose file.
copy=$scratch/secam
mkdir "$copy"
(cd "$repository" && cp --archive --parents Package.swift LICENSE .dockerignore Sources Tests docker "$copy")
rm -rf "$copy/docker/cameras" "$copy/docker/compose.override.yaml" "$copy/docker/packages"
cd "$copy/docker"
export COMPOSE_PROJECT_NAME=secam-test
export COMPOSE_PROFILES=demo SECAM_RECORD=continuous SECAM_MAX_MEGABYTES=256 SECAM_FREE_MEGABYTES=64
export SECAM_DEMO_SOURCE=test:320x240@10
SECAM_PORT=$(free_port)
SECAM_REGISTRY_PORT=$(free_port)
export SECAM_PORT SECAM_REGISTRY_PORT SECAM_ISOLATED=true

export SECAM_JOIN_FILE=$copy/docker/porch.secam SECAM_USER=
set_of_services() { docker compose "$@"; }
elsewhere() { docker compose --project-name secam-test-porch --file camera.yaml "$@"; }
remove_everything() {
    docker rm --force secam-test-viewer secam-test-shed secam-test-office >/dev/null 2>&1 || true
    docker network rm secam-test-shed >/dev/null 2>&1 || true
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

# guide NAME [SED-OPTION…]: runs the commands of a block of the guide as they stand there, but for what sed replaces.
tried=' '
guide() {
    local name=$1 commands
    shift
    commands=$(awk -v label="<!-- test: $name -->" \
        '$0 == label { found = 1 } found && /^```sh$/ { inside = 1; next } inside && /^```$/ { exit } inside' README.md |
        sed "${@:-}")
    [[ -n $commands ]] || fail "the guide has commands called $name"
    tried="$tried$name "
    command -v sudo >/dev/null || commands="sudo() { \"\$@\"; }
$commands"
    bash -euo pipefail -c "$commands" >"$scratch/log" 2>&1 || fail "the guide's commands $name"
    pass "the guide's commands work: $name"
}
# Every block of commands has a label, and was tried under it or says why not.
guide_was_tried() {
    local missing
    missing=$(awk '/^```sh$/ && last !~ /^<!-- (test|not tested): .* -->$/ { print NR } { last = $0 }' README.md)
    [[ -z $missing ]] || fail "the guide's commands at lines $missing have no label"
    while read -r name; do
        [[ $tried == *" $name "* ]] || fail "the guide's commands $name were not tried"
    done < <(sed -n 's/^<!-- test: \([a-z-]*\) -->$/\1/p' README.md)
    pass "all commands of the guide were tried, or say why not"
}

operator() { set_of_services run --rm --no-TTY secam "$@"; }
# The client, on a network that is not the set's.
view() {
    docker run --rm --network host --env SECAM_PASSWORD="$password" secam-test-view "$@" \
        --server "127.0.0.1:$SECAM_PORT" --username admin --fingerprint "$fingerprint"
}

# One number of `secam status --json` for all services of a role, added up. A degraded set has status 1 there.
figure() { # ROLE NAME
    { operator status --json || true; } | tr '{' '\n' | tr -d ' ' | grep "\"role\":\"$1\"" | grep -o "\"$2\":[0-9]*" | cut -d: -f2 |
        awk '{ sum += $1 } END { print sum + 0 }'
}
joined() { # ROLE COUNT
    [[ $({ operator status --json || true; } | tr ',' '\n' | grep -c "\"role\": *\"$1\"") -eq $2 ]]
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
set_of_services --profile demo --profile webcam build >"$scratch/log" 2>&1 || fail "building the images"
elsewhere build >"$scratch/log" 2>&1 || fail "building the images of a camera elsewhere"
docker build --target view --tag secam-test-view --file Dockerfile .. >"$scratch/log" 2>&1 || fail "building the client"
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
view live demo --headless --duration 600 >/dev/null 2>&1 &
watching=$!
shares() { [[ $(figure capture workers_sharing) -eq 1 && $(figure capture work_shared) -gt 0 ]]; }
until_true "camera and encoder share raw pictures" shares
kill "$watching" 2>/dev/null || true
grep -q '"frames": *30' "$scratch/stats" || fail "30 frames: $(cat "$scratch/stats")"
pass "the demo camera is watched from outside: $(tr -d '\n ' <"$scratch/stats")"
https() { curl --silent --fail --insecure --max-time 30 "$@"; } # the certificate is self-signed
https "https://127.0.0.1:$SECAM_PORT/" | grep -q '<title>secam' || fail "the page"
https --user "admin:$password" --output "$scratch/snapshot.jpg" \
    "https://127.0.0.1:$SECAM_PORT/api/v1/cameras/demo/snapshot.jpg" || fail "a snapshot over HTTPS"
[[ $(head --bytes 3 "$scratch/snapshot.jpg" | od -An -tx1 | tr -d ' ') == ffd8ff ]] || fail "the snapshot is a JPEG"
pass "browsers get the page, and tools a snapshot"

guide start
grep -q "password *$password" "$scratch/log" || fail "the guide's commands show the first password"
set_of_services --profile webcam rm --stop --force webcam >/dev/null 2>&1
guide user -e 's/run --rm/& -T/' -e 's/user add/& --password-stdin/' <<<"anna's password"
operator user list | grep -q '^anna .*door, till' || fail "the user sees two cameras: $(operator user list)"
pass "the user sees two cameras"

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

guide scale
for scale in encode=3 motion=2 archive=2; do until_true "$scale" joined "${scale%=*}" "${scale#*=}"; done
set_of_services up --detach --no-build --scale encode=1 --scale motion=1 --scale archive=1 >"$scratch/log" 2>&1 ||
    fail "scaling down"

step "crashes"
for service in encode motion archive demo gateway; do
    kill_service "$service"
    until_true "$service is back after a crash" is_back "$service"
done
until_true "the demo camera is online again" is_online demo
view live demo --headless --frames 10 >/dev/null || fail "watching after the crashes"
pass "the demo camera is watched again"

step "a camera of the network"
# A camera that speaks HTTP with a login, and shows one picture all the time.
docker run --rm --network host --env SECAM_PASSWORD="$password" --entrypoint sh secam-test-view -c \
    "secam-view snapshot demo -o /tmp/picture.jpg --server 127.0.0.1:$SECAM_PORT --username admin \
        --fingerprint $fingerprint >/dev/null && cat /tmp/picture.jpg" >"$scratch/picture.jpg" || fail "taking a picture"
cat >"$scratch/camera.pl" <<'END'
use strict;
use IO::Socket::INET;
$SIG{CHLD} = 'IGNORE';
open my $file, '<:raw', '/picture.jpg' or die;
my $picture = do { local $/; <$file> };
my $listener = IO::Socket::INET->new(LocalPort => 80, Listen => 8, ReuseAddr => 1) or die;
while (my $peer = $listener->accept) {
    next if fork;
    my $request = '';
    while (my $line = <$peer>) { $request .= $line; last if $line =~ /^\r?\n$/ }
    if ($request !~ /^Authorization: Basic \Q$ENV{LOGIN}\E\r?$/mi) {
        print $peer "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"camera\"\r\nContent-Length: 0\r\n\r\n";
        exit;
    }
    print $peer "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n";
    while (1) {
        print $peer "--next\r\nContent-Type: image/jpeg\r\nContent-Length: " . length($picture) . "\r\n\r\n$picture\r\n"
            or exit;
        $peer->flush or exit;
        select undef, undef, undef, 0.1;
    }
}
END
# shellcheck disable=SC2016  # signs that a shell, Compose and addresses would each read otherwise
camera_password='pa$s "w#rd %41'
# It comes after its service, which makes the network.
guide network-camera -e 's,rtsp://192.168.1.20/,http://secam-test-office/,' <<<"$camera_password"
docker run --detach --name secam-test-office --network secam-test_outside --env LOGIN="$(printf 'viewer:%s' "$camera_password" | base64 --wrap 0)" \
    --volume "$scratch/camera.pl:/camera.pl:ro" --volume "$scratch/picture.jpg:/picture.jpg:ro" debian:bookworm-slim \
    perl /camera.pl >/dev/null
until_true "the camera of the network is online" is_online yard
view live yard --headless --frames 10 >/dev/null || fail "watching the camera of the network"
pass "the camera of the network is watched"
[[ $(stat --format %a cameras cameras/yard.env | tr '\n' ' ') == '700 600 ' ]] || fail "the camera's login is private"
guide update -e '/^git pull$/d'
is_online yard || until_true "the camera of the network is online after an update" is_online yard
[[ $(docker inspect --format '{{.Image}}' "$(set_of_services ps --all --quiet init)") == \
    $(docker image inspect --format '{{.Id}}' "$(set_of_services --profile tools config --images secam)") ]] ||
    fail "the tool is as new as the set"
pass "the tool is as new as the set"
guide remove-camera
until_true "the camera of the network is gone" is_gone yard
[[ ! -e compose.override.yaml && ! -e cameras/yard.env ]] || fail "nothing is left of the removed camera"
! operator keys list | grep -q yard || fail "its key was revoked"
docker rm --force secam-test-office >/dev/null
pass "nothing is left of the removed camera"

step "backup and restore"
guide backup
operator user add late --password-stdin <<<"late's password" >/dev/null
guide restore
until_true "the demo camera is online after the restore" is_online demo
operator user list | grep -q '^anna' || fail "users are restored"
! operator user list | grep -q '^late' || fail "a user that was added after the backup is gone"
pass "users, certificate and keys are as in the backup"

step "recordings on another disk"
guide other-disk -e "s,/mnt/disk/secam,$scratch/disk,g"
is_recorded_there() { [[ -n $(find "$scratch/disk" -type f -size +100k) ]]; }
until_true "recordings grow there" is_recorded_there

step "offline installation"
guide save
guide load
until_true "the demo camera is online from loaded images" is_online demo
rm secam-images.tar

step "a camera elsewhere"
host=$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}')
SECAM_CAMERA_PORT=$(free_port)
export SECAM_CAMERA_PORT SECAM_SOURCE=test:320x240@10 SECAM_ADVERTISE=tcp://$host:$SECAM_CAMERA_PORT
guide invite -e "s/GATEWAY:7444/$host:$SECAM_REGISTRY_PORT/"
chmod 600 porch.secam
printf 'advertise: [%s]\n' "$host" >policy.yaml
guide policy
COMPOSE_PROJECT_NAME=secam-test-porch guide camera-elsewhere
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
guide invite-relay -e "s/GATEWAY:7444/$host:$SECAM_REGISTRY_PORT/" -e "s/GATEWAY:7443/$host:$SECAM_PORT/"
chmod 600 shed.secam
docker network create secam-test-shed >/dev/null
docker run --detach --name secam-test-shed --network secam-test-shed --user "$(id -u):$(id -g)" --read-only --tmpfs /tmp \
    --volume "$PWD/shed.secam:/keys/secam.join:ro" --env SECAM_JOIN=/keys/secam.join \
    --env SECAM_SOURCE=test:320x240@10 secam-test-porch-camera >/dev/null
until_true "the camera that can only dial out is online" is_online shed
view live shed --headless --frames 20 >/dev/null || fail "watching the camera that can only dial out"
pass "the camera that can only dial out is watched"
docker rm --force secam-test-shed >/dev/null

step "a certificate of one's own"
make_certificate() { # FOLDER NAME: as certbot lays it down
    mkdir -p "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$2" \
        -keyout "$1/privkey.pem" -out "$1/fullchain.pem" 2>/dev/null
}
serves() { # NAME
    openssl s_client -connect "127.0.0.1:$SECAM_PORT" -alpn secam/1 </dev/null 2>/dev/null |
        openssl x509 -noout -subject | grep -q "$1"
}
make_certificate . first.example
guide certificate -e "s,/etc/secam,$scratch/etc,g"
until_true "the gateway serves the certificate" serves first.example
make_certificate "$scratch/renewed" second.example
RENEWED_LINEAGE=$scratch/renewed guide certbot -e "s,/etc/secam,$scratch/etc,g"
until_true "the gateway serves the renewed certificate" serves second.example
guide_was_tried

step "down"
start=$SECONDS
remove_everything
pass "all down after $((SECONDS - start)) s"

printf '\nimages:\n'
docker images --format '  {{.Repository}}  {{.Size}}' | grep '^ *secam-test-' | sort
printf 'build %s s, up %s s\n' "$build_time" "$up_time"
printf '%d passed, 0 failed\n' "$passed"
