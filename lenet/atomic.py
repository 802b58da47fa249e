"""Atomic writing: files and folders that are whole or absent, flushed to the disk before they take their name."""

import filecmp
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"  # ends the names of what is not whole yet, or no longer


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
