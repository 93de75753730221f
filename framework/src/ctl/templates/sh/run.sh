#!/bin/sh
# Says how busy the host is.
# shellcheck source=/dev/null
. ./gopher.sh

read -r host </proc/sys/kernel/hostname
while gopher_wait "${GOPHER_PARAM_REPORT_PERIOD:-5}"; do
  read -r load1 _ _ tasks _ </proc/loadavg
  gopher_row my_probe "$host" "$load1" "${tasks#*/}"
done
