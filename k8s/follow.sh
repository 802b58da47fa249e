# shellcheck shell=bash
# follow_job, for launch/kubernetes.sh: shows what a job does until it ends.

period=1     # seconds between two questions
patience=60  # seconds without a pod that runs, after which it is said where to look
absence=300  # seconds without an answer of the cluster
aftermath=60 # seconds for rank 0 to end after the job has
# Of each pod: its name, phase, role (index of an Indexed Job, launcher or worker of an MPIJob, 0 alone), exit code, and
# why it waits or ended.
pod_form='{{range .items}}pod {{.metadata.name}} {{or .status.phase "Unknown"}} {{
  with index .metadata.labels "batch.kubernetes.io/job-completion-index"}}{{.}}{{else}}{{
    with index .metadata.labels "training.kubeflow.org/job-role"}}{{.}}{{else}}0{{end}}{{end}} {{
  range .status.containerStatuses}}{{with .state.terminated}}{{.exitCode}}{{end}}{{end}}; {{
  range .status.conditions}}{{if and (eq .type "PodScheduled") (eq .status "False")}}{{.reason}}: {{.message}}{{end}}{{end}}{{
  range .status.containerStatuses}}{{
    with .state.waiting}}{{.reason}}{{with .message}}: {{.}}{{end}}{{end}}{{
    with .state.terminated}}{{if .exitCode}}exit code {{.exitCode}}, {{.reason}} {{end}}{{end}}{{end}}{{
  with .status.reason}}{{.}}{{end}}{{with .status.message}}: {{.}}{{end}}
{{end}}'
# Of the job: what makes it another one, its conditions, and why it failed.
job_form='{.metadata.uid}|{.status.conditions[?(@.status=="True")].type}|{.status.conditions[?(@.type=="Failed")].message}'

declare -A phases=() codes=() is_told=() # by pod
rank0_pods=()
# shellcheck source=k8s/follow_log.sh
. ./follow_log.sh

tell() { echo "kubernetes.sh: $*" >&2; }

# Shows the log of rank 0 and why pods do not run. Ends this process with the exit code of the job $1 of the variant $2.
# The folder $3 is for files that only this process needs.
follow_job() {
  job=$1 variant=$2 scratch=$3
  local state uid now conditions reason ended='' began=$SECONDS answered=$SECONDS is_advised=''
  mkfifo "$scratch/lines"
  trap 'stop_log; rm -rf "$scratch"' EXIT
  trap 'exit 143' TERM
  trap 'tell "the job goes on: launch/kubernetes.sh logs $variant shows it"; exit 130' INT
  while true; do
    if state=$(kubectl get "$job" --ignore-not-found -o "jsonpath=$job_form" 2>"$scratch/problem") && look_at_pods; then
      answered=$SECONDS
    else
      tell_once cluster "$(head -n 1 "$scratch/problem")"
      [ $((SECONDS - answered)) -lt $absence ] ||
        { tell "no answer for $absence s; the job goes on: launch/kubernetes.sh logs $variant"; exit 1; }
      sleep $period
      continue
    fi
    IFS='|' read -r now conditions reason <<<"$state" || true
    uid=${uid:-$now}
    [[ -n $now && $now = "$uid" ]] || { echo "error: $job was deleted before its end" >&2; exit 1; }
    show_rank0
    [[ $job != mpijob/* || " ${codes[*]} " != *" 2 "* || -n $shown ]] || give_up
    [[ $conditions != *Suspended* ]] || tell_once "$job" "suspended: it begins when its queue or its owner lets it"
    [[ -n $is_advised || -n $shown || ${#is_finished[@]} != 0 || $((SECONDS - began)) -lt $patience ]] ||
      { advise; is_advised=yes; }
    if [[ $conditions =~ (Complete|Succeeded|Failed)(\ |$) ]]; then
      ended=${ended:-$SECONDS}
      [[ -n $shown && $((SECONDS - ended)) -lt $aftermath ]] || end_as "$conditions" "$reason"
    fi
    sleep $period
  done
}

# Reads what the pods do into phases, codes and rank0_pods, the oldest first, and tells what is new about each.
look_at_pods() {
  local text word pod phase role code reason
  text=$(kubectl get pods -l app.kubernetes.io/name=lenet --sort-by=.metadata.creationTimestamp \
    -o "go-template=$pod_form" 2>"$scratch/problem") || return 1
  phases=() rank0_pods=()
  while IFS= read -r text; do
    reason=${text#*; }
    read -r word pod phase role code <<<"${text%%; *}"
    [ "$word" = pod ] || continue # the rest of a reason of many lines
    phases[$pod]=$phase
    [[ $role != 0 && $role != launcher ]] || rank0_pods+=("$pod")
    [ -z "$code" ] || codes[$pod]=$code
    # A moment of it is usual.
    [[ -z $reason || $reason == ContainerCreating && $SECONDS -lt 20 ]] || tell_once "pod $pod" "$reason"
  done <<<"$text"
}

# Tells $2 about $1, unless that was told of it before; numbers and what follows a colon may change meanwhile.
tell_once() {
  local key="$1 ${2%%:*}"
  [ -n "${is_told[$key]:-}" ] || tell "$1: $2"
  is_told[$key]=yes
}

# Where to look when no pod runs.
advise() {
  local pods="kubectl describe pods -l app.kubernetes.io/name=lenet"
  tell "no pod of rank 0 runs after $patience s. What may tell why: $pods; kubectl describe ${job/\// };" \
    "kubectl get events --sort-by=.lastTimestamp"
  [[ $job != mpijob/* || ${#phases[@]} != 0 ]] || tell "no pod at all: does the MPI operator run?"
}

# The operator would try bad input again: a suspended MPIJob has no pods.
give_up() {
  kubectl patch "$job" --type merge -p '{"spec":{"runPolicy":{"suspend":true}}}' >/dev/null || true
  tell "bad input stays bad: $job is suspended, so that it is not tried again; launch/kubernetes.sh delete $variant removes it"
  exit 2
}

# Ends this process as the conditions $1 of the job, why it failed, $2, and the exit codes of its pods say.
end_as() {
  local newest='' pod code stopped=1
  [[ ! $1 =~ (Complete|Succeeded)(\ |$) ]] || exit 0
  [[ $2 != *"exit code 2 matching FailJob"* && " ${codes[*]} " != *" 2 "* ]] || exit 2
  [ ${#rank0_pods[@]} = 0 ] || newest=${rank0_pods[-1]}
  for pod in ${newest:+"$newest"} "${!codes[@]}"; do
    code=${codes[$pod]:-0}
    [[ $code = 0 || $code = 143 ]] || exit "$code"
    [ "$code" != 143 ] || stopped=143
  done
  exit $stopped
}
