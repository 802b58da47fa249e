"""What the launcher of this process says about the job, read from the environment alone."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

# Rank, size and local size as each launcher names them. horovodrun stands first: it may itself run under MPI or Slurm.
NAMES = {
    "horovodrun": ("HOROVOD_RANK", "HOROVOD_SIZE", "HOROVOD_LOCAL_SIZE"),
    "Open MPI": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    "MPICH": ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"),
}


@dataclass(frozen=True)
class Launch:
    """A launcher's name and the place that it gave to this process."""

    by: str
    rank: int
    size: int
    local_size: int


def read_launch(environment=os.environ) -> Optional[Launch]:
    """The launch of this process, or None where nothing started it as one of several. ValueError: not numbers."""
    for by, (rank, size, local_size) in NAMES.items():
        if rank in environment and size in environment:
            try:
                return Launch(by, int(environment[rank]), int(environment[size]), int(environment.get(local_size, 1)))
            except ValueError:
                raise ValueError(
                    f"{by} set {rank}={environment[rank]} {size}={environment[size]}: whole numbers are needed"
                ) from None
    return None


def set_threads(local_size, environment=os.environ):
    """Give each process of this host its part of the cores, unless the user has chosen. Before MXNet is imported."""
    cores = len(os.sched_getaffinity(0))
    environment.setdefault("OMP_NUM_THREADS", str(max(1, cores // local_size)))


def follow_horovodrun():
    """Let the end of a horovodrun that runs mpirun count as a request to stop this process.

    horovodrun becomes `sh -c mpirun …`; a signal sent to it ends that shell alone, and mpirun with all its processes
    would train on with nobody to stop them. Only the processes on the launcher's host can see it; one is enough.
    """
    mpirun = os.getppid()
    shell = _parent(mpirun)
    if shell is None or not _command(shell).startswith("/bin/sh -c mpirun "):
        return

    def wait():
        while _parent(mpirun) == shell:
            time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="horovodrun").start()


def _parent(process):
    """The parent of a process by number, or None if it is gone (or this is no Linux)."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def _command(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""
