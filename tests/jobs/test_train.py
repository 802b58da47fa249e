"""The same run comes out however many processes share it, stopped, killed and resumed or not."""

import re
import shutil
import signal
from dataclasses import asdict

import mxnet as mx
import pytest

from lenet.config import read_config
from lenet.data import fashion_mnist
from lenet.model import lenet5
from lenet.model.params_file import read_params
from lenet.run import checkpoint
from tests.support import datasets, run_jobs, tutorial
from tests.support.marks import slow
from tests.support.run_jobs import first_ten, gloo, horovodrun, losses, mpirun, records, train, trained

STEPS = 12  # of the whole run: three epochs of 64, 64, 64 and 58 images
SEVERAL = [(gloo, 2), slow(mpirun, 2), (horovodrun, 2), (gloo, 4), (mpirun, 4)]  # horovodrun starts mpirun
# Adding up in another order changes the last bits: of the first ten losses these, and more of whole epochs after that.
TOLERANCE, OF_EPOCHS = 1e-5, 1e-4


def words(launcher, processes=1):
    return launcher(processes) if launcher else []


def results(folder):
    """What the epochs came to, without the times and the number of processes."""
    timed = ("images_per_second", "seconds", "processes")
    return [{name: record[name] for name in record if name not in timed} for record in records(folder, "epoch")]


def assert_same_run(folder, expected):
    assert first_ten(folder) == pytest.approx(first_ten(expected), rel=TOLERANCE, abs=0)
    assert len(results(folder)) == len(results(expected)) > 0
    for ours, theirs in zip(results(folder), results(expected)):
        assert ours == pytest.approx(theirs, rel=OF_EPOCHS)


@pytest.fixture
def resumable(stopped, tmp_path_factory):
    """A copy of the output folder of a stopped run."""
    return lambda *how: shutil.copytree(stopped(*how), tmp_path_factory.mktemp("copy") / "run")


def test_it_learns(options, tmp_path):
    epochs = results(train([], tmp_path / "run", *options(), "--learning-rate", 0.16))
    assert epochs[-1]["train_loss"] < 0.6 * epochs[0]["train_loss"]
    assert epochs[-1]["validation_accuracy"] > 0.6


@pytest.mark.parametrize(("launcher", "processes"), SEVERAL)
def test_several_processes_do_what_one_does(finished, launcher, processes):
    folder = finished(launcher, processes)
    assert list(losses(folder)) == list(range(1, STEPS + 1))
    assert_same_run(folder, finished())
    assert {record["processes"] for record in records(folder, "epoch")} == {processes}


def test_horovod_with_one_process_gives_the_same_bits_as_none(finished):
    assert trained(finished(gloo, 1)) == trained(finished())


@pytest.mark.parametrize(("launcher", "processes"), [(None, 1), (gloo, 2), slow(mpirun, 2)])
def test_the_same_command_gives_the_same_bits(finished, options, tmp_path, launcher, processes):
    again = train(words(launcher, processes), tmp_path / "again", *options(processes))
    assert trained(again) == trained(finished(launcher, processes))
    assert losses(again) == losses(finished(launcher, processes))


def test_another_seed_gives_another_run(finished, options, tmp_path):
    other = train([], tmp_path / "other", *options(), "--seed", 2, "--max-steps", 1)
    assert losses(other)[1] != losses(finished())[1]


@pytest.mark.parametrize(("launcher", "processes"), [(None, 1), (gloo, 2)])
def test_stopped_and_resumed_gives_the_same_bits(finished, resumable, options, launcher, processes):
    folder = resumable(launcher, processes)
    assert list(losses(folder)) == [1, 2, 3, 4, 5]
    before = trained(folder)
    train(words(launcher, processes), folder, *options(processes))
    assert trained(folder) == trained(finished(launcher, processes)) != before
    assert losses(folder) == losses(finished(launcher, processes))
    assert results(folder) == results(finished(launcher, processes))


