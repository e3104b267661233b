# Throw-away servers for the tests: each on a free port, in $scratch, stopped by its process id. Sourced by ./test.
# shellcheck shell=bash

server_pids=()

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo "$@"; else return 1; fi
}

# apt_install PACKAGE...: on Debian and Ubuntu, where we may.
apt_install() {
    command -v apt-get >/dev/null && as_root true || return 1
    if [ ! -e "$scratch/apt-updated" ]; then
        as_root apt-get -qq update >/dev/null || return 1
        touch "$scratch/apt-updated"
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

# Below the range from which the system hands out ports, so that no test takes it meanwhile.
free_port() {
    local port
    for _ in $(seq 100); do
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
    done
    return 1
}

# as_user USER COMMAND...: servers of databases refuse to run as root. Execs, so that $! is the server's own process.
as_user() {
    local user=$1; shift
    if [ "$(id -u)" -eq 0 ]; then exec setpriv --reuid="$user" --regid="$user" --init-groups "$@"; else exec "$@"; fi
}

# own_directory USER NAME: a directory in $scratch that the server's user may write.
own_directory() {
    mkdir -p "$scratch/$2"
    [ "$(id -u)" -ne 0 ] || chown "$1" "$scratch/$2"
    echo "$scratch/$2"
}

# await PID COMMAND...: until the command succeeds, half a minute at most, or the process is gone.
await() {
    local pid=$1; shift
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

http_ok() {
    local status
    exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && read -r status <&3 && [[ $status == *" 200"* ]]
}

firestore_jar() {
    local root
    if command -v gcloud >/dev/null; then
        root=$(gcloud info --format='value(installation.sdk_root)' 2>/dev/null)
        ls "$root"/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar 2>/dev/null && return
    fi
    ls "$HOME"/.cache/firebase/emulators/cloud-firestore-emulator-*.jar 2>/dev/null | tail -n 1 | grep . && return
    command -v npx >/dev/null && npx --yes firebase-tools setup:emulators:firestore >/dev/null 2>&1 || return 1
    ls "$HOME"/.cache/firebase/emulators/cloud-firestore-emulator-*.jar 2>/dev/null | tail -n 1 | grep .
}

start_firestore() {
    local jar port
    command -v java >/dev/null || apt_install default-jre-headless || return 1
    jar=$(firestore_jar) || return 1
    port=$(free_port)
    java -Duser.language=en -Xmx1g -XX:+UseSerialGC -cp "$jar" com.google.cloud.datastore.emulator.firestore.CloudFirestore \
        --host=127.0.0.1 --port="$port" >"$scratch/firestore.log" 2>&1 &
    server_pids+=("$!")
    await "$!" http_ok "$port" || return 1
    export FIRESTORE_EMULATOR_HOST=127.0.0.1:$port
}

stop_servers() {
    local pid
    for pid in "${server_pids[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${server_pids[@]}"; do
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    server_pids=()
}
