# The API in the hands of a program that asks whatever its description allows, and more.
# Part of ./test, which sources it.
# shellcheck shell=bash disable=SC2034,SC2154

get_schemathesis() {
    python3 -m venv "$scratch/api" >"$scratch/pip.log" 2>&1 || { install python3-venv && python3 -m venv "$scratch/api"; } || return 1
    "$scratch/api/bin/pip" install -q --disable-pip-version-check schemathesis==4.32.5 >"$scratch/pip.log" 2>&1 && return 0
    tail -n 5 "$scratch/pip.log"
    return 1
}

# No answer is an error of the server, and each is as the description says.
api() {
    get_schemathesis || { echo "schemathesis could not be had: Python with venv and its registry are needed"; return 1; }
    cargo build -q -p iclock-cli || return 1
    local program="${CARGO_TARGET_DIR:-target}/debug/iclock-cli" port token
    port=$(free_port)
    start "$scratch/api.log" "$program" demo --serve --listen "127.0.0.1:$port" --dir "$scratch/api-demo"
    wait_for 60 answers "$port" || { tail -n 5 "$scratch/api.log"; return 1; }
    token=$("$program" access create probe --role administrator --state "$scratch"/api-demo/serve-*/state) || return 1
    "$scratch/api/bin/schemathesis" run "http://127.0.0.1:$port/api/v1/openapi.json" --no-color \
        --header "Authorization: Bearer $token" --rate-limit 40/s --max-examples "$api_examples" --exclude-path-regex stream \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
}
