"""What the tests share: small data, and runs of train.py that several tests look at."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before MXNet is imported: another number of threads adds in another order

import pytest
from hypothesis import settings

from tests.support import datasets, run_jobs

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# 250 images are steps of 64, 64, 64 and 58 images; the last has shards of 16, 16, 16 and 10.
GLOBAL_BATCH, SHARD = 64, 16


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A data set of 250 training and 61 validation images."""
    return datasets.write(tmp_path_factory.mktemp("data"), train=250, validation=61)


@pytest.fixture(scope="session")
def options(small):
    """The options of a run of three epochs: 12 steps of 64 images, 4 shards each."""
    words = f"--global-batch {GLOBAL_BATCH} --shard {SHARD} --epochs 3 --learning-rate 0.1"
    return ["--data-dir", small, *words.split(), "--log-every", 1, "--checkpoint-every", 3, "--keep", 20]


@pytest.fixture(scope="session")
def finished(options, tmp_path_factory):
    """The output folder of the whole run under a launcher; not to be changed."""
    return run_once(options, tmp_path_factory)


@pytest.fixture(scope="session")
def stopped(options, tmp_path_factory):
    """The same, stopped in the second epoch: checkpoints of steps 3, 4 and 5; not to be changed."""
    return run_once(options, tmp_path_factory, "--max-steps", 5)


def run_once(options, tmp_path_factory, *more):
    """A function that starts the run with a launcher and a number of processes when it is first asked for."""
    folders = {}

    def get(launcher=None, processes=1):
        key = launcher, processes
        if key not in folders:
            words = launcher(processes) if launcher else []
            folders[key] = run_jobs.train(words, tmp_path_factory.mktemp("run"), *options, *more)
        return folders[key]

    return get
