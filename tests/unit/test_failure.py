"""failure.json is whole or absent, of the first rank that writes it, and replaces that of an earlier job."""

import json
import os
import time

import pytest

from distributed import failure
from distributed.monitor import Monitor


def read(folder):
    return json.loads((folder / "failure.json").read_text())


def test_the_first_rank_wins_over_later_ones_and_over_an_earlier_job(tmp_path):
    began = time.time() - 1
    failure.write(tmp_path, {"reason": "earlier"}, since=began, makes_folder=False)
    os.utime(tmp_path / "failure.json", (began - 60, began - 60))
    for reason in ("first", "second"):
        failure.write(tmp_path, {"reason": reason}, since=began, makes_folder=False)
    assert read(tmp_path) == {"reason": "first"}
    assert os.listdir(tmp_path) == ["failure.json"]


def test_what_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no room"):
        failure.write(tmp_path, {}, since=0, makes_folder=False)
    assert os.listdir(tmp_path) == []


def refuse(*_):
    raise OSError("no room")


def test_rank_0_makes_the_folder_and_no_other_does(tmp_path):
    for monitor in (Monitor(1, 2), Monitor(0, 2, "here")):
        assert not (tmp_path / "run").exists()
        monitor.configure(60, f"{tmp_path}/run")
        monitor.step_begins(0, 64, 5)
        monitor.record_failure("the reason", 1, "the stack")
    found = read(tmp_path / "run")
    assert found.pop("versions")["numpy"]
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "reason": "the reason",
        "rank": 0,
        "size": 2,
        "host": "here",
        "step": 5,
        "waiting_for": "the computation of step 5",
        "exit_code": 1,
        "stacks": {"rank 0 on here": "the stack"},
    }


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monitor = Monitor()
    monitor.configure(60, None)
    monitor.record_failure("the reason", 1, "the stack")
    assert os.listdir(tmp_path) == []
