"""What several tests of one process share."""

import contextlib
import ctypes
import os
import shutil

import mxnet as mx
import pynvml
import pytest

from lenet import nvml
from tests.support import datasets, fake_nvml, run_jobs
from tests.support.fake_nvml import CUDA_BUILD, Features
from tests.support.file_server import FileServer, running


@pytest.fixture
def serve(monkeypatch):
    """Starts web servers that end with the test; requests go to them directly."""
    monkeypatch.setenv("no_proxy", "*")
    with contextlib.ExitStack() as stack:
        yield lambda files, limit=None: stack.enter_context(running(FileServer(files, limit)))


@pytest.fixture
def original(tmp_path):
    """The folder of a small data set that stands for the original files."""
    return datasets.write(tmp_path / "original", train=20, validation=10)


@pytest.fixture(scope="module")
def reported(finished, stopped, tmp_path_factory):
    """The folders of a finished run and of one in its second epoch, and that of the report of both."""
    place = tmp_path_factory.mktemp("reported")
    folders = [shutil.copytree(finished(), place / "whole"), shutil.copytree(stopped(), place / "a <b> & c")]
    outcome = run_jobs.run([], "-m", "lenet", "report", *folders)
    assert outcome.code == 0, outcome.text
    return [*folders, place / "comparison"]


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The folder of a libnvidia-ml.so.1 that tells of the machine in the environment."""
    return fake_nvml.build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def machine(monkeypatch, library):
    """Makes this machine one with these GPUs and an MXNet that sees `count` of them, by default all that CUDA shows."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(os.fspath(library / "libnvidia-ml.so.1")))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})

    def make(*names, build=CUDA_BUILD, count=None, **environment):
        for name, value in fake_nvml.variables(*names, **environment).items():
            monkeypatch.setenv(name, value)
        sees = len(nvml.read_gpus().gpus) if count is None else count
        monkeypatch.setattr(mx.context, "num_gpus", lambda: sees if build == CUDA_BUILD else 0)
        monkeypatch.setattr(mx.runtime, "Features", lambda: Features(build))

    return make


@pytest.fixture
def config_file(tmp_path):
    """Writes a text as a YAML file and returns its path."""

    def write(text):
        (tmp_path / "given.yaml").write_text(text)
        return tmp_path / "given.yaml"

    return write
