#!/usr/bin/env bash
# run.sh python|node WAREHOUSE_PROGRAM BUILD_FOLDER WEIR_PROGRAM: starts a warehouse and lets one client's script loose on it.
# python also compares Parquet files with pyarrow, through the whole program.
# Ends with 77 (skipped) only when the client's own runtime is not installed.
set -euo pipefail

client=$1 warehouse=$2 build=$3/$1 weir=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

skip() {
  echo "skipped: $1"
  exit 77
}

mkdir -p "$build"
case $client in
  python)
    python3 -c 'import venv, ensurepip' 2>/dev/null || skip "python3-venv is not installed"
    if ! cmp -s "$here/requirements.txt" "$build/requirements.txt"; then
      rm -rf "$build/venv"
      python3 -m venv "$build/venv"
      "$build/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
      cp "$here/requirements.txt" "$build/requirements.txt"
    fi
    run=("$build/venv/bin/python" "$here/clickhouse_connect_test.py")
    ;;
  node)
    command -v npm >/dev/null || skip "npm is not installed"
    if ! cmp -s "$here/package-lock.json" "$build/installed-lock.json"; then
      cp "$here/package.json" "$here/package-lock.json" "$build/"
      npm --prefix "$build" ci --silent --no-audit --no-fund
      cp "$here/package-lock.json" "$build/installed-lock.json"
    fi
    cp "$here/clickhouse_client_test.mjs" "$build/" # its imports are looked up from where it lies
    run=(node "$build/clickhouse_client_test.mjs")
    ;;
  *)
    echo "unknown client: $client" >&2
    exit 2
    ;;
esac

data=$(mktemp -d)
pid=
stop() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  [ -z "$pid" ] || wait "$pid" || true
  rm -rf "$data"
}
trap stop EXIT

umask 077
head -c 24 /dev/urandom | base64 > "$data/password"
"$warehouse" --data "$data/warehouse" --port 0 --password-file "$data/password" --ready-file "$data/ready" \
  --durability fast 2> "$data/log" &
pid=$!
for _ in $(seq 600); do
  [ -s "$data/ready" ] && break
  kill -0 "$pid" 2>/dev/null || break
  sleep 0.05
done
[ -s "$data/ready" ] || { echo "the warehouse did not start:"; cat "$data/log"; exit 1; }
port=$(sed -E 's/.*"port":([0-9]+).*/\1/' "$data/ready")

if ! WEIR_PORT=$port WEIR_PASSWORD=$(cat "$data/password") "${run[@]}"; then
  cat "$data/log"
  exit 1
fi
[ "$client" != python ] || "$build/venv/bin/python" "$here/parquet_test.py" "$weir"
