#!/usr/bin/env bash
# Tries the Debian packages in containers of a bare Debian, with the commands of the guide (README.md): installs them,
# watches a camera, backs up and restores, upgrades, joins another gateway, removes, purges, and installs them again. Then
# without systemd. It needs Docker; the containers with systemd are privileged.
#
# usage: docker/package-test.sh [--packages FOLDER]
#   --packages  the packages, of one version (default: they are built)
# shellcheck disable=SC2016  # commands in quotes are for the shell inside of a container
set -euo pipefail
cd "$(dirname "$0")/.."

packages=
case ${1:-} in
--packages) packages=$(cd "$2" && pwd) ;;
'') ;;
*) echo "package-test.sh: there is no option $1" >&2; exit 64 ;;
esac

passed=0
scratch=$(mktemp -d)
containers=
clean_up() {
    local status=$?
    # shellcheck disable=SC2086  # a list of names
    [[ -z $containers ]] || docker rm --force $containers >/dev/null 2>&1 || true
    docker network rm secam-package-test >/dev/null 2>&1 || true
    rm -rf "$scratch"
    exit "$status"
}
trap clean_up EXIT
step() { printf '\n== %s\n' "$*"; }
pass() { passed=$((passed + 1)); printf 'ok  %s\n' "$*"; }
fail() {
    printf 'not ok  %s\n' "$*" >&2
    tail --lines 60 "$scratch/log" >&2 || true
    inside "journalctl --no-pager --lines 60" >&2 || true
    printf '%d passed, 1 failed\n' "$passed"
    exit 1
}
# until_true WHAT COMMAND…: waits for a condition, two minutes at most.
until_true() {
    local what=$1 end=$((SECONDS + 120))
    shift
    until "$@" >"$scratch/log" 2>&1; do
        ((SECONDS < end)) || fail "$what"
        sleep 0.5
    done
    pass "$what"
}
guide() { # NAME: the commands of a block of the guide
    awk -v label="<!-- test: $1 (package-test.sh) -->" \
        '$0 == label { found = 1 } found && /^```sh$/ { inside = 1; next } inside && /^```$/ { exit } inside' \
        docker/README.md | grep . || fail "the guide has commands called $1"
}
current=
inside() { docker exec --interactive --workdir /secam "$current" bash -euo pipefail -c "$1"; } # COMMANDS
work() { inside "$1" >"$scratch/log" 2>&1 || fail "$2"; pass "$2"; } # COMMANDS WHAT
start_machine() { # NAME IMAGE OPTION…: a machine that has the packages in /secam/docker/packages
    current=$1
    docker rm --force "$1" >/dev/null 2>&1 || true
    containers="$containers $1"
    docker run --detach --name "$1" --hostname "$1" --network secam-package-test --tmpfs /run --tmpfs /tmp:exec \
        --volume "$packages:/secam/docker/packages:ro" "${@:3}" "$2" >/dev/null
}
start_systemd() { # NAME
    start_machine "$1" secam-package-test --privileged --env container=docker
    # degraded: what a container may not do, as mounting, concerns none of our units.
    until_true "systemd runs in $1" inside 'case $(systemctl is-system-running) in running | degraded) ;; *) false ;; esac'
}
view() { # COMMAND…: the client, in the machine
    inside "SECAM_PASSWORD='$password' secam-view $* --server 127.0.0.1:7443 --username admin --fingerprint $fingerprint"
}
is_online() { view cameras --json | tr '{' '\n' | grep "\"name\": *\"$1\"" | grep -q '"state": *"\(online\|idle\)"'; }
is_away() { ! is_online "$1"; }
process() { inside "systemctl show --property MainPID --value $1"; } # UNIT

step "packages"
if [[ -z $packages ]]; then
    # The first of the guide's commands is for the machine that builds.
    eval "$(guide package | grep '^docker ')" >"$scratch/log" 2>&1 || fail "building the packages"
    packages=$PWD/docker/packages
