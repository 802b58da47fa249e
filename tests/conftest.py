"""What the tests share: small data, and runs of train.py that several tests look at."""

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before MXNet is imported: another number of threads adds in another order

import pytest
from hypothesis import settings

from tests.support import datasets, run_jobs
from tests.support.file_server import FileServer, running

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# 250 images are steps of 64, 64, 64 and 58 images; the last has shards of 16, 16, 16 and 10.
GLOBAL_BATCH, SHARD = 64, 16


@pytest.fixture(scope="session")
def once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """A function that returns the folder `name`, made by `make(folder)` the first time any worker asks for it."""
    workers = tmp_path_factory.getbasetemp()
    shared = workers.parent if "PYTEST_XDIST_WORKER" in os.environ else workers

    def get(name: str, make: Callable[[Path], object]) -> Path:
        folder, is_made = shared / name, shared / f"{name}.made"
        with open(shared / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_made.exists():
                make(folder)
                is_made.touch()
        return folder

    return get


@pytest.fixture(scope="session")
def small(once):
    """A data set of 250 training and 61 validation images; not to be changed."""
    return once("small", lambda folder: datasets.write(folder, train=250, validation=61))


@pytest.fixture(scope="session")
def options(small):
    """The options of a run of three epochs: 12 steps of 64 images, 4 shards each."""
    words = f"--global-batch {GLOBAL_BATCH} --shard {SHARD} --epochs 3 --learning-rate 0.1"
    return ["--data-dir", small, *words.split(), "--log-every", 1, "--checkpoint-every", 3, "--keep", 20]


@pytest.fixture(scope="session")
def finished(options, once):
    """The output folder of the whole run under a launcher; not to be changed."""
    return run_once("finished", options, once)


@pytest.fixture(scope="session")
def stopped(options, once):
    """The same, stopped in the second epoch: checkpoints of steps 3, 4 and 5; not to be changed."""
    return run_once("stopped", [*options, "--max-steps", 5], once)


def run_once(name, options, once):
    """A function that returns the output folder of the run with a launcher and a number of processes."""

    def get(launcher=None, processes=1):
        def start(folder):
            words = run_jobs.launch(launcher, processes)
            with run_jobs.python(words, "train.py", "--output-dir", folder, *options) as job:  # never a fork
                outcome = job.wait()
            assert outcome.code == 0, outcome.text

        return once(f"{name}-{launcher.__name__ if launcher else 'alone'}-{processes}", start)

    return get


@pytest.fixture
def serve(monkeypatch):
    """Starts web servers that end with the test; requests go to them directly."""
    monkeypatch.setenv("no_proxy", "*")
    with contextlib.ExitStack() as stack:
        yield lambda files, limit=None: stack.enter_context(running(FileServer(files, limit)))


@pytest.fixture
def original(tmp_path):
    """The folder of a small data set that stands for the original files."""
    return datasets.write(tmp_path / "original", train=20, validation=10)
