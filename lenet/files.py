"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed.

And files of others, read without trust in what they are.
"""

import errno
import filecmp
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"  # ends the names of what is not whole yet, or no longer


def read_regular(path, most):
    """The bytes of a regular file of at most `most` bytes. OSError, also for a device or a pipe."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # opening a pipe would wait for its writer
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most:,} bytes", str(path))
    return content


@contextmanager
def whole_file(path):
    """A temporary path to write to; it takes the name `path` when the block ends well, else it goes."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=PARTIAL)
    os.close(handle)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def whole_folder(path):
    """A temporary folder to fill; when the block ends well, it takes the name and place of `path`."""
    path = Path(path)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-", suffix=PARTIAL))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        for file in temporary.iterdir():
            _flush(file)
        _flush(temporary)
        if not _same(temporary, path):  # else the old one stays: it is never away, not even for a moment
            if path.exists():
                remove_folder(path)
            temporary.rename(path)
            _flush(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(path):
    """Delete a folder so that a kill in the middle leaves nothing under its name."""
    path = Path(path)
    away = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-", suffix=PARTIAL))
    path.rename(away)
    shutil.rmtree(away)


def _same(folder, other):
    """Do both folders hold the same files, byte for byte?"""
    names = os.listdir(folder)
    if not other.is_dir() or sorted(names) != sorted(os.listdir(other)):
        return False
    return filecmp.cmpfiles(folder, other, names, shallow=False)[0] == names


def _flush(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
