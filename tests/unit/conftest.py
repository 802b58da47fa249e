"""What several tests of one process share."""

import contextlib
import shutil

import pytest

from tests.support import datasets, run_jobs
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


@pytest.fixture
def config_file(tmp_path):
    """Writes a text as a YAML file and returns its path."""

    def write(text):
        (tmp_path / "given.yaml").write_text(text)
        return tmp_path / "given.yaml"

    return write
