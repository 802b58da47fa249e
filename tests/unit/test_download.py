"""The download, against real servers on this machine: each file once, checked, whole or not at all."""

import contextlib
import gzip
import resource
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lenet.data import download, fashion_mnist
from lenet.errors import InputError
from tests.support import datasets
from tests.support.datasets import NAMES
from tests.support.file_server import FileServer, running

ROOT = Path(__file__).parents[2]


@pytest.fixture
def serve(monkeypatch):
    """Starts servers that end with the test; requests go to them directly."""
    monkeypatch.setenv("no_proxy", "*")
    with contextlib.ExitStack() as stack:
        yield lambda files, limit=None: stack.enter_context(running(FileServer(files, limit)))


@pytest.fixture
def original(tmp_path):
    return datasets.write(tmp_path / "original", train=20, validation=10)


def files_of(folder):
    return {f"/{path.name}": path.read_bytes() for path in folder.iterdir()}


def edition_of(folder, *addresses, digest=download.contents_sha256):
    return download.Edition(addresses, {name: digest(folder / f"{name}.gz") for name in NAMES}, digest)


def content_of(folder):
    """What stands in the folder beside the lock."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".download.lock"}


def error_of(folder, *sources):
    with pytest.raises(InputError) as caught:
        download.fetch(folder, sources)
    message = str(caught.value)
    assert "\n" not in message
    assert "apt-get install dataset-fashion-mnist" in message
    assert "--data-dir" in message
    return message


def test_good_files_arrive_whole(tmp_path, serve, original):
    server = serve(files_of(original))
    folder = tmp_path / "new" / "folder"
    download.fetch(folder, [edition_of(original, server.address)])
    assert content_of(folder) == content_of(original)
    assert fashion_mnist.load(folder).digest == fashion_mnist.load(original).digest
    assert set(server.asked.values()) == {1}


def test_a_complete_folder_is_left_alone(tmp_path, serve, original):
    server = serve(files_of(original))
    mine = datasets.write(tmp_path / "mine", train=5, seed=1, gz=False)
    before = content_of(mine)
    download.fetch(mine, [edition_of(original, server.address)])
    assert content_of(mine) == before
    assert not server.asked


def test_an_incomplete_folder_is_completed(tmp_path, serve, original):
    server = serve(files_of(original))
    folder = tmp_path / "part"
    folder.mkdir()
    (folder / f".{NAMES[1]}.gz.part").write_bytes(b"left by a process that was killed")
    (folder / NAMES[0]).write_bytes(gzip.decompress((original / f"{NAMES[0]}.gz").read_bytes()))
    download.fetch(folder, [edition_of(original, server.address)])
    assert fashion_mnist.load(folder).digest == fashion_mnist.load(original).digest
    assert set(content_of(folder)) == {NAMES[0], *(f"{name}.gz" for name in NAMES[1:])}
    assert server.asked == Counter(f"/{name}.gz" for name in NAMES[1:])


def test_the_next_address_helps_where_a_file_is_not_found(tmp_path, serve, original):
    files = files_of(original)
    first = serve({path: content for path, content in files.items() if "labels" in path})
    second = serve(files)
    download.fetch(tmp_path / "new", [edition_of(original, first.address, second.address)])
    assert content_of(tmp_path / "new") == content_of(original)
    assert second.asked == Counter(path for path in files if "images" in path)


def test_files_zipped_anew_are_the_same_files(tmp_path, serve, original):
    files = {path: gzip.compress(gzip.decompress(content), 9) for path, content in files_of(original).items()}
    download.fetch(tmp_path / "new", [edition_of(original, serve(files).address)])
    assert fashion_mnist.load(tmp_path / "new").digest == fashion_mnist.load(original).digest


WRONG = {
    "another data set": (
        lambda content: gzip.compress(gzip.decompress(content)[:-1] + b"\xff"),
        "another file",
    ),
    "a web page": (lambda content: b"<html>Please log in</html>", "serves no IDX file: "),
    "nothing": (lambda content: b"", "serves no IDX file: "),
    "one byte changed": (lambda content: content[:-1] + b"\xff", "damaged gzip"),
    "too much": (lambda content: bytes(download.LARGEST + 1), f"sends more than {download.LARGEST} bytes"),
}


@pytest.mark.parametrize(("change", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_bytes_are_refused(tmp_path, serve, original, change, words):
    files = files_of(original)
    files[f"/{NAMES[2]}.gz"] = change(files[f"/{NAMES[2]}.gz"])
    server = serve(files)
    message = error_of(tmp_path / "new", edition_of(original, server.address))
    assert f"{server.address}{NAMES[2]}.gz: " in message
    assert words in message
    assert set(content_of(tmp_path / "new")) == {f"{name}.gz" for name in NAMES[:2]}


def test_a_file_cut_off_in_the_middle_is_refused(tmp_path, serve, original):
    server = serve(files_of(original), limit=1000)
    assert "was cut off after 1000 of " in error_of(tmp_path / "new", edition_of(original, server.address))
    assert content_of(tmp_path / "new") == {}


def test_a_silent_server_is_given_up(tmp_path, serve, original, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    silent = serve(files_of(original))
    silent.gate.clear()
    assert "timed out" in error_of(tmp_path / "new", edition_of(original, silent.address))
    assert content_of(tmp_path / "new") == {}


def test_without_a_network_all_that_was_tried_is_named(tmp_path, serve, original):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # a port that nobody listens at
        addresses = [f"http://127.0.0.1:{closed.getsockname()[1]}/{place}/" for place in ("one", "two")]
        message = error_of(tmp_path / "new", edition_of(original, *addresses))
    assert all(f"{address}{NAMES[0]}.gz: " in message for address in addresses)
    assert message.count("Connection refused") == 2


def test_editions_are_never_mixed(tmp_path, serve, original):
    """The images of one with the labels of the other would look right and be wrong."""
    shuffled = datasets.write(tmp_path / "shuffled", train=20, validation=10, seed=1)
    first, second = serve(files_of(original)), serve(files_of(shuffled))
    editions = (
        edition_of(original, first.address),
        edition_of(shuffled, second.address, digest=download.file_sha1),
    )
    folder = tmp_path / "new"
    folder.mkdir()
    for name in NAMES[:2]:
        (folder / f"{name}.gz").write_bytes((shuffled / f"{name}.gz").read_bytes())
    assert f"{folder / NAMES[0]}.gz does not belong to the files at {first.address}" in error_of(folder, editions[0])
    download.fetch(folder, editions)
    assert content_of(folder) == content_of(shuffled)
    assert not first.asked


def test_the_second_edition_helps_where_the_first_is_gone(tmp_path, serve, original):
    other = datasets.write(tmp_path / "other", train=20, validation=10, seed=1)
    editions = (
        edition_of(original, serve({}).address),
        edition_of(other, serve(files_of(other)).address, digest=download.file_sha1),
    )
    download.fetch(tmp_path / "new", editions)
    assert content_of(tmp_path / "new") == content_of(other)


def test_a_folder_that_cannot_be_written(tmp_path, serve, original):
    (tmp_path / "file").write_bytes(b"")
    edition = edition_of(original, serve(files_of(original)).address)
    assert f"cannot write the data set to {tmp_path / 'file'}: " in error_of(tmp_path / "file", edition)
    assert "cannot write the data set to /proc/new: " in error_of("/proc/new", edition)


PROGRAM = """
import resource, sys
from lenet.data import download
from lenet.errors import InputError
from tests.support.datasets import NAMES
folder, address, limit, *digests = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
edition = download.Edition((address,), dict(zip(NAMES, digests)), download.contents_sha256)
print("ready", flush=True)
try:
    download.fetch(folder, [edition])
except InputError as error:
    sys.exit(f"error: {error}")
"""


@pytest.fixture
def start(original):
    """Starts processes that fetch, and ends those that are left."""
    processes = []

    def start(folder, address, limit=resource.RLIM_INFINITY):
        digests = edition_of(original).digests.values()
        command = [sys.executable, "-c", PROGRAM, str(folder), address, str(limit), *digests]
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


@pytest.mark.skipif(
    not fashion_mnist.DEBIAN_FOLDER.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed"
)
def test_the_expected_digests_are_those_of_the_real_files():
    for name, digest in download.ORIGINAL.digests.items():
        assert download.contents_sha256(fashion_mnist.DEBIAN_FOLDER / f"{name}.gz") == digest
