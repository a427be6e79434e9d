#!/usr/bin/env bash
# Installs the packages that Mercato needs and this machine lacks (Debian 12+, Ubuntu 24.04+).
#   deploy/native/install.sh [--tests]
# Starts no server of the distribution and touches none that is there. Can be run again at any time.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Another system than the one that runs: the tests of this script have a folder for it.
system=${MERCATO_INSTALL_ROOT:-}
policy=$system/usr/sbin/policy-rc.d
saved=$policy.before-mercato
drop_in=$system/etc/postgresql-common/createcluster.d/mercato-install.conf
mark='# made by mercato/deploy/native/install.sh while it installs packages'

# --- The part that runs as root -------------------------------------------------------------------

# While packages are unpacked, a policy refuses every start of a service, and PostgreSQL is told not
# to make its default cluster. Both are taken back afterwards; an existing policy is put back.
made=()
before_install() {
    if [ -e "$policy" ] && ! grep -qF "$mark" "$policy"; then mv "$policy" "$saved"; fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
    chmod 755 "$policy"
    local folder
    for folder in "$system/etc/postgresql-common" "$(dirname "$drop_in")"; do
        if [ ! -d "$folder" ]; then
            mkdir "$folder"
            made=("$folder" ${made[@]+"${made[@]}"})
        fi
    done
    printf '%s\ncreate_main_cluster = false\n' "$mark" >"$drop_in"
}

after_install() {
    if [ -e "$policy" ] && grep -qF "$mark" "$policy"; then rm -f "$policy"; fi
    if [ -e "$saved" ]; then mv "$saved" "$policy"; fi
    rm -f "$drop_in"
    # A folder that a package has filled meanwhile stays.
    local folder
    for folder in ${made[@]+"${made[@]}"}; do rmdir "$folder" 2>/dev/null || true; done
}

install_as_root() {
    trap after_install EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    before_install
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
    local apt=(apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -qq)
    if ! "${apt[@]}" -y --no-install-recommends install "$@"; then
        say "reading the package lists again"
        "${apt[@]}" update
        "${apt[@]}" -y --no-install-recommends install "$@"
    fi
}

if [ "${1:-}" = --as-root ]; then
    shift
    install_as_root "$@"
    exit 0
fi

# --- The part that runs as anybody ----------------------------------------------------------------

missing=()
have() { command -v "$1" >/dev/null 2>&1; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
need() { # need PACKAGE [CHECK...]: missing unless the check holds, or else unless it is installed
    local package=$1
    shift
    if [ $# -gt 0 ] && "$@"; then return; fi
    if [ $# -eq 0 ] && installed "$package"; then return; fi
    missing+=("$package")
}
postgres_present() { compgen -G "$system/usr/lib/postgresql/*/bin/postgres" >/dev/null || have postgres; }
java_present() { have java || [ -x "${JAVA_HOME:-/nowhere}/bin/java" ]; }
header() { [ -e "$system/usr/include/$1" ] || [ -e "$system/usr/local/include/$1" ]; }
browser_present() { have chromium || have chromium-browser || have google-chrome; }
driver_present() { have chromedriver || have chromium.chromedriver; }
is_ubuntu() { grep -qE '^ID(_LIKE)?=.*ubuntu' "$system/etc/os-release" 2>/dev/null; }

# Ubuntu has Chromium and its driver only as a snap, which apt cannot install without its daemon.
need_browser() {
    if browser_present && driver_present; then return; fi
    if is_ubuntu; then
        say "the browser test will fail: it needs Chromium, which Ubuntu has as a snap only. Install it with" \
            "  sudo snap install chromium" \
            "or take Google Chrome and its chromedriver."
        return
    fi
    need chromium browser_present
    need chromium-driver driver_present
}

have apt-get || fail 3 "this system has no apt-get; install by its own means:" \
    "PostgreSQL 15+, Redis, and the development files of librdkafka, libpq, hiredis, libyaml and OpenSSL 3"

need postgresql postgres_present
need redis-server have redis-server
need librdkafka-dev header librdkafka/rdkafka.h
need libpq-dev have pg_config
need libhiredis-dev header hiredis/hiredis.h
need libssl-dev header openssl/ssl.h
need libyaml-dev header yaml.h
need pkg-config have pkg-config
if [ "${1:-}" = --tests ]; then
    need_browser
    need python3-selenium
    need prometheus have promtool
fi
if [ -n "${KAFKA_HOME:-}" ]; then need openjdk-17-jre-headless java_present; fi

if [ ${#missing[@]} -eq 0 ]; then
    say "packages: all there"
    exit 0
fi
say "packages to install: ${missing[*]}"
say "(no server of theirs will be started, and none that runs will be touched)"
if [ "$(id -u)" -eq 0 ]; then
    become=()
elif have sudo; then
    become=(sudo)
    # Without a terminal sudo cannot ask for a password: say so instead of hanging.
    if [ ! -t 0 ]; then become=(sudo -n); fi
    "${become[@]}" true || fail 3 "sudo does not let us install packages; as root, run:" \
        "  apt-get install ${missing[*]}"
else
    fail 3 "there is no sudo; as root, run:" "  apt-get install ${missing[*]}"
fi
"${become[@]}" "${BASH_SOURCE[0]}" --as-root "${missing[@]}" ||
    fail 3 "apt-get could not install: ${missing[*]}"
say "packages: installed"
