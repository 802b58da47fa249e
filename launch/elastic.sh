#!/usr/bin/env bash
# Train on hosts that come and go: a host file says which, and is read again each second while the job runs.
set -euo pipefail
started_in=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
usage="usage: [MIN_NP=n] [MAX_NP=n] [INTERFACE=name] ./launch/elastic.sh HOST_FILE [OPTIONS of train.py]"

if [[ " $* " == *" --help "* || " $* " == *" -h "* ]]; then
  cat <<EOF
$usage

Trains on hosts that come and go. HOST_FILE has a line name:slots for each host; edit it while the
job runs, and the job follows. A process that is killed is replaced; a host that is lost is left
out from then on. Each host has this checkout at the same path and lets ssh in without a password.

  MIN_NP (1)   with fewer processes the job waits, HOROVOD_ELASTIC_TIMEOUT (600) seconds at most
  MAX_NP       no more processes are started
  INTERFACE    the network to use, lo for one machine; else one is found that all hosts share

The exit code is train.py's: 0 finished, 2 bad input, 143 asked to stop with a checkpoint on disk,
1 anything else. Example:

  printf 'localhost:1\n127.0.0.1:1\n' > hosts.txt
  INTERFACE=lo ./launch/elastic.sh hosts.txt --epochs 20

The options of train.py, once it is set up: .venv/bin/python train.py --help
EOF
  exit
fi

fail() { echo "error: $1" >&2; exit 2; }
[[ $# -gt 0 && $1 != -* ]] || fail "a host file is needed; $usage"
for name in MIN_NP MAX_NP; do
  [[ ${!name:-1} =~ ^[1-9][0-9]{0,3}$ ]] || fail "$name is '${!name}': it must be a whole number, 1 or more"
done
min=${MIN_NP:-1}
[ "$min" -le "${MAX_NP:-$min}" ] || fail "MIN_NP is $min, but MAX_NP is $MAX_NP"
hosts=$(cd "$started_in" && realpath -- "$1") || fail "$1: no such host file"
shift
launch/discover_hosts.sh "$hosts" >/dev/null

launch/setup.sh
. launch/supervise.sh
check_options "$@"
export PATH="$PWD/.venv/bin:$PATH"
# horovodrun has options that --network abbreviates; --model is the same option of train.py.
supervise TERM horovodrun --gloo -np "$min" --min-np "$min" ${MAX_NP:+--max-np "$MAX_NP"} \
  ${INTERFACE:+--network-interface "$INTERFACE"} \
  --host-discovery-script "launch/discover_hosts.sh $(printf %q "$hosts")" python -m distributed.elastic.agent \
  python train.py "${@/#--network/--model}"
