"""`.params` files are MXNet's own, both ways, and nothing in them is trusted."""

import pickle
import struct

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet.errors import InputError
from lenet.model.params_file import parse_params, read_params

ARRAYS = {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "0.bias": np.array([-1.5, 2], np.float32)}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("params") / "two.params"
    mx.nd.save(str(path), {name: mx.nd.array(array) for name, array in ARRAYS.items()})
    return path


def test_what_mxnet_writes_is_read(written):
    found = read_params(written)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == np.float32
        assert np.array_equal(found[name], array)


def test_no_arrays_at_all(tmp_path):
    mx.nd.save(str(tmp_path / "none.params"), {})
    assert read_params(tmp_path / "none.params") == {}


def test_a_file_cut_anywhere_is_refused(written):
    content = written.read_bytes()
    for length in range(len(content)):
        with pytest.raises(InputError, match=r"two\.params"):
            parse_params(content[:length], "two.params")


def test_bytes_after_the_end_are_refused(written):
    with pytest.raises(InputError, match="1 bytes follow its end"):
        parse_params(written.read_bytes() + b"x", "two.params")


@given(st.data())
def test_a_changed_file_is_refused_or_holds_other_values_of_some_shape(written, data):
    """The answer is arrays or an InputError of one line: no other error, no huge array."""
    content = bytearray(written.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parse_params(bytes(content), "two.params")
    except InputError as error:
        assert str(error).startswith("two.params: ")  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert sum(array.nbytes for array in found.values()) <= len(content)


@given(st.binary(max_size=200))
def test_noise_is_refused(content):
    with pytest.raises(InputError):
        parse_params(content, "noise")


def test_a_pickle_is_refused_and_does_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "sprung"), "w")

    (tmp_path / "trap.params").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError, match=r"trap\.params: not a whole \.params file"):
        read_params(tmp_path / "trap.params")
    assert not (tmp_path / "sprung").exists()


def test_a_shape_that_overflows_is_refused():
    """2**32 times 2**32 is 0 in 64 bits."""
    head = struct.pack("<QQQIiI2qiii", 0x112, 0, 1, 0xF993FAC9, 0, 2, 2**32, 2**32, 1, 0, 0)
    with pytest.raises(InputError, match="ends"):
        parse_params(head + struct.pack("<QQ", 1, 1) + b"a", "huge")


@pytest.mark.parametrize("kind", ["float64", "float16", "int32"])
def test_other_numbers_than_float32_are_refused(tmp_path, kind):
    mx.nd.save(str(tmp_path / "other.params"), {"0.bias": mx.nd.zeros(3, dtype=kind)})
    with pytest.raises(InputError, match="float32"):
        read_params(tmp_path / "other.params")


def test_a_sparse_array_is_refused(tmp_path):
    sparse = mx.nd.zeros((4, 2)).tostype("row_sparse")
    mx.nd.save(str(tmp_path / "sparse.params"), {"0.weight": sparse})
    with pytest.raises(InputError, match="dense"):
        read_params(tmp_path / "sparse.params")


def test_arrays_without_names_are_refused(tmp_path):
    mx.nd.save(str(tmp_path / "list.params"), [mx.nd.zeros(3)])
    with pytest.raises(InputError, match="names"):
        read_params(tmp_path / "list.params")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.params: No such file"):
        read_params(tmp_path / "gone.params")
    with pytest.raises(InputError, match="directory"):
        read_params(tmp_path)
