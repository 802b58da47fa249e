"""The image for GPUs is built for real and, as far as that goes without a GPU, run.

The driver is not in the image: on a GPU host the container's engine mounts it. Here the toolkit's stub stands in for
it, which can be loaded and linked to and knows no GPU.
"""

import os

import pytest

from tests.support import images, pods
from tests.support.run_jobs import records

WISH = "LENET_TEST_GPU_IMAGE"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(bool(pods.what_is_missing()), reason=f"missing: {pods.what_is_missing()}"),
    pytest.mark.skipif(WISH not in os.environ, reason=f"{WISH}=1 is not set: 4 GB of downloads, 15 GB of disk"),
]
BUILDER = "localhost/lenet-test-gpu-builder"
STUB = "/usr/lib/x86_64-linux-gnu/stubs/libcuda.so"
PACKAGES = "/opt/lenet/.venv/lib/python3*/site-packages"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    images.build(folder, BUILDER, "--target", "gpu-builder")
    return images.build(folder, "localhost/lenet-test-gpu", "--target", "gpu")


@pytest.fixture(scope="module")
def stub(image, tmp_path_factory):
    """The words for podman that let a container find the stub."""
    folder = tmp_path_factory.mktemp("stub")
    folder.chmod(0o755)
    container = pods.run("podman", "create", BUILDER, "true").strip()
    try:
        pods.run("podman", "cp", f"{container}:{STUB}", folder / "libcuda.so.1")
    finally:
        pods.run("podman", "rm", container)
    return ["--volume", f"{folder}:/run/stub:ro", "--env", "LD_LIBRARY_PATH=/run/stub"]


def start(image, words, *args):
    """What a locked down container says that must end well."""
    with pods.Cluster(image, [], "") as cluster:
        pod = cluster.run([*pods.LOCKED, "--network", "none", *words], args)
        assert pod.wait() == 0, pod.log
        return pod.log


def not_found(image, words):
    """The names of the shared libraries that MXNet's, CUDA's or Horovod's ask for and that are not there."""
    listing = start(image, words, "sh", "-c", f"ldd {PACKAGES}/mxnet/*.so* {PACKAGES}/horovod/mxnet/*.so")
    for name in ("libmxnet.so", "libcudnn.so.8", "libnccl.so.2", "mpi_lib"):
        assert name in listing
    return {line.split()[0] for line in listing.splitlines() if "not found" in line}


def test_every_library_is_there_but_the_driver(image, stub):
    assert not_found(image, stub) == set()
    assert not_found(image, []) == {"libcuda.so.1"}


def test_no_compiler_inside(image):
    assert start(image, [], "sh", "-c", "command -v nvcc g++ || echo none") == "none\n"


def test_horovod_knows_nccl(image, stub):
    ticked = start(image, stub, "horovodrun", "--check-build")
    for name in ("MXNet", "MPI", "Gloo", "NCCL"):
        assert f"[X] {name}" in ticked


def test_trains_on_the_cpu_with_the_stub(image, stub, tmp_path):
    os.chown(tmp_path, 10001, 10001)
    words = [*stub, "--volume", f"{tmp_path}:/opt/lenet/runs"]
    options = ["--device", "cpu", "--max-steps", "3", "--log-every", "1"]
    start(image, words, "horovodrun", "-np", "2", "python", "train.py", *options)
    assert len(records(tmp_path / "lenet", "step")) == 3
