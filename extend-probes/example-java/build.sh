#!/bin/sh
# Compiles the probe into OUTDIR/classes: build.sh [OUTDIR], by default this folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
helpers=$here/../../probe-sdk/lang
javac --release 11 -encoding UTF-8 -d "$out/classes" "$helpers/Gopher.java" "$helpers/GopherJson.java" "$here"/*.java
