"""failure.json: how a job failed."""

import json
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

NAME = "failure.json"
PACKAGES = ("mxnet", "mxnet-cu117", "horovod", "numpy", "mpi4py")


def write(folder: Path, facts: Mapping[str, Any], since: float, makes_folder: bool) -> None:
    """Write `facts` to `folder`/failure.json, atomically, unless a rank has done so after the time `since`.

    A missing folder is made only with `makes_folder`. OSError: the file cannot be written.
    """
    if makes_folder:
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    with suppress(FileNotFoundError):
        if path.stat().st_mtime >= since:
            return
    partial = folder / f".{NAME}-{secrets.token_hex(8)}.partial"
    try:
        with open(partial, "x", encoding="utf-8") as file:
            file.write(json.dumps(facts, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """The version of Python and of each of PACKAGES that is installed."""
    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
