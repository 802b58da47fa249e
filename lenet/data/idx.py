"""Read and write IDX files, the format of MNIST and Fashion-MNIST. The files read are not trusted.

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

UINT8, INT16 = 0x08, 0x0B  # the type byte
TYPES: dict[int, np.dtype] = {UINT8: np.dtype(np.uint8), INT16: np.dtype(">i2")}
GZIP_MAGIC = b"\x1f\x8b"
GZIP_BEST_RATIO = 1032  # bytes, at most, that a byte of a deflate stream expands to
MAX_VALUES = 2**31 - 1  # MXNet's arrays have 32-bit sizes
CHUNK = 1 << 20  # bytes


def read(path: str | Path, is_labels: bool = False) -> np.ndarray:
    """Return the uint8 array in the file, in its header's shape. It may be gzipped, which its first bytes show.

    A file of labels may also hold 16-bit numbers, for more than 256 classes, returned as big-endian int16. Uses
    memory for no more than the file holds, and stops where it holds more than its header says. Raises
    InputError, which names the file and what is wrong with it.
    """
    path = Path(path)
    try:
        size = _regular_size(path)  # before it is opened: opening a pipe would block
        with open(path, "rb") as file:
            zipped = file.read(2) == GZIP_MAGIC
            file.seek(0)
            stream: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=file) if zipped else file
            limit = size * GZIP_BEST_RATIO if zipped else size
            kind, shape = _read_header(stream, path, limit, (UINT8, INT16) if is_labels else (UINT8,))
            return _read_values(stream, path, TYPES[kind], shape)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: is a damaged gzip file: {error}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def find(folder: Path, name: str) -> Path | None:
    """Return the path of the file `name` in the folder, else of `name`.gz, or None if neither exists.

    OSError: the folder cannot be read.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        with suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(path)
            return path
    return None


def header(shape: Sequence[int], kind: int = UINT8) -> bytes:
    """Return the header of an IDX file with values of this kind and shape."""
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape)


def write(path: Path, values: np.ndarray) -> None:
    """Write uint8 or, as 16-bit numbers, other values as an IDX file. OSError: it cannot be written."""
    kind = UINT8 if values.dtype == np.uint8 else INT16
    with open(path, "wb") as file:
        file.write(header(values.shape, kind))
        values.astype(TYPES[kind], copy=False).tofile(file)


def sha256(values: np.ndarray) -> str:
    """Return the SHA-256, in hex, of the unzipped IDX file of these values: `read` accepts no other bytes."""
    digest = hashlib.sha256(header(values.shape, UINT8 if values.dtype == np.uint8 else INT16))
    digest.update(values.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _regular_size(path: Path) -> int:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: is {'a folder' if stat.S_ISDIR(status.st_mode) else 'not a regular file'}")
    return status.st_size


def _read_header(
    stream: IO[bytes] | gzip.GzipFile, path: Path, limit: int, kinds: Sequence[int]
) -> tuple[int, tuple[int, ...]]:
    """Return the type, one of `kinds`, and the shape. `limit`: the largest number of bytes in the unzipped file."""
    start = stream.read(4)
    if len(start) < 4:
        raise InputError(f"{path}: is too short for an IDX file: {len(start)} bytes")
    zero, kind, dimensions = struct.unpack(">HBB", start)
    if zero != 0:
        raise InputError(f"{path}: is not an IDX file: it starts with {start.hex()} instead of 0000")
    if kind not in kinds:
        and_more = " (in labels 16-bit numbers, 0x0b, too)" if INT16 in kinds else ""
        raise InputError(
            f"{path}: holds IDX values of type 0x{kind:02x}; only unsigned bytes, 0x08, are read{and_more}"
        )
    if not 1 <= dimensions <= 4:
        raise InputError(f"{path}: has {dimensions} dimensions; labels have 1 and images 3, or 4 with channels")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise InputError(f"{path}: ends within its header")
    shape = struct.unpack(f">{dimensions}I", sizes)
    count, text = math.prod(shape) * TYPES[kind].itemsize, " x ".join(map(str, shape))
    if count == 0:
        raise InputError(f"{path}: is empty: its header says {text}")
    if count > limit:
        raise InputError(f"{path}: is cut short: its header says {text} bytes, more than the file can hold")
    if count > MAX_VALUES:
        raise InputError(f"{path}: is too large: its header says {text} bytes, MXNet holds {MAX_VALUES} at most")
    return kind, shape


def _read_values(stream: IO[bytes] | gzip.GzipFile, path: Path, kind: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Read to the end of the file, where the gzip checksum is compared, or to the first excess byte."""
    count, values = math.prod(shape) * kind.itemsize, bytearray()
    while len(values) <= count:
        chunk = stream.read(min(CHUNK, count + 1 - len(values)))
        if not chunk:
            break
        values += chunk
    if len(values) != count:
        found = "more follow" if len(values) > count else f"only {len(values)} follow"
        text = " x ".join(map(str, shape))
        raise InputError(f"{path}: its header says {text} = {count} bytes, but {found}")
    return np.frombuffer(values, kind).reshape(shape)
