"""From a folder of one's own pictures and a network of one's own to a file that others run, through real commands."""

import numpy as np
import pytest

from tests.support import pictures, run_jobs
from tests.support.marks import slow
from tests.support.pictures import CLASSES
from tests.support.run_jobs import gloo, mpirun, records

TRAINED = "trained_small.params"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with 100 pictures, the data set that is packed of them, and the file of a network."""
    folder = tmp_path_factory.mktemp("own")
    pictures.write(folder / "pictures")
    outcome = run_jobs.run([], "-m", "lenet", "pack", folder / "pictures", folder / "data", "--validation", 0.2)
    assert outcome.code == 0, outcome.text
    return folder


@pytest.fixture(scope="module")
def options(place):
    """The options of a run of images that are mirrored and moved, in steps of three shards."""
    words = "--model tests/programs/small_network.py:small --global-batch 24 --shard 8 --epochs 6 --flip --shift 2"
    return ["--data-dir", place / "data", *words.split(), "--learning-rate", 0.05, "--reference-batch", 24]


@pytest.fixture(scope="module")
def alone(options, tmp_path_factory):
    return run_jobs.train([], tmp_path_factory.mktemp("alone"), *options)


@pytest.mark.parametrize(("launcher", "processes"), [(mpirun, 3), slow(gloo, 2)])
def test_the_bits_are_those_of_one_process(options, alone, tmp_path, launcher, processes):
    folder = run_jobs.train(launcher(processes), tmp_path / "run", *options)
    assert (folder / TRAINED).read_bytes() == (alone / TRAINED).read_bytes()
    assert records(folder, "step") == records(alone, "step")


def test_mirrored_and_moved_images_are_others(options, alone, tmp_path):
    folder = run_jobs.train([], tmp_path / "plain", *options, "--no-flip", "--shift", 0)
    assert (folder / TRAINED).read_bytes() != (alone / TRAINED).read_bytes()


def lenet(*words):
    outcome = run_jobs.run([], "-m", "lenet", *words)
    assert outcome.code == 0, outcome.text
    return outcome.out


def test_it_is_evaluated(place, alone):
    text = lenet("evaluate", alone / TRAINED, "--data-dir", place / "data")
    accuracy = records(alone, "epoch")[-1]["validation_accuracy"]
    assert text.startswith(f"Validation Accuracy: {accuracy:.3f}\n")
    assert accuracy > 0.5
    lines = text.splitlines()[-5:]
    assert all(line.startswith(f"{number} {name}") for number, (name, line) in enumerate(zip(CLASSES, lines)))
    newest = max((alone / "checkpoints").iterdir())
    assert lenet("evaluate", newest, "--data-dir", place / "data") == text


def test_it_names_pictures_of_its_own_kind(place, alone, tmp_path):
    paths = [place / "pictures" / name / "000.png" for name in CLASSES]
    lines = lenet("predict", alone / TRAINED, "--image", *paths, "--output", tmp_path / "own.png").splitlines()
    right = sum(line.startswith(f"{path}: {name} ") for path, name, line in zip(paths, CLASSES, lines[1:]))
    assert right >= 3
    assert "right" in lenet("predict", alone / TRAINED, "--data-dir", place / "data", "--output", tmp_path / "six.png")


def test_its_report_names_the_classes(place, alone):
    lenet("report", alone)
    page = (alone / "report.html").read_text()
    assert "cat &amp; &lt;dog&gt;" in page
    assert "cat & <dog>" not in page
    assert (alone / "confusion.png").stat().st_size > 5000


def test_it_is_exported(place, alone, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    text = lenet("export", alone / TRAINED, "--data-dir", place / "data", "--output", tmp_path / "small.onnx")
    assert text.startswith("checked on 20 images: the same classes")
    session = onnxruntime.InferenceSession(str(tmp_path / "small.onnx"))
    (logits,) = session.run(None, {"pixels": np.zeros((2, 32, 40, 3), np.uint8)})
    assert logits.shape == (2, 5)


def test_it_is_not_used_for_other_data(alone, small):
    outcome = run_jobs.run([], "-m", "lenet", "evaluate", alone / TRAINED, "--data-dir", small)
    assert outcome.code == 2
    assert "has images of 1 x 28 x 28" in outcome.errors[0]
    assert len(outcome.text.splitlines()) == 1
