# Installs what building and running Weir needs: sourced by ./dev, not run.

# Debian packages by what needs them. A name that Debian 12 does not know belongs to nobody: keep the list short.
packages_build=(
  g++ cmake ninja-build mold pkg-config            # the tool chain; ccache is used when present, but not required
  libfmt-dev nlohmann-json3-dev                    # base
  libfast-float-dev                                # data
  libboost1.81-dev libcurl4-openssl-dev libssl-dev # net
  libyaml-cpp-dev libhowardhinnant-date-dev tzdata # project
  libsimdjson-dev                                  # documents
  liblz4-dev libzstd-dev zlib1g-dev                # warehouse and its client
  libsqlite3-dev                                   # ledger
  libpq-dev                                        # connectors/postgres
  libmongoc-dev                                    # connectors/mongodb
  libsodium-dev                                    # web: passwords
  libcli11-dev                                     # app
  libgtest-dev nghttp2-server openssl brotli zstd  # tests: their HTTP/2 server, their certificates, their encodings
  curl                                             # tests: another client of the warehouse
  python3-croniter                                 # tests: reads cron its own way
  python3-jsonschema python3-yaml                  # tests: hold the JSON Schemas against another validator
  python3-venv                                     # tests: where dbt and other people's clients are installed
  postgresql                                       # what a managed connection runs
  default-jdk-headless maven                       # what stands in for MongoDB in tests and the demo (tools/mongodb)
)
packages_lint=(clang-format-16 clang-tidy-16)      # shellcheck is used when present
packages_bench=(curl jq)                           # what reading an API is measured against
packages_package=(patchelf)
packages_rust=(cargo-web rustc-web)                # Debian's `cargo` is 1.63, older than the crates allow
packages_npm=(npm nodejs)

cargo_minimum=1.75

# The ClickHouse library as a package of npm's registry, which the npm client finds by its own configuration.
chdb_package=@chdb/lib-linux-x64-gnu
chdb_version=26.7.3-stable.1
chdb_sha512=XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==
chdb_library=$cache/chdb/$chdb_version/libchdb.so

setup_build() {
  setup_packages build "${packages_build[@]}"
  setup_cargo
  setup_chdb
}

setup_lint() { setup_packages lint "${packages_lint[@]}"; }

setup_bench() { setup_packages bench "${packages_bench[@]}"; }

setup_package() { setup_packages package "${packages_package[@]}"; }

setup_note() { say "Everything is installed. Next: ./dev demo, or ./dev help"; }

