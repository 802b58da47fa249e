"""A network of the user's, with BatchNorm and Dropout, on colour images: the same bits for any number of processes."""

import json

import mxnet as mx
import numpy as np
import pytest

from lenet.data import fashion_mnist
from lenet.model.normalise import normalise
from lenet.run import checkpoint
from tests.programs.residual_network import residual
from tests.support import colour_data, run_jobs
from tests.support.marks import slow
from tests.support.run_jobs import gloo, mpirun, python, records, train, until
from tests.support.same_runs import results

NETWORK = "tests/programs/residual_network.py:residual"
# Each is off by default, and each must be exact too.
EXTRAS = ["--clip-norm", 1, "--label-smoothing", 0.1, "--best"]
PLACES = ("trained_residual.params", "best_residual.params")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return colour_data.write(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def words(data):
    """Two epochs of steps of 64, 64 and 22 images, in shards of 16."""
    options = "--global-batch 64 --shard 16 --epochs 2 --learning-rate 0.2 --log-every 1 --checkpoint-every 1 --keep 20"
    return ["--model", NETWORK, "--data-dir", data, *options.split(), *EXTRAS]


@pytest.fixture(scope="module")
def alone(words, tmp_path_factory):
    """The output folder of the run in one process."""
    return train([], tmp_path_factory.mktemp("run"), *words)


def assert_same(folder, expected):
    assert records(folder, "step") == records(expected, "step")
    assert results(folder) == results(expected) != []
    for name in PLACES:
        assert (folder / name).read_bytes() == (expected / name).read_bytes(), name


@pytest.mark.parametrize(("launcher", "processes"), [(mpirun, 3), slow(gloo, 3), slow(gloo, 2), slow(mpirun, 6)])
def test_any_number_of_processes_gives_the_bits_of_one(alone, words, tmp_path, launcher, processes):
    """With six, two have no shard of a step."""
    assert_same(train(launcher(processes), tmp_path / "run", *words), alone)


def test_killed_and_gone_on_with_in_another_number_of_processes(alone, words, tmp_path):
    folder = tmp_path / "run"
    with python(mpirun(2), "train.py", "--output-dir", folder, *words) as job:
        until(lambda: checkpoint.folders(folder) or job.process.poll() is not None)
        job.kill()
    assert_same(train([], folder, *words), alone)


def test_what_is_written_loads_in_gluon_and_predicts_as_the_run_says(alone, data):
    """The running statistics are there, and are those that the evaluation has used."""
    net = residual(5)
    net.load_parameters(str(alone / PLACES[0]))
    split = fashion_mnist.load(data).validation
    dataset = fashion_mnist.load(data)
    images = normalise(mx.nd.array(split.images, dtype="uint8"), dataset.pixel_mean, dataset.pixel_std)
    correct = int((net(images).asnumpy().argmax(axis=1) == split.labels).sum())
    assert results(alone)[-1]["validation_accuracy"] == pytest.approx(correct / len(split), abs=1e-12)
    means = [each.data().asnumpy() for name, each in net.collect_params().items() if name.endswith("running_mean")]
    assert len(means) == 5
    assert all(np.abs(mean).max() > 1e-3 for mean in means)


def test_the_five_best_of_ten_classes_are_counted_across_a_resume_and_reported(small, tmp_path):
    words = ["--model", "tests/programs/small_network.py:small", "--data-dir", small]
    words += ["--global-batch", "64", "--shard", "16", "--epochs", "1", "--log-every", "1"]
    folder = train(mpirun(2), tmp_path / "run", *words, "--max-steps", 2)
    train([], folder, *words)
    (found,) = records(folder, "epoch")
    (expected,) = records(train([], tmp_path / "whole", *words), "epoch")
    for part in ("train", "validation"):
        assert found[f"{part}_accuracy"] <= found[f"{part}_top5"] <= 1
        assert found[f"{part}_top5"] == expected[f"{part}_top5"]
    outcome = run_jobs.run([], "-m", "lenet", "report", folder)
    assert outcome.code == 0, outcome.text
    assert f"Top-5 accuracy</th><td>{found['validation_top5']:.2%}</td>" in (folder / "report.html").read_text()


def test_another_network_does_not_go_on_with_the_run(alone, words):
    place = words.index(NETWORK)
    other = [*words[:place], "lenet5", *words[place + 1 :]]
    outcome = run_jobs.run([], "train.py", "--output-dir", alone, *other)
    assert (outcome.code, len(outcome.errors)) == (2, 1)
    assert "already finished with network residual " in outcome.errors[0]


@pytest.mark.slow
def test_the_check_is_of_the_network_that_is_trained(data, words):
    outcome = run_jobs.run([], "train.py", *words, "--deterministic-check")
    assert outcome.code == 0, outcome.text
    again = run_jobs.run(mpirun(2), "train.py", *words, "--deterministic-check")
    digests = [each.out.split("SHA-256 ")[1].split()[0] for each in (outcome, again)]
    assert digests[0] == digests[1]
    plain = run_jobs.run([], "train.py", *words, "--deterministic-check", "--model", "lenet5")
    assert digests[0] not in plain.out


def test_the_state_names_the_network(alone):
    state = json.loads((checkpoint.folders(alone)[-1] / "state.json").read_text())
    assert state["run"]["network"].startswith("residual ")
    best = max(round(each["validation_accuracy"] * 40) for each in results(alone))
    assert state["best"] == {"correct": best}


def test_debug_gives_the_same_run(alone, words, tmp_path):
    """Layer by layer: the same losses to float rounding, with the same images dropped."""
    folder = train([], tmp_path / "run", *words, "--debug", "--max-steps", 3)
    ours, theirs = run_jobs.losses(folder), run_jobs.losses(alone)
    assert [ours[step] for step in (1, 2, 3)] == pytest.approx([theirs[step] for step in (1, 2, 3)], rel=1e-4)


def test_the_summary_of_it(data):
    outcome = run_jobs.run([], "-m", "lenet", "summary", "--network", NETWORK, "--data-dir", data)
    assert outcome.code == 0, outcome.text
    lines = outcome.out.splitlines()
    assert lines[0] == "residual: images of 3 x 32 x 40, 5 classes"
    net = residual(5)
    net.initialize()
    net(mx.nd.zeros((1, 3, 32, 40)))
    total = sum(each.data().size for each in net.collect_params().values())
    assert f"{total:,} parameters" in outcome.out
    first = next(line.split() for line in lines if "Convolution" in line)
    assert first[1:] == ["Convolution", "8", "x", "32", "x", "40", "216", f"{2 * 216 * 32 * 40:,}"]
