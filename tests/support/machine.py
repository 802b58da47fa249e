"""A machine made of a PATH: the scripts of launch/ find what a test puts there, and nothing else."""

import shutil
import sys
from pathlib import Path

from tests.support.run_jobs import ROOT, Job, Outcome

PROGRAMS = ROOT / "tests" / "programs"
TOOLS = [
    "bash",
    "cat",
    "cut",
    "dirname",
    "env",
    "flock",
    "getconf",
    "id",
    "mkdir",
    "mktemp",
    "mv",
    "nproc",
    "paste",
    "rm",
]
TOOLS += ["sed", "sha256sum", "tail", "uname", "wc", "c++", "cmake", "make", "mpicxx", "mpirun", "basename", "cp"]


class Machine:
    """A copy of the scripts in `checkout` and, in `bin`, all of the PATH; apt-get fails and notes its calls."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.checkout, self.calls = folder / "bin", folder / "checkout", folder / "calls"
        self.bin.mkdir()
        shutil.copytree(ROOT / "launch", self.checkout / "launch")
        shutil.copytree(ROOT / "lenet/native", self.checkout / "lenet/native")
        for name in TOOLS:
            self.put(name, f'exec {shutil.which(name)} "$@"')
        self.put("c++", '[ "$1" = --version ] || eval ": >\\"\\${$#}\\""')  # compiles nothing
        self.put("python3.11", f'exec {sys.executable} "$@"')
        self.put("apt-get", f'echo "$@" >>{self.calls}; exit 1')

    def put(self, name: str, script: str) -> None:
        """Put a shell script in the PATH."""
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def remove(self, name: str) -> None:
        """Take a program away."""
        (self.bin / name).unlink()

    def setup(self, *options: str, **variables: str) -> Outcome:
        """How launch/setup.sh ends."""
        variables = {"PATH": str(self.bin), "PYTHON": "", **variables}
        with Job([self.checkout / "launch/setup.sh", *options], **variables) as job:
            return job.wait()

    def local(self, *options: str, **variables: str) -> Outcome:
        """How launch/local.sh ends, with the test's own PATH unless another is given."""
        with Job([self.checkout / "launch/local.sh", *options], **variables) as job:
            return job.wait()
