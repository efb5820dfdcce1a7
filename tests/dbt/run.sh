#!/usr/bin/env bash
# run.sh PROGRAM BUILD_FOLDER REQUIREMENTS: makes a virtual environment with a real dbt (once) and lets the test program use it.
# Ends with 77 (skipped) only when Python cannot make one, which ./dev sees to.
set -euo pipefail

program=$1 build=$2 requirements=$3

skip() {
  echo "skipped: $1"
  exit 77
}

mkdir -p "$build"
python3 -c 'import venv, ensurepip' 2>/dev/null || skip "python3-venv is not installed"
if ! cmp -s "$requirements" "$build/requirements.txt"; then
  rm -rf "$build/venv"
  python3 -m venv "$build/venv"
  "$build/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$requirements"
  cp "$requirements" "$build/requirements.txt"
fi
WEIR_DBT_VENV=$build/venv exec "$program"
