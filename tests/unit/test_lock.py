"""The lock file that takes the place of flock: one owner at a time, whatever the hosts' clocks say."""

import os
import time
from threading import Event, Thread

import pytest

from lenet.run import lock
from lenet.run.lock import FolderLock, Held, LockFile


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where a lock file is renewed each 0.1 s and expires after 1 s."""
    monkeypatch.setattr(lock, "RENEWAL", 0.1)
    monkeypatch.setattr(lock, "EXPIRES", 1.0)
    monkeypatch.setattr(lock, "SETTLES", 0.1)
    return tmp_path / ".lock-file"


def make_old(path, seconds):
    path.write_text("process 7 on elsewhere 0123")
    os.utime(path, (time.time() - seconds,) * 2)


def test_a_file_that_is_renewed_is_held(path):
    first, second = LockFile(path, "process 1 on a"), LockFile(path, "process 2 on b")
    first.take()
    with pytest.raises(Held, match=r"^process 1 on a$"):
        second.take()
    second.release()  # it is not its own
    first.check()
    first.release()
    assert not path.exists()
    second.take()
    second.release()


def test_one_that_expired_is_taken_at_once_and_one_that_is_not_renewed_later(path):
    for age in (100, 0):
        make_old(path, age)
        began = time.monotonic()
        file = LockFile(path, "process 1 on a")
        file.take()
        seconds = time.monotonic() - began
        assert seconds > (0.9 if age == 0 else 0)
        file.release()


def test_nothing_is_renewed_after_it_was_removed(path, monkeypatch):
    """A renewal under way when the lock was released would otherwise renew the next owner's file."""
    file, under_way, existed = LockFile(path, "process 1 on a"), Event(), []

    def renew_late(_path):
        under_way.set()
        file.released.wait()
        limit = time.monotonic() + 0.5
        while path.exists() and time.monotonic() < limit:
            time.sleep(0.01)
        existed.append(path.exists())

    monkeypatch.setattr(os, "utime", renew_late)
    file.take()
    assert under_way.wait(10)
    file.release()
    assert existed == [True]
    assert not path.exists()


def test_the_clock_of_this_host_is_not_asked(path, monkeypatch):
    file = LockFile(path, "process 1 on a")
    file.take()
    monkeypatch.setattr(time, "time", lambda: 4e9)
    with pytest.raises(Held):
        LockFile(path, "process 2 on b").take()
    file.release()


def test_of_many_that_find_an_expired_one_one_has_it(path, monkeypatch):
    monkeypatch.setattr(lock, "SETTLES", 2.0)
    make_old(path, 100)
    files, holders = [LockFile(path, f"process {number} on a") for number in range(8)], []

    def take(file):
        try:
            file.take()
        except Held:
            return
        holders.append(file)

    threads = [Thread(target=take, args=[file]) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(holders) == 1
    holders[0].check()
    holders[0].release()


def test_a_lock_leaves_no_descriptor_behind(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    for _ in range(3):
        first.take()
        with pytest.raises(Held, match=f"process {os.getpid()} on "):
            second.take()
        first.release()
    assert len(os.listdir("/proc/self/fd")) == before
