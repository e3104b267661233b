# Clients that others wrote, as programs of their own: interop/README.md.
# Part of ./test, which sources it.
# shellcheck shell=bash disable=SC2034,SC2154

interop_pyzk() {
    cargo build -q -p iclock-cli || return 1
    "$scratch/pyzk/bin/python" interop/pyzk.py "${CARGO_TARGET_DIR:-target}/debug/iclock-cli"
}
interop_zkteco_js() {
    cargo build -q -p iclock-cli || return 1
    node "$scratch/zkteco-js/zkteco-js.mjs" "${CARGO_TARGET_DIR:-target}/debug/iclock-cli"
}
get_pyzk() {
    python3 -m venv "$scratch/pyzk" >"$scratch/pip.log" 2>&1 || { install python3-venv && python3 -m venv "$scratch/pyzk"; } || return 1
    "$scratch/pyzk/bin/pip" install -q --disable-pip-version-check -r interop/requirements.txt >"$scratch/pip.log" 2>&1 && return 0
    tail -n 5 "$scratch/pip.log"
    return 1
}
get_zkteco_js() {
    have npm || install nodejs npm
    mkdir -p "$scratch/zkteco-js" && cp interop/package.json interop/zkteco-js.mjs "$scratch/zkteco-js/" || return 1
    npm install --prefix "$scratch/zkteco-js" --no-audit --no-fund >"$scratch/npm.log" 2>&1 && return 0
    tail -n 5 "$scratch/npm.log"
    return 1
}
interop() {
    local client name
    for client in pyzk zkteco-js; do
        name=${client//-/_}
        if "get_$name"; then
            step "$client against simulated terminals" "interop_$name"
        else
            lacking "$client" "it could not be had: Python with venv, Node.js with npm, and their registries are needed"
            # Who asks for it wants to know that nothing was tested.
            failed_steps="$failed_steps
  $client against simulated terminals"
        fi
    done
}
