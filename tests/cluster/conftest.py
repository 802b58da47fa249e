"""What the tests of manifests and containers share."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lenet.data.dataset import Split
from lenet.data.fashion_mnist import load
from tests.support import checkout, datasets, images
from tests.support.fake_cluster import FakeCluster
from tests.support.manifests import K8S, VARIANTS, render
from tests.support.run_jobs import Job


@pytest.fixture(scope="session")
def image(once: Callable[..., Path]) -> str:
    """The tag of the image, built from this checkout."""
    tag = "localhost/lenet-test"

    def build(folder: Path) -> None:
        folder.mkdir()
        images.build(folder, tag)

    once("image", build)
    return tag


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The claim: a folder that the image's user can write, as fsGroup makes it."""
    folder = tmp_path / "output"
    folder.mkdir()
    os.chown(folder, 10001, 10001)
    return folder


@pytest.fixture(scope="session")
def data(once: Callable[..., Path]) -> Path:
    """The first images of the real data set, to stand where the image has all of it."""

    def write(folder: Path) -> None:
        folder.mkdir()
        whole = load()
        arrays = (*_first(4000, whole.train), *_first(500, whole.validation))
        for name, array in zip(datasets.NAMES, arrays):
            datasets.store(folder, name, datasets.pack(array))
        folder.chmod(0o755)

    return once("first-images", write)


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


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """An empty cluster that has the MPI operator's kind, and no controller."""
    with FakeCluster() as cluster:
        yield cluster


@pytest.fixture
def kubernetes_on(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """A function for the Job of launch/kubernetes.sh with words, on a cluster. It is patient for 3 s, not for 60."""
    launch = checkout.write(tmp_path) / "launch"
    k8s = shutil.copytree(K8S, launch.parent / "k8s")
    script = (k8s / "follow.sh").read_text()
    (k8s / "follow.sh").write_text(script.replace("\npatience=60 ", "\npatience=3 "))
    with contextlib.ExitStack() as stack:

        def start(cluster: FakeCluster, *words: str) -> Job:
            (tmp_path / "kubeconfig").write_text(cluster.kubeconfig())
            variables = {"KUBECONFIG": str(tmp_path / "kubeconfig"), "HOME": str(tmp_path)}
            return stack.enter_context(Job([launch / "kubernetes.sh", *words], **variables))

        yield start


@pytest.fixture
def kubernetes(cluster: FakeCluster, kubernetes_on: Callable[..., Job]) -> Callable[..., Job]:
    """A function for the Job of launch/kubernetes.sh with words, on `cluster`."""
    return partial(kubernetes_on, cluster)
