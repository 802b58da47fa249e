"""Data sets of the user's own: any size, one to four channels, named or numbered classes, their own pixels."""

import json

import numpy as np
import pytest

from lenet.commands.trained_network import FASHION, describe
from lenet.data import fashion_mnist
from lenet.data.dataset import pixel_statistics
from lenet.errors import InputError
from lenet.run.network_spec import FILE, NetworkSpec, read_network_spec
from tests.support.datasets import NAMES, pack, store

RNG = np.random.default_rng(0)


def write(folder, shape=(8, 10, 3), labels=(0, 1, 2, 3, 4), names=None):
    """A data set of random images of that shape."""
    folder.mkdir(exist_ok=True)
    labels = np.array(labels)
    kind, labels = (0x08, labels.astype(np.uint8)) if labels.max() < 256 else (0x0B, labels.astype(">i2"))
    for images_name, labels_name in (NAMES[:2], NAMES[2:]):
        store(folder, images_name, pack(RNG.integers(0, 256, (len(labels), *shape), np.uint8)))
        store(folder, labels_name, pack(labels, kind))
    if names is not None:
        (folder / "classes.txt").write_text(names)
    return folder


@pytest.mark.parametrize(
    ("shape", "image_shape"),
    [((8, 10), (1, 8, 10)), ((8, 10, 1), (1, 8, 10)), ((8, 10, 2), (2, 8, 10)), ((3, 90, 4), (4, 3, 90))],
)
def test_images_of_any_size_and_one_to_four_channels(tmp_path, shape, image_shape):
    dataset = fashion_mnist.load(write(tmp_path, shape))
    assert dataset.image_shape == image_shape
    assert dataset.train.images.shape == (5, *(shape[:2] if shape[2:] == (1,) else shape))
    assert len(dataset.pixel_mean) == len(dataset.pixel_std) == image_shape[0]


def test_classes_are_counted_from_the_labels_or_named(tmp_path):
    assert fashion_mnist.load(write(tmp_path / "five")).class_names == ("0", "1", "2", "3", "4")
    assert fashion_mnist.load(write(tmp_path / "two", labels=[0, 0])).class_names == ("0", "1")
    assert len(fashion_mnist.load(write(tmp_path / "many", labels=[3, 999])).class_names) == 1000
    named = fashion_mnist.load(write(tmp_path / "named", names="a\n b \nc\nd\ne\nf\n\n"))
    assert named.class_names == ("a", "b", "c", "d", "e", "f")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"shape": (8, 10, 5)}, "holds 5 x 8 x 10 x 5 values; images must be"),
        ({"labels": (0, 1000)}, "label 1000 of image 1: only 0 to 999 can be labels"),
        ({"labels": (-1, 300)}, "label -1 of image 0"),
        ({"names": "a\nb\nc\nd"}, "label 4 of image 4: only 0 to 3 have names"),
        ({"names": "a\nb\nb\nd\ne"}, "classes.txt: b stands there twice"),
        ({"names": "a\n\nc\nd\ne"}, "the name of class 1 is empty"),
        ({"names": "a"}, "names 1 classes"),
        ({"names": "\n".join(map(str, range(1001)))}, "names 1001 classes"),
        ({"names": "a" * 500_000}, "classes.txt: cannot be read: more than 404,000 bytes"),
        ({"names": "a\nb\nc\nd\n\x1b[31me"}, "the name of class 4 is not one of 1 to 100 printable"),
    ],
)
def test_what_cannot_be_is_named(tmp_path, settings, named):
    with pytest.raises(InputError) as caught:
        fashion_mnist.load(write(tmp_path, **settings))
    assert named in str(caught.value)


def test_both_splits_have_images_of_one_shape(tmp_path):
    write(tmp_path)
    store(tmp_path, NAMES[2], pack(np.zeros((5, 8, 11, 3), np.uint8)))
    with pytest.raises(InputError, match="holds images of 8 x 11 x 3"):
        fashion_mnist.load(tmp_path)


def test_pixel_statistics_are_those_of_numpy():
    images = RNG.integers(0, 200, (50, 7, 9, 3), np.uint8)
    images[..., 2] = 51
    mean, std = pixel_statistics(images)
    np.testing.assert_allclose(mean, (images / 255).mean(axis=(0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(std[:2], (images / 255).std(axis=(0, 1, 2))[:2], rtol=1e-5)
    assert (mean[2], std[2]) == (0.2, 1.0)  # of one value alone: divided by 1


def test_a_description_is_read_back(tmp_path):
    found = NetworkSpec("a.py:net", (3, 8, 10), ("a", "ü"), (0.1, 0.2, 0.30001), (0.1, 1e-6, 1.0))
    found.write(tmp_path)
    assert read_network_spec(tmp_path) == found
    assert read_network_spec(tmp_path / "none") is None


@pytest.mark.parametrize(
    "changed",
    [
        {"network": 3},
        {"image_shape": [3, 8]},
        {"image_shape": [5, 8, 10]},
        {"class_names": "ab"[:1]},
        {"class_names": ["a", 3]},
        {"pixel_mean": [0.1]},
        {"pixel_std": [0.1, 0.0, 0.1]},
        {"pixel_std": [0.1, "0.2", 0.1]},
        {"pixel_mean": {"a": 1}},
        {"more": [1]},
    ],
)
def test_a_description_out_of_range_is_refused(tmp_path, changed):
    sound = json.loads(NetworkSpec("lenet5", (3, 8, 10), ("a", "b"), (0.1,) * 3, (0.1,) * 3).to_json())
    (tmp_path / FILE).write_text(json.dumps({**sound, **changed}))
    with pytest.raises(InputError, match=str(tmp_path / FILE)):
        read_network_spec(tmp_path)


def test_a_network_is_used_for_what_it_was_trained_with(tmp_path):
    named = fashion_mnist.load(write(tmp_path / "named", names="a\nb\nc\nd\ne"))
    other = fashion_mnist.load(write(tmp_path / "other", names="a\nb\nx\nd\ne"))
    numbered = fashion_mnist.load(write(tmp_path / "numbered", labels=[0, 3]))
    small = fashion_mnist.load(write(tmp_path / "small", shape=(8, 9, 3)))
    path = tmp_path / "trained.params"
    assert describe(path) == FASHION
    assert describe(path, dataset=other).class_names == other.class_names
    NetworkSpec.of("lenet5", named).write(tmp_path)
    assert describe(path, dataset=numbered) == NetworkSpec.of("lenet5", named)
    assert describe(path, "b.py:net").network == "b.py:net"
    with pytest.raises(InputError, match="class 2 is x, "):
        describe(path, dataset=other)
    with pytest.raises(InputError, match="has images of 3 x 8 x 9"):
        describe(path, dataset=small)
