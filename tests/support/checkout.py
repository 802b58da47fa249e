"""A checkout that is set up, whatever Python runs the tests: its launch scripts end in processes of that one."""

import shutil
import sys
from pathlib import Path

from tests.support.run_jobs import ROOT

SET_UP = "#!/bin/sh\necho 'set up' >&2\n"


def write(folder: str | Path) -> Path:
    """Copies the project without its tests into a new folder `checkout` and returns it."""
    checkout = Path(folder) / "checkout"
    for name in ("launch", "lenet", "distributed"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "train.py", checkout)
    (checkout / "launch" / "setup.sh").write_text(SET_UP)
    (checkout / ".venv").symlink_to(sys.prefix)
    return checkout
