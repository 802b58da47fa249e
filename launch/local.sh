#!/usr/bin/env bash
# Train on this machine: one process per GPU; without a GPU LeNet-5 in one process, other networks in one per core up to 4.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ " $* " == *" --help "* || " $* " == *" -h "* ]]; then
  cat <<'EOF'
usage: [NP=n] ./launch/local.sh [OPTIONS of train.py]

Trains on this machine with one process per GPU. Without a GPU LeNet-5 takes one process, whose
threads use all cores, and another network one process per core up to 4. NP=n starts n processes.
The first time it sets everything up: see launch/setup.sh --help. The lines and the exit code are
train.py's: 0 finished, 2 bad input, 143 asked to stop (Ctrl-C) with a checkpoint on disk, 1
anything else.

  ./launch/local.sh --epochs 20 --output-dir runs/long
  NP=1 ./launch/local.sh --debug

The options of train.py, once it is set up: .venv/bin/python train.py --help
EOF
  exit
fi

if ! [[ ${NP:-1} =~ ^[1-9][0-9]{0,3}$ ]]; then
  echo "error: NP is '$NP': it must be a whole number, 1 or more" >&2
  exit 2
fi
launch/setup.sh

# The network that the options name; nothing where they are wrong, which train.py says.
network_of() {
  .venv/bin/python -c 'import sys
from lenet.config import read_config
print(read_config(sys.argv[1:], None).network)' "$@" 2>/dev/null || :
}

# nvidia-smi knows neither what CUDA_VISIBLE_DEVICES hides nor whether this MXNet has CUDA. What keeps MXNet from
# counting is left to train.py to say.
gpus=0
if [ -z "${NP:-}" ] && [[ $(nvidia-smi -L 2>/dev/null) == *"GPU "[0-9]* ]]; then
  gpus=$(.venv/bin/python -c 'import mxnet; print(mxnet.context.num_gpus())' 2>/dev/null || echo 1)
fi
cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
if [ -n "${NP:-}" ]; then
  processes=$NP why="as NP says"
elif [ "$gpus" -gt 0 ]; then
  processes=$gpus why="one per GPU"
elif [ "$(network_of "$@")" = lenet5 ]; then
  processes=1 why="whose threads use all cores"
else
  processes=$((cores < 4 ? cores : 4)) why="one per core up to 4"
fi

. launch/supervise.sh
export PATH="$PWD/.venv/bin:$PATH"
[ "$processes" = 1 ] || check_options "$@"
echo "local.sh: starting $processes process(es), $why" >&2
[ "$processes" -gt 1 ] || exec python train.py "$@"

export_watched
# Shared memory alone: without TCP no network is needed. Quiet: the lines are train.py's.
set_mca pml ob1
set_mca btl ^openib,tcp
root=()
[ "$(id -u)" != 0 ] || root=(--allow-run-as-root)
supervise USR1 mpirun "${root[@]}" -q --oversubscribe --bind-to none -np "$processes" python train.py "$@"