# Installs the packages that dpkg does not know as installed. The stamp holds the list that was complete; it is out of
# date as soon as the list or dpkg's own status changes, so that the usual start asks nobody.
setup_packages() {
  local stamp=$cache/packages-$1
  shift
  if [ -e "$stamp" ] && [ ! /var/lib/dpkg/status -nt "$stamp" ] && [ "$(<"$stamp")" = "$*" ]; then return; fi
  command -v dpkg-query >/dev/null ||
    fail "this is not Debian, so packages cannot be installed" "Install what these provide, then touch $stamp: $*"
  local missing=()
  mapfile -t missing < <(packages_missing "$@")
  [ ${#missing[@]} -eq 0 ] || packages_install "${missing[@]}"
  mkdir -p "$cache"
  echo "$*" >"$stamp"
}

packages_missing() {
  local name
  declare -A installed=()
  while read -r name; do installed[${name%%:*}]=yes; done < <(
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
  for name in "$@"; do [ -n "${installed[$name]:-}" ] || echo "$name"; done
}

packages_install() {
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
    command -v sudo >/dev/null ||
      fail "some Debian packages are missing, and only root may install them: $*" \
           "As root: apt-get update && apt-get install --no-install-recommends $*"
  fi
  say "Installing Debian packages: $*"
  postgresql_without_cluster "${as_root[@]}"
  local log=$cache/apt.log
  mkdir -p "$cache"
  local outcome=good
  { "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
  } >"$log" 2>&1 || outcome=bad
  postgresql_cluster_default "${as_root[@]}"
  [ "$outcome" = good ] || {
    tail -n 20 "$log" >&2
    fail "apt-get could not install the packages (its output is in $log)" \
         "Is the network there, and do apt's sources name Debian 12 with its security updates?"
  }
}

# Debian's package makes a cluster and starts it as a system service on installation. Weir makes its own inside the
# project's folder; a server that nobody asked for would only hold port 5432. The rule goes again afterwards, and
# nothing is changed where PostgreSQL's scripts are already installed.
cluster_rule=/etc/postgresql-common/createcluster.d/weir-setup.conf
postgresql_without_cluster() {
  [ ! -e /usr/bin/pg_createcluster ] || return 0
  "$@" mkdir -p "${cluster_rule%/*}"
  echo 'create_main_cluster = false' | "$@" tee "$cluster_rule" >/dev/null
}
postgresql_cluster_default() { "$@" rm -f "$cluster_rule"; }

setup_cargo() {
  local stamp=$cache/cargo program
  program=$(command -v cargo || true)
  if [ -n "$program" ] && [ -e "$stamp" ] && [ "$(<"$stamp")" = "$program" ]; then return; fi
  if [ -z "$program" ] || ! version_at_least "$cargo_minimum" "$(cargo --version | cut -d ' ' -f 2)"; then
    [ -z "$program" ] || say "$program is older than $cargo_minimum; using Debian's"
    local missing=()
    mapfile -t missing < <(packages_missing "${packages_rust[@]}")
    [ ${#missing[@]} -eq 0 ] || packages_install "${missing[@]}"
    hash -r
    program=$(command -v cargo)
    version_at_least "$cargo_minimum" "$(cargo --version | cut -d ' ' -f 2)" ||
      fail "$program comes before Debian's cargo in PATH and is older than $cargo_minimum" "Update it, or put /usr/bin before it."
  fi
  echo "$program" >"$stamp"
}

version_at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# The library is moved to its place only when complete and checked: its presence is the proof.
setup_chdb() {
  [ ! -e "$chdb_library" ] || return 0
  [ "$(uname -m)" = x86_64 ] || fail "the embedded ClickHouse exists for x86_64 only, and this is $(uname -m)"
  mkdir -p "$cache/chdb"
  exec {chdb_lock}>"$cache/chdb/lock"
  flock "$chdb_lock"
  if [ ! -e "$chdb_library" ]; then
    command -v npm >/dev/null || setup_packages npm "${packages_npm[@]}"
    local free_mb
    free_mb=$(df --output=avail -BM "$cache" | tail -n 1 | tr -dc 0-9)
    [ "$free_mb" -gt 1000 ] || fail "$cache has only $free_mb MB free; the ClickHouse library needs 1000 MB"
    rm -rf "$cache"/chdb/fetching.*  # of a start that was interrupted; the lock is ours
    say "Fetching the ClickHouse library $chdb_version (178 MB, once)"
    local work
    work=$(mktemp -d "$cache/chdb/fetching.XXXXXX")
    fetch_chdb "$work"
    rm -rf "$work"
  fi
  exec {chdb_lock}>&-
}

fetch_chdb() {
  local work=$1
  (cd "$work" && npm pack --silent --cache "$work/cache" "$chdb_package@$chdb_version" >"$work/npm.log" 2>&1) || {
    cat "$work/npm.log" >&2
    rm -rf "$work"
    fail "npm could not fetch $chdb_package@$chdb_version" "npm's own words stand above; is the network there?"
  }
  local archive
  archive=$(echo "$work"/*.tgz)
  [ "$(sha512sum "$archive" | cut -d ' ' -f 1)" = "$(base64 -d <<<"$chdb_sha512" | od -An -v -tx1 | tr -d ' \n')" ] || {
    rm -rf "$work"
    fail "$chdb_package@$chdb_version is not the file that this version of Weir was tested with (its SHA-512 differs)" \
         "Do not use it; tell the registry's operator."
  }
  tar -xzf "$archive" -C "$work" package/libchdb.so
  mkdir -p "${chdb_library%/*}"
  mv "$work/package/libchdb.so" "$chdb_library"
}
