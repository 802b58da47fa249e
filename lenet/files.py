"""Files that are whole or absent: written beside their path, flushed to the disk, then renamed.

And files of others, read without trust in what they are.
"""

import errno
import filecmp
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial"  # ends the names of what is not whole yet, or no longer


def read_regular(path: str | Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes. OSError: it is longer, or a device or a pipe."""
    with _open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise _too_long(path, limit)
    return content


def read_lines(path: str | Path, longest: int, limit: int | None = None) -> Iterator[bytes]:
    """The lines of a regular file with their line ends. Of a line of more than `longest` bytes only so many come.

    OSError: the file is a device or a pipe, or has more than `limit` bytes.
    """
    bytes_read, is_rest = 0, False
    with _open_regular(path) as file:
        while part := file.readline(longest):
            bytes_read += len(part)
            if limit is not None and bytes_read > limit:
                raise _too_long(path, limit)
            if not is_rest:
                yield part
            is_rest = not part.endswith(b"\n")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A temporary file to write to. It takes the name `path` when the block ends well, else it is deleted."""
    path = Path(path)
    partial = _beside(path)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """A temporary folder to fill. It takes the name `path` when the block ends well, else it is deleted."""
    path = Path(path)
    partial = _beside(path)
    partial.mkdir()
    try:
        yield partial
        for file in partial.iterdir():
            _flush(file)
        _flush(partial)
        if not _same(partial, path):  # else the old one stays: it is never away, not even for a moment
            if path.exists():
                remove_folder(path)
            partial.rename(path)
            _flush(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_folder(path: str | Path) -> None:
    """Delete a folder so that a kill in the middle leaves nothing under its name."""
    partial = _beside(Path(path))
    Path(path).rename(partial)
    shutil.rmtree(partial)


def _open_regular(path: str | Path) -> BinaryIO:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # opening a pipe would wait for its writer
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return open(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def _too_long(path: str | Path, limit: int) -> OSError:
    return OSError(errno.EFBIG, f"more than {limit:,} bytes", str(path))


def _beside(path: Path) -> Path:
    """A new name in the folder of `path`."""
    return path.with_name(f".{path.name}-{secrets.token_hex(8)}{PARTIAL}")


def _same(folder: Path, other: Path) -> bool:
    """Do both folders hold the same files, byte for byte?"""
    names = os.listdir(folder)
    if not other.is_dir() or sorted(names) != sorted(os.listdir(other)):
        return False
    return filecmp.cmpfiles(folder, other, names, shallow=False)[0] == names


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
