#!/bin/sh
# Compiles the probe into classes/.
set -eu
cd "$(dirname "$0")"
javac --release 11 -encoding UTF-8 -d classes ./*.java
