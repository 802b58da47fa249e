"""No array is made on MXNet's default device by accident: the whole of train.py runs on another one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support import run_jobs
from tests.support.run_jobs import program


def asked(planted: str, options: Sequence[Any], folder: Path) -> str:
    """The line that tells which functions asked for the default device in a run on mx.cpu(1)."""
    outcome = run_jobs.run([], *program("on_cpu_1"), planted, *options, "--output-dir", folder)
    assert outcome.code == 0, outcome.text
    assert "USED ['cpu(1)']" in outcome.out
    (line,) = (text for _, text in outcome.lines if text.startswith("ASKED"))
    return line


def test_training_evaluating_saving_and_resuming_on_another_device(options, finished, tmp_path):
    """With a checkpoint in the middle that the second run goes on from."""
    assert asked("none", [*options, "--max-steps", 5], tmp_path / "run") == "ASKED []"
    assert asked("none", options, tmp_path / "run") == "ASKED []"
    assert run_jobs.trained(tmp_path / "run") == run_jobs.trained(finished())


def test_an_accident_is_seen(options, tmp_path):
    assert "ask_for_default" in asked("planted", [*options, "--max-steps", 1], tmp_path / "run")
