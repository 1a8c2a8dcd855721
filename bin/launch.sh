# Sourced by alysd and alysctl, with $package (root of the package) and $entry (file without suffix) set: finds a
# Node.js that is new enough, whatever the machine's own is, and becomes it, so that signals reach the program.

needed_major=22
needed_minor=18

# Succeeds when the program is a Node.js of at least the needed version.
is_new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  case $major$minor in '' | *[!0-9]*) return 1 ;; esac
  [ "$major" -gt "$needed_major" ] || { [ "$major" -eq "$needed_major" ] && [ "$minor" -ge "$needed_minor" ]; }
}

# The package that carries a Node.js for this machine.
platform=$(uname -s | tr '[:upper:]' '[:lower:]')
machine=$(uname -m)
case $machine in
  x86_64 | amd64) machine=x64 ;;
  aarch64) machine=arm64 ;;
esac
carrier=node-$platform-$machine

# Prints the first good Node.js: the package's own, one that was installed above the package, the PATH's.
find_node() {
  if [ -x "$package/node_modules/.bin/node" ] && is_new_enough "$package/node_modules/.bin/node"; then
    printf '%s\n' "$package/node_modules/.bin/node"
    return 0
  fi
  folder=$package
  while :; do
    candidate=$folder/node_modules/$carrier/bin/node
    if [ -x "$candidate" ] && is_new_enough "$candidate"; then
      printf '%s\n' "$candidate"
      return 0
    fi
    [ "$folder" != / ] && [ -n "$folder" ] || break
    folder=$(dirname "$folder")
  done
  candidate=$(command -v node 2>/dev/null) && is_new_enough "$candidate" && printf '%s\n' "$candidate"
}

if ! node=$(find_node); then
  found=$(command -v node >/dev/null 2>&1 && node --version 2>/dev/null || echo none)
  echo "${0##*/}: needs Node.js $needed_major.$needed_minor or newer (on the PATH: $found)." >&2
  echo "Run npm install in $package, which brings one, or install a newer Node.js." >&2
  exit 69
fi

# Node.js does not strip types below a node_modules folder, and an installed package has no sources.
case $package/ in
  */node_modules/*) script=$package/dist/src/$entry.js ;;
  *) script=$package/src/$entry.ts ;;
esac
[ -f "$script" ] || script=$package/dist/src/$entry.js
if [ ! -f "$script" ]; then
  echo "${0##*/}: $script is missing; run npm run build in $package" >&2
  exit 69
fi

# Memory that a long synchronisation would otherwise take and keep for nothing, 100 to 150 MB: the C library's arenas, one
# a thread, and the heap's room for new objects. And garbage: the old space grows by half at most before it is collected, where
# V8 would let it grow to a multiple while peers come and go; a synchronisation is as fast as without.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"

# Without the flag SIGUSR1 opens a debugger, which any user of the machine could use.
exec "$node" --disable-sigusr1 --max-semi-space-size=8 --heap-growing-percent=50 --disable-warning=ExperimentalWarning "$script" "$@"
