"""launch/local.sh: how many processes it starts, and how."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.machine import PROGRAMS, Machine
from tests.support.run_jobs import ROOT


@pytest.fixture
def startable(tmp_path: Path) -> Machine:
    """A machine that needs no set-up, with a train.py that says how it was started."""
    machine = Machine(tmp_path)
    (machine.checkout / "launch/setup.sh").write_text("#!/bin/sh\n")
    (machine.checkout / ".venv").symlink_to(sys.prefix)
    shutil.copy(PROGRAMS / "train_stub.py", machine.checkout / "train.py")
    for name in ("lenet", "distributed"):  # it reads the options first
        shutil.copytree(ROOT / name, machine.checkout / name, dirs_exist_ok=True)
    return machine


def started(machine: Machine) -> list[str]:
    """The options that the processes of train.py saw, a text for each."""
    return [path.read_text() for path in machine.checkout.glob("started-*")]


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "two"])
def test_local_refuses_a_bad_number_of_processes(startable, count):
    outcome = startable.local(NP=count)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.errors == [f"NP is '{count}': it must be a whole number, 1 or more"]


def test_local_starts_one_process_without_a_launcher(startable):
    outcome = startable.local("--epochs", "2", NP="1")
    assert outcome.code == 0, outcome.text
    assert outcome.err == "local.sh: starting 1 process(es), as NP says\n"
    assert started(startable) == ["--epochs 2"]


@pytest.mark.parametrize(
    ("count", "processes", "why"),
    [
        ("2", 2, "one per GPU"),
        ("1", 1, "one per GPU"),  # CUDA_VISIBLE_DEVICES hides the other
        ("0", 1, "whose threads use all cores"),  # MXNet is built without CUDA
        ("", 1, "one per GPU"),  # CUDA does not start: train.py says why
    ],
)
def test_local_starts_a_process_per_gpu_that_mxnet_sees(startable, count, processes, why):
    startable.put("nvidia-smi", "echo 'GPU 0: A'; echo 'GPU 1: B'")
    startable.put("nproc", "echo 3")
    shutil.copy(PROGRAMS / "mxnet_stub.py", startable.checkout / "mxnet.py")
    path = f"{startable.bin}:{os.environ['PATH']}"
    outcome = startable.local("--epochs", "2", NP="", PATH=path, VISIBLE_GPUS=count)
    assert outcome.code == 0, outcome.text
    assert f"starting {processes} process(es), {why}\n" in outcome.err
    assert started(startable) == ["--epochs 2"] * processes


def test_another_network_has_a_process_per_core(startable):
    startable.put("nproc", "echo 3")
    path = f"{startable.bin}:{os.environ['PATH']}"
    outcome = startable.local("--network", "net.py:small", NP="", PATH=path)
    assert outcome.code == 0, outcome.text
    assert "starting 3 process(es), one per core up to 4\n" in outcome.err