fi
# A folder of this version's, since those of earlier ones may lie there.
mkdir "$scratch/packages"
version=$(sed -n 's/.*softwareVersion = "secam\/\(.*\)"/\1/p' Sources/SecamBase/SoftwareVersion.swift)
cp "$packages"/secam_"$version"_*.deb "$packages"/secam-view_"$version"_*.deb "$scratch/packages"
packages=$scratch/packages
chmod -R a+rX "$scratch"
pass "packages: $(cd "$packages" && stat --format '%n %s bytes' -- *.deb | tr '\n' ' ')"
docker build --tag secam-package-test - >"$scratch/log" 2>&1 <<'END' || fail "making a Debian with systemd"
FROM debian:bookworm-slim
RUN apt-get update -q && apt-get install -y -q --no-install-recommends systemd systemd-sysv sudo
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
END
docker network create secam-package-test >/dev/null 2>&1 || true

step "installation"
start_systemd secam-package-one
work "apt-get update -q && $(guide package | sed -e '/^docker /d' -e '/^journalctl /d' -e 's/apt-get install/& -y -q --no-install-recommends/')" \
    "the packages are installed on a bare Debian"
for unit in secam-gateway secam-encode secam-motion secam-archive secam-capture@demo; do
    until_true "$unit runs" inside "systemctl is-active --quiet $unit"
    [[ $(inside "stat --format %U /proc/$(process "$unit")") == secam ]] || fail "$unit runs as the user secam"
done
shown=$(inside "$(guide package | sed -n 's,^journalctl,& --no-pager --output cat,p')")
password=$(sed -n 's/^ *password *\([^ ]*\).*/\1/p' <<<"$shown")
fingerprint=$(sed -n 's/^ *certificate *SHA256 *//p' <<<"$shown")
[[ -n $password && -n $fingerprint ]] || fail "the journal shows password and fingerprint"
until_true "the test picture is online" is_online demo
view live demo --headless --frames 10 >"$scratch/log" 2>&1 || fail "watching the test picture"
pass "the test picture is watched"
work "sudo -u secam secam status --data /var/lib/secam" "the operator's tool shows the set"
[[ -z $(inside "systemctl list-units --failed --plain --no-legend 'secam*'") ]] || fail "no unit has failed"

step "backup and restore"
inside "(umask 077 && echo \"a backup's password\" >/var/lib/secam/backup.password); chown secam: /var/lib/secam/backup.password"
work "$(guide backup)" "the guide's commands work: backup"
inside "echo \"late's password\" | sudo -u secam secam user add late --password-stdin --data /var/lib/secam" >/dev/null
work "$(guide restore)" "the guide's commands work: restore"
until_true "the test picture is online after the restore" is_online demo
! inside "sudo -u secam secam user list --data /var/lib/secam" | grep -q late || fail "a later user is gone"

step "recordings on another disk"
# The unit's settings of the guide.
awk '/disk\.conf/ { found = 1 } found && /^```ini$/ { inside = 1; next } inside && /^```$/ { exit } inside' \
    docker/README.md >"$scratch/disk.conf"
inside "install -d -m 0700 -o secam -g secam /mnt/disk/secam && mkdir -p /etc/systemd/system/secam-archive.service.d &&
    cat >/etc/systemd/system/secam-archive.service.d/disk.conf" <"$scratch/disk.conf"
work "echo SECAM_RECORD=continuous >>/etc/secam/gateway.conf && systemctl daemon-reload && systemctl restart secam-archive secam-gateway" \
    "settings are changed"
until_true "it is recorded there" inside '[[ -n $(find /mnt/disk/secam -type f -size +100k) ]]'

step "upgrade"
inside 'mkdir /tmp/next && dpkg-deb --raw-extract docker/packages/secam_*.deb /tmp/next/secam &&
    sed -i "s/^Version: .*/&.1/" /tmp/next/secam/DEBIAN/control && dpkg-deb -Znone --build /tmp/next/secam /tmp/next' >/dev/null
