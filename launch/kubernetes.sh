#!/usr/bin/env bash
# Train on a Kubernetes cluster, in the context and namespace that kubectl has.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../k8s"
variants=$(find . -mindepth 2 -maxdepth 2 -name kustomization.yaml ! -path './base/*' | cut -d/ -f2 | sort | paste -sd' ')
usage="usage: launch/kubernetes.sh apply|logs|delete VARIANT     VARIANT is one of: $variants"
help="apply starts the job and shows the log of rank 0 to its end, logs does so for a job under way; the exit code is
the job's. delete removes all but the results, which kubectl delete pvc lenet-output removes."
[[ " $* " != *" --help "* && " $* " != *" -h "* ]] || { echo "$usage"; echo "$help"; exit; }
verb=${1:-} variant=${2:-}
[[ $# = 2 && " apply logs delete " == *" $verb "* && " $variants " == *" $variant "* ]] ||
  { echo "error: '$*' is not a verb and a variant; $usage" >&2; exit 2; }
job=job/lenet rank0=app.kubernetes.io/name=lenet shown=
case $variant in
  indexed*) rank0+=,batch.kubernetes.io/job-completion-index=0 ;;
  mpi*) rank0+=,training.kubeflow.org/job-role=launcher job=mpijob/lenet ;;
esac
get() { kubectl get "$1" --ignore-not-found -o "jsonpath={.status.$2}"; }

case $verb in
  apply) kubectl apply -k "$variant" ;;
  logs) kubectl get "$job" ;;
  delete) kubectl kustomize "$variant" | kubectl delete --ignore-not-found -l 'app.kubernetes.io/component!=output' -f - && exit ;;
esac
while true; do
  conditions=$(get "$job" 'conditions[?(@.status=="True")].type')
  pod=$(kubectl get pods -l "$rank0" --sort-by=.metadata.creationTimestamp -o name | tail -n 1)
  if [ -n "$pod" ] && [ "$pod" != "$shown" ] && [[ $(get "$pod" phase) =~ Running|Succeeded|Failed ]]; then
    kubectl logs -f "$pod" || true # the job's end decides, not that of the connection
    shown=$pod
  elif [[ $conditions =~ Complete|Succeeded ]]; then
    exit 0
  elif [[ $conditions == *Failed* ]]; then
    [ -z "$shown" ] || code=$(get "$shown" 'containerStatuses[0].state.terminated.exitCode')
    [[ ${code:-} =~ ^[1-9] ]] || code=1
    exit "$code"
  fi
  sleep 2
done
