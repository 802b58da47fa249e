"""Jobs that the scripts of launch/ start on this machine, in a checkout that is set up."""

from pathlib import Path
from typing import Any

from tests.support import checkout
from tests.support.run_jobs import Job

PROCESSES = 2
# What each script is told first, for two processes on this machine; {root} is the checkout.
WORDS = {
    "local.sh": [],
    "mpi.sh": ["--hostfile", "{root}/one-host"],
    "hosts.sh": ["-H", f"localhost:{PROCESSES}"],
    "elastic.sh": ["{root}/elastic-hosts"],
}
VARIABLES = {"local.sh": {"NP": f"{PROCESSES}"}, "elastic.sh": {"INTERFACE": "lo", "MIN_NP": f"{PROCESSES}"}}


def write_checkout(folder: Path) -> Path:
    """A checkout with the host files that WORDS names."""
    written = checkout.write(folder)
    (written / "one-host").write_text(f"localhost slots={PROCESSES}\n")
    (written / "elastic-hosts").write_text("localhost:1\n127.0.0.1:1\n")
    return written


def start(root: Path, script: str, *options: Any, before: tuple[Any, ...] = ()) -> Job:
    """The Job of a script in the checkout `root`; the words `before` stand before it."""
    first = [word.format(root=root) for word in WORDS[script]]
    return Job([*before, root / "launch" / script, *first, *options], **VARIABLES.get(script, {}))
