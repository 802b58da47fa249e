"""--profile: a Chrome trace of twenty steps with the exchange in it, and the same bits as without."""

import json

import pytest

from tests.support import run_jobs
from tests.support.run_jobs import mpirun


@pytest.fixture(scope="module")
def options(small):
    """45 steps of an epoch that has 63."""
    words = "--global-batch 4 --shard 2 --max-steps 45 --log-every 1 --no-tensorboard"
    return ["--data-dir", small, *words.split()]


def profile(launcher, options, folder):
    """The trace of a run, and the line that tells of it."""
    path = folder / "trace.json"
    outcome = run_jobs.run(launcher, "train.py", *options, "--output-dir", folder / "run", "--profile", path)
    assert outcome.code == 0, outcome.text
    told = [text for _, text in outcome.lines if "profile" in text]
    assert len(told) == 1, outcome.text
    return json.loads(path.read_text())["traceEvents"] if path.exists() else [], told[0]


def begun(events, name):
    """How often an operation of this name began."""
    return sum(event.get("name") == name and event["ph"] in "BX" for event in events)


def test_twenty_steps_with_the_exchange_and_the_same_bits(options, tmp_path):
    plain = run_jobs.train([], tmp_path / "plain", *options)
    events, told = profile(mpirun(2), options, tmp_path)
    assert told == f"The profile of 20 steps is in {tmp_path / 'trace.json'}"
    assert begun(events, "horovod_allreduce") == 20
    assert begun(events, "lenet_gradients") == begun(events, "lenet_update") == 20
    assert max(event[number] for event in events for number in ("pid", "tid") if number in event) < 1000
    assert list(tmp_path.glob("*.partial")) == []
    assert run_jobs.trained(tmp_path / "run") == run_jobs.trained(plain)


@pytest.mark.parametrize(
    ("steps", "told"),
    [(30, "The profile of 10 steps is in {}: the run was short"), (20, "No profile: it begins after 20 steps, {}")],
)
def test_a_short_run_says_so(options, tmp_path, steps, told):
    events, line = profile([], [*options, "--max-steps", steps], tmp_path)
    assert line == told.format(tmp_path / "trace.json" if steps == 30 else "and this run took 20")
    assert bool(events) == (steps == 30)


def test_a_path_that_cannot_be_written_is_told_before_training(options, tmp_path):
    words = [*options, "--output-dir", tmp_path / "run", "--profile", tmp_path / "missing" / "trace.json"]
    outcome = run_jobs.run(mpirun(2), "train.py", *words)
    assert outcome.errors[0].startswith(f"--profile {tmp_path / 'missing' / 'trace.json'}: No such file")
    assert len(outcome.errors) == 1
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []
