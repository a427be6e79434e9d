#!/usr/bin/env bash
# make test-contract: the gateway against its own openapi.yaml, by schemathesis. Starts a Mercato of
# its own on free ports in a folder of its own, and ends it. Needs python3 with venv, and PyPI (or
# what pip is configured for) the first time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../native/common.sh"
find_scratch
find_mercatoctl || fail 3 "mercatoctl is not built yet: make build"

venv=$scratch/contract
want=$(cksum <"$here/requirements.txt")
if [ "$(cat "$venv/installed" 2>/dev/null)" != "$want" ]; then
    command -v python3 >/dev/null || fail 3 "there is no python3: apt-get install python3 python3-venv"
    say "installing schemathesis in $venv"
    rm -rf "$venv"
    python3 -m venv "$venv" || fail 3 "python3 has no venv: apt-get install python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" ||
        fail 3 "schemathesis cannot be installed; pip's words are above"
    printf '%s\n' "$want" >"$venv/installed"
fi

# Another Mercato of this user must not be met: nothing of the caller's is passed on.
for name in $(compgen -e | grep -E '^(MERCATO_|KAFKA_|OTEL_)'); do
    case $name in MERCATO_BIN) ;; *) unset "$name" ;; esac
done
names="GATEWAY ADMIN CART ORDER INVENTORY PAYMENT PROVIDER CART_OPS ORDER_OPS INVENTORY_OPS PAYMENT_OPS
    PROVIDER_OPS BROKER DEVBROKER_OPS POSTGRES_CART POSTGRES_ORDER POSTGRES_INVENTORY POSTGRES_PAYMENT REDIS"
ports=$("$venv/bin/python" - $names <<'PYTHON'
import socket, sys
held = []
for name in sys.argv[1:]:
    # All are held until the last is found, so none is given twice.
    place = socket.socket()
    place.bind(("127.0.0.1", 0))
    held.append(place)
    print(f"MERCATO_PORT_{name}={place.getsockname()[1]}")
PYTHON
)
for line in $ports; do export "${line?}"; done
MERCATO_HOME=$(mktemp -d)
export MERCATO_HOME MERCATO_BROKER=dev
# PostgreSQL runs as its own account when we are root: it must reach its folder.
chmod 755 "$MERCATO_HOME"
end() {
    "$mercatoctl" clean >/dev/null 2>&1 || true
    rm -rf "$MERCATO_HOME"
}
trap end EXIT
trap 'exit 130' INT TERM
"$mercatoctl" up >"$MERCATO_HOME/up.log" 2>&1 || { cat "$MERCATO_HOME/up.log"; exit 5; }
"$mercatoctl" seed

url=http://127.0.0.1:$MERCATO_PORT_GATEWAY
customer=$("$venv/bin/python" -c 'import uuid; print(uuid.uuid4())')
cd "$scratch"
"$venv/bin/st" --config-file "$here/schemathesis.toml" run "$url/openapi.yaml" --url "$url" \
    --header "Authorization: Bearer demo-$customer" "$@"
say "" "the books after it:"
"$mercatoctl" check --wait 60
