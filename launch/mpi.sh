#!/usr/bin/env bash
# Train with Open MPI's mpirun on the hosts of a host file, or of the allocation that this is called in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ " $* " == *" --help "* || " $* " == *" -h "* ]]; then
  cat <<'EOF'
usage: ./launch/mpi.sh [--hostfile FILE] [OPTIONS of train.py]

Trains with Open MPI's mpirun on the hosts of FILE, whose lines are like 'a slots=2' for two
processes on a; without FILE on all of a Slurm allocation (salloc). Every host must have the same
Open MPI, let ssh in without a password, and see this checkout and --output-dir at the same paths.
An OMPI_MCA_... that is set wins over the settings made here. The exit code is train.py's: 0
finished, 2 bad input, 143 asked to stop with a checkpoint on disk; 1 or 137 anything else. mpirun
adds its summary of a failure.

  ./launch/mpi.sh --hostfile hosts.txt --output-dir /shared/runs/lenet
  salloc --nodes=2 --ntasks=4 ./launch/mpi.sh --epochs 20

The options of train.py, once it is set up: .venv/bin/python train.py --help
EOF
  exit
fi

hosts=()
if [ "${1:-}" = --hostfile ]; then
  grep -qs '^[[:space:]]*[^#[:space:]]' "${2:-}" ||
    { echo "error: --hostfile '${2:-}': no such file with hosts" >&2; exit 2; }
  hosts=(--hostfile "$2")
  shift 2
elif [ -z "${SLURM_JOB_ID:-}" ]; then
  echo "error: no hosts: give --hostfile FILE or call this in a Slurm allocation; launch/local.sh trains on this machine" >&2
  exit 2
fi

launch/setup.sh
. launch/supervise.sh
check_options "$@"
export PATH="$PWD/.venv/bin:$PATH"
set_mca pml ob1 && set_mca btl ^openib # TCP and shared memory: Horovod's thread and RDMA do not get on
# Addresses that look alike on every host lead nowhere. Open MPI takes either the ones to leave out or the ones to use.
for user in btl oob; do
  printenv "OMPI_MCA_${user}_tcp_if_include" >/dev/null || set_mca "${user}_tcp_if_exclude" lo,docker0,virbr0
done
# A host that was cut off is noticed after 25 s, before --stall-timeout, which must stay longer: after a process has
# ended by itself, mpirun waits for such a host for a quarter of an hour.
set_mca oob_tcp_keepalive_time 10 && set_mca oob_tcp_keepalive_intvl 5 && set_mca oob_tcp_keepalive_probes 3
set_mca odls_base_sigkill_timeout 5 # seconds for the other ranks' last words, once one has ended
[ "$(id -u)" != 0 ] || hosts+=(--allow-run-as-root)
export_watched
exported=(-x PATH -x LENET_EXIT_CODE)
[ -z "${LENET_WATCHED:-}" ] || exported+=(-x LENET_WATCHED ${COLUMNS:+-x COLUMNS})
supervise USR1 mpirun "${hosts[@]}" --bind-to none "${exported[@]}" python train.py "$@"
