#!/usr/bin/env bash
# Train on this machine: one process per GPU or, without a GPU, one per core up to 4.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ " $* " == *" --help "* || " $* " == *" -h "* ]]; then
  echo "usage: [NP=n] ./launch/local.sh [OPTIONS of train.py]"
  echo "Sets everything up on first use, then trains with one process per GPU or, without a GPU,"
  echo "one per core up to 4. NP=n starts n processes. The options of train.py:"
  launch/setup.sh
  exec .venv/bin/python train.py --help
fi

if ! [[ ${NP:-1} =~ ^[1-9][0-9]{0,3}$ ]]; then
  echo "error: NP is '$NP': it must be a whole number, 1 or more" >&2
  exit 2
fi
launch/setup.sh

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
else
  processes=$((cores < 4 ? cores : 4)) why="one per core up to 4"
fi

export PATH="$PWD/.venv/bin:$PATH"
echo "local.sh: starting $processes process(es), $why" >&2
[ "$processes" -gt 1 ] || exec python train.py "$@"
# horovodrun takes --network for an option of its own; --model is the same.
exec horovodrun -np "$processes" python train.py "${@/#--network/--model}"
