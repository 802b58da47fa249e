"""python -m lenet pack: folders of pictures become the files of a data set, whole or not at all."""

import os

import numpy as np
import pytest
from PIL import Image

from lenet.__main__ import main
from lenet.data import fashion_mnist, idx
from tests.support import pictures
from tests.support.pictures import CLASSES, HEIGHT, WIDTH


@pytest.fixture
def folder(tmp_path):
    return pictures.write(tmp_path / "pictures", each=10)


def pack(*words):
    assert main(["pack", *map(str, words)]) == 0


def test_the_data_set_holds_the_pictures(folder, tmp_path, capsys):
    pack(folder, tmp_path / "data", "--validation", "0.2")
    dataset = fashion_mnist.load(tmp_path / "data")
    assert dataset.class_names == CLASSES
    assert dataset.image_shape == (3, HEIGHT, WIDTH)
    assert [np.bincount(split.labels).tolist() for split in (dataset.train, dataset.validation)] == [[8] * 5, [2] * 5]
    stored = {image.tobytes() for split in (dataset.train, dataset.validation) for image in split.images}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert stored == {np.asarray(Image.open(path).convert("RGB")).tobytes() for path in files}
    assert "train: 40 pictures of 32 x 40 pixels" in capsys.readouterr().out


def test_the_split_is_the_seeds(folder, tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        pack(folder, tmp_path / name, "--seed", seed)
    one, again, other = (fashion_mnist.load(tmp_path / name).digest for name in ("one", "again", "other"))
    assert one == again != other


def test_a_folder_that_is_split_already(folder, tmp_path):
    for split in ("train", "validation"):
        pictures.write(tmp_path / "split" / split, each=3, seed=len(split))
    pack(tmp_path / "split", tmp_path / "data")
    dataset = fashion_mnist.load(tmp_path / "data")
    assert (len(dataset.train), len(dataset.validation)) == (15, 15)
    assert main(["pack", str(tmp_path / "split"), str(tmp_path / "more"), "--seed", "2"]) == 2


def test_gray_pictures_of_another_size(folder, tmp_path):
    Image.new("RGB", (300, 30)).save(folder / "ant" / "wide.png")
    pack(folder, tmp_path / "data", "--gray", "--size", "16x12")
    assert fashion_mnist.load(tmp_path / "data").image_shape == (1, 16, 12)


def test_each_picture_that_cannot_be_read_is_named(folder, tmp_path, capsys):
    (folder / "bee" / "cut.png").write_bytes((folder / "bee" / "000.png").read_bytes()[:-40])
    (folder / "eel" / "text.jpg").write_text("no picture")
    (folder / "eel" / "notes.txt").write_text("not looked at")
    pack(folder, tmp_path / "data")
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split(": ")[1] for line in lines if line.startswith("left out")) == [
        str(folder / "bee" / "cut.png"),
        str(folder / "eel" / "text.jpg"),
    ]
    assert len(fashion_mnist.load(tmp_path / "data").train) == 45


def test_more_than_256_classes_have_labels_of_16_bits(tmp_path):
    for label in range(300):
        (tmp_path / "many" / f"class {label:03}").mkdir(parents=True)
        for number in range(2):
            Image.new("L", (4, 4), label % 256).save(tmp_path / "many" / f"class {label:03}" / f"{number}.png")
    pack(tmp_path / "many", tmp_path / "data", "--gray")
    dataset = fashion_mnist.load(tmp_path / "data")
    assert dataset.train.labels.tolist() == list(range(300))
    assert dataset.train.images[299, 0, 0] == 299 % 256
    assert idx.read(tmp_path / "data" / fashion_mnist.FILES[1], is_labels=True).dtype == ">i2"


def make_wrong(folder, tmp_path):
    """Words for pack that cannot be, each with a part of the error."""
    Image.new("RGB", (41, 32)).save(folder / "fly" / "large.png")
    (tmp_path / "alone" / "one").mkdir(parents=True)
    (tmp_path / "empty" / "one").mkdir(parents=True)
    (tmp_path / "empty" / "two").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    yield [folder, "new"], "large.png: has 32 x 41 pixels"
    yield [tmp_path / "none", "new"], "none: No such file"
    yield [tmp_path / "alone", "new"], "names 1 classes"
    yield [tmp_path / "empty", "new"], "has no PNG or JPEG picture for train"
    yield [folder, "full", "--size", "8x8"], "full: is not an empty folder"
    yield [folder, "new", "--size", "8"], "--size: 8: a height and a width"
    yield [folder, "new", "--validation", "1"], "--validation: 1: a number between 0 and 1"


def test_what_cannot_be_is_one_line_and_nothing_is_written(folder, tmp_path, capsys):
    for words, named in make_wrong(folder, tmp_path):
        before = sorted(os.listdir(tmp_path))
        assert main(["pack", str(words[0]), str(tmp_path / words[1]), *words[2:]]) == 2
        out, err = capsys.readouterr()
        assert named in err
        assert len((out + err).splitlines()) == 1
        assert sorted(os.listdir(tmp_path)) == before


def test_a_picture_of_too_many_pixels_is_left_out(folder, tmp_path, monkeypatch, capsys):
    Image.new("L", (200, 200)).save(folder / "ant" / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    pack(folder, tmp_path / "data")
    assert "large.png: more than 10,000 pixels are too many" in capsys.readouterr().out
