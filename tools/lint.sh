# What ./dev lint runs: sourced, not run. Every check runs even after one has failed, so that one start shows all.

lint() {
  local files=() failed=0
  if [ "${1:-}" = --changed ]; then
    mapfile -d '' -t files < <(changed_sources)
  else
    mapfile -d '' -t files < <(sources "$@")
  fi
  if [ ${#files[@]} -gt 0 ]; then
    say "clang-format: ${#files[@]} files"
    printf '%s\0' "${files[@]}" | xargs -0 clang-format-16 --dry-run -Werror || failed=1
    lint_tidy "${files[@]}" || failed=1
  fi
  if command -v shellcheck >/dev/null; then
    say "shellcheck"
    (cd "$root" && shellcheck --external-sources --check-sourced dev .ci/run bench/pyspark/run.sh) || failed=1
  fi
  [ "$failed" = 0 ] || fail "lint found something" "./dev format mends the layout; .clang-tidy explains which rules hold and why."
  say "Nothing to object to"
}

# What differs from the main branch, committed or not.
changed_sources() {
  cd "$root" || return
  git diff --name-only -z --diff-filter=d "$(git merge-base HEAD main)" -- 'src/*.[ch]pp' 'tests/*.[ch]pp' 'bench/*.[ch]pp' |
    sed -z "s|^|$root/|"
}

# Headers are checked through the sources that include them. The build folder needs to be configured, not built. clang
# cannot read gcc's precompiled headers, so the compile commands are used without them.
lint_tidy() {
  local sources=() name=${preset:-dev} file commands=$root/build/${preset:-dev}/lint
  for file in "$@"; do [[ $file != *.cpp ]] || sources+=("$file"); done
  [ ${#sources[@]} -gt 0 ] || return 0
  configure "$name"
  ninja -C "$root/build/$name" --quiet build.ninja >&2  # so that every file has its compile command
  mkdir -p "$commands"
  sed 's/-Winvalid-pch -include [^ ]*//' "$root/build/$name/compile_commands.json" >"$commands/compile_commands.json"
  say "clang-tidy: ${#sources[@]} files"
  printf '%s\0' "${sources[@]}" |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy-16 -p "$commands" --quiet --warnings-as-errors='*' --extra-arg=-Wno-unknown-warning-option \
      2> >(grep -v -e '^[0-9]* warnings\? generated' -e '^$' >&2)
}
