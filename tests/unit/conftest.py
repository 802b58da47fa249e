"""What several tests of one process share."""

import ctypes
import os

import mxnet as mx
import pynvml
import pytest

from lenet import nvml
from tests.support import fake_cuda_library, fake_nvml
from tests.support.fake_nvml import CUDA_BUILD, Features


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The folder of a libnvidia-ml.so.1 that tells of the machine in the environment."""
    return fake_nvml.build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def machine(monkeypatch, library, tmp_path):
    """Makes this machine one with these GPUs and an MXNet that sees `count` of them, by default all that CUDA shows.

    The library of that MXNet has machine code `code`.
    """
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(os.fspath(library / "libnvidia-ml.so.1")))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})

    def make(*names, build=CUDA_BUILD, count=None, code=fake_cuda_library.PYPI, **environment):
        for name, value in fake_nvml.variables(*names, **environment).items():
            monkeypatch.setenv(name, value)
        sees = len(nvml.read_gpus().gpus) if count is None else count
        monkeypatch.setattr(mx.context, "num_gpus", lambda: sees if build == CUDA_BUILD else 0)
        monkeypatch.setattr(mx.runtime, "Features", lambda: Features(build))
        installed = fake_cuda_library.write(tmp_path / "libmxnet.so", code if build == CUDA_BUILD else ())
        monkeypatch.setattr(mx.libinfo, "find_lib_path", lambda: [os.fspath(installed)])

    return make


@pytest.fixture
def config_file(tmp_path):
    """Writes a text as a YAML file and returns its path."""

    def write(text):
        (tmp_path / "given.yaml").write_text(text)
        return tmp_path / "given.yaml"

    return write
