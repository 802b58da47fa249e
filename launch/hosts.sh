#!/usr/bin/env bash
# Train on several hosts that ssh reaches without a password, with horovodrun.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ " $* " == *" --help "* || " $* " == *" -h "* ]]; then
  cat <<'EOF'
usage: ./launch/hosts.sh -H HOST:PROCESSES[,HOST:PROCESSES...] [OPTIONS of train.py]

Trains on these hosts with horovodrun over Gloo. Every host must let ssh in without a password and
see this checkout and --output-dir at the same paths (a shared file system). What else ssh should
know, a port or a key, belongs into ~/.ssh/config. The exit code is train.py's: 0 finished, 2 bad
input, 143 asked to stop with a checkpoint on disk, 1 anything else. horovodrun puts [0]<stdout>:
before each line.

  ./launch/hosts.sh -H a:2,b:2 --output-dir /shared/runs/lenet

The options of train.py, once it is set up: .venv/bin/python train.py --help
EOF
  exit
fi

name='[A-Za-z0-9][A-Za-z0-9._-]*' count='[1-9][0-9]{0,3}'
if [ "${1:-}" != -H ] || ! [[ ${2:-} =~ ^$name:$count(,$name:$count)*$ ]]; then
  echo "error: the hosts are needed first, such as -H a:2,b:2, but these were given: '${*:-nothing}'; see --help" >&2
  exit 2
fi
hosts=$2 processes=0
shift 2
for slots in ${hosts//,/ }; do processes=$((processes + ${slots#*:})); done

launch/setup.sh
. launch/supervise.sh
check_options "$@"
export PATH="$PWD/.venv/bin:$PATH"
echo "hosts.sh: starting $processes processes on $hosts" >&2
# Gloo, because mpirun waits for ever for a host that was cut off. No cache, which would remember yesterday's hosts.
# horovodrun has options that --network abbreviates; --model is the same option of train.py.
supervise TERM horovodrun --gloo --disable-cache -np "$processes" -H "$hosts" python train.py "${@/#--network/--model}"
