#!/bin/sh
# Starts the compiled probe in a small virtual machine.
if ! command -v java >/dev/null; then
  echo 'java is missing: install default-jre-headless (Debian) or java-17-openjdk-headless (RPM)' >&2
  exit 78
fi
if ! [ -e classes/Main.class ]; then
  echo 'classes/ is missing: run build.sh in this folder of the source tree' >&2
  exit 78
fi
exec java -Xmx16m -Xss256k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=8m -Xshare:auto \
  -cp classes Main
