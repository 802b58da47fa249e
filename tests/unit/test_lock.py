"""One process at a time holds the lock of a folder, with flock and without."""

import errno
import fcntl
import os
import shutil
import socket

import pytest

from lenet.run import lock
from lenet.run.lock import FolderLock, Held

OWNER = f"process {os.getpid()} on {socket.gethostname()}"


@pytest.fixture(params=["flock", "lease"])
def folder(request, tmp_path, monkeypatch):
    """A folder on a file system with flock, and one on a file system where a lease expires after a second."""
    if request.param == "lease":

        def refuse(*_):
            raise OSError(errno.ENOLCK, "Not here")

        monkeypatch.setattr(fcntl, "flock", refuse)
        monkeypatch.setattr(lock, "RENEWAL", 0.1)
        monkeypatch.setattr(lock, "EXPIRES", 1.0)
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_one_has_it_and_its_name_is_told(folder):
    before = len(os.listdir("/proc/self/fd"))
    first, second = FolderLock(folder), FolderLock(folder)
    for _ in range(2):
        first.take()
        with pytest.raises(Held, match=f"^{OWNER}$"):
            second.take()
        first.check()
        first.release()
    second.take()
    second.release()
    assert len(os.listdir("/proc/self/fd")) == before
    assert not (folder / ".lock-file").exists()


def test_one_whose_folder_was_deleted_learns_of_the_next_owner(folder):
    first, second = FolderLock(folder), FolderLock(folder)
    first.take()
    shutil.rmtree(folder)
    first.check()
    folder.mkdir()
    second.take()
    with pytest.raises(Held, match=f"^{OWNER}$"):
        first.check()
    first.release()
    second.check()
    second.release()


def test_a_link_is_not_followed(folder, tmp_path):
    (tmp_path / "precious").write_text("kept")
    (folder / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        FolderLock(folder).take()
    assert (tmp_path / "precious").read_text() == "kept"


@pytest.mark.parametrize("folder", ["lease"], indirect=True)
def test_a_lease_that_is_not_renewed_expires(folder):
    """Whatever the clocks say: its owner may be on another host."""
    record = "filelock/2\npid=7\nhost=elsewhere\nmode=lease\ntoken=0123\nduration=1.0\n"
    (folder / ".lock-file").write_text(record)
    os.utime(folder / ".lock-file", (4e9, 4e9))
    following = FolderLock(folder)
    following.take()
    following.check()
    following.release()
