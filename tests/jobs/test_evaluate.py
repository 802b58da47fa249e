"""python -m lenet evaluate: the same exact numbers from one process and from several."""

import mxnet as mx
import numpy as np
import pytest

from distributed import World
from lenet.commands.evaluate import class_table
from lenet.commands.trained_network import load_trained
from lenet.data import fashion_mnist
from lenet.run.progress import Totals
from lenet.training.evaluation import evaluate
from lenet.training.objective import Objective
from tests.support import run_jobs
from tests.support.fashion import validation_of
from tests.support.marks import slow
from tests.support.run_jobs import gloo, mpirun


def run(launcher, *words):
    return run_jobs.run(launcher, "-m", "lenet", "evaluate", *words)


@pytest.fixture(scope="module")
def alone(finished, small):
    outcome = run([], finished() / "trained_LeNet5.params", "--data-dir", small)
    assert outcome.code == 0, outcome.text
    return outcome


def test_the_accuracy_is_that_of_the_last_epoch(alone, finished):
    accuracy = run_jobs.records(finished(), "epoch")[-1]["validation_accuracy"]
    assert alone.out.splitlines()[0] == f"Validation Accuracy: {accuracy:.3f}"
    assert f"{round(61 * accuracy)} of 61 images" in alone.out


def test_the_table_has_a_line_for_each_class(alone):
    lines = alone.out.splitlines()[-10:]
    assert [line[2:13].strip() for line in lines] == [name[:11] for name in fashion_mnist.CLASS_NAMES]
    assert sum(int(line.split()[-1]) for line in lines) == 61


@pytest.mark.parametrize(("launcher", "processes"), [(mpirun, 3), slow(gloo, 2)])
def test_several_processes_say_the_same_once(alone, finished, small, launcher, processes):
    outcome = run(launcher(processes), finished() / "trained_LeNet5.params", "--data-dir", small)
    assert outcome.code == 0, outcome.text
    said = [text.strip() for _, text in outcome.lines if text.strip()]
    assert [line for line in alone.out.splitlines() if line.strip()] == [line for line in said if line]


def test_a_checkpoint_is_a_network_too(alone, finished, small):
    newest = max((finished() / "checkpoints").iterdir())
    assert run([], newest, "--data-dir", small).out == alone.out


def test_the_sums_against_image_by_image(finished, small):
    split = fashion_mnist.load(small).validation
    batches = validation_of(small)
    (mean,), (std,) = batches.mean, batches.std
    net = load_trained(finished() / "trained_LeNet5.params", mx.cpu())
    found = evaluate(net, batches, World(), Objective(10))
    matrix, loss = np.zeros((10, 10), int), 0.0
    for image, label in zip(split.images, split.labels):
        pixels = mx.nd.array(((image / 255 - mean) / std)[None, None])
        chances = net(pixels).softmax().asnumpy()[0].astype(float)
        matrix[label, chances.argmax()] += 1
        loss -= np.log(chances[label])
    assert (found.confusion == matrix).all()
    assert found.totals == Totals(pytest.approx(loss, rel=1e-4), matrix.trace(), 61)


def test_the_table_by_hand():
    matrix = np.zeros((10, 10), int)
    matrix[0, :2] = 3, 1
    matrix[1, 1] = 4
    lines = [line.split() for line in class_table(matrix)]
    assert lines[0] == ["class", "precision", "recall", "support"]
    assert lines[1] == ["0", "T-shirt/top", "1.000", "0.750", "4"]
    assert lines[2] == ["1", "Trouser", "0.800", "1.000", "4"]
    assert lines[3] == ["2", "Pullover", "-", "-", "0"]


@pytest.mark.parametrize(("words", "named"), [([], "PARAMS"), ([__file__], "test_evaluate.py")])
def test_bad_input_is_one_line(small, words, named):
    outcome = run([], *words, "--data-dir", small)
    assert outcome.code == 2
    assert len(outcome.text.splitlines()) == 1
    assert named in outcome.errors[0]
