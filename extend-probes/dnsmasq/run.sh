#!/bin/sh
# Asks dnsmasq servers for their statistics, which they answer as DNS TXT records of class CHAOS.
helper=gopher.sh; [ -e "$helper" ] || helper=../../probe-sdk/lang/gopher.sh
# shellcheck source=probe-sdk/lang/gopher.sh disable=SC1091
. "./$helper"

timeout=${GOPHER_PARAM_TIMEOUT:-2}
down=' ' # servers that gave nothing last time, between blanks

# ask SERVER: the answers, one record a line: name, time to live, class, type, texts in quotes.
ask() {
  address=${1%:*}
  address=${address#\[}
  set -- "${address%\]}" "${1##*:}"
  timeout --foreground "$timeout" dig +noall +answer +tries=1 +time="$timeout" "@$1" -p "$2" \
    cachesize.bind CH TXT insertions.bind CH TXT evictions.bind CH TXT misses.bind CH TXT \
    hits.bind CH TXT auth.bind CH TXT servers.bind CH TXT 2>/dev/null
}

# read_answers: sets a variable for each number and $upstreams to the texts about the upstream servers.
read_answers() {
  size='' insertions='' evictions='' misses='' hits='' auth='' upstreams=''
  while read -r name _ _ _ texts; do
    number=${texts#\"}
    number=${number%\"}
    case $name in
      cachesize.bind.) size=$number ;;
      insertions.bind.) insertions=$number ;;
      evictions.bind.) evictions=$number ;;
      misses.bind.) misses=$number ;;
      hits.bind.) hits=$number ;;
      auth.bind.) auth=$number ;;
      servers.bind.) upstreams=$texts ;;
    esac
  done
}

# report_upstreams SERVER: rows from texts such as "192.0.2.1#53 120 3" "192.0.2.2#53 7 0".
report_upstreams() {
  rest=$upstreams
  while [ -n "$rest" ]; do
    rest=${rest#*\"}
    text=${rest%%\"*}
    rest=${rest#*\"}
    rest=${rest# }
    queries=${text#* }
    gopher_row dnsmasq_upstream "$1" "${text%% *}" "${queries% *}" "${text##* }"
  done
}

# change SERVER: says on stderr, once, that a server began or ceased to answer.
change() {
  case $down in
    *" $1 "*)
      [ -n "$size" ] || return 0
      down="${down%%" $1 "*} ${down#*" $1 "}"
      printf 'server %s answers again\n' "$1" >&2
      ;;
    *)
      [ -z "$size" ] || return 0
      down="$down$1 "
      printf 'server %s gives no statistics: it is down, or no dnsmasq; it is asked again every period\n' "$1" >&2
      ;;
  esac
}

report() {
  answers=$(ask "$1")
  read_answers <<END
$answers
END
  change "$1"
  if [ -z "$size" ]; then
    gopher_row dnsmasq "$1" 0 '' '' '' '' '' ''
    return 0
  fi
  gopher_row dnsmasq "$1" 1 "$size" "$insertions" "$evictions" "$misses" "$hits" "$auth"
  report_upstreams "$1"
}

command -v dig >/dev/null || gopher_unsupported 'dig is missing: install bind9-dnsutils (Debian) or bind-utils (RPM)'
while gopher_wait "${GOPHER_PARAM_REPORT_PERIOD:-5}"; do
  for server in ${GOPHER_PARAM_SERVERS:-127.0.0.1:53}; do
    report "$server"
  done
done