@pytest.mark.parametrize(("launcher", "processes"), [(None, 1), slow(mpirun, 2)])
def test_killed_and_resumed_gives_the_same_bits(options, tmp_path, launcher, processes):
    """SIGKILL falls where it falls: between steps, in a step, in the writing of a checkpoint."""
    folder = tmp_path / "killed"
    long = [*options(processes), "--epochs", 400]
    with run_jobs.python(words(launcher, processes), "train.py", "--output-dir", folder, *long) as job:
        run_jobs.until(lambda: max(losses(folder), default=0) >= 7)
        job.kill()
        assert job.wait().code != 0
    last = max(losses(folder))
    long += ["--max-steps", last + 6]
    train(words(launcher, processes), folder, *long)
    never_killed = train(words(launcher, processes), tmp_path / "whole", *long)
    assert trained(folder) == trained(never_killed)
    assert [record["step"] for record in records(folder, "step")] == list(range(1, last + 7))
    assert losses(folder) == losses(never_killed)
    assert results(folder) == results(never_killed)


def test_resumed_with_fewer_processes_goes_on_as_one(finished, resumable, options):
    folder = train([], resumable(gloo, 2), *options())
    assert_same_run(folder, finished())


def test_resumed_with_more_processes_and_another_batch(resumable, options, tmp_path):
    """Images 64 to 250 of the second epoch are left: 48, 48, 48 and 42; the third epoch is six steps."""
    sizes = "--batch-size", 16
    folder = train(mpirun(3), resumable(), *options(), *sizes)
    alone = train([], resumable(), *options(), "--batch-size", 48)
    assert list(losses(folder)) == list(range(1, 16))
    assert [record["step"] for record in records(folder, "epoch")] == [4, 9, 15]
    assert [record["processes"] for record in records(folder, "epoch")] == [1, 3, 3]
    assert_same_run(folder, alone)


