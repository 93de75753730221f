#!/bin/sh
# A small probe on gopher.sh for tests of the contract; the helper's file is the only argument.
# shellcheck source=probe-sdk/lang/gopher.sh disable=SC1091
. "$1"

rows=0
[ "${GOPHER_PARAM_WORD-}" != unsupported ] || gopher_unsupported 'this word cannot be said here'
while gopher_wait "${GOPHER_PARAM_REPORT_PERIOD:-5}"; do
  items=
  for item in first second; do
    ! gopher_on "$item" || items=$items$item,
  done
  rows=$((rows + 1))
  gopher_row live sh "$items" "${GOPHER_PARAM_WORD-plain}" "$rows"
  gopher_event live sh rows '' '' '' '' '' '' INFO 9 'a row | was written'
done
