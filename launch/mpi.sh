#!/usr/bin/env bash
# Train with Open MPI's mpirun on the hosts of a host file, or of the allocation that this is called in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ " $* " == *" --help "* || " $* " == *" -h "* ]]; then
  echo "usage: ./launch/mpi.sh [--hostfile FILE] [OPTIONS of train.py]"
  echo "Trains on the hosts of FILE, whose lines are like 'a slots=2' for two processes on a; without FILE on all of a"
  echo "Slurm allocation (salloc). Every host must have the same Open MPI and see this checkout and --output-dir at"
  echo "the same paths. Any OMPI_MCA_... that is set wins over the settings made here."
  echo "The options of train.py: python train.py --help"
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
export PATH="$PWD/.venv/bin:$PATH"
set_mca() { local name=OMPI_MCA_$1; export "$name=${!name-$2}"; }
set_mca pml ob1 && set_mca btl ^openib # TCP and shared memory: Horovod's thread and RDMA do not get on
# Addresses that look alike on every host lead nowhere. Open MPI takes either the ones to leave out or the ones to use.
for user in btl oob; do
  printenv "OMPI_MCA_${user}_tcp_if_include" >/dev/null || set_mca "${user}_tcp_if_exclude" lo,docker0,virbr0
done
# A host that was cut off is noticed after 25 s, before --stall-timeout, which must stay longer: after a process has
# ended by itself, mpirun waits for such a host for a quarter of an hour.
set_mca oob_tcp_keepalive_time 10 && set_mca oob_tcp_keepalive_intvl 5 && set_mca oob_tcp_keepalive_probes 3
set_mca odls_base_sigkill_timeout 5 # the stop comes 5 s after it was asked for, the end another 5 s later
[ "$(id -u)" != 0 ] || hosts+=(--allow-run-as-root)
exec mpirun "${hosts[@]}" --bind-to none -x PATH python train.py "$@"
