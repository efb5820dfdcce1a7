#!/usr/bin/env bash
# The sales pipeline as a PySpark program, the reference of `./dev bench pipeline --with-pyspark`.
# Usage: run.sh ROWS SERVICES, where SERVICES is the folder with the records of a project's running services
# (<project>/.weir/services). Prints one line of JSON: the seconds of each step and in total.
# Needs Java, PostgreSQL's JDBC driver and Python's venv, as Debian packages; PySpark is installed once by pip into the
# user's cache.
set -euo pipefail

rows=$1 services=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
version=$(sed -n 's/^pyspark==//p' "$here/requirements.txt")
environment=${XDG_CACHE_HOME:-$HOME/.cache}/weir/pyspark-$version
driver=/usr/share/java/postgresql.jar

missing=()
command -v java >/dev/null || missing+=(default-jre-headless)
[ -e "$driver" ] || missing+=(libpostgresql-jdbc-java)
python3 -m venv --help >/dev/null 2>&1 || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  echo "The PySpark reference needs Debian packages: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 2
fi
if [ ! -e "$environment/complete" ]; then
  echo "Installing PySpark $version (once)" >&2
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >&2
  touch "$environment/complete"
fi

exec "$environment/bin/python" "$here/pipeline.py" "$rows" "$services" "$driver"