@pytest.mark.parametrize(
    ("launcher", "train_images", "validation_images", "batch_size"),
    [
        pytest.param(mpirun, 22, 4, 7, id="one image in the last step"),
        pytest.param(gloo, 2, 1, 5, id="less data than processes, batch larger than the data"),
    ],
)
def test_a_process_with_nothing_to_do_keeps_up(tmp_path, launcher, train_images, validation_images, batch_size):
    folder = datasets.write(tmp_path / "data", train=train_images, validation=validation_images)
    options = ["--data-dir", folder, "--epochs", 3, "--warmup-epochs", 0, "--log-every", 1]
    together = train(launcher(3), tmp_path / "together", *options, "--batch-size", batch_size)
    alone = train([], tmp_path / "alone", *options, "--batch-size", 3 * batch_size)
    assert len(losses(together)) == 3 * -(-train_images // (3 * batch_size))
    assert_same_run(together, alone)


def test_the_trained_network_is_the_tutorials(finished):
    path = finished() / "trained_LeNet5.params"
    plain = tutorial.network()
    plain.load_parameters(str(path))
    ours = lenet5.lenet5()
    lenet5.initialize(ours, seed=0, device=mx.cpu())
    lenet5.set_parameters(ours, read_params(path), path)
    images = mx.nd.random.uniform(shape=(5, 1, 28, 28))
    difference = (ours(images) - plain(images)).abs().max()
    assert difference.asscalar() < 1e-5
    assert plain(images).abs().max().asscalar() > 0.1


def test_the_validation_is_over_all_images(finished, small):
    """The tutorial's network, loaded from the file, hits as many of the 61 images as the last epoch says."""
    plain = tutorial.network()
    plain.load_parameters(str(finished() / "trained_LeNet5.params"))
    split = fashion_mnist.load(str(small)).validation
    logits = plain(lenet5.normalise(mx.nd.array(split.images, dtype="uint8")))
    hits = int((logits.asnumpy().argmax(axis=1) == split.labels).sum())
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()(logits, mx.nd.array(split.labels)).mean().asscalar()
    last = results(finished(gloo, 4))[-1]
    assert last["validation_accuracy"] == pytest.approx(hits / 61, abs=1e-12)
    assert last["validation_loss"] == pytest.approx(loss, rel=1e-4)


def test_the_records_of_the_contract(finished):
    steps, epochs = records(finished(), "step"), records(finished(), "epoch")
    assert all(list(record) == ["kind", "step", "epoch", "loss", "learning_rate"] for record in steps)
    wanted = (
        "kind epoch step train_loss train_accuracy validation_loss validation_accuracy "
        "images_per_second seconds learning_rate processes"
    )
    assert all(set(record) == set(wanted.split()) for record in epochs)
    assert [record["epoch"] for record in steps] == [0] * 4 + [1] * 4 + [2] * 4
    assert [(record["epoch"], record["step"]) for record in epochs] == [(0, 4), (1, 8), (2, 12)]
    assert all(record["seconds"] > 0 and record["images_per_second"] > 0 for record in epochs)


def test_an_epochs_loss_is_the_mean_of_its_images(finished):
    taken = [64, 64, 64, 58]
    for epoch, record in enumerate(results(finished())):
        own = [losses(finished())[4 * epoch + step + 1] for step in range(4)]
        assert record["train_loss"] == pytest.approx(sum(a * b for a, b in zip(own, taken)) / 250, rel=1e-6)
        assert record["train_accuracy"] * 250 == pytest.approx(round(record["train_accuracy"] * 250))


def test_log_every(options, tmp_path):
    folder = train([], tmp_path / "run", *options(), "--log-every", 3, "--max-steps", 7)
    assert list(losses(folder)) == [3, 6]


WRITES = """
import os, sys
folder, rank = sys.argv[1], os.environ["HOROVOD_RANK"]
def note(event, arguments):
    changes = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree")
    if event == "open":
        changes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if changes and str(arguments[0]).startswith(folder):
        os.write(2, f"{rank} {event} {arguments[0]}\\n".encode())
sys.addaudithook(note)
sys.argv = ["train.py", *sys.argv[2:]]
import runpy
runpy.run_path("train.py", run_name="__main__")
"""


def test_rank_0_alone_speaks_and_writes(options, tmp_path):
    folder = tmp_path / "run"
    outcome = run_jobs.run(gloo(2), "-c", WRITES, folder, "--output-dir", folder, *options(2))
    assert outcome.code == 0, outcome.text
    assert {rank for rank, _ in outcome.lines} == {0}
    wrote = [text for _, text in outcome.lines if re.match(r"0 (os|open|shutil)", text)]
    assert any("checkpoints" in text for text in wrote)
    said = [text for _, text in outcome.lines if text.startswith("Epoch")]
    for epoch, (text, record) in enumerate(zip(said, records(folder, "epoch"))):
        start = (
            f"Epoch [{epoch}] Loss:{record['train_loss']:.3f} Acc:{record['train_accuracy']:.3f} "
            f"Val:{record['validation_accuracy']:.3f} "
        )
        assert text.startswith(start)
        assert re.search(r"[\d,.]+ images/s [\d.]+ s$", text)
    assert len(said) == 3


def test_the_config_is_written_resolved(finished, small):
    config = read_config(["--config", str(finished() / "config.yaml")])
    assert (config.epochs, config.batch_size, config.data_dir) == (3, 64, str(small))
    assert set(asdict(config)) == set(asdict(read_config([])))


def test_max_steps_reached_before_is_not_passed(resumable, options):
    """The same command again, and one that asks for less than is done, have nothing to do."""
    for limit in (5, 3):
        folder = resumable()
        before = trained(folder)
        train([], folder, *options(), "--max-steps", limit)
        assert list(losses(folder)) == [1, 2, 3, 4, 5]
        assert trained(folder) == before


def test_a_finished_run_has_nothing_to_do(finished, options, tmp_path):
    folder = shutil.copytree(finished(), tmp_path / "run")
    train([], folder, *options())
    assert trained(folder) == trained(finished())
    assert records(folder, "step") == records(finished(), "step")


def test_asked_to_stop_it_leaves_a_checkpoint_of_the_last_step(options, tmp_path):
    folder = tmp_path / "run"
    long = [*options(), "--epochs", 400, "--checkpoint-every", 1000]
    with run_jobs.python([], "train.py", "--output-dir", folder, *long) as job:
        run_jobs.until(lambda: len(losses(folder)) >= 5)
        job.send(signal.SIGTERM)
        outcome = job.wait()
    assert outcome.code == 143, outcome.text
    assert checkpoint.newest(folder, report=None).progress.step == max(losses(folder))
