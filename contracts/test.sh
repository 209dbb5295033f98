#!/bin/sh
# Checks the committed artifacts, runs the tests offline and checks the formatting.
set -eu
cd "$(dirname "$0")"
[ -d node_modules ] || npm ci --ignore-scripts
forge=node_modules/@foundry-rs/forge-linux-amd64/bin/forge
node compile.mjs --check
FORGE_SNAPSHOT_CHECK=true "$forge" test
"$forge" fmt --check src test
