"""The lock on an output folder: `flock`, or a lease where the file system refuses that."""

import errno
import os
import secrets
import socket
import sys
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, SoftFileLease, Timeout, UnixFileLock

from lenet.run.progress_bar import print_line

# What NFS without its lock daemon, Lustre without the mount option `flock` and some of FUSE answer.
NO_FLOCK = (errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK)
RENEWAL = 5.0  # seconds between two renewals of a lease
EXPIRES = 30.0  # seconds without a renewal after which a lease counts as that of a crashed job


class Held(Exception):
    """Another process holds the lock; the text names it."""


class FolderLock:
    """The lock of `folder`, held from `take` to `release`; a lease expires EXPIRES seconds after a crash.

    `.lock` names its owner, whichever kind of lock it is: in the first line for people, in the second for `check`.
    """

    def __init__(self, folder: Path):
        self.folder, self.name_file = folder, folder / ".lock"
        self.name = f"process {os.getpid()} on {socket.gethostname()}\n{secrets.token_hex(8)}\n"
        self.lock: BaseFileLock = UnixFileLock(
            self.name_file, poll_interval=0.05, thread_local=False, fallback_to_soft=False
        )

    def take(self, patience: float = 0.0) -> None:
        """Take the lock, for which to wait `patience` seconds. Held: another process holds it. OSError: no file can be
        written here.
        """
        try:
            self._acquire(patience)
        except Timeout:
            raise Held(self._owner()) from None
        self.name_file.write_text(self.name)

    def _acquire(self, patience: float) -> None:
        try:
            self.lock.acquire(timeout=patience)
        except OSError as error:
            if error.errno not in NO_FLOCK:
                raise
            print_line(
                f"{self.folder}: no flock on this file system ({error.strerror}): a lease takes its place; after a "
                f"crash the folder stays locked for up to {EXPIRES:.0f} s",
                sys.stderr,
            )
            self.lock = SoftFileLease(
                self.folder / ".lock-file",
                timeout=EXPIRES + RENEWAL,  # a lease is seen to be renewed, or to have expired
                lease_duration=EXPIRES,
                heartbeat_interval=RENEWAL,
                thread_local=False,
            )
            self.lock.acquire()

    def check(self) -> None:
        """Raise Held if another process took the lock: this one was suspended, or the folder was deleted."""
        with suppress(FileNotFoundError):
            if self.name_file.read_text() not in ("", self.name):
                raise Held(self._owner())

    def release(self) -> None:
        """Let another process take the lock."""
        self.lock.release()

    def _owner(self) -> str:
        return self.name_file.read_text(errors="replace").partition("\n")[0][:200]
