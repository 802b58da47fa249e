"""What is kept of a job that has lost ranks reaches the disk, whoever holds the output folder at that moment."""

from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest
from filelock import UnixFileLock

from distributed import World
from distributed.committed import Committed
from lenet.config import Config
from lenet.model.lenet5 import lenet5
from lenet.run import checkpoint
from lenet.run.lock import FolderLock
from lenet.run.output_dir import OutputDir
from lenet.training import checkpointer as module
from lenet.training.checkpointer import Checkpointer
from lenet.training.state import TrainState
from tests.support import checkpoints


class Memory(Committed):
    """That of an elastic job; `write` is called when another rank is lost."""

    def commit(self, dump, write):
        self.write = write


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    return tmp_path


@pytest.fixture
def write(folder):
    """What saves the state of a job of which nothing is on the disk yet."""
    net = lenet5()
    net.initialize()
    net(mx.nd.zeros((1, 1, 28, 28)))
    world = World()
    world.committed = Memory()
    log = SimpleNamespace(say=print)
    run = Checkpointer(Config(), world, OutputDir(folder), checkpoints.IDENTITY, log)
    run.save(TrainState.of(net, mx.cpu(), ("momentum",)), to_disk=False)
    return world.committed.write


def when_refused(monkeypatch, act):
    """Call `act` each time that the lock of a folder is asked for and not given."""
    attempt = UnixFileLock._acquire

    def attempt_and_act(lock):
        attempt(lock)
        if not lock.is_locked:
            act()

    monkeypatch.setattr(UnixFileLock, "_acquire", attempt_and_act)


def steps_saved(folder):
    return [checkpoint.step_of(each) for each in checkpoint.folders(folder)]


def test_it_is_saved_at_once_where_nobody_holds_the_folder(folder, write):
    write()
    assert steps_saved(folder) == [0]
    assert all(np.isfinite(values).all() for values in checkpoint.newest(folder, print).weights.values())


def test_it_waits_for_the_folder_of_a_rank_that_is_being_killed(folder, write, monkeypatch):
    """Sockets of a killed process close before its lock does: the loss is seen while the folder is still held."""
    killed = FolderLock(folder)
    killed.take()
    refusals = []
    when_refused(monkeypatch, lambda: (refusals.append("held"), killed.release()))
    write()
    assert steps_saved(folder) == [0]
    assert refusals == ["held"]


def test_another_rank_that_saves_it_is_enough(folder, write, monkeypatch):
    other = FolderLock(folder)
    other.take()
    monkeypatch.setattr(module, "FOLDER_PATIENCE", 0.1)
    when_refused(monkeypatch, lambda: checkpoint.folder_of(folder, 0).mkdir(exist_ok=True))
    write()
    assert steps_saved(folder) == [0]


def test_a_folder_that_stays_held_is_said(folder, write, monkeypatch):
    monkeypatch.setattr(module, "FOLDER_PATIENCE", 0.1)
    other = FolderLock(folder)
    other.take()
    with pytest.raises(OSError, match=r"no checkpoint of step 0: --output-dir .*: another job writes there"):
        write()
    assert steps_saved(folder) == []
