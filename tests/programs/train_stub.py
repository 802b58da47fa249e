"""Stands in for train.py: each process leaves a file with the options that it was started with."""

import os
import sys
from pathlib import Path

Path(f"started-{os.getpid()}").write_text(" ".join(sys.argv[1:]))
