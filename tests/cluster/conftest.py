"""What the tests of manifests and containers share."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lenet.data.dataset import Split
from lenet.data.fashion_mnist import load
from tests.support import datasets, images
from tests.support.manifests import VARIANTS, render


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tag of the image, built from this checkout."""
    return images.build(tmp_path_factory.mktemp("image"), "localhost/lenet-test")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The claim: a folder that the image's user can write, as fsGroup makes it."""
    folder = tmp_path / "output"
    folder.mkdir()
    os.chown(folder, 10001, 10001)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first images of the real data set, to stand where the image has all of it."""
    folder = tmp_path_factory.mktemp("data")
    whole = load()
    arrays = (*_first(4000, whole.train), *_first(500, whole.validation))
    for name, array in zip(datasets.NAMES, arrays):
        datasets.store(folder, name, datasets.pack(array))
    folder.chmod(0o755)
    return folder


def _first(count: int, split: Split) -> tuple[np.ndarray, np.ndarray]:
    return split.images[:count], split.labels[:count]


@pytest.fixture(params=VARIANTS)
def variant(request) -> str:
    """The folder of k8s/ that is rendered."""
    return request.param


@pytest.fixture
def objects(variant) -> list[dict[str, Any]]:
    """What the variant is rendered to."""
    return render(variant)
