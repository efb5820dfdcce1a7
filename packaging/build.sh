#!/usr/bin/env bash
# build.sh BUILD_FOLDER LIBCHDB OUTPUT_FOLDER: makes a Debian package of the weir program in BUILD_FOLDER, with the ClickHouse
# library and a systemd unit. `./dev package` calls it. Needs dpkg-deb and patchelf.
set -euo pipefail

build=$1 library=$2 output=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=${here%/*}
version=$("$build/weir" --version | cut -d ' ' -f 2)
architecture=$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
umask 022

# The package that owns a library. Debian 12 names a file under /usr that a package has in /lib.
owner() {
  { dpkg-query -S "$1" 2>/dev/null || dpkg-query -S "${1#/usr}" 2>/dev/null; } | cut -d : -f 1
}

# The libraries that the program loads come along, each with its copyright, except those that every Debian has: so dpkg
# alone installs the package. RPATH and not RUNPATH, for the libraries that these libraries load.
bring_libraries() {
  local name file real package
  while read -r name file; do
    real=$(readlink -f "$file")
    package=$(owner "$real")
    case $package in
      '') echo "no package has $real" >&2 && return 1 ;;
      libc6 | libgcc-s1 | libstdc++6) continue ;;
    esac
    install -D -m 644 "$real" "$stage/usr/lib/weir/$name"
    install -D -m 644 "/usr/share/doc/$package/copyright" "$stage/usr/share/doc/weir/libraries/$package"
  done < <(ldd "$build/weir" | awk '$3 ~ /^\// {print $1, $3}')
  patchelf --force-rpath --set-rpath '$ORIGIN/../lib/weir' "$stage/usr/bin/weir"
}

install -D -m 755 "$build/weir" "$stage/usr/bin/weir"
strip --strip-unneeded "$stage/usr/bin/weir"
bring_libraries
install -D -m 644 "$library" "$stage/usr/lib/weir/libchdb.so"
install -D -m 644 "$here/weir@.service" "$stage/lib/systemd/system/weir@.service"
install -d "$stage/usr/share/doc/weir" "$stage/var/lib/weir" "$stage/etc/weir"
install -m 644 "$root"/README.md "$root"/CHANGELOG.md "$root"/docs/*.md "$stage/usr/share/doc/weir/"
install -m 644 "$root/LICENSE" "$stage/usr/share/doc/weir/copyright"

install -d "$stage/DEBIAN"
cat >"$stage/DEBIAN/control" <<CONTROL
Package: weir
Version: $version
Architecture: $architecture
Maintainer: The Weir project <weir@localhost>
Section: database
Priority: optional
Installed-Size: $(du -sk "$stage" | cut -f 1)
Depends: libc6 (>= 2.36), libgcc-s1, libstdc++6 (>= 12), tzdata
Recommends: ca-certificates, postgresql
Description: data platform in one program
 Pulls data from APIs, databases and files, checks it, transforms it with SQL
 and publishes it, on a schedule, with every run recorded. Brings an embedded
 ClickHouse; runs a local PostgreSQL where one is asked for.
CONTROL
cat >"$stage/DEBIAN/postinst" <<'POSTINST'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
  if ! getent passwd weir >/dev/null; then
    useradd --system --user-group --home-dir /var/lib/weir --shell /usr/sbin/nologin weir
  fi
  chown weir:weir /var/lib/weir
  chmod 750 /var/lib/weir
  chmod 700 /etc/weir
  if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
fi
POSTINST
cat >"$stage/DEBIAN/prerm" <<'PRERM'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl stop 'weir@*' || true; fi
PRERM
chmod 755 "$stage/DEBIAN/postinst" "$stage/DEBIAN/prerm"

mkdir -p "$output"
package=$output/weir_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz -z1 --build "$stage" "$package" >/dev/null
echo "$package"
