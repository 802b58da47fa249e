"""train.py, which tells on standard error of all that it changes in a folder, as `RANK EVENT PATH`: FOLDER OPTIONS."""

import os
import sys
from typing import Any

from tests.programs.patched_train import rank, run_train

CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree")
folder, *options = sys.argv[1:]


def tell(event: str, arguments: tuple[Any, ...]) -> None:
    changes = event in CHANGES
    if event == "open":
        _, _, flags = arguments
        changes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if changes and str(arguments[0]).startswith(folder):
        os.write(2, f"{rank()} {event} {arguments[0]}\n".encode())


sys.addaudithook(tell)
run_train(options)
