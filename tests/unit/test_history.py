"""What a run has written is read back within bounds, whatever stands there."""

import json
import os

import numpy as np
import pytest

from lenet.errors import InputError
from lenet.run import history
from tests.support.memory import peak_of

STEP = {"kind": "step", "step": 1, "epoch": 0, "loss": 2.5, "learning_rate": 0.1}
EPOCH = {"kind": "epoch", **dict.fromkeys(history.EPOCH, 0.5), "step": 1, "epoch": 0, "processes": 1}


@pytest.fixture
def run(tmp_path):
    """Writes a run with these records, objects or bytes, and returns its folder."""

    def write(*records, config="epochs: 3\n"):
        lines = [record if isinstance(record, bytes) else json.dumps(record).encode() + b"\n" for record in records]
        (tmp_path / "metrics.jsonl").write_bytes(b"".join(lines))
        (tmp_path / "config.yaml").write_text(config)
        return tmp_path

    return write


def error_of(folder):
    with pytest.raises(InputError) as caught:
        history.read(folder)
    assert str(caught.value).startswith(str(folder))
    return str(caught.value)


def test_records_become_columns(run):
    found = history.read(run(STEP, EPOCH, {**STEP, "step": 2, "loss": 1}))
    assert found.steps["step"].tolist() == [1, 2]
    assert found.steps["loss"].tolist() == [2.5, 1]
    assert set(found.epochs) == set(history.EPOCH)
    assert found.epochs["validation_loss"].tolist() == [0.5]
    assert found.config == {"epochs": 3}


def test_a_metric_that_a_run_does_not_record_is_nan(run):
    record = {name: value for name, value in EPOCH.items() if not name.endswith("top5")}
    found = history.read(run(record))
    assert np.isnan(found.epochs["validation_top5"]).tolist() == [True]
    assert found.epochs["validation_loss"].tolist() == [0.5]


def test_a_long_run_is_read_in_little_memory(run):
    folder = run(STEP)
    line = (folder / "metrics.jsonl").read_bytes()
    (folder / "metrics.jsonl").write_bytes(50_000 * line)
    assert (folder / "metrics.jsonl").stat().st_size == 3_750_000
    found, peak = peak_of(lambda: history.read(folder))
    assert len(found.steps["step"]) == 50_000
    assert peak < 3_300_000  # three columns of 0.4 MB, two times


def test_a_longer_file_than_the_bound_is_refused(run):
    folder = run(STEP)
    os.truncate(folder / "metrics.jsonl", history.MAX_METRICS + 1)
    assert "metrics.jsonl: more than 268,435,456 bytes" in error_of(folder)


WRONG = {
    "half a line": json.dumps(STEP).encode(),
    "a line too long": json.dumps({**STEP, "more": "x" * 5000}).encode() + b"\n",
    "another kind": {**STEP, "kind": "other"},
    "no loss": {"kind": "step", "step": 1, "learning_rate": 0.1},
    "text": {**STEP, "loss": "2"},
    "truth": {**STEP, "loss": True},
    "an enormous number": {**STEP, "loss": 10**400},
    "a step before the first": {**STEP, "step": -1},
    "a part of a step": {**STEP, "step": 1.5},
    "a step without end": {**STEP, "step": float("inf")},
    "too many steps": {**STEP, "step": 2**53 + 1},
    "no object": b"[1]\n",
}


@pytest.mark.parametrize("record", WRONG.values(), ids=WRONG.keys())
def test_records_that_no_run_writes_are_left_out(run, record):
    assert history.read(run(EPOCH, STEP, record)).steps["step"].tolist() == [1]
    assert "no step and no epoch yet" in error_of(run(record))


CONFIGS = {
    "grows": ("a: &a [1]\nb: *a\n", "one value is needed"),
    "a list": ("[epochs]", "not YAML options"),
    "runs code": ("epochs: !!python/object/apply:os.getcwd []", "one value is needed"),
    "too long": ("#" * 70_000, "more than 65,536 bytes"),
    "no folder's name": ("data_dir: 5", "data_dir 5: it is not the name of a folder"),
}


@pytest.mark.parametrize(("config", "told"), CONFIGS.values(), ids=CONFIGS.keys())
def test_a_config_is_read_within_bounds(run, config, told):
    message = error_of(run(STEP, config=config))
    assert "config.yaml: " in message
    assert told in message


@pytest.mark.parametrize("name", ["metrics.jsonl", "config.yaml"])
def test_what_is_no_regular_file_is_refused(run, name):
    folder = run(STEP)
    (folder / name).unlink()
    assert f"{name}: No such file" in error_of(folder)
    os.mkfifo(folder / name)
    assert f"{name}: not a regular file" in error_of(folder)
