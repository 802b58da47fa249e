#!/usr/bin/env bash
# What elastic.sh has horovodrun ask each second: the hosts of a file, one name:slots a line, that people edit meanwhile.
set -euo pipefail
usage="usage: launch/discover_hosts.sh HOST_FILE     a line of it is name:slots, with # begins a comment"
[[ " $* " != *" --help "* && " $* " != *" -h "* ]] || { echo "$usage"; exit; }
[ $# = 1 ] || { echo "error: one host file is needed; $usage" >&2; exit 2; }
[ -r "$1" ] || { echo "error: $1: no host file that can be read" >&2; exit 2; }

# All or nothing: a file that is half written must not look as if hosts had gone.
hosts=$(sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$1")
[ -n "$hosts" ] || { echo "error: $1: it names no host; $usage" >&2; exit 2; }
while IFS= read -r line; do
  [[ $line =~ ^[A-Za-z0-9._-]+:[1-9][0-9]{0,3}$ ]] ||
    { echo "error: $1: '$line' is no line name:slots, with 1 slot or more" >&2; exit 2; }
done <<<"$hosts"
echo "$hosts"
