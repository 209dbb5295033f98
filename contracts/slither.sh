#!/bin/sh
# Runs slither over src/ (static.py) in an environment with the pinned version: from PyPI the first time, then offline.
set -eu
cd "$(dirname "$0")"
version=0.11.6
compile=0.4.2
[ -d node_modules ] || npm ci --ignore-scripts
env="${WEFT_SLITHER_ENV:-cache/slither-$version-$compile}"
if ! "$env/bin/python" -c "import slither" 2>/dev/null; then
  python3 -m venv "$env"
  "$env/bin/pip" install --quiet "slither-analyzer==$version" "crytic-compile==$compile"
fi
exec "$env/bin/python" static.py "$@"