inside "systemctl stop secam-motion"
before=$(process secam-gateway)
work "apt-get install -y -q /tmp/next/secam_*.deb" "a newer package is installed"
[[ $(inside "dpkg-query --show --showformat '\${Version}' secam") == "$version.1" ]] || fail "the newer version is there"
[[ $(process secam-gateway) != "$before" ]] || fail "the gateway was started again"
[[ $(process secam-motion) == 0 ]] || fail "what was stopped stays so"
inside "grep -qx SECAM_RECORD=continuous /etc/secam/gateway.conf" || fail "changed settings stay"
until_true "the test picture is online after the upgrade" is_online demo
pass "running services are new, stopped ones stay stopped, settings stay"

step "other cameras, and a machine that joins"
work "secam-setup yard=test:320x240@10" "another camera is chosen"
until_true "the other camera is online" is_online yard
until_true "the first camera is away" is_away demo
inside "echo SECAM_LISTEN=tcp://0.0.0.0:7444 >>/etc/secam/gateway.conf
    echo 'advertise: [secam-package-two]' >/var/lib/secam/policy.yaml; chown secam: /var/lib/secam/policy.yaml
    systemctl restart secam-gateway
    sudo -u secam secam keys invite porch --data /var/lib/secam --registry tcp://secam-package-one:7444 -o -" \
    >"$scratch/porch.secam"
start_systemd secam-package-two
inside "apt-get update -q && apt-get install -y -q --no-install-recommends ./docker/packages/secam_*.deb" >"$scratch/log" 2>&1 ||
    fail "installing on a second machine"
inside "cat >porch.secam && chmod 600 porch.secam" <"$scratch/porch.secam"
work "$(guide join)" "the guide's commands work: join"
inside "sed -i 's,^SECAM_SOURCE=.*,SECAM_SOURCE=test:320x240@10,' /etc/secam/porch.camera
    systemctl restart secam-capture@porch"
for unit in secam-gateway secam-encode secam-motion secam-archive secam-capture@demo; do
    ! inside "systemctl is-active --quiet $unit" || fail "$unit is switched off where a camera joins another gateway"
done
pass "a machine that joins runs no set of its own"
current=secam-package-one
until_true "the camera of the other machine is online" is_online porch
docker rm --force secam-package-two >/dev/null

step "removal"
work "apt-get remove -y -q secam" "the package is removed"
[[ -z $(inside "systemctl list-units --all --plain --no-legend 'secam*.service'") ]] || fail "no unit is left"
inside "[[ -e /etc/secam/gateway.conf && -e /var/lib/secam/users.sqlite ]]" || fail "settings and data stay"
work "apt-get purge -y -q secam" "the package is purged"
inside "[[ ! -e /etc/secam && -e /var/lib/secam/users.sqlite ]]" || fail "settings go, data stay"
work "apt-get install -y -q --no-install-recommends ./docker/packages/secam_*.deb" "the package is installed again"
until_true "the test picture is online, for the users of before" is_online demo
docker rm --force secam-package-one >/dev/null

step "without systemd"
start_machine secam-package-three debian:bookworm-slim --tty
work "apt-get update -q; dpkg --install docker/packages/*.deb || apt-get install -y -q --no-install-recommends --fix-broken" \
    "dpkg installs the packages, apt-get what they depend on"
work "dpkg --audit && ! dpkg --audit | grep ." "both are configured"
docker exec --detach "$current" sh -c 'secam up --camera demo=test:320x240@10 >/tmp/up.log 2>&1'
until_true "secam up runs" inside 'grep -q Watch: /tmp/up.log'
shown=$(inside 'cat /tmp/up.log')
password=$(sed -n 's/^ *password *\([^ ]*\).*/\1/p' <<<"$shown")
fingerprint=$(sed -n 's/^ *certificate *SHA256 *//p' <<<"$shown")
view live demo --headless --frames 10 >"$scratch/log" 2>&1 || fail "watching without systemd"
pass "the test picture of secam up is watched"

printf '%d passed, 0 failed\n' "$passed"
