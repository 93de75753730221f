# What the checks in a guest share: questions to the agent, to systemd and to the package manager.
# shellcheck shell=bash disable=SC2317 # check calls the functions
# shellcheck source=tests/package/report.sh
. tests/package/report.sh

: "${packages:?the folder of the packages}"
unit=gala-gopher.service

# file FORMAT NAME: the package of that name.
file() {
  case $1 in
    rpm) echo "$packages/$2"-[0-9]*.rpm ;;
    deb) echo "$packages/$2"_*.deb ;;
  esac
}

# Packages by FORMAT and NAME. The guest is a Debian, whose rpm does not see what dpkg has installed.
install_package() {
  case $1 in
    rpm) rpm -U --nodeps --force "$(file "$1" "$2")" ;;
    deb) dpkg -i --force-depends "$(file "$1" "$2")" ;;
  esac
}
verify_package() {
  case $1 in
    rpm) rpm -V --nodeps "$2" ;;
    deb) [ -z "$(dpkg -V "$2")" ] ;;
  esac
}
remove_package() {
  case $1 in
    rpm) rpm -e --nodeps "$2" ;;
    deb) dpkg --purge "$2" ;;
  esac
}

# property NAME: of the unit.
property() { systemctl show --property "$1" --value "$unit"; }

# is VALUE COMMAND...: that is what the command prints.
is() {
  local found
  found=$("${@:2}")
  [ "$found" = "$1" ] || { echo "$found, not $1"; return 1; }
}

# has PATTERN, has_not PATTERN: the page of metrics has such a line, or answers without one.
has() { curl -fsS http://127.0.0.1:8888/metrics >/run/page && grep -qE "$1" /run/page; }
has_not() { curl -fsS http://127.0.0.1:8888/metrics >/run/page && ! grep -qE "$1" /run/page; }

status_says() { property StatusText | grep -q "$1"; }

# log_has PATTERN OPTION...: the journal of the unit has such a record.
log_has() { journalctl --no-pager -u "$unit" "${@:2}" | grep -q "$1"; }

# quiet: no process of a probe is left.
quiet() { ! pgrep -f /usr/libexec/gala-gopher; }

# allow_sudo: gives the guest the files that Debian's configuration of PAM includes, where its image lacks them.
allow_sudo() {
  local part
  for part in auth account password session session-noninteractive; do
    [ -e "/etc/pam.d/common-$part" ] || echo "${part%-*} required pam_permit.so" >"/etc/pam.d/common-$part"
  done
}
