#!/usr/bin/env bash
# Run the tests. Usage: tests/run.sh [OPTIONS of pytest]. Sets everything up on first use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

launch/setup.sh --dev
export OMP_NUM_THREADS=1 PATH="$PWD/.venv/bin:$PATH"
exec python -m pytest "$@"
