"""With this folder on PYTHONPATH a Python process finds neither Horovod nor mpi4py."""

import sys
from importlib.abc import MetaPathFinder
from typing import Any


class Hidden(MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] in ("horovod", "mpi4py"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Hidden())
