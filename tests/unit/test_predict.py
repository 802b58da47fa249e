"""python -m lenet predict, on test images and on people's own pictures."""

import numpy as np
import pytest
from PIL import Image

from lenet.__main__ import main
from lenet.commands import user_images
from lenet.data import fashion_mnist
from lenet.errors import InputError
from tests.support import datasets, run_jobs


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


def test_margins_are_cut_off_and_the_longer_edge_fills_the_image(tmp_path):
    canvas = np.full((300, 500, 3), 250, np.uint8)
    canvas[100:200, 150:350] = 20, 40, 60
    Image.fromarray(canvas).save(tmp_path / "bar.png")
    found = user_images.read(tmp_path / "bar.png")
    assert found.shape == (28, 28)
    assert found.dtype == np.uint8
    assert (found[8:20] > 180).all()
    assert found[:6].max() == found[22:].max() == 0


def test_a_picture_that_lies_on_its_side_is_put_upright(tmp_path):
    canvas = np.zeros((40, 80), np.uint8)
    canvas[8:32, 8:40] = 200  # bright on the left; in whole blocks of JPEG, which keeps them as they are
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: the left becomes the top
    Image.fromarray(canvas).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    Image.fromarray(np.rot90(canvas, -1)).save(tmp_path / "upright.jpg", quality=95)
    assert (user_images.read(tmp_path / "turned.jpg") == user_images.read(tmp_path / "upright.jpg")).all()


def scenes():
    """A photograph of a cross on a background, by what is special: how people's pictures are."""
    rng = np.random.default_rng(0)
    cross = np.zeros((400, 300, 1), bool)
    cross[80:320, 120:180] = cross[160:240, 60:240] = True
    down, right = np.mgrid[-1:1:400j, -1:1:300j][..., None]
    noise = rng.normal(0, 4, (400, 300, 3))
    yield "white on grey", np.where(cross, 250, 128)
    yield "black on grey", np.where(cross, 10, 128)
    yield "red on grey as bright", np.where(cross, (200, 60, 70), (103, 103, 103))
    yield "light that falls off", np.where(cross, (90, 60, 40), 220 - 30 * down - 20 * right) + noise
    yield "dark corners", np.where(cross, (90, 60, 40), 230 - 40 * (down**2 + right**2)) + noise


@pytest.mark.parametrize(("name", "pixels"), list(scenes()), ids=[name for name, _ in scenes()])
def test_what_differs_from_the_background_is_the_clothing(tmp_path, name, pixels):
    picture = np.broadcast_to(pixels, (400, 300, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "photo.jpg", quality=90)
    found = user_images.read(tmp_path / "photo.jpg")
    inside = found[2:26, 12:16], found[11:16, 6:22]
    outside = found[:8, :9], found[:8, 19:], found[21:, :9], found[21:, 19:]
    assert min(part.min() for part in inside) > 150
    assert max(part.max() for part in outside) < 40


def broken(folder):
    """Files that are no pictures, and words of the reason."""
    content = Image.fromarray(np.arange(784, dtype=np.uint8).reshape(28, 28))
    content.save(folder / "whole.png")
    content.save(folder / "other.gif")
    Image.new("L", (50, 50), 128).save(folder / "plain.png")
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:-30])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("not a picture")
    yield from (("other.gif", "PNG or JPEG"), ("cut.png", "PNG or JPEG"), ("empty.png", "PNG or JPEG"))
    yield from (
        ("text.png", "PNG or JPEG"),
        ("missing.png", "No such file"),
        ("plain.png", "one colour"),
        (".", "directory"),
    )


def test_what_is_no_picture_is_named(tmp_path):
    for name, reason in broken(tmp_path):
        with pytest.raises(InputError, match=reason):
            user_images.read(tmp_path / name)


def test_files_that_are_no_pictures_are_left_out(params, tmp_path):
    names = [name for name, _ in broken(tmp_path)]
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


def test_a_picture_of_too_many_pixels_is_refused(tmp_path, monkeypatch):
    Image.new("L", (200, 200)).save(tmp_path / "large.png")
    for limit in (39_999, 10_000):  # Pillow warns of the first and refuses the second
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(InputError, match="too many"):
            user_images.read(tmp_path / "large.png")


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
