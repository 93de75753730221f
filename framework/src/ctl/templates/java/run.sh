#!/bin/sh
# Starts the compiled probe in a small virtual machine.
if ! command -v java >/dev/null; then
  echo 'java is missing: install a Java runtime of version 11 or newer' >&2
  exit 78
fi
if ! [ -e classes/Main.class ]; then
  echo 'classes/ is missing: run ./build.sh in this folder' >&2
  exit 78
fi
exec java -Xmx16m -Xss256k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp classes Main
