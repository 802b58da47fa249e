"""Where the data set is found on a machine; a folder that cannot be read does not count as absent."""

import os
import tempfile
from pathlib import Path

import pytest

from lenet.data import download, fashion_mnist
from lenet.errors import InputError
from tests.support import datasets
from tests.support.datasets import NAMES

TRAIN_IMAGES, _, _, TEST_LABELS = NAMES


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """Debian's folder and the download folder, empty, in a machine without a network."""
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MXNET_HOME", raising=False)
    monkeypatch.setattr(download.fetch, "__defaults__", ((), download.DIGESTS))
    return tmp_path / "debian", tmp_path / "home" / ".mxnet" / "datasets" / "fashion-mnist"


@pytest.mark.parametrize("what", ["absent", "a file"])
def test_no_such_folder(tmp_path, what):
    (tmp_path / "a file").write_bytes(b"")
    assert f"{TRAIN_IMAGES}: cannot be there: no such folder" in error_of(tmp_path / what)


@pytest.mark.parametrize(("data_dir", "why"), [("data\0dir", "null byte"), ("x" * 300, "File name too long")])
def test_a_name_that_no_folder_can_have(data_dir, why):
    message = error_of(data_dir)
    assert f"{TRAIN_IMAGES}: cannot be read: " in message
    assert why in message


def test_a_folder_that_cannot_be_read_does_not_count_as_absent(homes, tmp_path):
    """A loop of links stands for a folder without permission, which root may read."""
    debian, downloads = homes
    datasets.write(tmp_path / "sound", train=3, validation=3)
    debian.symlink_to(debian)
    why = f"{TRAIN_IMAGES}: cannot be read: Too many levels of symbolic links"
    assert error_of(debian) == f"{debian}/{why}"
    message = error_of(None)
    assert message.startswith(f"{debian}/{why}; ")
    assert "--data-dir" in message
    debian.unlink()
    downloads.parent.mkdir(parents=True)
    downloads.symlink_to(downloads)
    assert error_of(None).startswith(f"{downloads}/{why}; ")


@pytest.fixture
def as_nobody():
    """What follows runs as a user who may not read every folder, as root may."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.fixture
def sound():
    """A folder with a data set, in a folder that every user may enter."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        yield datasets.write(Path(place, "data"), train=3, validation=3)


@pytest.mark.parametrize("mode", [0o000, 0o444])
@pytest.mark.parametrize("is_default", [True, False])
def test_a_folder_without_permission_does_not_count_as_absent(monkeypatch, sound, request, mode, is_default):
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", sound)
    sound.chmod(mode)
    request.getfixturevalue("as_nobody")
    message = error_of(None if is_default else sound)
    assert message.startswith(f"{sound / TRAIN_IMAGES}: cannot be read: Permission denied")
    assert ("--data-dir" in message) == is_default


def test_a_download_folder_without_permission_is_not_downloaded_to(monkeypatch, sound, request):
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", sound / "none")
    place = sound / "home" / "datasets" / "fashion-mnist"
    datasets.write(place, train=3, validation=3)
    monkeypatch.setenv("MXNET_HOME", str(sound / "home"))
    (sound / "home").chmod(0)
    request.getfixturevalue("as_nobody")
    assert error_of(None).startswith(f"{place / TRAIN_IMAGES}: cannot be read: Permission denied; ")


def test_a_file_without_permission_is_named(sound, request):
    (sound / f"{TRAIN_IMAGES}.gz").chmod(0)
    request.getfixturevalue("as_nobody")
    assert error_of(sound) == f"{sound / TRAIN_IMAGES}.gz: cannot be read: Permission denied"


def test_a_data_dir_in_the_home_folder(tmp_path, homes):
    datasets.write(tmp_path / "home" / "mine", train=3, validation=3)
    assert fashion_mnist.load("~/mine").folder == tmp_path / "home" / "mine"


def test_debian_comes_first_then_the_download_folder(homes):
    debian, downloads = homes
    datasets.write(downloads, train=3, validation=3)
    assert fashion_mnist.load().folder == downloads
    debian.mkdir()
    assert fashion_mnist.load().folder == downloads
    datasets.write(debian, train=3, validation=3)
    assert fashion_mnist.load().folder == debian


def test_the_download_folder_follows_mxnet_home(homes, tmp_path, monkeypatch):
    monkeypatch.setenv("MXNET_HOME", str(tmp_path / "mxnet"))
    folder = datasets.write(tmp_path / "mxnet" / "datasets" / "fashion-mnist", train=3, validation=3)
    assert fashion_mnist.load().folder == folder


def test_an_incomplete_debian_folder_is_an_error(homes):
    debian, downloads = homes
    datasets.write(downloads, train=3, validation=3)
    (datasets.write(debian, train=3, validation=3) / f"{TEST_LABELS}.gz").unlink()
    assert error_of(None).startswith(f"{debian / TEST_LABELS}: is missing")


def test_an_incomplete_download_folder_is_handed_to_the_download(homes):
    _, downloads = homes
    (datasets.write(downloads, train=3, validation=3) / f"{TEST_LABELS}.gz").unlink()
    message = error_of(None)
    assert f"cannot download the data set to {downloads}" in message
    assert "apt-get install dataset-fashion-mnist" in message
    assert "--data-dir" in message


def error_of(data_dir):
    with pytest.raises(InputError) as caught:
        fashion_mnist.load(data_dir)
    assert "\n" not in str(caught.value)
    return str(caught.value)
