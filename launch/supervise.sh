# shellcheck shell=bash
# Sourced by the scripts that start a launcher, in the root of a checkout that is set up: options are read before
# anything starts, the processes learn whether a person watches, requests to stop are forwarded, and train.py's exit code is the script's.

# check_options OPTION...: ends the script with train.py's own line and code if it would refuse an option.
check_options() { .venv/bin/python -m lenet.commands.check_options "$@" || exit; }

# A setting of Open MPI, unless the user has made it.
set_mca() { local name=OMPI_MCA_$1; export "$name=${!name-$2}"; }

# Exports whether a person watches, and how wide the screen is: the processes see only pipes.
export_watched() {
  unset LENET_WATCHED
  [ -t 1 ] && [ -t 2 ] || return 0
  export LENET_WATCHED=1
  local size
  size=$(stty size <&2 2>/dev/null) || return 0
  [ "${size#* }" = 0 ] || export COLUMNS="${size#* }"
}

# Makes the file in which rank 0 leaves its exit code. It can be on another host, so the file is where all hosts look;
# who may not write there has one host.
make_code_file() {
  LENET_EXIT_CODE=$(mktemp "$PWD/.exit-code.XXXXXX" 2>/dev/null || mktemp)
  export LENET_EXIT_CODE
  trap 'rm -f "$LENET_EXIT_CODE"' EXIT
}

# true_code CODE: prints the code that rank 0 has left if that is no success, else CODE, which is the launcher's.
true_code() {
  local left
  left=$(cat "$LENET_EXIT_CODE")
  [[ $left =~ ^[1-9][0-9]{0,2}$ ]] || left=$1
  [ "$left" != "$((128 + $(kill -l USR1)))" ] || left=143 # asked to stop before train.py listened
  echo "$left"
}

# supervise SIGNAL COMMAND...: runs a launcher and ends the script with train.py's code. A request to stop reaches the
# launcher as SIGNAL, and as nothing else: it runs in another session, so that the terminal's Ctrl-C goes to this script
# alone. Asked a third time, the launcher is ended by SIGTERM.
supervise() {
  local signal=$1 launcher='' asked=0 before code
  shift
  make_code_file
  trap 'asked=$((asked + 1)); [ "$asked" -lt 3 ] || signal=TERM
    [ -z "$launcher" ] || kill -s "$signal" "$launcher" 2>/dev/null || :' TERM INT HUP
  setsid setpriv --pdeathsig TERM "$@" </dev/null & # it ends when this script is killed
  launcher=$!
  while :; do
    before=$asked code=0
    { wait "$launcher"; } 2>/dev/null || code=$? # bash would print the signal that ended it
    [ "$asked" != "$before" ] || break # else a signal has ended the wait
  done
  code=$(true_code "$code")
  [ "$code" -lt 129 ] || [ "$asked" != 0 ] || [ "$code" = 143 ] ||
    echo "error: SIG$(kill -l $((code - 128))) ended a process of the job, says $1" >&2
  exit "$code"
}
