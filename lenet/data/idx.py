"""Reads IDX files, the format of MNIST and Fashion-MNIST, gzipped or not, trusting nothing that they say.

An IDX file is two zero bytes, a type byte, the number of dimensions, a big-endian 32-bit size for each, then
the values (http://yann.lecun.com/exdb/mnist/).
"""

import gzip
import hashlib
import math
import os
import stat
import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from lenet.errors import InputError

UINT8 = 0x08
GZIP_MAGIC = b"\x1f\x8b"
GZIP_BEST_RATIO = 1032  # a deflate stream cannot say more than this many bytes with one
MAX_VALUES = 2**31 - 1  # MXNet's arrays have 32-bit sizes
CHUNK = 1 << 20  # bytes


def read(path: str | Path) -> np.ndarray:
    """The uint8 array that the file holds, in its header's shape. The first bytes tell whether it is gzipped.

    Takes memory only for what really comes out of the file, and stops where more comes out than its header
    says. Raises InputError, which names the file and what is wrong with it.
    """
    path = Path(path)
    try:
        size = _regular_size(path)  # before it is opened: opening a pipe would wait for ever
        with open(path, "rb") as file:
            zipped = file.read(2) == GZIP_MAGIC
            file.seek(0)
            stream: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=file) if zipped else file
            shape = _read_shape(stream, path, limit=size * GZIP_BEST_RATIO if zipped else size)
            return _read_values(stream, path, shape)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: is a damaged gzip file: {error}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def find(folder: Path, name: str) -> Path | None:
    """The file of that name in the folder, or else the one with .gz after its name; None where neither is there.

    OSError: the folder does not let itself be read, so that nobody knows.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        with suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(path)
            return path
    return None


def header(shape: Sequence[int]) -> bytes:
    """The first bytes of an IDX file of uint8 values in that shape."""
    return struct.pack(f">HBB{len(shape)}I", 0, UINT8, len(shape), *shape)


def sha256(values: np.ndarray) -> str:
    """SHA-256, in hex, of the unzipped IDX file of these values: what `read` accepts holds no other bytes."""
    digest = hashlib.sha256(header(values.shape))
    digest.update(values.reshape(-1).data)
    return digest.hexdigest()


def _regular_size(path: Path) -> int:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: is {'a folder' if stat.S_ISDIR(status.st_mode) else 'not a regular file'}")
    return status.st_size


def _read_shape(stream: IO[bytes] | gzip.GzipFile, path: Path, limit: int) -> tuple[int, ...]:
    """Reads the header. `limit` is how many bytes the file can hold, unzipped."""
    start = stream.read(4)
    if len(start) < 4:
        raise InputError(f"{path}: is too short for an IDX file: {len(start)} bytes")
    zero, kind, dimensions = struct.unpack(">HBB", start)
    if zero != 0:
        raise InputError(f"{path}: is not an IDX file: it starts with {start.hex()} instead of 0000")
    if kind != UINT8:
        raise InputError(f"{path}: holds IDX values of type 0x{kind:02x}; only unsigned bytes, 0x08, are read")
    if not 1 <= dimensions <= 3:
        raise InputError(f"{path}: has {dimensions} dimensions; labels have 1 and images 3")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise InputError(f"{path}: ends within its header")
    shape = struct.unpack(f">{dimensions}I", sizes)
    count, text = math.prod(shape), " x ".join(map(str, shape))
    if count == 0:
        raise InputError(f"{path}: is empty: its header says {text}")
    if count > limit:
        raise InputError(f"{path}: is cut short: its header says {text} bytes, more than the file can hold")
    if count > MAX_VALUES:
        raise InputError(f"{path}: is too large: its header says {text} bytes, MXNet holds {MAX_VALUES} at most")
    return shape


def _read_values(stream: IO[bytes] | gzip.GzipFile, path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Reads to the end of the file, where the gzip checksum is compared, or to the first byte too many."""
    count, values = math.prod(shape), bytearray()
    while len(values) <= count:
        chunk = stream.read(min(CHUNK, count + 1 - len(values)))
        if not chunk:
            break
        values += chunk
    if len(values) != count:
        found = "more follow" if len(values) > count else f"only {len(values)} follow"
        text = " x ".join(map(str, shape))
        raise InputError(f"{path}: its header says {text} = {count} bytes, but {found}")
    return np.frombuffer(values, np.uint8).reshape(shape)
