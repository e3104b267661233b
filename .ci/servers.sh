# The throw-away servers that the sinks are tested against.
# Part of ./test, which sources it.
# shellcheck shell=bash disable=SC2034,SC2154

# Both databases refuse to run as root: `as` then begins the command with another user. Not a function, so that the process
# that is started is the server itself and can be stopped.
as_user() {
    as=()
    [ "$(id -u)" -ne 0 ] || as=(setpriv --reuid="$1" --regid="$1" --init-groups)
}

emulator_jar() {
    local root
    root=$(gcloud info --format='value(installation.sdk_root)' 2>/dev/null)
    ls "$root"/platform/cloud-firestore-emulator/*.jar 2>/dev/null | head -1 | grep . && return 0
    if have npx; then npx --yes firebase-tools setup:emulators:firestore >"$scratch/npx.log" 2>&1; fi
    ls "$HOME"/.cache/firebase/emulators/cloud-firestore-emulator-*.jar 2>/dev/null | tail -1 | grep .
}

start_firestore() {
    [ -n "${FIRESTORE_EMULATOR_HOST:-}" ] && return 0
    have java || install default-jre-headless
    local jar port
    jar=$(emulator_jar) || return 1
    have java || return 1
    port=$(free_port)
    start "$scratch/firestore.log" java -Duser.language=en -Xmx3g -XX:+UseSerialGC -cp "$jar" \
        com.google.cloud.datastore.emulator.firestore.CloudFirestore --host=127.0.0.1 --port="$port"
    wait_for 60 answers "$port" || { tail -n 5 "$scratch/firestore.log"; return 1; }
    export FIRESTORE_EMULATOR_HOST=127.0.0.1:$port
}

start_postgres() {
    [ -n "${TEST_POSTGRES_URL:-}" ] && return 0
    local bin port dir=$scratch/postgres
    bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
    [ -x "$bin/initdb" ] || install postgresql
    bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
    [ -x "$bin/initdb" ] || return 1
    port=$(free_port)
    mkdir -p "$dir" && chmod 755 "$scratch"
    [ "$(id -u)" -ne 0 ] || chown postgres "$dir"
    as_user postgres
    "${as[@]}" "$bin/initdb" -D "$dir/data" -U test --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 >"$dir.log" 2>&1 ||
        { tail -n 5 "$dir.log"; return 1; }
    start "$dir.log" "${as[@]}" "$bin/postgres" -D "$dir/data" -p "$port" -c listen_addresses=127.0.0.1 -k "$dir"
    wait_for 60 "$bin/pg_isready" -h 127.0.0.1 -p "$port" || { tail -n 5 "$dir.log"; return 1; }
    export TEST_POSTGRES_URL=postgres://test@127.0.0.1:$port/postgres
}

start_mysql() {
    [ -n "${TEST_MYSQL_URL:-}" ] && return 0
    have mariadbd || [ -x /usr/sbin/mariadbd ] || install mariadb-server
    local server=/usr/sbin/mariadbd port dir=$scratch/mysql
    [ -x $server ] || return 1
    port=$(free_port)
    mkdir -p "$dir" && chmod 755 "$scratch"
    [ "$(id -u)" -ne 0 ] || chown mysql "$dir"
    as_user mysql
    "${as[@]}" mariadb-install-db --no-defaults --auth-root-authentication-method=normal --datadir="$dir/data" \
        --skip-test-db >"$dir.log" 2>&1 || { tail -n 5 "$dir.log"; return 1; }
    start "$dir.log" "${as[@]}" $server --no-defaults --datadir="$dir/data" --port="$port" --bind-address=127.0.0.1 \
        --socket="$dir/socket" --tmpdir="$dir" --character-set-server=utf8mb4
    wait_for 60 mariadb-admin --no-defaults -h 127.0.0.1 -P "$port" -u root ping || { tail -n 5 "$dir.log"; return 1; }
    mariadb --no-defaults -h 127.0.0.1 -P "$port" -u root -e 'CREATE DATABASE attendance' || return 1
    export TEST_MYSQL_URL=mysql://root@127.0.0.1:$port/attendance
}

# Debian has no MongoDB: a server that others wrote for tests, with the same protocol.
start_mongo() {
    [ -n "${MONGODB_URI:-}" ] && { echo "mongo: the server of MONGODB_URI"; return 0; }
    have mvn || install maven
    have javac || install default-jdk-headless
    have mvn && have javac || return 1
    local port jars=$scratch/mongo
    mvn -q -B -f sink-mongo/tests/server/pom.xml dependency:copy-dependencies -DoutputDirectory="$jars" \
        >"$scratch/mvn.log" 2>&1 || { tail -n 5 "$scratch/mvn.log"; return 1; }
    port=$(free_port)
    start "$scratch/mongo.log" java -Xmx2g -cp "$jars/*" sink-mongo/tests/server/Server.java "$port"
    wait_for 60 answers "$port" || { tail -n 5 "$scratch/mongo.log"; return 1; }
    export MONGODB_URI=mongodb://127.0.0.1:$port/test
    echo "mongo: mongo-java-server, not MongoDB itself"
}

# axe-core looks for barriers in pages. It is a tool of the tests, and no part of the program.
axe_core() {
    [ -n "${AXE_CORE:-}" ] && return 0
    local file=$scratch/axe/node_modules/axe-core/axe.min.js
    have npm && npm install --silent --no-save --prefix "$scratch/axe" axe-core@4.14.1 >"$scratch/axe.log" 2>&1
    [ -f "$file" ] || { lacking axe-core "install npm, or name the file axe.min.js in AXE_CORE"; return 0; }
    export AXE_CORE=$file
}

start_servers() {
    for server in firestore postgres mysql mongo; do
        if ! wanted $server; then
            missing="$missing
  $server: left out with --without"
            continue
        fi
        if start_$server; then
            echo "$server is ready"
        else
            case $server in
                firestore) lacking firestore "install Java and the Google Cloud CLI's cloud-firestore-emulator, or Node.js for npx" ;;
                postgres) lacking postgres "install the package postgresql" ;;
                mysql) lacking mysql "install the package mariadb-server" ;;
                mongo) lacking mongo "install the packages maven and default-jdk-headless, or set MONGODB_URI" ;;
            esac
            [ "${CI:-}" = true ] && failed_steps="$failed_steps
  the $server server"
        fi
    done
}
