# Steps, installation of what is missing, and background servers.
# Part of ./test, which sources it.
# shellcheck shell=bash disable=SC2034,SC2154

say() { printf '\n== %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
wanted() { case "$without" in *" $1 "*) return 1 ;; esac; }

# step NAME COMMAND...: runs a check; its failure fails the whole, but the other checks still run.
step() {
    local name=$1 status start=$SECONDS
    shift
    say "$name"
    "$@" 2>&1 | tee -a "$results"
    status=${PIPESTATUS[0]}
    echo "($((SECONDS - start)) s)"
    [ "$status" -eq 0 ] && return 0
    echo "FAILED: $name (exit code $status)"
    failed_steps="$failed_steps
  $name"
}

# beside COMMAND...: begins a check that gets only what the steps after it leave of the machine. The tests wait more than
# they work.
beside=""
beside() {
    # A group of its own, so that all of it can be stopped.
    set -m
    (
        renice -n 19 -p "$BASHPID" >/dev/null
        "$@"
        echo $? >"$scratch/beside.status"
    ) >"$scratch/beside.log" 2>&1 &
    beside=$!
    set +m
}
# The step that waits for it.
joined() {
    until [ -f "$scratch/beside.status" ]; do
        kill -0 "$beside" 2>/dev/null || break
        sleep 1
    done
    cat "$scratch/beside.log"
    return "$(cat "$scratch/beside.status" 2>/dev/null || echo 1)"
}

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }
apt_fresh=no
install() { # install PACKAGE...
    have apt-get || return 1
    if [ $apt_fresh = no ]; then as_root apt-get update -qq >/dev/null 2>&1; apt_fresh=yes; fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$scratch/apt.log" 2>&1 && return 0
    tail -n 5 "$scratch/apt.log"
    return 1
}
lacking() { # lacking SERVER WHAT-TO-INSTALL
    echo "no $1: $2"
    missing="$missing
  $1: $2"
}


free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.2
    done
}
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start LOG COMMAND...: runs a server in the background, to be stopped at the end.
start() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    pids="$pids $!"
}
