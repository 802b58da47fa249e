"""Imported before anything else: ends this process with one line where packages are missing that setup.sh installs.

So it imports the standard library alone. Horovod is not asked for: one process needs none.
"""

import sys
from importlib.util import find_spec

NEEDED = ("filelock", "mxnet", "numpy", "PIL", "psutil", "pydantic", "tensorboardX", "tqdm", "yaml")

missing = next((name for name in NEEDED if find_spec(name) is None), None)
if missing:
    way = "run ./launch/setup.sh once, and use .venv/bin/python"
    print(f"error: {missing} is not installed for {sys.executable}: {way}", file=sys.stderr)
    sys.exit(2)
