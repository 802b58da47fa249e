"""Whatever bytes stand in a file: an array that is right, or one line that says what is wrong."""

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from lenet.data import idx
from lenet.errors import InputError
from tests.support.datasets import pack
from tests.support.memory import peak_of

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
GOOD = pack(IMAGES)
ZIPPED = gzip.compress(GOOD, mtime=0)
DAMAGE = "damaged gzip"

BROKEN = {
    "nothing": (b"", "too short for an IDX file: 0 bytes"),
    "three bytes": (GOOD[:3], "too short for an IDX file: 3 bytes"),
    "only the magic": (GOOD[:4], "ends within its header"),
    "half a header": (GOOD[:10], "ends within its header"),
    "only a header": (GOOD[:16], "cut short: its header says 5 x 4 x 3"),
    "one byte short": (GOOD[:-1], "= 60 bytes, but only 59 follow"),
    "one byte more": (GOOD + b"!", "= 60 bytes, but more follow"),
    "a web page": (b"<!DOCTYPE html><html>404</html>", "not an IDX file: it starts with 3c21444f"),
    "signed bytes": (pack(IMAGES, kind=0x09), "type 0x09; only unsigned bytes, 0x08"),
    "floats": (pack(IMAGES, kind=0x0D), "type 0x0d; only unsigned bytes, 0x08"),
    "no dimensions": (pack(IMAGES, shape=()), "has 0 dimensions"),
    "five dimensions": (pack(IMAGES, shape=(5, 4, 3, 1, 1)), "has 5 dimensions; labels have 1 and images 3, or 4"),
    "255 dimensions": (b"\0\0\x08\xff" + bytes(2000), "has 255 dimensions"),
    "no images": (pack(IMAGES[:0]), "empty: its header says 0 x 4 x 3"),
    "images of no width": (pack(IMAGES, shape=(5, 4, 0)), "empty: its header says 5 x 4 x 0"),
    "10^12 images": (pack(IMAGES, shape=(10**6, 10**6, 784)), "more than the file can hold"),
    "little-endian sizes": (b"\0\0\x08\x03" + struct.pack("<3I", 5, 4, 3), "more than the file can hold"),
    "gzip: only the magic": (ZIPPED[:2], DAMAGE),
    "gzip: half a header": (ZIPPED[:7], DAMAGE),
    "gzip: cut off": (ZIPPED[:-20], DAMAGE),
    "gzip: without its checksum": (ZIPPED[:-8], DAMAGE),
    "gzip: wrong checksum": (ZIPPED[:-8] + bytes(4) + ZIPPED[-4:], "damaged gzip file: CRC check failed"),
    "gzip: wrong length": (ZIPPED[:-1] + b"\x01", DAMAGE),
    "gzip: broken stream": (ZIPPED[:12] + b"\xff" * 20 + ZIPPED[32:], DAMAGE),
    "gzip: text after it": (ZIPPED + b"more", DAMAGE),
    "gzip: unknown method": (ZIPPED[:2] + b"\x07" + ZIPPED[3:], DAMAGE),
    "gzip: of nothing": (gzip.compress(b""), "too short for an IDX file: 0 bytes"),
    "gzip: of a gzip file": (gzip.compress(ZIPPED), "not an IDX file: it starts with 1f8b"),
    "gzip: one byte short": (gzip.compress(GOOD[:-1]), "= 60 bytes, but only 59 follow"),
    "gzip: one byte more": (gzip.compress(GOOD + b"!"), "= 60 bytes, but more follow"),
    "gzip: two files": (ZIPPED + ZIPPED, "= 60 bytes, but more follow"),
    "gzip: 10^12 images": (gzip.compress(pack(IMAGES, shape=(10**6, 10**6, 784))), "more than the file can"),
    "gzip: more than MXNet holds": (
        gzip.compress(pack(IMAGES, shape=(2**11, 2**10, 2**10))) + bytes(2**21),
        "too large: its header says 2048 x 1024 x 1024",
    ),
}


@pytest.mark.parametrize(("content", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_content_is_named(tmp_path, content, words):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    assert words in error_of(path)


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("array", [IMAGES, IMAGES[0], IMAGES[0, 0], IMAGES[:1]], ids=lambda a: str(a.shape))
def test_gzip_is_told_by_content_and_not_by_name(tmp_path, name, array):
    for content in (pack(array), gzip.compress(pack(array)), gzip.compress(pack(array)) + bytes(7)):
        (tmp_path / name).write_bytes(content)
        read = idx.read(tmp_path / name)
        assert read.dtype == np.uint8
        assert np.array_equal(read, array)


def test_two_gzip_members_are_one_file(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(GOOD[:30]) + gzip.compress(GOOD[30:]))
    assert np.array_equal(idx.read(str(path)), IMAGES)


def test_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to("nowhere")
    assert "No such file" in error_of(tmp_path / "absent")
    assert "No such file" in error_of(tmp_path / "gone")
    assert "is a folder" in error_of(tmp_path)
    assert "not a regular file" in error_of(tmp_path / "pipe")
    assert "not a regular file" in error_of(Path("/dev/zero"))
    assert "cannot be read: Too many levels" in error_of(tmp_path / "loop")
    assert "cannot be read: File name too long" in error_of(tmp_path / ("x" * 300))
    assert "cannot be read: Input/output error" in error_of(Path("/proc/self/mem"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_forbidden_file(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(GOOD)
    path.chmod(0)
    assert "cannot be read: Permission denied" in error_of(path)


def test_labels_can_have_16_bits(tmp_path):
    labels = np.array([0, 1, 300, 999], ">i2")
    path = tmp_path / "labels"
    path.write_bytes(pack(labels, kind=0x0B))
    assert idx.read(path, is_labels=True).tolist() == [0, 1, 300, 999]
    assert idx.sha256(idx.read(path, is_labels=True)) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "type 0x0b; only unsigned bytes" in error_of(path)
    idx.write(tmp_path / "again", labels.astype(np.int32))
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_header_and_digest_are_those_of_the_file(tmp_path):
    assert idx.header(IMAGES.shape) + IMAGES.tobytes() == GOOD
    (tmp_path / "images").write_bytes(GOOD)
    assert idx.sha256(idx.read(tmp_path / "images")) == hashlib.sha256(GOOD).hexdigest()


def test_a_gzip_bomb_stops_at_what_its_header_says(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(pack(IMAGES) + bytes(200 << 20), compresslevel=9))
    message, peak = peak_of(lambda: error_of(path))
    assert "= 60 bytes, but more follow" in message
    assert peak < 1 << 20


def test_memory_is_taken_for_what_comes_and_not_for_what_the_header_says(tmp_path):
    path = tmp_path / "claim.gz"
    path.write_bytes(gzip.compress(pack(IMAGES, shape=(1, 1 << 15, 1 << 15))) + bytes(2 << 20))
    message, peak = peak_of(lambda: error_of(path))
    assert "but only 60 follow" in message
    assert peak < 8 << 20


def test_a_large_file_takes_little_more_than_itself(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(pack(np.zeros((60000, 28, 28), np.uint8)), compresslevel=1))
    images, peak = peak_of(lambda: idx.read(path))
    assert images.shape == (60000, 28, 28)
    assert peak < 1.2 * images.nbytes


def error_of(path):
    """The message of the InputError, which is one line and names the file."""
    with pytest.raises(InputError) as caught:
        idx.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message
