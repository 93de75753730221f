#!/bin/sh
# Says how many tasks (processes and threads) the host has.
helper=gopher.sh; [ -e "$helper" ] || helper=../../probe-sdk/lang/gopher.sh
# shellcheck source=probe-sdk/lang/gopher.sh disable=SC1091
. "./$helper"

read -r host </proc/sys/kernel/hostname
while gopher_wait "${GOPHER_PARAM_REPORT_PERIOD:-5}"; do
  read -r _ _ _ tasks _ </proc/loadavg
  gopher_row tasks "$host" "${tasks%/*}" "${tasks#*/}"
done
