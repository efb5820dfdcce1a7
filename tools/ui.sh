# Builds the web UI (ui/, TypeScript) into ui/dist, which the next build of Weir takes in: sourced by ./dev, not run.

# Only when a source is newer than what was built from it; nothing when there is no UI in this checkout.
build_ui() {
  local folder=$root/ui
  [ -e "$folder/package.json" ] || return 0
  [ "${1:-}" = again ] || ! ui_is_current "$folder" || return 0
  command -v npm >/dev/null || setup_packages npm "${packages_npm[@]}"
  say "Building the web UI"
  mkdir -p "$cache"
  (cd "$folder" && npm ci --no-audit --no-fund && npm run build) >"$cache/ui.log" 2>&1 || {
    cat "$cache/ui.log" >&2
    fail "the web UI did not build" "Mend the first error above; ./dev ui repeats it."
  }
}

ui_is_current() {
  [ -e "$1/dist/index.html" ] || return 1
  [ -z "$(find "$1" \( -name node_modules -o -path "$1/dist" \) -prune -o -type f -newer "$1/dist/index.html" -print -quit)" ]
}
