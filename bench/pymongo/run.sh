#!/usr/bin/env bash
# Copies the collection `tickets` to PostgreSQL by other means, the references of `./dev bench mongo --with-pymongo`.
# Usage: run.sh pymongo|sling URL SERVICES, where URL ends with the database's name and SERVICES is the folder with the records
# of a project's running services (<project>/.weir/services). Prints one line of JSON: the seconds, and the rows of each table.
# Needs Python's venv as a Debian package; the rest is installed once by pip into the user's cache.
set -euo pipefail

tool=$1 url=$2 services=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
environment=${XDG_CACHE_HOME:-$HOME/.cache}/weir/pymongo-$(cksum <"$here/requirements.txt" | cut -d ' ' -f 1)

python3 -m venv --help >/dev/null 2>&1 || {
  echo "The references need a Debian package: apt-get install --no-install-recommends python3-venv" >&2
  exit 2
}
if [ ! -e "$environment/complete" ]; then
  echo "Installing pymongo, psycopg and sling (once)" >&2
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >&2
  touch "$environment/complete"
fi

case $tool in
  pymongo) program=copy_tickets.py ;;
  sling) program=sling_tickets.py ;;
  *) echo "no such reference: $tool" >&2; exit 2 ;;
esac
exec "$environment/bin/python" "$here/$program" "$url" "$services"
