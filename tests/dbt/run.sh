#!/usr/bin/env bash
# run.sh PROGRAM BUILD_FOLDER: makes a virtual environment with a real dbt (once) and lets the test program use it.
# Ends with 77 (skipped) only when Python cannot make one or pip cannot install.
set -euo pipefail

program=$1 build=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

skip() {
  echo "skipped: $1"
  exit 77
}

mkdir -p "$build"
python3 -c 'import venv, ensurepip' 2>/dev/null || skip "python3-venv is not installed"
if ! cmp -s "$here/requirements.txt" "$build/requirements.txt"; then
  rm -rf "$build/venv"
  python3 -m venv "$build/venv"
  "$build/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$here/requirements.txt" ||
    skip "pip could not install dbt"
  cp "$here/requirements.txt" "$build/requirements.txt"
fi
WEIR_DBT_VENV=$build/venv exec "$program"
