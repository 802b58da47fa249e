#!/bin/sh
# What every command of the image is started by: launch/container.sh COMMAND...
# mpirun hands on late that it is asked to stop, horovodrun ends at once, and sshd does not know of ranks. With them the
# container would end, and the ranks without a checkpoint. So the ranks are asked here, and the command when they have
# ended. Any other command takes this one's place.
case ${1:-} in
  mpirun | horovodrun | */sshd) ;;
  *) exec "$@" ;;
esac
ranks() { grep -lzsE '^(HOROVOD_RANK|OMPI_COMM_WORLD_RANK)=' /proc/[0-9]*/environ | cut -d / -f 3; }
asked=
# shellcheck disable=SC2329 # the trap calls it
stop() {
  [ -z "$asked" ] || return 0 # ranks take a second one as an order to end without a checkpoint
  asked=yes found=$(ranks)
  # shellcheck disable=SC2086 # several numbers
  kill -TERM ${found:-$child} 2>/dev/null
}
trap stop TERM INT
LENET_EXIT_CODE=$(mktemp 2>/dev/null) && export LENET_EXIT_CODE # where rank 0 leaves its own: horovodrun over Gloo ends with 1
"$@" <&0 &
child=$!
wait "$child" # to its end, or until asked to stop
code=$?
if [ -n "$asked" ]; then
  while [ -n "$(ranks)" ]; do sleep 0.2; done
  { sleep 5 && kill -TERM "$child"; } 2>/dev/null & # mpirun ends before that, with the code of its ranks
  wait "$child"
  code=$?
fi
left=$(cat "$LENET_EXIT_CODE" 2>/dev/null)
rm -f "$LENET_EXIT_CODE"
[ "$code" != 1 ] || code=${left:-1}
exit "$code"
