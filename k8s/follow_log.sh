# shellcheck shell=bash disable=SC2154 # follow.sh sets what is not set here
# show_rank0, for follow.sh: shows the log of rank 0, whichever pod that is.

shown='' follower='' printer='' # the pod, and the processes that fetch and print
declare -A is_finished=()       # by pod: nothing more is to come

# Goes on with the log of rank 0's pod, also when the stream has broken off, and from an ended pod to its successor.
show_rank0() {
  local pod
  if [[ -n $shown && ${phases[$shown]:-} != Running ]]; then
    finish_log
  elif [ -n "$shown" ] && ! kill -0 "$follower" 2>/dev/null; then
    stop_log
    [ ! -s "$scratch/log-problem" ] || tell_once "log of $shown" "$(head -n 1 "$scratch/log-problem")"
    start_log -f "$shown"
  fi
  [ -z "$shown" ] || return 0
  for pod in "${rank0_pods[@]}"; do
    [[ ${phases[$pod]} != Running && ${phases[$pod]} != Succeeded && ${phases[$pod]} != Failed ]] || shown=$pod
  done
  if [[ -n $shown && -n ${is_finished[$shown]:-} ]]; then
    shown=''
  elif [ -n "$shown" ]; then
    : >"$scratch/since"
    start_log -f "$shown"
  fi
}

# Shows the log of a pod after the time in the file since, in the background.
start_log() {
  local since
  since=$(<"$scratch/since")
  print_log "$since" <"$scratch/lines" &
  printer=$!
  kubectl logs --timestamps ${since:+--since-time="$since"} "$@" >"$scratch/lines" 2>"$scratch/log-problem" &
  follower=$!
}

# Prints what comes after the time $1, without the times: the stream begins at a whole second. Notes the last one.
print_log() {
  local LC_ALL=C line form='^([0-9]{4}-[0-9]{2}-[0-9T:.Z+-]+) (.*)$'
  while IFS= read -r line || [ -n "$line" ]; do
    [[ $line =~ $form ]] || { printf '%s\n' "$line" >&2; continue; }
    [[ ${BASH_REMATCH[1]} > $1 ]] || continue
    printf '%s\n' "${BASH_REMATCH[2]}"
    printf %s "${BASH_REMATCH[1]}" >"$scratch/since"
  done
}

# The pod has ended or is gone: shows what is missing of its log.
finish_log() {
  local tenths
  for ((tenths = 0; tenths < 30; tenths++)); do
    kill -0 "$follower" 2>/dev/null || break
    sleep 0.1
  done
  stop_log
  if [ -n "${phases[$shown]:-}" ]; then
    start_log "$shown"
    wait "$follower" || tell_once "pod $shown" "$(head -n 1 "$scratch/log-problem")"
    wait "$printer" || true
  fi
  is_finished[$shown]=yes shown=''
}

stop_log() {
  [ -n "$follower" ] || return 0
  kill "$follower" 2>/dev/null || true
  wait "$follower" "$printer" 2>/dev/null || true
  follower=''
}
