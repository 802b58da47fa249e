"""The data set is read whole, known by its content, and refused in one line where it is not sound."""

import gzip
import hashlib

import numpy as np
import pytest

from lenet.data import fashion_mnist
from lenet.errors import InputError
from tests.support import datasets
from tests.support.datasets import NAMES, pack, store

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES
needs_debian = pytest.mark.skipif(
    not fashion_mnist.DEBIAN_FOLDER.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed"
)


def images(count=3, height=28, width=28):
    return np.zeros((count, height, width), np.uint8)


def labels(*values):
    return np.array(values, np.uint8)


@pytest.mark.parametrize("gz", [True, False])
def test_a_small_data_set(tmp_path, gz):
    folder = datasets.write(tmp_path / "small", train=30, validation=10, gz=gz)
    loaded = fashion_mnist.load(str(folder))
    assert (len(loaded.train), len(loaded.validation)) == (30, 10)
    assert loaded.train.images.shape == (30, 28, 28)
    assert loaded.train.images.dtype == np.uint8
    assert loaded.validation.labels.shape == (10,)
    assert loaded.validation.labels.dtype == np.uint8
    assert sorted(loaded.validation.labels) == list(range(10))
    assert loaded.folder == folder
    assert loaded.name == f"data set in {folder}"


def test_one_image_is_enough(tmp_path):
    assert len(fashion_mnist.load(datasets.write(tmp_path, train=1, validation=1)).train) == 1


def test_the_digest_is_of_the_content_as_documented(tmp_path):
    zipped = datasets.write(tmp_path / "zipped", train=20, validation=10)
    plain = datasets.write(tmp_path / "plain", train=20, validation=10, gz=False)
    other = datasets.write(tmp_path / "other", train=20, validation=10, seed=1)
    parts = [hashlib.sha256((plain / name).read_bytes()).hexdigest() for name in NAMES]
    assert fashion_mnist.load(plain).digest == hashlib.sha256("".join(parts).encode()).hexdigest()
    assert fashion_mnist.load(plain).digest == fashion_mnist.load(zipped).digest != fashion_mnist.load(other).digest


def test_the_unzipped_file_is_read_where_both_are_there(tmp_path):
    datasets.write(tmp_path, train=20)
    datasets.write(tmp_path, train=30, gz=False)
    assert len(fashion_mnist.load(tmp_path).train) == 30


def test_the_classes_can_be_learned_from_small_data(tmp_path):
    """Nearest class mean on other images of the same classes is right more than nine times of ten."""
    train, validation = (fashion_mnist.load(datasets.write(tmp_path / str(seed), seed=seed)).train for seed in (0, 1))
    means = np.stack([train.images[train.labels == label].mean(axis=0) for label in range(10)])
    distances = ((validation.images[:, None] - means) ** 2).sum(axis=(2, 3))
    assert (distances.argmin(axis=1) == validation.labels).mean() > 0.9


BROKEN = {
    "images too narrow": (TEST_IMAGES, pack(images(3, 28, 27)), "holds images of 28 x 27, "),
    "images too large": (TEST_IMAGES, pack(images(3, 32, 32)), "holds images of 32 x 32, "),
    "images as rows": (TRAIN_IMAGES, pack(images(3).reshape(3, 784)), "holds 3 x 784 values"),
    "labels for images": (TRAIN_IMAGES, pack(labels(1, 2, 3)), "holds 3 values; images must be N x height x width"),
    "images for labels": (TEST_LABELS, pack(images(3)), "has 3 dimensions; labels have 1"),
    "a label too few": (TRAIN_LABELS, pack(labels(1, 2)), "has 2 labels for the 3 images of"),
    "a label too many": (TEST_LABELS, pack(labels(1, 2, 3, 4)), "has 4 labels for the 3 images of"),
    "label ten": (TRAIN_LABELS, pack(labels(0, 10, 9)), "label 10 of image 1: only 0 to 9 have names"),
    "label 255": (TEST_LABELS, pack(labels(0, 10, 255)), "label 255 of image 2: only 0 to 9 have names"),
    "no images": (TRAIN_IMAGES, pack(images(0)), "is empty: its header says 0 x 28 x 28"),
    "no labels": (TEST_LABELS, pack(labels()), "is empty: its header says 0"),
    "cut short": (TEST_IMAGES, pack(images(3))[:-1], "but only 2351 follow"),
    "text": (TRAIN_LABELS, b"1\n2\n3\n", "is not an IDX file"),
}


@pytest.mark.parametrize("gz", [True, False])
@pytest.mark.parametrize(("name", "content", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_named(tmp_path, name, content, words, gz):
    datasets.write(tmp_path, train=3, validation=3, gz=gz)
    path = store(tmp_path, name, content, gz)
    message = error_of(tmp_path)
    assert message.startswith(f"{path}: ")
    assert words in message


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(tmp_path, name):
    (datasets.write(tmp_path, train=3, validation=3) / f"{name}.gz").unlink()
    assert error_of(tmp_path).startswith(f"{tmp_path / name}: is missing; a data set is {TRAIN_IMAGES}, ")


def test_a_folder_for_a_file_and_a_link_to_nowhere(tmp_path):
    folder = datasets.write(tmp_path / "folder", train=3, validation=3)
    (folder / TRAIN_LABELS).mkdir()
    assert error_of(folder) == f"{folder / TRAIN_LABELS}: is a folder"
    link = datasets.write(tmp_path / "link", train=3, validation=3)
    (link / TEST_IMAGES).symlink_to("nowhere")
    assert error_of(link) == f"{link / TEST_IMAGES}: cannot be read: No such file or directory"


@needs_debian
def test_the_real_data_set_is_recognised_however_it_is_packed(tmp_path):
    real = fashion_mnist.load(str(fashion_mnist.DEBIAN_FOLDER))
    assert real.name == "Fashion-MNIST"
    assert (len(real.train), len(real.validation)) == (60000, 10000)
    assert [fashion_mnist.CLASS_NAMES[label] for label in real.validation.labels[:3]] == [
        "Ankle boot",
        "Pullover",
        "Trouser",
    ]
    for name in NAMES:
        content = gzip.decompress((fashion_mnist.DEBIAN_FOLDER / f"{name}.gz").read_bytes())
        store(tmp_path, name, content, gz=name in (TRAIN_LABELS, TEST_IMAGES))
    copy = fashion_mnist.load(tmp_path)
    assert (copy.name, copy.digest) == (real.name, real.digest)
    store(tmp_path, TEST_LABELS, pack(np.roll(real.validation.labels, 1)), gz=False)
    assert fashion_mnist.load(tmp_path).name == f"data set in {tmp_path}"


def error_of(data_dir):
    with pytest.raises(InputError) as caught:
        fashion_mnist.load(data_dir)
    assert "\n" not in str(caught.value)
    return str(caught.value)
