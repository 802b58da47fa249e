"""What several tests of one process share."""

import contextlib

import pytest

from tests.support import datasets
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
