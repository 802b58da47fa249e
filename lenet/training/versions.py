"""Which code and libraries a process runs: ranks that differ in it must not train together."""

import hashlib
from pathlib import Path

import mxnet as mx
import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent


def code_version():
    """SHA-256, in short, of the project's Python files, with the versions of MXNet and NumPy."""
    digest = hashlib.sha256()
    for path in [
        ROOT / "train.py",
        *sorted(ROOT.glob("lenet/**/*.py")),
        *sorted(ROOT.glob("distributed/**/*.py")),
    ]:
        digest.update(path.read_bytes())
    return f"{digest.hexdigest()[:12]} (mxnet {mx.__version__}, numpy {np.__version__})"
