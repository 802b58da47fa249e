"""The commands take a run's folder for the newest network in it."""

import os
import shutil

import pytest

from lenet.commands.trained_network import newest_network
from lenet.errors import InputError
from lenet.run import checkpoint
from tests.support import run_jobs


def test_a_finished_runs_network_is_the_trained_one(finished, small):
    assert newest_network(finished()) == finished() / "trained_LeNet5.params"
    outcome = run_jobs.run([], "-m", "lenet", "evaluate", finished(), "--data-dir", small)
    accuracy = run_jobs.records(finished(), "epoch")[-1]["validation_accuracy"]
    assert outcome.code == 0, outcome.text
    assert outcome.out.startswith(f"Validation Accuracy: {accuracy:.3f}\n")


def test_a_run_that_went_on_has_a_newer_checkpoint(stopped, tmp_path):
    folder = shutil.copytree(stopped(), tmp_path / "run")
    os.utime(folder / "trained_LeNet5.params", (1, 1))
    assert newest_network(folder) == checkpoint.folder_of(folder, 5)
    (folder / "trained_LeNet5.params").unlink()
    assert newest_network(folder) == checkpoint.folder_of(folder, 5)


def test_other_paths_stay_as_they_are(stopped, tmp_path):
    for path in (tmp_path, tmp_path / "missing", checkpoint.folder_of(stopped(), 5), tmp_path / "a.params"):
        assert newest_network(path) == path


def test_a_run_without_a_network_yet_is_told(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(InputError, match="no trained network and no checkpoint yet"):
        newest_network(tmp_path)
