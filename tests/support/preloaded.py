"""Commands of one process without the three seconds that MXNet takes to load: see tests/programs/preloaded.py."""

import functools
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# Not --debug: it chooses MXNet's engine, which must be done before MXNet is loaded.
NEEDS_NEW_PYTHON = ("--debug",)


def can_run(words: Sequence[str]) -> bool:
    """Is `python WORDS…` the same when MXNet is loaded already?"""
    is_known = words[0] == "train.py" or (words[0] == "-m" and words[1].startswith(("lenet", "tests.programs.")))
    return is_known and not set(NEEDS_NEW_PYTHON) & set(words)


def run(words: Sequence[str], environment: Mapping[str, str], root: Path, limit: float) -> tuple[int, str, str]:
    """The exit code and both outputs of `python WORDS…` in the folder `root`. TimeoutExpired after `limit` seconds."""
    python = _start(root)
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
        request = {"words": words, "environment": dict(environment), "outputs": [out.name, err.name]}
        python.stdin.write(json.dumps(request).encode() + b"\n")
        process = int(python.stdout.readline())
        if not select.select([python.stdout], [], [], limit)[0]:
            os.killpg(process, signal.SIGKILL)
            python.stdout.readline()
            raise subprocess.TimeoutExpired(list(words), limit)
        code = int(python.stdout.readline())
        return code, out.read().decode(errors="replace"), err.read().decode(errors="replace")


@functools.cache
def _start(root: Path) -> subprocess.Popen:
    """The process that forks. It ends with this one, whose end closes its standard input."""
    command = [sys.executable, "-m", "tests.programs.preloaded"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=root, env=environment, stdin=pipe, stdout=pipe, bufsize=0)
