#!/usr/bin/env bash
# Run the tests, four files at a time, those first that start jobs: they wait for each other more than they compute.
# Usage: tests/run.sh [OPTIONS of pytest]. Sets everything up on first use.
# One at a time, for --pdb and to see prints: tests/run.sh -n 0 OPTIONS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

launch/setup.sh --dev
export OMP_NUM_THREADS=1 PATH="$PWD/.venv/bin:$PATH"
exec python -m pytest -n 4 --dist loadfile --no-loadscope-reorder "$@"
