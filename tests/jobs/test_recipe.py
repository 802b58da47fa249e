"""A second experiment in the folder of a first one is refused, or told and recorded; the first is not falsified."""

import shutil

import pytest
import yaml

from lenet.run import checkpoint
from tests.support import run_jobs
from tests.support.refusals import refused
from tests.support.run_jobs import mpirun, records, train, trained

TOLD = {"kind": "change", "option": "learning_rate", "before": 0.1, "after": 0.01}


@pytest.fixture
def folder(stopped, tmp_path):
    """The output folder of a run stopped after 5 of 12 steps."""
    return shutil.copytree(stopped(), tmp_path / "run")


@pytest.mark.parametrize("others", [["--learning-rate", 0.05, "--momentum", 0], ["--epochs", 2], ["--seed", 2]])
def test_a_finished_run_stays_as_it_is(finished, options, tmp_path, others):
    folder = shutil.copytree(finished(), tmp_path / "run")
    told = refused(folder, *options, *others)
    assert told.startswith(f"{folder}: already finished with ")
    assert told.endswith("; start over with --resume never, or another --output-dir")
    names = [word[2:].replace("-", "_") for word in others if str(word).startswith("--")]
    assert all(f"{name} " in told for name in names)


def test_a_finished_run_goes_on_for_more_epochs(finished, options, tmp_path):
    folder = shutil.copytree(finished(), tmp_path / "run")
    outcome = run_jobs.run([], "train.py", "--output-dir", folder, *options, "--epochs", 4)
    assert outcome.code == 0, outcome.text
    assert "epochs 3 -> 4" in outcome.out.splitlines()
    assert [record["epoch"] for record in records(folder, "epoch")] == [0, 1, 2, 3]
    assert records(folder, "change") == [{"kind": "change", "step": 13, "option": "epochs", "before": 3, "after": 4}]
    assert yaml.safe_load((folder / "config.yaml").read_text())["epochs"] == 4


def test_a_change_on_the_way_is_told_and_recorded_once(folder, options):
    """From the step on for which it holds, also when that step is never saved and the run goes on again."""
    words = ["train.py", "--output-dir", folder, *options, "--learning-rate", 0.01]
    outcome = run_jobs.run(mpirun(2), *words, "--max-steps", 7)
    assert outcome.code == 0, outcome.text
    assert outcome.out.splitlines().count("learning_rate 0.1 -> 0.01") == 1
    assert records(folder, "change") == [{**TOLD, "step": 6}]
    assert checkpoint.newest(folder, report=None).options["learning_rate"] == 0.01
    shutil.rmtree(checkpoint.folder_of(folder, 7))
    shutil.rmtree(checkpoint.folder_of(folder, 6))
    train([], folder, *options, "--learning-rate", 0.01)  # from step 5 again
    assert records(folder, "change") == [{**TOLD, "step": 6}]
    train([], folder, *options, "--learning-rate", 0.01)
    assert records(folder, "change") == [{**TOLD, "step": 6}]


def test_a_change_that_led_to_no_checkpoint_leaves_no_record(folder, options, finished):
    """The run that goes on with its first options is the one that never changed."""
    train([], folder, *options, "--learning-rate", 0.01, "--max-steps", 6)
    shutil.rmtree(checkpoint.folder_of(folder, 6))
    train([], folder, *options)
    assert records(folder, "change") == []
    assert trained(folder) == trained(finished())


def test_another_global_batch_is_for_a_checkpoint_that_is_asked_for_by_name(folder, options):
    words = [*options, "--global-batch", 32]
    assert "the run to resume has global_batch 64, this one 32" in refused(folder, *words)
    train([], folder, *words, "--resume", checkpoint.folder_of(folder, 5), "--max-steps", 8)
    last = checkpoint.newest(folder, report=None)
    assert (last.progress.images_done, last.run["global_batch"]) == (64 + 3 * 32, 32)
    assert records(folder, "change") == [
        {"kind": "change", "step": 6, "option": "global_batch", "before": 64, "after": 32}
    ]
