# The probe contract (protocol 1) for POSIX shells; a probe sources this file.
# shellcheck shell=sh
#
#   #!/bin/sh
#   # Says how many users are logged in.
#   . ./gopher.sh
#   while gopher_wait "${GOPHER_PARAM_REPORT_PERIOD:-5}"; do
#     gopher_row users "$(hostname)" "$(who | wc -l)"
#   done
#
# POSIX `read` cannot wait for a time, so a shell probe does not read its configuration from stdin. Its manifest says
# `reconfigure = "restart"`; then the agent starts it with
#
#   GOPHER_PARAM_<NAME>   each parameter, its name in capitals; the elements of an array are joined by spaces
#   GOPHER_ITEMS          the items that are on, joined by spaces
#   GOPHER_CONFIG_FILE    a file with the whole configuration as JSON, replaced when the scope changes
#
# and restarts it when a parameter or an item changes. SIGTERM and a closed stdout are the stop; both end the shell
# with status 0, at a line's end. A row costs no process: everything here but the sleep is built into the shell.

gopher_newline='
'
gopher_sleep=
gopher_due=
gopher_value=

trap gopher_stop TERM
trap '' PIPE

# gopher_row TABLE [FIELD...]: writes one row; an empty field is absent, and then the table keeps its last value.
gopher_row() {
  gopher_line='|'
  for gopher_field; do
    case $gopher_field in
      *[\|\\"$gopher_newline"]*) gopher_escape "$gopher_field" ;;
      *) gopher_line=$gopher_line$gopher_field ;;
    esac
    gopher_line=$gopher_line'|'
  done
  # The shell counts characters or bytes, as its locale says; the agent counts bytes and refuses what slips through.
  if [ ${#gopher_line} -ge 65536 ]; then
    printf 'a row of table %s has over 65536 bytes and was not written\n' "$1" >&2
    return 1
  fi
  printf '%s\n' "$gopher_line" 2>/dev/null || gopher_stop
}

# gopher_event ENTITY ENTITY_ID METRIC PID COMM IP CONTAINER_ID POD_ID DEVICE SEVERITY_TEXT SEVERITY_NUMBER BODY
gopher_event() {
  if [ $# -ne 12 ]; then
    printf 'gopher_event: 12 arguments wanted, %s given\n' $# >&2
    return 1
  fi
  gopher_row event "$@"
}

# gopher_histogram SUM MAX [BOUND COUNT]...: sets $gopher_value to a histogram field. The counts are cumulative and are
# the increase since the previous row; the last bound may be +Inf.
gopher_histogram() {
  gopher_end="$1 $2"
  shift 2
  # shellcheck disable=SC2034 # for the probe
  gopher_value="$(($# / 2)) $* $gopher_end"
}

# gopher_ready: says that the probe works; gopher_wait does so on its first call.
gopher_ready() {
  gopher_row ready
}

# gopher_on ITEM: true when the item is on; all are when the probe is run by hand, without GOPHER_ITEMS.
gopher_on() {
  case " ${GOPHER_ITEMS-$1} " in
    *" $1 "*) return 0 ;;
    *) return 1 ;;
  esac
}

# gopher_wait SECONDS: waits until the next period begins; the first call returns at once. A probe that was late does
# not catch up: periods that have passed are left out.
gopher_wait() {
  gopher_uptime
  if [ -z "$gopher_due" ]; then
    gopher_due=$gopher_now
    gopher_ready
    return 0
  fi
  gopher_due=$((gopher_due + $1 * 100))
  if [ "$gopher_due" -le "$gopher_now" ]; then
    gopher_due=$gopher_now
    return 0
  fi
  gopher_rest=$((gopher_due - gopher_now))
  gopher_hundredths=$((gopher_rest % 100 + 100))
  # A trap waits for a foreground command to end, but interrupts `wait`.
  sleep "$((gopher_rest / 100)).${gopher_hundredths#1}" &
  gopher_sleep=$!
  wait "$gopher_sleep" || :
  gopher_sleep=
}

# gopher_unsupported REASON: the probe cannot work here, and starting it again would not help.
gopher_unsupported() {
  printf '%s\n' "$1" >&2
  exit 78
}

# gopher_stop: ends the probe, as SIGTERM does.
gopher_stop() {
  trap '' TERM
  [ -z "$gopher_sleep" ] || kill "$gopher_sleep" 2>/dev/null
  exit 0
}

# gopher_uptime: sets $gopher_now to hundredths of a second since boot, which no change of the clock moves.
gopher_uptime() {
  read -r gopher_now _ </proc/uptime
  gopher_hundredths=1${gopher_now#*.}
  gopher_now=$((${gopher_now%.*} * 100 + gopher_hundredths - 100))
}

# gopher_escape TEXT: appends it to the line with bars, backslashes and newlines escaped.
gopher_escape() {
  gopher_rest=$1
  while :; do
    gopher_plain=${gopher_rest%%[\|\\"$gopher_newline"]*}
    gopher_line=$gopher_line$gopher_plain
    gopher_rest=${gopher_rest#"$gopher_plain"}
    case $gopher_rest in
      '') return 0 ;;
      "$gopher_newline"*) gopher_line=$gopher_line'\n' ;;
      \|*) gopher_line=$gopher_line'\|' ;;
      *) gopher_line=$gopher_line\\\\ ;;
    esac
    gopher_rest=${gopher_rest#?}
  done
}
