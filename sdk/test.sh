#!/bin/bash
# Builds the package and tests it against `weft dev` and the verdicts of Rust's sealing. WEFT_BIN and CORPUS_BIN name the
# built binary and the built example `corpus`; else they are built here.
set -euo pipefail
[ -z "${WEFT_BIN:-}" ] || WEFT_BIN=$(realpath "$WEFT_BIN")
[ -z "${CORPUS_BIN:-}" ] || CORPUS_BIN=$(realpath "$CORPUS_BIN")
cd "$(dirname "$0")"

if ! cmp -s package-lock.json node_modules/.sdk-lock; then
  timeout 600 npm ci --ignore-scripts --no-audit --no-fund
  cp package-lock.json node_modules/.sdk-lock
fi
rm -rf dist build
node_modules/.bin/tsc -p tsconfig.build.json
node_modules/.bin/tsc -p tsconfig.json

if [ -z "${WEFT_BIN:-}" ] || [ -z "${CORPUS_BIN:-}" ]; then
  target=$(cargo metadata --manifest-path ../Cargo.toml --format-version 1 --no-deps |
    node -p 'JSON.parse(require("fs").readFileSync(0)).target_directory')
fi
if [ -z "${WEFT_BIN:-}" ]; then
  cargo build --quiet -p weft --manifest-path ../Cargo.toml
  WEFT_BIN=$target/debug/weft
fi
if [ -z "${CORPUS_BIN:-}" ]; then
  # With the features of the whole workspace, as the tests of Rust have built it already.
  cargo build --quiet --workspace --example corpus --manifest-path ../Cargo.toml
  CORPUS_BIN=$target/debug/examples/corpus
fi
export WEFT_BIN CORPUS_BIN

exec node --test --test-concurrency=1 --test-reporter="${REPORTER:-spec}" build/test/*.test.js
