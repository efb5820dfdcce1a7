# The web UI (ui/, see ui/README.md): sourced by ./dev, not run. What is built lies in ui/dist, and becomes a part of the
# program when Weir is built.

packages_browser=(chromium fonts-liberation)  # what the UI is tested in

# Builds ui/dist when something that goes into it is newer; the usual start looks at some hundred files and asks nobody.
ui_build() {
  local stamp=$root/build/ui.stamp
  [ -e "$stamp" ] && [ -e "$root/ui/dist/index.html" ] && [ -z "$(ui_newer "$stamp")" ] && return
  mkdir -p "$root/build"
  exec {ui_lock}>"$root/build/ui.lock"
  flock "$ui_lock"
  if [ ! -e "$stamp" ] || [ ! -e "$root/ui/dist/index.html" ] || [ -n "$(ui_newer "$stamp")" ]; then
    ui_packages
    say "Building the web UI"
    local started=$root/build/ui.started
    touch "$started"  # what changes while it is built is built again
    (cd "$root/ui" && npm run --silent build >"$root/build/ui.log" 2>&1) || {
      cat "$root/build/ui.log" >&2
      fail "the web UI did not build (the text above is in build/ui.log)" "cd ui && npm run check names mistakes better."
    }
    mv "$started" "$stamp"
  fi
  exec {ui_lock}>&-
}

# Folders are looked at too: a file that is gone leaves its folder changed.
ui_newer() {
  find "$root"/ui/{src,public,index.html,package.json,package-lock.json,vite.config.ts,svelte.config.js,tsconfig.json} \
    -newer "$1" -print -quit
}

# The packages of package-lock.json, without their installation scripts: nothing here needs one.
ui_packages() {
  local stamp=$root/ui/node_modules/.weir-stamp
  command -v npm >/dev/null && command -v node >/dev/null || setup_packages npm "${packages_npm[@]}"
  [ ! "$root/ui/package-lock.json" -nt "$stamp" ] || {
    say "Fetching the web UI's packages"
    (cd "$root/ui" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
      fail "npm could not fetch the packages of ui/package-lock.json" "npm's own words stand above; is the network there?"
    touch "$stamp"
  }
}

ui_browser() { command -v chromium >/dev/null || setup_packages browser "${packages_browser[@]}"; }

# ui [build|test|check|mock]
ui() {
  ui_build
  case ${1:-build} in
    build) say "Built ui/dist" ;;
    check) (cd "$root/ui" && npm run --silent check && npm test --silent) ;;
    test) ui_browser
          (cd "$root" && node --test tests/ui/suite.mjs) ;;
    mock) say "Pages with invented data; --users for some who have to sign in (password: correct horse battery)"
          exec node "$root/ui/mock/server.mjs" "${@:2}" ;;
    *) fail "unknown: ui $1" "One of: build, check, test, mock." ;;
  esac
}
