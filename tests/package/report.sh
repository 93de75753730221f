# What the checks of packages share: each prints a line, "ok" or "FAILED" with what the command said.
# shellcheck shell=bash

# shellcheck disable=SC2034 # the script that reads this file ends with it
failures=0

# check WHAT COMMAND...: the command must succeed.
check() {
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then
    printf 'ok %s\n' "$what"
  else
    printf 'FAILED %s\n%s\n' "$what" "$(tail -n 12 <<<"$said")"
    failures=1
  fi
}

# within SECONDS COMMAND...: the command must succeed some time until then.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

# contents: the paths in all RPM packages of $packages.
contents() { find "${packages:?}" -name '*.rpm' ! -name '*.src.rpm' -exec rpm -qlp {} +; }

# check_left_out PROBE...: the packages hold no folder of these probes, and one of every other.
check_left_out() {
  local manifest name
  for manifest in probes/[!_]*/probe.toml extend-probes/*/probe.toml; do
    name=$(basename "${manifest%/probe.toml}")
    case " $* " in
      *" $name "*) check "$name is left out of the packages" lacks "$name" ;;
      *) check "$name is in the packages" holds "/$manifest" ;;
    esac
  done
}
# shellcheck disable=SC2317 # check calls them
holds() { grep "$1$" <<<"$(contents)"; }
# shellcheck disable=SC2317
lacks() { [ -n "$(contents)" ] && ! grep "probes/$1\(/\|$\)" <<<"$(contents)" && [ -z "$(find "$packages" -name "*-probe-$1-*")" ]; }
