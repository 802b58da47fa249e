"""The data set in processes of its own: fetched by several at once or by one that is killed; in how much memory."""

import resource
import subprocess
import sys
from collections import Counter

import pytest

from lenet.data.fashion_mnist import DEBIAN_FOLDER
from tests.support.downloads import content_of, digests_of, files_of
from tests.support.run_jobs import ROOT


@pytest.fixture
def start(original):
    """Starts processes that fetch, and ends those that are left."""
    processes = []

    def start(folder, address, limit=resource.RLIM_INFINITY):
        command = [sys.executable, "-m", "tests.programs.fetch", str(folder), address, str(limit)]
        command += digests_of(original).values()
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        processes.append(subprocess.Popen(command, cwd=ROOT, text=True, **pipes))
        assert processes[-1].stdout.readline() == "ready\n"
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_four_processes_ask_once_for_each_file(tmp_path, serve, original, start):
    server = serve(files_of(original))
    server.gate.clear()  # nobody gets an answer before all four are at it
    processes = [start(tmp_path / "new", server.address) for _ in range(4)]
    server.gate.set()
    assert [process.communicate(timeout=60) for process in processes] == [("", "")] * 4
    assert [process.returncode for process in processes] == [0] * 4
    assert server.asked == Counter(list(files_of(original)))
    assert content_of(tmp_path / "new") == content_of(original)


def test_a_killed_download_leaves_nothing_in_the_way(tmp_path, serve, original, start):
    server = serve(files_of(original))
    server.gate.clear()
    killed = start(tmp_path / "new", server.address)
    assert server.reached.wait(60)  # so it holds the lock
    waiting = start(tmp_path / "new", server.address)
    killed.kill()
    killed.wait()
    server.gate.set()
    assert waiting.communicate(timeout=60) == ("", "")
    assert content_of(tmp_path / "new") == content_of(original)


def test_a_proxy_of_the_environment_is_used(tmp_path, serve, original, start, monkeypatch):
    address = "http://fashion.invalid/data/"
    proxy = serve({f"{address}{path[1:]}": content for path, content in files_of(original).items()})
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", proxy.address)
    assert start(tmp_path / "new", address).communicate(timeout=60) == ("", "")
    assert content_of(tmp_path / "new") == content_of(original)


def test_a_full_disk_leaves_no_half_file(tmp_path, serve, original, start):
    """A limit on the size of files stands for the disk: the write ends in the middle with an OSError."""
    process = start(tmp_path / "new", serve(files_of(original)).address, limit=1000)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith(f"error: cannot write the data set to {tmp_path / 'new'}: File too large; ")
    assert errors.count("\n") == 1
    assert content_of(tmp_path / "new") == {}


@pytest.mark.skipif(not DEBIAN_FOLDER.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_loading_the_real_data_set_takes_little_more_than_its_size():
    """The peak beyond what the imports took."""
    command = [sys.executable, "-m", "tests.programs.load_memory"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(run.stdout) < 75 << 10  # KiB; the data are 52.5 MiB
