#!/bin/bash
# Runs the acceptance stories against `weft dev`, over JSON-RPC only. Arguments name stories (s1 t9 ..); default all.
# WEFT_BIN names a built binary; else it is built here.
set -euo pipefail
[ -z "${WEFT_BIN:-}" ] || WEFT_BIN=$(realpath "$WEFT_BIN")
cd "$(dirname "$0")"

if ! cmp -s package-lock.json node_modules/.acceptance-lock; then
  timeout 600 npm ci --ignore-scripts --no-audit --no-fund
  cp package-lock.json node_modules/.acceptance-lock
fi

if [ -z "${WEFT_BIN:-}" ]; then
  cargo build --quiet -p weft --manifest-path ../Cargo.toml
  target=$(cargo metadata --manifest-path ../Cargo.toml --format-version 1 --no-deps |
    node -p 'JSON.parse(require("fs").readFileSync(0)).target_directory')
  WEFT_BIN=$target/debug/weft
fi
export WEFT_BIN
# The L1 of stories that need one.
export WEFT_ANVIL=${WEFT_ANVIL:-$PWD/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil}

files=("${@/%/.test.mjs}")
files=("${files[@]/#/test/}")
[ $# -gt 0 ] || files=(test/*.test.mjs)
# Every file has its own node, so that one story cannot lean on another; two cores take them one by one.
exec node --test --test-concurrency=1 --test-reporter="${REPORTER:-spec}" "${files[@]}"
