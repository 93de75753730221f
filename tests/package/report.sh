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
