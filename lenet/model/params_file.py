"""MXNet's `.params` files, read as untrusted input: nothing in them is executed, and no size in them is believed.

The format is that of `NDArray::Save` in MXNet 1.9.1 (src/ndarray/ndarray.cc), little-endian: a list of dense
arrays, then their names. `mx.nd.load` would take memory for any size that a header claims, and can end the
interpreter; `mx.nd.save` does not notice that the disk is full.
"""

import math
import struct
from pathlib import Path

import numpy as np

from lenet.errors import InputError
from lenet.untrusted import read_regular

LIST_MAGIC = 0x112
ARRAY_MAGIC = 0xF993FAC9
DENSE, FLOAT32 = 0, 0
CPU = (1, 0)  # device type and number
LIMIT = 1 << 26  # bytes, where the network is unknown; LeNet-5 takes 240 KB
MAX_ARRAYS, MAX_DIMENSIONS, MAX_NAME = 10_000, 8, 1_000


def limit_for(shapes: dict[str, tuple[int, ...]]) -> int:
    """Return the largest number of bytes that a file with arrays of these shapes and names can have."""
    return max(LIMIT, sum(4 * math.prod(shape) + 2 * MAX_NAME for shape in shapes.values()))


def read_params(path: str | Path, limit: int = LIMIT) -> dict[str, np.ndarray]:
    """Return the float32 arrays by name in a `.params` file of at most `limit` bytes.

    InputError: the file is missing, damaged or too large.
    """
    try:
        content = read_regular(path, limit)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    return parse_params(content, path)


def write_params(path: str | Path, arrays: dict[str, np.ndarray]) -> None:
    """Write float32 arrays by name in the format of `mx.nd.load`. OSError: they cannot be written."""
    with open(path, "wb") as file:
        file.write(format_params(arrays))


def format_params(arrays: dict[str, np.ndarray]) -> bytes:
    """Return the content of a `.params` file with these float32 arrays by name."""
    parts = [struct.pack("<QQQ", LIST_MAGIC, 0, len(arrays))]
    for array in arrays.values():
        layout = f"<IiI{array.ndim}qiii"
        parts.append(struct.pack(layout, ARRAY_MAGIC, DENSE, array.ndim, *array.shape, *CPU, FLOAT32))
        parts.append(array.astype("<f4").tobytes())
    parts.append(struct.pack("<Q", len(arrays)))
    for name in arrays:
        parts.append(struct.pack("<Q", len(name.encode())) + name.encode())
    return b"".join(parts)


def parse_params(content: bytes, path: str | Path) -> dict[str, np.ndarray]:
    """Return the arrays in `content`; an InputError names `path`."""
    cursor = _Cursor(content)
    try:
        _expect(cursor.take("QQ") == (LIST_MAGIC, 0), "it does not start as one")
        (count,) = cursor.take("Q")
        _expect(count <= MAX_ARRAYS, f"it claims {count} arrays")
        arrays = [_read_array(cursor) for _ in range(count)]
        (named,) = cursor.take("Q")
        _expect(named == count, f"it has {count} arrays and {named} names")
        names = [_read_name(cursor) for _ in range(count)]
        _expect(len(set(names)) == count, "a name stands twice")
        _expect(cursor.left == 0, f"{cursor.left} bytes follow its end")
    except _NotParams as error:
        raise InputError(f"{path}: not a whole .params file of MXNet: {error}") from None
    return dict(zip(names, arrays))


class _NotParams(Exception):
    pass


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise _NotParams(otherwise)


class _Cursor:
    def __init__(self, content: bytes) -> None:
        self.content, self.at = memoryview(content), 0

    @property
    def left(self) -> int:
        return len(self.content) - self.at

    def take(self, layout: str) -> tuple:
        return struct.unpack("<" + layout, self.bytes(struct.calcsize("<" + layout)))

    def bytes(self, count: int) -> memoryview:
        _expect(count <= self.left, f"it ends {count - self.left} bytes too early")
        self.at += count
        return self.content[self.at - count : self.at]


def _read_array(cursor: _Cursor) -> np.ndarray:
    magic, storage, dimensions = cursor.take("IiI")
    _expect(magic == ARRAY_MAGIC and storage == DENSE, "an array is not a dense one")
    _expect(1 <= dimensions <= MAX_DIMENSIONS, f"an array has {dimensions} dimensions")
    shape = cursor.take(f"{dimensions}q")
    _expect(min(shape) > 0, f"an array has the shape {shape}")
    _, _, kind = cursor.take("iii")  # the device that it was saved from does not matter
    _expect(kind == FLOAT32, "an array is not of float32")
    items = 1
    for length in shape:  # in Python's integers: no overflow
        items *= length
    return np.frombuffer(cursor.bytes(4 * items), "<f4").reshape(shape)


def _read_name(cursor: _Cursor) -> str:
    (length,) = cursor.take("Q")
    _expect(length <= MAX_NAME, f"a name of {length} bytes")
    try:
        return str(cursor.bytes(length), "utf-8")
    except UnicodeDecodeError:
        raise _NotParams("a name is not text") from None
