#!/usr/bin/env bash
# Train on a Kubernetes cluster, in the context and namespace that kubectl has.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../k8s"
variants=$(find . -mindepth 2 -maxdepth 2 -name kustomization.yaml ! -path './base/*' | cut -d/ -f2 | sort | paste -sd' ')
usage="usage: launch/kubernetes.sh apply|logs|delete VARIANT     VARIANT is one of: $variants"
help="apply starts the job and shows the log of rank 0 to its end, and on standard error what keeps a pod from starting;
logs does so for a job under way; the exit code is the job's. Ctrl-C ends the showing, not the job. delete removes all
but the results, which kubectl delete pvc lenet-output removes."
[[ " $* " != *" --help "* && " $* " != *" -h "* ]] || { echo "$usage"; echo "$help"; exit; }
verb=${1:-} variant=${2:-}
[[ $# = 2 && " apply logs delete " == *" $verb "* && " $variants " == *" $variant "* ]] ||
  { echo "error: '$*' is not a verb and a variant; $usage" >&2; exit 2; }
case $variant in
  mpi*) job=mpijob/lenet ;;
  *) job=job/lenet ;;
esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=k8s/follow.sh
. ./follow.sh

refuse() { echo "error: $*" >&2; exit 2; }
has_operator() { kubectl get mpijob -o name >/dev/null 2>"$scratch/problem" || ! grep -q "resource type" "$scratch/problem"; }
get() { kubectl get "$1" --ignore-not-found -o "jsonpath=$2"; }

# Looks for all that Kubernetes would refuse in the middle, with half of the objects made.
look() {
  local operator=yes here there problem
  has_operator || operator=
  [[ -n $operator || $job != mpijob/* ]] ||
    refuse "this cluster does not know MPIJobs: $variant needs Kubeflow's MPI operator, 0.6 or later"
  here=$(get job/lenet '{.kind}{.spec.completionMode}')
  [ -z "$operator" ] || here+=$(get mpijob/lenet '{.kind}')
  case $here in
    JobIndexed) here=indexed ;;
    Job*) here=single ;;
    MPIJob) here=mpi ;;
  esac
  [ -z "$here" ] || refuse "a job lenet is here already: launch/kubernetes.sh logs $here shows it," \
    "launch/kubernetes.sh delete $here must come before another one"
  here=$(get persistentvolumeclaim/lenet-output '{.spec.accessModes[0]}')
  there=$(kubectl kustomize "$variant" | grep -o 'ReadWrite[A-Za-z]*' | head -n 1)
  [ -z "$here" ] || [ "$here" = "$there" ] || refuse "the claim lenet-output is $here and $variant needs $there," \
    "which cannot be changed: copy the results, then kubectl delete pvc lenet-output"
  problem=$(kubectl apply --dry-run=server -k "$variant" 2>&1 >/dev/null) ||
    refuse "the cluster refuses $variant: $(head -n 1 <<<"${problem#error: }" | cut -c 1-400)"
}

case $verb in
  apply)
    look
    kubectl apply -k "$variant"
    ;;
  logs) [ -n "$(get "$job" '{.kind}')" ] || refuse "no $job is here: launch/kubernetes.sh apply $variant starts one" ;;
  delete) # by label: the name of the options' ConfigMap has changed if they have
    kinds=job,service,configmap,networkpolicy
    ! has_operator || kinds+=,mpijob
    kubectl delete "$kinds" -l 'app.kubernetes.io/name=lenet,app.kubernetes.io/component!=output'
    exit
    ;;
esac
follow_job "$job" "$variant" "$scratch"
