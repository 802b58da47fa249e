#!/bin/sh
# Stands in for a Python 3.11 in launch/setup.sh: makes .venv of itself and notes each installation in pip-calls.
PATH=/usr/bin:/bin
self=$(readlink -f "$0")
case "$*" in
  *sys.base_prefix*) echo "3.11 ${self%/bin/*}" ;;
  "-m venv "*) rm -rf .venv && mkdir -p .venv/bin && ln -s "$self" .venv/bin/python ;;
  "-m pip wheel "*) echo wheel >>pip-calls ;;
  "-m pip install --no-index "*) echo horovod >>pip-calls ;;
  "-m pip install "*) for last; do :; done && echo "$last" >>pip-calls ;;
esac
