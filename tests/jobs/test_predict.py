"""python -m lenet predict, on test images and on people's own pictures."""

import numpy as np
import pytest
from PIL import Image

from lenet.__main__ import main
from lenet.data import fashion_mnist
from tests.support import datasets, run_jobs
from tests.support.pictures import write_broken


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    """A network that knows the small classes well, of images that have a dark edge as those of Fashion-MNIST have."""
    folder = tmp_path_factory.mktemp("known")
    datasets.write(folder / "data", train=600, validation=40, gz=False)
    for name in (datasets.NAMES[0], datasets.NAMES[2]):
        content = bytearray((folder / "data" / name).read_bytes())
        images = np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)
        images[:, [0, -1]] = images[:, :, [0, -1]] = 0
        (folder / "data" / name).write_bytes(content)
    words = ["--data-dir", folder / "data", "--epochs", 4, "--global-batch", 16, "--no-tensorboard"]
    return run_jobs.train([], folder / "run", *words) / "trained_LeNet5.params"


def predict(*words):
    return run_jobs.run([], "-m", "lenet", "predict", *words)


def test_the_first_six_test_images(params, tmp_path):
    folder = params.parent.parent / "data"
    outcome = predict(params, "--data-dir", folder, "--output", tmp_path / "six.png")
    assert outcome.code == 0, outcome.text
    labels = fashion_mnist.load(folder).validation.labels[:6]
    assert outcome.out.splitlines()[:2] == [str(labels.tolist()), "6 of 6 right"]
    width, height = Image.open(tmp_path / "six.png").size
    assert width > 4 * height


def test_wrong_ones_are_marked(finished, small, tmp_path):
    words = ["--count", 20, "--data-dir", small, "--output", tmp_path / "some.png"]
    outcome = predict(finished() / "trained_LeNet5.params", *words)
    assert outcome.code == 0, outcome.text
    guesses = np.array(eval(outcome.out.splitlines()[0], {}))
    right = int((guesses == fashion_mnist.load(small).validation.labels[:20]).sum())
    assert outcome.out.splitlines()[1] == f"{right} of 20 right"
    pixels = np.asarray(Image.open(tmp_path / "some.png").convert("RGB")).reshape(-1, 3)
    marked = (pixels == (0xD5, 0x5E, 0x00)).all(axis=1).any()
    assert marked == (right < 20)


def ways(image):
    """The image (28, 28) in the ways in which people have pictures."""
    grey = Image.fromarray(image)
    dark = Image.fromarray(255 - image)
    yield "as it is.png", grey
    yield "dark on light.png", dark
    yield "large.png", grey.resize((280, 280))
    yield "coloured.jpg", dark.resize((140, 140)).convert("RGB")
    yield "16 bits.png", Image.fromarray(image.astype(np.uint16) * 257)
    yield "palette.png", dark.quantize(64)
    yield "see-through.png", Image.merge("LA", (Image.new("L", (28, 28)), grey))  # black ink on nothing


def test_own_pictures_of_all_kinds(params, tmp_path):
    split = fashion_mnist.load(params.parent.parent / "data").validation
    for number in range(3):
        paths = []
        for name, picture in ways(split.images[number]):
            picture.save(tmp_path / name, quality=95)
            paths.append(tmp_path / name)
        outcome = predict(params, "--image", *paths, "--output", tmp_path / "own.png")
        assert outcome.code == 0, outcome.text
        lines = outcome.out.splitlines()
        assert lines[0] == str(len(paths) * [int(split.labels[number])])
        for path, line in zip(paths, lines[1:]):
            assert line.startswith(f"{path}: {fashion_mnist.CLASS_NAMES[split.labels[number]]} ")
            assert line.count("%") == 3


def test_files_that_are_no_pictures_are_left_out(params, tmp_path):
    names = list(write_broken(tmp_path))
    words = ["--image", *(tmp_path / name for name in (*names, "whole.png")), "--output", tmp_path / "own.png"]
    outcome = predict(params, *words)
    assert outcome.code == 0, outcome.text
    assert len(outcome.out.splitlines()) == 3  # the class, the likeliest ones, what is written
    assert f"{tmp_path / 'whole.png'}: " in outcome.out
    told = outcome.err.splitlines()
    assert [line.split(": ")[:2] for line in told] == len(names) * [["warning", "left out"]]
    assert all(str(tmp_path / name) in line for name, line in zip(names, told))
    outcome = predict(params, *words[:-3], "--output", tmp_path / "none.png")
    assert (outcome.code, len(outcome.errors)) == (2, 1)
    assert f"nor can the other {len(names) - 1} be used" in outcome.err
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--image", __file__], "test_predict.py"),
        (["--image", __file__, "--count", "3"], "--count"),
        (["--image"], "--image"),
        (["--count", "-1"], "-1"),
        (["--output", "out.bmp"], ".png"),
    ],
)
def test_bad_input_is_one_line(params, words, named, capsys):
    assert main(["predict", str(params), *words]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ")
    assert len((out + err).splitlines()) == 1
    assert named in err
