#!/bin/bash
# Builds the package and tests it against `weft dev`. WEFT_BIN names a built binary; else it is built here.
set -euo pipefail
[ -z "${WEFT_BIN:-}" ] || WEFT_BIN=$(realpath "$WEFT_BIN")
cd "$(dirname "$0")"

if ! cmp -s package-lock.json node_modules/.sdk-lock; then
  timeout 600 npm ci --ignore-scripts --no-audit --no-fund
  cp package-lock.json node_modules/.sdk-lock
fi
rm -rf dist build
node_modules/.bin/tsc -p tsconfig.build.json
node_modules/.bin/tsc -p tsconfig.json

if [ -z "${WEFT_BIN:-}" ]; then
  cargo build --quiet -p weft --manifest-path ../Cargo.toml
  target=$(cargo metadata --manifest-path ../Cargo.toml --format-version 1 --no-deps |
    node -p 'JSON.parse(require("fs").readFileSync(0)).target_directory')
  WEFT_BIN=$target/debug/weft
fi
export WEFT_BIN

exec node --test --test-concurrency=1 --test-reporter="${REPORTER:-spec}" build/test/*.test.js
