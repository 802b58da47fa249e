"""The download, against real servers on this machine: each file once, checked, whole or not at all."""

import gzip
import socket
from collections import Counter

import pytest

from lenet.atomic import PARTIAL
from lenet.data import download, fashion_mnist, idx
from lenet.errors import InputError
from tests.support import datasets
from tests.support.datasets import NAMES
from tests.support.downloads import content_of, digests_of, files_of


def error_of(folder, original, *addresses):
    with pytest.raises(InputError) as caught:
        download.fetch(folder, addresses, digests_of(original))
    message = str(caught.value)
    assert "\n" not in message
    assert "apt-get install dataset-fashion-mnist" in message
    assert "--data-dir" in message
    return message


def test_good_files_arrive_whole(tmp_path, serve, original):
    server = serve(files_of(original))
    folder = tmp_path / "new" / "folder"
    download.fetch(folder, [server.address], digests_of(original))
    assert content_of(folder) == content_of(original)
    assert fashion_mnist.load(folder).digest == fashion_mnist.load(original).digest
    assert set(server.asked.values()) == {1}


def test_a_complete_folder_is_left_alone(tmp_path, serve, original):
    server = serve(files_of(original))
    mine = datasets.write(tmp_path / "mine", train=5, seed=1, gz=False)
    before = content_of(mine)
    download.fetch(mine, [server.address], digests_of(original))
    assert content_of(mine) == before
    assert not server.asked


def test_an_incomplete_folder_is_completed(tmp_path, serve, original):
    server = serve(files_of(original))
    folder = tmp_path / "part"
    folder.mkdir()
    (folder / f".{NAMES[1]}.gz-1234{PARTIAL}").write_bytes(b"left by a process that was killed")
    (folder / NAMES[0]).write_bytes(gzip.decompress((original / f"{NAMES[0]}.gz").read_bytes()))
    download.fetch(folder, [server.address], digests_of(original))
    assert fashion_mnist.load(folder).digest == fashion_mnist.load(original).digest
    assert set(content_of(folder)) == {NAMES[0], *(f"{name}.gz" for name in NAMES[1:])}
    assert server.asked == Counter(f"/{name}.gz" for name in NAMES[1:])


def test_the_next_address_helps_where_a_file_is_not_found(tmp_path, serve, original):
    files = files_of(original)
    first = serve({path: content for path, content in files.items() if "labels" in path})
    second = serve(files)
    download.fetch(tmp_path / "new", [first.address, second.address], digests_of(original))
    assert content_of(tmp_path / "new") == content_of(original)
    assert second.asked == Counter(path for path in files if "images" in path)


def test_files_zipped_anew_are_the_same_files(tmp_path, serve, original):
    files = {path: gzip.compress(gzip.decompress(content), 9) for path, content in files_of(original).items()}
    download.fetch(tmp_path / "new", [serve(files).address], digests_of(original))
    assert fashion_mnist.load(tmp_path / "new").digest == fashion_mnist.load(original).digest


WRONG = {
    "another data set": (
        lambda content: gzip.compress(gzip.decompress(content)[:-1] + b"\xff"),
        "another file",
    ),
    "a web page": (lambda content: b"<html>Please log in</html>", "serves no IDX file: "),
    "nothing": (lambda content: b"", "serves no IDX file: "),
    "one byte changed": (lambda content: content[:-1] + b"\xff", "damaged gzip"),
    "too much": (lambda content: bytes(download.MAX_BYTES + 1), f"sends more than {download.MAX_BYTES} bytes"),
}


@pytest.mark.parametrize(("change", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_bytes_are_refused(tmp_path, serve, original, change, words):
    files = files_of(original)
    files[f"/{NAMES[2]}.gz"] = change(files[f"/{NAMES[2]}.gz"])
    server = serve(files)
    message = error_of(tmp_path / "new", original, server.address)
    assert f"{server.address}{NAMES[2]}.gz: " in message
    assert words in message
    assert set(content_of(tmp_path / "new")) == {f"{name}.gz" for name in NAMES[:2]}


def test_a_file_cut_off_in_the_middle_is_refused(tmp_path, serve, original):
    server = serve(files_of(original), limit=1000)
    assert "was cut off after 1000 of " in error_of(tmp_path / "new", original, server.address)
    assert content_of(tmp_path / "new") == {}


def test_a_silent_server_is_given_up(tmp_path, serve, original, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    silent = serve(files_of(original))
    silent.gate.clear()
    assert "timed out" in error_of(tmp_path / "new", original, silent.address)
    assert content_of(tmp_path / "new") == {}


def test_without_a_network_all_that_was_tried_is_named(tmp_path, original):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # a port that nobody listens at
        addresses = [f"http://127.0.0.1:{closed.getsockname()[1]}/{name}/" for name in ("one", "two")]
        message = error_of(tmp_path / "new", original, *addresses)
    assert all(f"{address}{NAMES[0]}.gz: " in message for address in addresses)
    assert message.count("Connection refused") == 2


def test_other_files_are_never_completed_with_the_originals(tmp_path, serve, original):
    """The images of one data set with the labels of another would look right and be wrong."""
    shuffled = datasets.write(tmp_path / "shuffled", train=20, validation=10, seed=1)
    server = serve(files_of(original))
    folder = tmp_path / "new"
    folder.mkdir()
    for name in NAMES[:2]:
        (folder / f"{name}.gz").write_bytes((shuffled / f"{name}.gz").read_bytes())
    before = content_of(folder)
    message = error_of(folder, original, server.address)
    assert f"{folder / NAMES[0]}.gz is not the original file, remove it" in message
    assert content_of(folder) == before
    assert not server.asked


def test_a_damaged_file_beside_a_missing_one_is_named(tmp_path, serve, original):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / NAMES[0]).write_bytes(b"text")
    with pytest.raises(InputError, match=f"{NAMES[0]}: is not an IDX file"):
        download.fetch(tmp_path / "new", [serve(files_of(original)).address], digests_of(original))


def test_a_folder_that_cannot_be_written(tmp_path, serve, original):
    (tmp_path / "file").write_bytes(b"")
    address = serve(files_of(original)).address
    assert f"cannot write the data set to {tmp_path / 'file'}: " in error_of(tmp_path / "file", original, address)
    assert "cannot write the data set to /proc/new: " in error_of("/proc/new", original, address)


@pytest.mark.skipif(
    not fashion_mnist.DEBIAN_FOLDER.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed"
)
def test_the_expected_digests_are_those_of_the_real_files():
    for name, digest in download.DIGESTS.items():
        assert idx.sha256(idx.read(fashion_mnist.DEBIAN_FOLDER / f"{name}.gz")) == digest
