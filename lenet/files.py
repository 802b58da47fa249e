"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"  # ends the names of what is not whole yet


@contextmanager
def whole_file(path):
    """A temporary path to write to; it takes the name `path` when the block ends without an error, else it goes."""
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
    """A temporary folder to fill; it takes the name `path`, in the place of an older one, when the block ends well."""
    path = Path(path)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-", suffix=PARTIAL))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        for file in temporary.iterdir():
            _flush(file)
        _flush(temporary)
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
        _flush(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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
