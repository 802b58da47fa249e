#!/usr/bin/env bash
# Show that the result does not depend on who computes it: processes, engines, threads and kinds of vectors, in turn.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ " $* " == *" --help "* || " $* " == *" -h "* ]]; then
  cat <<'EOF'
usage: ./launch/prove.sh [OPTIONS of train.py]

Trains one epoch (--epochs: more) from the start with 1, 2, 3 and 4 processes, over MPI and over
Gloo, with 1 and 2 threads and with each kind of vectors that this machine has, in turn, in a
temporary folder. Prints a line for each run, with the SHA-256 of the trained network and of all
losses and accuracies. Exit code: 0 if all are the same,
1 if not, 2 for an option that is wrong.

  ./launch/prove.sh
  ./launch/prove.sh --epochs 10 --seed 7
EOF
  exit
fi
for option in "$@"; do
  case ${option%%=*} in
    --output-dir | --resume | --deterministic-check | --debug | --threads)
      echo "error: ${option%%=*}: prove.sh trains from the start in folders of its own" >&2
      exit 2
      ;;
  esac
done

launch/setup.sh
export PATH="$PWD/.venv/bin:$PATH"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

# The command that starts $1 processes with the engine $2.
set_launcher() {
  case $2 in
    alone) launcher=() ;;
    MPI) launcher=(mpirun --oversubscribe -np "$1") ;;
    Gloo) launcher=(horovodrun --gloo -np "$1") ;;
  esac
  if [ "$2" = MPI ] && [ "$(id -u)" = 0 ]; then launcher+=(--allow-run-as-root); fi
}

short() { sha256sum | cut -c1-16; }
losses() { grep -oE '"(step|epoch|[a-z_]*loss|[a-z_]*accuracy)": [^,}]*' "$1/metrics.jsonl"; }

# The kinds of vectors that this machine has and lenet/native is built for, the one that is chosen first.
kinds=()
for kind in avx512 avx2 neon; do
  if LENET_VECTORS=$kind python -c 'from lenet.native.loader import load_library; load_library()' 2>/dev/null; then
    kinds+=("$kind")
  fi
done

runs=("1 alone 1" "1 alone 2" "2 MPI 1" "3 MPI 1" "4 MPI 1" "2 Gloo 1" "3 Gloo 1" "4 Gloo 2")
for kind in "${kinds[@]:1}"; do runs+=("1 alone 2 $kind"); done
printf '%-10s %-7s %-8s %-8s %7s  %-16s  %s\n' processes engine threads vectors seconds weights "losses (SHA-256, first 16 digits)"
for run in "${runs[@]}"; do
  read -r processes engine threads kind <<<"$run"
  kind=${kind:-${kinds[0]:-none}}
  set_launcher "$processes" "$engine"
  folder=$place/$processes-$engine-$threads-$kind started=$SECONDS code=0
  LENET_VECTORS=${kind/none/} "${launcher[@]}" python train.py --epochs 1 "${@/#--network/--model}" --threads "$threads" \
    --no-tensorboard --output-dir "$folder" >"$place/log" 2>&1 </dev/null || code=$?
  if [ "$code" != 0 ]; then
    cat "$place/log" >&2
    # horovodrun and mpirun end with other codes; what train.py refuses, the first run has refused.
    [ "$code" = 2 ] || code=1
    exit "$code"
  fi
  weights=$(cat "$folder"/trained_*.params | short) all_losses=$(losses "$folder" | short)
  printf '%-10s %-7s %-8s %-8s %7d  %-16s  %s\n' "$processes" "$engine" "$threads" "$kind" $((SECONDS - started)) "$weights" "$all_losses"
  echo "$weights $all_losses" >>"$place/digests"
done
if [ "$(sort -u "$place/digests" | wc -l)" = 1 ]; then
  echo "The same bits in all $(wc -l <"$place/digests") runs."
else
  echo "Not the same bits: the runs differ."
  exit 1
fi
