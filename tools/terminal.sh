# What ./dev says on the terminal: sourced, not run. Everything goes to stderr, so that stdout stays the programs'.

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' red='' plain=''
fi

say() { printf '%s%s%s\n' "$bold" "$1" "$plain" >&2; }

# fail MESSAGE [WHAT TO DO]
fail() {
  printf '%sdev: %s%s\n' "$red" "$1" "$plain" >&2
  [ $# -lt 2 ] || printf '     %s\n' "$2" >&2
  exit 2
}
