"""What a run prints and leaves: its lines, metrics.jsonl, config.yaml, checkpoints, the trained network."""

import pickletools
import re
from dataclasses import asdict

import mxnet as mx
import numpy as np
import pytest

from lenet.config import read_config
from lenet.data import fashion_mnist
from lenet.model import parameters
from lenet.model.normalise import normalise
from lenet.model.params_file import read_params
from lenet.run import checkpoint
from lenet.run.progress import Progress, Totals
from tests.support import run_jobs, tutorial
from tests.support.fashion import build_lenet5
from tests.support.run_jobs import gloo, losses, mpirun, program, records, train
from tests.support.same_runs import results


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
        assert record["train_loss"] == pytest.approx(sum(a * b for a, b in zip(own, taken)) / 250, rel=1e-12)
        assert record["train_accuracy"] * 250 == pytest.approx(round(record["train_accuracy"] * 250))


def test_log_every(options, tmp_path):
    folder = train([], tmp_path / "run", *options, "--log-every", 3, "--max-steps", 7)
    assert list(losses(folder)) == [3, 6]


def test_rank_0_alone_speaks_and_writes(options, tmp_path):
    folder = tmp_path / "run"
    outcome = run_jobs.run(gloo(2), *program("audited"), folder, "--output-dir", folder, *options)
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
    assert (config.epochs, config.global_batch, config.data_dir) == (3, 64, str(small))
    assert set(asdict(config)) == set(asdict(read_config([])))


def test_print_config_prints_what_config_reads_and_starts_nothing(tmp_path):
    words = ["--output-dir", tmp_path / "run", "--data-dir", tmp_path / "none", "--batch-size", 32, "--no-tensorboard"]
    outcome = run_jobs.run(mpirun(2), "train.py", *words, "--print-config")
    assert outcome.code == 0, outcome.text
    assert not (tmp_path / "run").exists()
    (tmp_path / "printed.yaml").write_text(outcome.out)
    config = read_config(["--config", str(tmp_path / "printed.yaml")], processes=2)
    assert config == read_config([str(word) for word in words], processes=2)
    assert config.global_batch == 64


def test_the_trained_network_is_the_tutorials(finished):
    path = finished() / "trained_LeNet5.params"
    plain = tutorial.network()
    plain.load_parameters(str(path))
    ours = build_lenet5(seed=0)
    parameters.set_parameters(ours, read_params(path), path)
    images = mx.nd.random.uniform(shape=(5, 1, 28, 28))
    difference = (ours(images) - plain(images)).abs().max()
    assert difference.asscalar() < 1e-5
    assert plain(images).abs().max().asscalar() > 0.1


def test_the_validation_is_over_all_images(finished, small):
    """The tutorial's network, loaded from the file, hits as many of the 61 images as the last epoch says."""
    plain = tutorial.network()
    plain.load_parameters(str(finished() / "trained_LeNet5.params"))
    dataset = fashion_mnist.load(str(small))
    split = dataset.validation
    logits = plain(normalise(mx.nd.array(split.images, dtype="uint8"), dataset.pixel_mean, dataset.pixel_std))
    hits = int((logits.asnumpy().argmax(axis=1) == split.labels).sum())
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()(logits, mx.nd.array(split.labels)).mean().asscalar()
    last = results(finished(gloo, 4))[-1]
    assert last["validation_accuracy"] == pytest.approx(hits / 61, abs=1e-12)
    assert last["validation_loss"] == pytest.approx(loss, rel=1e-4)


def test_the_files_of_a_checkpoint(stopped):
    folders = checkpoint.folders(stopped())
    assert [folder.name for folder in folders] == ["step-00000003", "step-00000004", "step-00000005"]
    for folder in folders:
        names = ["model.params", "network.json", "optimizer.params", "state.json"]
        assert sorted(path.name for path in folder.iterdir()) == names
    assert sorted(path.name for path in (stopped() / "checkpoints").iterdir()) == [each.name for each in folders]


def test_no_file_is_a_pickle(stopped):
    for path in stopped().rglob("*"):
        if path.is_file() and path.stat().st_size:
            with pytest.raises(ValueError, match=r"."), open(path, "rb") as file:
                list(pickletools.genops(file))


def test_what_a_checkpoint_holds(stopped):
    loaded = checkpoint.load(checkpoint.folder_of(stopped(), 5))
    assert loaded.progress == Progress(epoch=1, images_done=64, step=5)
    assert loaded.totals.images == 64
    assert loaded.run["images"] == 250
    assert loaded.run["seed"] == 1
    assert list(loaded.slots) == [f"momentum:{name}" for name in loaded.weights]
    assert all(np.abs(momentum).max() > 0 for momentum in loaded.slots.values())
    at_the_end_of_an_epoch = checkpoint.load(checkpoint.folder_of(stopped(), 4))
    assert at_the_end_of_an_epoch.progress == Progress(epoch=1, images_done=0, step=4)
    assert at_the_end_of_an_epoch.totals == Totals()
