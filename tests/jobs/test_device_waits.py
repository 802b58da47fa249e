"""A step waits for nothing and fetches nothing from the device but the metrics of the step before it."""

import json
import math

import pytest

from lenet.training.objective import METRICS
from tests.support import run_jobs
from tests.support.run_jobs import mpirun, program

IMAGES, VALIDATION, BATCH, SHARD, EPOCHS, PIXELS = 250, 61, 64, 16, 2, 28 * 28
DENSE = 120 * 400  # weights of the largest layer: the first weights are set layer by layer
PARAMETERS = 60_170
STEPS = math.ceil(IMAGES / BATCH)
METRICS = len(METRICS) + 3  # shards in range and two requests


@pytest.fixture
def events(small, tmp_path):
    """Runs train.py and returns, for each rank, the events as [what, more, where]."""

    def run(processes, planted="none"):
        words = ["--data-dir", small, "--output-dir", tmp_path / "run", "--epochs", EPOCHS, "--log-every", 1]
        words += ["--global-batch", BATCH, "--shard", SHARD]
        launcher = mpirun(processes) if processes > 1 else []
        outcome = run_jobs.run(launcher, *program("device_waits"), tmp_path / "events", planted, *words)
        assert outcome.code == 0, outcome.text
        return [json.loads((tmp_path / f"events-{rank}").read_text()) for rank in range(processes)]

    return run


def epochs(events):
    """The events of each epoch's steps."""
    begins = [place for place, (what, *_) in enumerate(events) if what == "epoch"]
    ends = [place for place, (what, *_) in enumerate(events) if what == "evaluate"]
    assert len(begins) == len(ends) == EPOCHS
    return [events[begin + 1 : end] for begin, end in zip(begins, ends)]


def unexpected(steps, first):
    """Where the events of an epoch, whose first step is the run's step `first`, are not the ones that are meant."""
    order = [("step", first)]
    for step in range(first + 1, first + STEPS):
        order += [("step", step), ("read", [step - 1, METRICS])]
    order.append(("read", [first + STEPS - 1, METRICS]))
    seen = []
    for what, more, where in steps:
        if what == "upload":  # the order of the epoch
            if more > IMAGES:
                yield what, more, where
        else:
            seen.append((what, more))
            if (what, more) not in order:
                yield what, more, where
    if seen != order:
        yield "order", seen, order


@pytest.mark.parametrize("processes", [1, 2])
def test_a_step_fetches_the_metrics_of_the_step_before_and_no_more(events, processes):
    for rank in events(processes):
        for number, steps in enumerate(epochs(rank)):
            found = list(unexpected(steps, number * STEPS))
            assert not found, "\n".join(map(str, found))
        # The data set and the first weights go to the device once for all epochs.
        large = [more for what, more, _ in rank if what == "upload" and more >= VALIDATION * PIXELS]
        assert large == [IMAGES * PIXELS, VALIDATION * PIXELS, DENSE, PARAMETERS]


def test_what_would_wait_is_seen(events):
    """One such call in each step of the run."""
    (rank,) = events(1, "planted")
    kinds = []
    for number, steps in enumerate(epochs(rank)):
        found = [event for event in unexpected(steps, number * STEPS) if event[0] != "order"]
        assert all("trainer.py" in where and "self.step.take(" in where for _, _, where in found)
        kinds += [what for what, *_ in found]
    assert kinds == ["read", "Save", "read", "WaitToRead", "WaitAll", "copyto", "read", "read"]
