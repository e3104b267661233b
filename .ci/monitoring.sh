# The rules for Prometheus and the dashboard for Grafana, by promtool.
# Part of ./test, which sources it.
# shellcheck shell=bash disable=SC2154

monitoring() {
    have promtool || promtool_alone || { echo "skipped: monitoring: promtool"; return 0; }
    promtool check rules deploy/prometheus/iclock.rules.yml || return 1
    promtool test rules deploy/prometheus/iclock.rules.test.yml || return 1
    every_rule_is_tested || return 1
    python3 .ci/dashboard.py >"$scratch/dashboard.yml" && promtool check rules "$scratch/dashboard.yml"
}

# The program alone, out of the package: nothing is installed that would run as a service.
promtool_alone() {
    have apt-get && have dpkg-deb || return 1
    [ "$apt_fresh" = yes ] || as_root apt-get update -qq >/dev/null 2>&1
    mkdir -p "$scratch/promtool" || return 1
    (cd "$scratch/promtool" && apt-get download -qq prometheus && dpkg-deb --extract prometheus_*.deb .) \
        >"$scratch/apt.log" 2>&1 || { tail -n 5 "$scratch/apt.log"; return 1; }
    PATH="$scratch/promtool/usr/bin:$PATH"
}

# A rule that never speaks in its test may never speak.
every_rule_is_tested() {
    local rule
    for rule in $(sed -n 's/^ *- alert: //p' deploy/prometheus/iclock.rules.yml); do
        grep -qx " *alertname: $rule" deploy/prometheus/iclock.rules.test.yml ||
            { echo "no test has the alert $rule"; return 1; }
    done
}
