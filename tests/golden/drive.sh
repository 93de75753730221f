#!/bin/sh
# Writes the rows of the golden cases on stdin with gopher.sh; the helper's file is the only argument.
# shellcheck source=probe-sdk/lang/gopher.sh disable=SC1091
. "$1"

# value TEXT: sets $value to the text with the escapes of a case undone; the dot keeps newlines at the end.
value() {
  value=$(printf '%b.' "$1")
  value=${value%.}
}

# parts N BOUND COUNT... SUM MAX: sets $value to the histogram, built from its parts.
parts() {
  shift
  buckets=
  while [ $# -gt 2 ]; do
    buckets="$buckets $1 $2"
    shift 2
  done
  # shellcheck disable=SC2086 # one word per number
  gopher_histogram "$1" "$2" $buckets
  value=$gopher_value
}

set --
while IFS= read -r step; do
  text=${step#"${step%% *}"}
  text=${text# }
  case $step in
    'row '*) set -- "$text" ;;
    'text '* | 'uint '* | 'int '* | 'float '*)
      value "$text"
      set -- "$@" "$value"
      ;;
    absent) set -- "$@" '' ;;
    'histogram '*)
      # shellcheck disable=SC2086 # one word per number
      parts $text
      set -- "$@" "$value"
      ;;
    'line '*) gopher_row "$@" ;;
  esac
done
