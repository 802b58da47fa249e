"""The lock on an output folder: `flock`, or, where the file system refuses that, a file that is renewed."""

import errno
import fcntl
import os
import secrets
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

from lenet.run.progress_bar import print_line

# What NFS without its lock daemon, Lustre without the mount option `flock` and some of FUSE answer.
NO_FLOCK = (errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK)
RENEWAL = 5.0  # seconds between two renewals of a lock file
EXPIRES = 30.0  # seconds after its last renewal at which a lock file counts as that of a crashed job
SETTLES = 1.0  # seconds after which all who found the same expired file have put their own in its place


class Held(Exception):
    """Another process holds the lock; the text says which."""


class FolderLock:
    """The lock of `folder`, from `take` to `release` or to EXPIRES seconds after the process's end."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.descriptor: int | None = None
        self.file: LockFile | None = None

    def take(self) -> None:
        """Hold the lock. Held: another process does. OSError: no file can be written here."""
        owner = f"process {os.getpid()} on {socket.gethostname()}"
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{owner}\n".encode())
            self.descriptor, descriptor = descriptor, -1
        except BlockingIOError:
            raise Held(os.read(descriptor, 200).decode(errors="replace").strip()) from None
        except OSError as error:
            if error.errno not in NO_FLOCK:
                raise
            print_line(
                f"{self.folder}: no flock on this file system ({error.strerror}): a file that is renewed takes its "
                f"place; after a crash the folder stays locked for up to {EXPIRES:.0f} s",
                sys.stderr,
            )
            file = LockFile(self.folder / ".lock-file", owner)
            file.take()
            self.file = file
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def check(self) -> None:
        """Held: this process stood still for so long that another one took the lock."""
        if self.file:
            self.file.check()

    def release(self) -> None:
        """Let another process take the lock."""
        if self.descriptor is not None:
            os.close(self.descriptor)
        if self.file:
            self.file.release()
        self.descriptor = self.file = None


class Found(NamedTuple):
    """What a lock file holds, and when it was renewed last: in seconds, by the file system's clock."""

    content: bytes
    renewed: float


class LockFile:
    """The file `path`, which its owner has created exclusively and renews while the process lives."""

    def __init__(self, path: Path, owner: str):
        self.path, self.content = path, f"{owner} {secrets.token_hex(8)}".encode()
        self.released = Event()
        self.renewer = Thread(target=self._renew, daemon=True)

    def take(self) -> None:
        """Create the file. Held: there is one that its owner renews, which takes RENEWAL seconds to see."""
        before = self._read()
        while not self._create():
            found = self._read()
            if before and found and found != before:
                raise Held(_owner(found))
            before = before or found
            if before and self._clock() - before.renewed > EXPIRES:
                self.path.unlink(missing_ok=True)
                before = None
            else:
                time.sleep(0.1)
        self.renewer.start()
        time.sleep(SETTLES)  # one that found an expired file may remove this one, which has taken its place
        self.check()

    def check(self) -> None:
        """Held: the file is another process's."""
        found = self._read()
        if found and found.content != self.content:
            raise Held(_owner(found))

    def release(self) -> None:
        """Remove the file if it is this process's."""
        self.released.set()
        if self.renewer.is_alive():
            self.renewer.join()  # what it would renew after the removal is the next owner's file
        if self._is_own():
            self.path.unlink(missing_ok=True)

    def _create(self) -> bool:
        """Is the file made? False: there is one."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return False
        with open(descriptor, "wb") as file:
            file.write(self.content)
        return True

    def _renew(self) -> None:
        while not self.released.wait(RENEWAL):
            with suppress(OSError):  # the next time
                if not self._is_own():
                    return
                os.utime(self.path)

    def _is_own(self) -> bool:
        found = self._read()
        return found is not None and found.content == self.content

    def _read(self) -> Found | None:
        """What the file holds; None if there is none. It is opened, so that NFS asks its server."""
        try:
            with open(self.path, "rb") as file:
                return Found(file.read(500), os.fstat(file.fileno()).st_mtime)
        except FileNotFoundError:
            return None

    def _clock(self) -> float:
        """The time that the file system gives to a new file: hosts' own clocks can differ."""
        with tempfile.TemporaryFile(dir=self.path.parent) as file:
            return os.fstat(file.fileno()).st_mtime


def _owner(found: Found) -> str:
    return found.content.decode(errors="replace").rpartition(" ")[0]
