"""--resume goes on with the run that was asked for, refuses another one, and loses nothing."""

import hashlib
import shutil

import pytest

from lenet.run import checkpoint
from tests.support import datasets, run_jobs
from tests.support.refusals import contents, refused
from tests.support.run_jobs import losses, mpirun, records, train, trained


@pytest.fixture
def folder(stopped, tmp_path):
    """The output folder of a run stopped after 5 of 12 steps."""
    return shutil.copytree(stopped(), tmp_path / "run")


def test_never_begins_anew_and_loses_nothing(folder, options, finished):
    before = contents(folder)
    train([], folder, *options, "--resume", "never")
    assert trained(folder) == trained(finished())
    assert records(folder, "step") == records(finished(), "step")
    assert [each.name for each in checkpoint.folders(folder)] == [each.name for each in checkpoint.folders(finished())]
    after = contents(folder)
    assert set(before.values()) <= set(after.values()), {
        str(path) for path, digest in before.items() if digest not in after.values()
    }


def test_never_keeps_the_records_of_a_run_without_a_checkpoint(folder, options):
    """As a run leaves it that was killed in its first epoch."""
    shutil.rmtree(folder / "checkpoints")
    before = hashlib.sha256((folder / "metrics.jsonl").read_bytes()).hexdigest()
    train([], folder, *options, "--resume", "never", "--max-steps", 1)
    assert before in contents(folder).values()


def test_a_given_checkpoint_is_gone_on_from_and_later_ones_are_kept(folder, options, finished):
    later = contents(checkpoint.folder_of(folder, 5))
    train([], folder, *options, "--resume", checkpoint.folder_of(folder, 3), "--max-steps", 5)
    assert set(later.values()) <= set(contents(folder).values())
    assert [record["step"] for record in records(folder, "step")] == [1, 2, 3, 4, 5]
    train([], folder, *options)
    assert trained(folder) == trained(finished())


def test_a_checkpoint_of_another_folder(folder, options, finished, tmp_path):
    """The new folder has the steps that were taken for it; the old one stays as it was."""
    before = contents(folder)
    new = train([], tmp_path / "new", *options, "--resume", checkpoint.folder_of(folder, 5))
    assert trained(new) == trained(finished())
    assert list(losses(new)) == list(range(6, 13))
    assert contents(folder) == before


@pytest.mark.parametrize("how", ["auto", "path"])
def test_another_seed_is_refused(folder, options, how):
    resume = "auto" if how == "auto" else checkpoint.folder_of(folder, 3)
    assert "seed 1" in refused(folder, *options, "--seed", 7, "--resume", resume)


def test_other_data_is_refused(folder, options, tmp_path):
    other = datasets.write(tmp_path / "other", train=250, validation=61, seed=5)
    assert "data" in refused(folder, *options, "--data-dir", other)


@pytest.mark.parametrize("where", ["no/such/folder", "tests"])
def test_what_is_no_checkpoint_is_refused(folder, options, where):
    assert f"{where}/state.json" in refused(folder, *options, "--resume", where)


def test_a_damaged_checkpoint_is_told_and_the_one_before_is_used(folder, options, finished):
    weights = checkpoint.folder_of(folder, 5) / "model.params"
    weights.write_bytes(weights.read_bytes()[:-1])
    outcome = run_jobs.run([], "train.py", "--output-dir", folder, *options)
    assert outcome.code == 0
    assert str(weights) in outcome.text
    assert trained(folder) == trained(finished())
    assert [record["step"] for record in records(folder, "step")] == list(range(1, 13))


def test_all_checkpoints_damaged_is_refused(folder, options):
    for each in checkpoint.folders(folder):
        (each / "model.params").write_bytes(b"")
    assert "--resume never" in refused(folder, *options)


def test_a_newly_asked_learning_rate_is_used(folder, options, finished):
    train([], folder, *options, "--learning-rate", 0.01, "--max-steps", 7)
    rates = [record["learning_rate"] for record in records(folder, "step")]
    planned = [record["learning_rate"] for record in records(finished(), "step")]
    assert rates[:5] == planned[:5]
    assert rates[5:] == pytest.approx([rate / 10 for rate in planned[5:7]])
    assert losses(folder)[6] == losses(finished())[6]  # before the first new update
    assert losses(folder)[7] != losses(finished())[7]


def test_a_broken_last_line_of_the_records_does_no_harm(folder, options, finished):
    with open(folder / "metrics.jsonl", "a") as file:
        file.write('{"kind": "step", "step": 6, "ep')
    train([], folder, *options)
    assert records(folder, "step") == records(finished(), "step")


@pytest.mark.parametrize("more", ["--momentum 0", "--optimizer adam", "--optimizer adamw --clip-norm 1"])
def test_any_optimizer_goes_on_in_other_processes_with_what_it_keeps(options, tmp_path, more):
    words = [*options, *more.split(), "--learning-rate", 0.003]
    folder = train(mpirun(2), tmp_path / "run", *words, "--max-steps", 5)
    train([], folder, *words, "--max-steps", 7)
    whole = train([], tmp_path / "whole", *words, "--max-steps", 7)
    assert trained(folder) == trained(whole)
    ours, theirs = (checkpoint.newest(each, report=None).slots for each in (folder, whole))
    assert {name: values.tobytes() for name, values in ours.items()} == {
        name: values.tobytes() for name, values in theirs.items()
    }


def test_another_optimizer_is_refused(folder, options):
    assert "optimizer sgd" in refused(folder, *options, "--optimizer", "adam")
