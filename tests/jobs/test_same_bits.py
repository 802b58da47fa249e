"""The result is a function of the config and the data: who computes it never shows."""

import pytest

from tests.support.marks import slow
from tests.support.run_jobs import gloo, horovodrun, mpirun, records, run, train, trained

EPOCH = ("epoch", "step", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate")
WORLDS = [(mpirun, 2), (mpirun, 3), (gloo, 4), *map(slow, [gloo, mpirun, gloo, horovodrun], [2, 4, 3, 4])]


def result(folder):
    """All of a run that is promised to be the same: weights, losses, accuracies."""
    epochs = [[record[name] for name in EPOCH] for record in records(folder, "epoch")]
    return trained(folder), records(folder, "step"), epochs


@pytest.mark.parametrize(("launcher", "processes"), WORLDS)
def test_any_number_of_processes_gives_the_result_of_one(finished, launcher, processes):
    assert result(finished(launcher, processes)) == result(finished())


@pytest.mark.parametrize(("launcher", "processes"), [(gloo, 4), slow(mpirun, 3)])
def test_checkpoints_too(finished, launcher, processes):
    ours, theirs = finished(launcher, processes), finished()
    names = sorted(path.relative_to(theirs) for path in theirs.glob("checkpoints/*/*"))
    assert len(names) > 9
    for name in names:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def test_processes_without_a_shard_change_nothing(options, tmp_path):
    """A step of 64 images has 2 shards of 32: one line says how many have none, and what would give them some."""
    words = [*options, "--shard", 32, "--epochs", 1]
    outcome = run(mpirun(3), "train.py", "--output-dir", tmp_path / "run", *words)
    assert outcome.code == 0, outcome.text
    assert outcome.text.count("1 of 3 processes have nothing to compute") == 1
    assert "--shard 21 or --global-batch 96 gives work to all" in outcome.text
    assert result(tmp_path / "run") == result(train([], tmp_path / "alone", *words))


def test_images_per_process_are_a_batch_of_all(finished, options, tmp_path):
    """--batch-size is another way to say the same global batch."""
    words = ["--batch-size" if word == "--global-batch" else word for word in options]
    words[words.index("--batch-size") + 1] = 32
    folder = train(mpirun(2), tmp_path / "run", *words)
    assert result(folder) == result(finished())


@pytest.mark.parametrize("option", [("--shard", 32), ("--global-batch", 32), ("--seed", 2)])
def test_the_config_decides(finished, options, tmp_path, option):
    """What is part of the result changes it: the tests above can fail."""
    folder = train([], tmp_path / "run", *options, *option)
    assert trained(folder) != trained(finished())


def test_float_sums_are_told(options, tmp_path):
    words = [*options, "--exchange", "float32", "--max-steps", 1]
    outcome = run(mpirun(2), "train.py", "--output-dir", tmp_path / "run", *words)
    assert outcome.code == 0, outcome.text
    first = outcome.lines[0][1]
    assert "exchange float32: the bits depend on their number" in first
