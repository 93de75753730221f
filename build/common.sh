# What the scripts in build/ share: progress lines, logged long steps, failing with a way out.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
logs=$target/logs

# A toolchain that rustup has just installed is found without a new login.
PATH=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin

say() { printf '%s\n' "$*"; }

# fail WHAT [WAY OUT...]: says both and ends the script.
fail() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# usage_error WHAT: wrong arguments; every script answers --help.
usage_error() {
  printf "build/%s: %s\nTry 'build/%s --help'.\n" "${0##*/}" "$1" "${0##*/}" >&2
  exit 2
}

# probe_folders: the names of all folders of probes, which are found by their manifests; no list names them. What begins
# with _ is where new ones begin.
probe_folders() {
  local manifest
  for manifest in "$root"/probes/[!_]*/probe.toml "$root"/extend-probes/*/probe.toml; do
    [ ! -e "$manifest" ] || basename "${manifest%/probe.toml}"
  done
}

# check_probes NAME...: a name that no folder has is a mistake, not a wish.
check_probes() {
  local name
  for name in "$@"; do
    grep -qxF -- "$name" <<<"$(probe_folders)" || usage_error "there is no probe folder '$name' in probes/ and extend-probes/"
  done
}

# help_from_head: prints the comment block at the head of the running script as its help.
help_from_head() { sed -n '2,/^[^#]/{ s/^# \{0,1\}//p; }' "$0"; }

# begin_steps N: sets how many steps "[i/N]" counts to.
begin_steps() {
  step_count=$1
  step_number=0
}

# step TEXT: the next progress line.
step() {
  step_number=$((step_number + 1))
  printf '[%s/%s] %s\n' "$step_number" "$step_count" "$*"
}

# logged LOG COMMAND...: runs a long command with its output in logs/LOG and shows the tail of that when it fails.
logged() {
  local log=$logs/$1 status=0
  shift
  mkdir -p "$logs"
  with_progress "$log" "$@" || status=$?
  if [ "$status" -ne 0 ]; then
    printf '  failed (exit %s): %s\n  the end of %s:\n' "$status" "$*" "$log" >&2
    tail -n 25 "$log" | sed 's/^/  | /' >&2
  fi
  return "$status"
}

# with_progress FILE COMMAND...: runs a command with its output in FILE; says every 20 s that it still runs and what
# it does. The command has a process group of its own, so that all of it ends when this script is told to end.
with_progress() {
  local log=$1 begun=$SECONDS told=$SECONDS status=0
  shift
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  background=$!
  set +m
  while kill -0 "$background" 2>/dev/null; do
    if [ $((SECONDS - told)) -ge 20 ]; then
      told=$SECONDS
      printf '      … %s s: %s\n' $((SECONDS - begun)) "$(tail -n 1 "$log" | tr -d '\r' | cut -c 1-90)"
    fi
    sleep 0.1
  done
  wait "$background" || status=$?
  stop_background # what the command has left behind, such as the child of a test that failed
  background=
  return "$status"
}

background=
# shellcheck disable=SC2317 # called by the traps
stop_background() { [ -z "$background" ] || kill -TERM -- "-$background" 2>/dev/null || true; }
trap 'stop_background; exit 130' INT
trap 'stop_background; exit 143' TERM HUP

# as_root COMMAND...: runs it as root, by sudo where needed; refuses when neither is possible.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "root is needed for: $*" "run that command as root, then start this script again"
  fi
}
