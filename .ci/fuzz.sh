# Fuzzing, for a few seconds per target.
# Part of ./test, which sources it.
# shellcheck shell=bash disable=SC2034,SC2154

fuzz() {
    have cargo-fuzz || cargo install -q --locked cargo-fuzz || return 1
    local toolchain=""
    rustup toolchain list 2>/dev/null | grep -q nightly && toolchain=+nightly
    [ -n "$toolchain" ] || export RUSTC_BOOTSTRAP=1
    (cd fuzz && python3 seed.py) || return 1
    local target
    for target in $(cargo $toolchain fuzz list); do
        cargo $toolchain fuzz run "$target" -- -max_total_time="$fuzz_seconds" -max_len=4096 -seed=1 2>"$scratch/fuzz.log" ||
            { grep -m 5 -A 20 '^error' "$scratch/fuzz.log"; tail -n 40 "$scratch/fuzz.log"; df -h .
              echo "$target did not build, or fuzzing found something in it"; return 1; }
        sed -n "s/^Done/$target:/p" "$scratch/fuzz.log"
    done
}
