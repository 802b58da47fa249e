"""A run learns, repeats, and takes every image, also where there is less to do than processes."""

import pytest

from tests.support import datasets
from tests.support.marks import slow
from tests.support.run_jobs import gloo, launch, losses, mpirun, records, train, trained
from tests.support.same_runs import assert_same_run, results

STEPS = 12  # of the whole run: three epochs of 64, 64, 64 and 58 images


def test_it_learns(options, tmp_path):
    epochs = results(train([], tmp_path / "run", *options, "--learning-rate", 0.16))
    assert epochs[-1]["train_loss"] < 0.6 * epochs[0]["train_loss"]
    assert epochs[-1]["validation_accuracy"] > 0.6


def test_all_steps_are_recorded(finished):
    assert list(losses(finished(mpirun, 2))) == list(range(1, STEPS + 1))
    assert {record["processes"] for record in records(finished(mpirun, 2), "epoch")} == {2}


def test_horovod_with_one_process_gives_the_same_bits_as_none(finished):
    assert trained(finished(mpirun, 1)) == trained(finished())


@pytest.mark.parametrize(("launcher", "processes"), [(None, 1), slow(gloo, 2), slow(mpirun, 2)])
def test_the_same_command_gives_the_same_bits(finished, options, tmp_path, launcher, processes):
    again = train(launch(launcher, processes), tmp_path / "again", *options)
    assert trained(again) == trained(finished(launcher, processes))
    assert losses(again) == losses(finished(launcher, processes))


def test_another_seed_gives_another_run(finished, options, tmp_path):
    other = train([], tmp_path / "other", *options, "--seed", 2, "--max-steps", 1)
    assert losses(other)[1] != losses(finished())[1]


@pytest.mark.parametrize(
    ("launcher", "train_images", "validation_images", "batch_size"),
    [
        pytest.param(mpirun, 22, 4, 7, id="one image in the last step"),
        pytest.param(mpirun, 2, 1, 5, id="less data than processes, batch larger than the data"),
    ],
)
def test_a_process_with_nothing_to_do_keeps_up(tmp_path, launcher, train_images, validation_images, batch_size):
    folder = datasets.write(tmp_path / "data", train=train_images, validation=validation_images)
    options = ["--data-dir", folder, "--epochs", 3, "--warmup-epochs", 0, "--log-every", 1]
    options += ["--shard", 4]
    together = train(launcher(3), tmp_path / "together", *options, "--batch-size", batch_size)
    alone = train([], tmp_path / "alone", *options, "--global-batch", 3 * batch_size)
    assert len(losses(together)) == 3 * -(-train_images // (3 * batch_size))
    assert_same_run(together, alone)
