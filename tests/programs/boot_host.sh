#!/bin/sh
# Process 1 of a host of tests/support/hosts.py: NAME FOLDER. It prints its process id as it is outside, takes its own
# files, waits for a line that tells that its cable is plugged in, and serves ssh.
set -e
name=$1 folder=$2
read -r pid _ </proc/self/stat
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
mkdir /run/sshd
mount --bind "$folder/hosts" /etc/hosts
mount --bind "$folder/ssh_config" /etc/ssh/ssh_config
hostname "$name"
ip link set lo up
echo "$pid"
read -r _
exec /usr/sbin/sshd -D -e -f "$folder/sshd_config"
