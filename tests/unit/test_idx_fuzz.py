"""Any bytes in an IDX file: the array that they say, or one line, in little memory."""

import gzip
import math
import struct

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lenet.data import idx
from lenet.errors import InputError
from tests.support.datasets import pack
from tests.support.memory import peak_of

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
GOOD = pack(IMAGES)
ZIPPED = gzip.compress(GOOD, mtime=0)


def read_or_error(path):
    try:
        return idx.read(path), None
    except InputError as error:
        return None, error


sizes = st.one_of(st.integers(0, 6), st.sampled_from([28, 255, 2**16, 2**31, 2**32 - 1]))
headers = st.builds(
    lambda start, shape: start + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape),
    st.sampled_from([b"\0\0\x08", b"\0\0\x08", b"\0\0\x0d", b"\0\x01\x08"]),
    st.lists(sizes, max_size=5),
)
changes = st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=4), st.integers(0, 8)), max_size=4)


def changed(content, edits):
    """The content with a few spans replaced, dropped or put in."""
    for place, new, drop in edits:
        place %= len(content) + 1
        content = content[:place] + new + content[place + drop :]
    return content


contents = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda head, tail: head + tail, headers, st.binary(max_size=200)),
    st.builds(changed, st.sampled_from([GOOD, pack(IMAGES[0, 0]), ZIPPED]), changes),
)
fuzz = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def test_any_bytes_give_the_right_array_or_an_input_error(tmp_path):
    @fuzz
    @given(contents)
    def holds(content):
        check_read(tmp_path / "fuzzed", content)
        check_read(tmp_path / "fuzzed", gzip.compress(content, 1))

    holds()


def test_damaged_gzip_bytes_give_the_right_array_or_an_input_error(tmp_path):
    @fuzz
    @given(contents, changes)
    def holds(content, edits):
        check_read(tmp_path / "fuzzed", changed(gzip.compress(content, 1), edits))

    holds()


def check_read(path, content):
    """`read` fails with one line, or gives exactly what the bytes say, and never takes much memory."""
    path.write_bytes(content)
    (array, error), peak = peak_of(lambda: read_or_error(path))
    assert peak < 1 << 20
    if error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
    else:
        assert array.dtype == np.uint8
        assert array.size == math.prod(array.shape) > 0
        assert pack(array) == (gzip.decompress(content) if content[:2] == idx.GZIP_MAGIC else content)
